"""Where the threshold between an answer and none lies for an organisation.

Two kinds of questions are put to its own documents. *Foreign* ones (`elsewhere.yaml`) ask about
everything else, so what they find answers nothing: how strong that looks depends on how many
documents there are and what they speak of, and that is what differs between organisations. *Own*
ones are made from its sentences, four words of each: they have an answer for sure. The threshold
is set a step above what three of four foreign questions reach, and below what nearly all own ones
do. How good that is on questions people wrote is in docs/knowledge.md.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from store.knowledge import Chunk
from tools.data_files import read_data
from tools.knowledge.answering import MEASURES, WEIGHTS
from tools.knowledge.words import spoken_words

FOREIGN, STEP = 0.75, 1.5
"""The threshold lies so far, in log odds, above what this share of the foreign questions reach;
chosen on labelled questions."""
USUAL_BIAS = -2.8
"""Where nothing can be measured."""
SAMPLE = 60
"""Own questions asked."""
LEAST = 4
"""Words of an own question."""


class Calibration(BaseModel):
    """What was measured of an organisation."""

    model_config = ConfigDict(frozen=True)

    bias: float
    """Added to the log odds of a passage, so that 0 is the threshold."""
    chunks: int
    model: str
    measures: str = Field(min_length=1)
    """What was weighed, and how; a threshold says nothing of other measures."""
    foreign_refused: float
    """Share of the foreign questions that find no answer."""
    own_answered: float
    """Share of the own questions that find one."""

    def fits(self, chunks: int, model: str) -> bool:
        """Whether it is still true of so many chunks, embedded by that model."""
        same = (self.model, self.measures) == (model, measures())
        return same and abs(chunks - self.chunks) <= self.chunks / 10


def measures() -> str:
    """Return what a threshold is true of: the measures, their weights, and where it is set."""
    weights = ", ".join(
        f"{name} {weight:g}" for name, weight in zip(MEASURES, WEIGHTS, strict=True)
    )
    return f"{weights}; {FOREIGN:g} {STEP:g}"


async def calibrate(
    strength: Callable[[str], Awaitable[float]], sample: Sequence[Chunk], chunks: int, model: str
) -> Calibration:
    """Measure an organisation.

    Args:
        strength: how strong the best answer to a question is, in log odds.
        sample: chunks to make own questions from.
        chunks: how many it has.
        model: what embeds them.
    """
    own = np.array([await strength(question) for question in own_questions(sample)])
    foreign = np.array([await strength(question) for question in foreign_questions()])
    own, foreign = own[np.isfinite(own)], foreign[np.isfinite(foreign)]
    threshold = np.quantile(foreign, FOREIGN) + STEP if len(foreign) else -USUAL_BIAS
    if len(own) >= 10:
        threshold = min(threshold, np.quantile(own, 0.05))
    return Calibration(
        bias=-float(threshold),
        chunks=chunks,
        model=model,
        measures=measures(),
        foreign_refused=float((foreign < threshold).mean()) if len(foreign) else 1.0,
        own_answered=float((own >= threshold).mean()) if len(own) else 1.0,
    )


def own_questions(sample: Sequence[Chunk]) -> list[str]:
    """Return questions that the chunks answer, the same for the same chunks."""
    chance, questions = random.Random(0), []  # noqa: S311
    for chunk in sample[:SAMPLE]:
        found = list(dict.fromkeys(spoken_words(chunk.text)))
        at = chance.randrange(max(1, len(found) - LEAST))
        if len(found) >= LEAST:
            questions.append(" ".join(found[at : at + LEAST]))
    return questions


@cache
def foreign_questions() -> tuple[str, ...]:
    """Return the questions about everything else."""
    return tuple(read_data(Path(__file__).with_name("elsewhere.yaml")))
