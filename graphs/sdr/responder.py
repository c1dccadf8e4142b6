"""Answers without a model: the sentences of the passages that answer, word for word."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from graphs.sdr.grounding import clean, content
from graphs.sdr.grounding.claims import claims_of
from tools.knowledge import Found, Passage

MOST_SENTENCES: Final = 2
LONGEST: Final = 320
"""Characters of an answer, about twenty seconds of speech."""
_LEAST: Final = 0.34
"""Share of what was asked, by weight, that a sentence or its heading must speak of."""
_NEXT: Final = 0.5
"""A sentence that follows is said too if it has this share of the best one's score."""
_TELLS_ASKED: Final = 0.3
"""What a sentence gains that tells what is asked for, such as a duration."""
_HOW_LONG: Final = re.compile(r"\b(?:how long|how many (?:days|weeks|months|minutes))\b", re.I)


class _Line(NamedTuple):
    text: str
    heading: str
    passage: int
    at: int


def extract(question: str, found: Found) -> list[str]:
    """Return the sentences that answer a question, at most two, in the order of their document.

    Nothing where the knowledge says that there is no answer, or none of the sentences speaks of
    what was asked.
    """
    if not found.answerable:
        return []
    lines = [line for at, passage in enumerate(found.passages) for line in _lines(at, passage)]
    asked = content(question)
    if not lines or not asked:
        return []
    names = frozenset(word.lower() for word in re.findall(r"\b[A-Z]{2,3}\b", question))
    weights = _weights(asked, lines, names)
    whole, wanted = sum(weights.values()), _wanted(question)
    scored = [(_score(line, weights, whole, found, wanted), line) for line in lines]
    best_score, best = max(scored, key=lambda one: (one[0], -one[1].passage, -one[1].at))
    if best_score < _LEAST:
        return []
    said = [best]
    beside = [
        (score, line)
        for score, line in scored
        if line.passage == best.passage
        and line.heading == best.heading
        and 0 < line.at - best.at <= MOST_SENTENCES
        and score >= _NEXT * best_score
    ]
    for _, line in sorted(beside, key=lambda one: one[1].at):
        follows = line.at == said[-1].at + 1  # "the others" are not others of another sentence
        short = sum(len(one.text) for one in [*said, line]) <= LONGEST
        if follows and short and len(said) < MOST_SENTENCES:
            said.append(line)
    return [line.text for line in said]


def _lines(at: int, passage: Passage) -> list[_Line]:
    heading = passage.title.rsplit(">", 1)[-1].strip()
    lines = []
    for place, line in enumerate(clean(passage.text)):
        if line.heading:
            heading = line.text
        elif len(line.text) <= LONGEST:
            lines.append(_Line(_ended(line.text), heading, at, place))
    return lines


def _ended(text: str) -> str:
    return text if text[-1:] in ".!?।:" else f"{text}."


def _weights(
    asked: frozenset[str], lines: Sequence[_Line], names: frozenset[str]
) -> dict[str, float]:
    """Weigh what was asked: a word that few sentences have tells more.

    A short word that none has is let go, unless it is a name in capitals, such as SAP.
    """
    seen = Counter(stem for line in lines for stem in content(f"{line.heading} {line.text}"))
    return {
        stem: math.log(1 + (len(lines) + 1) / (0.5 + seen[stem]))
        for stem in asked
        if seen[stem] or len(stem) > 3 or stem in names
    }


def _score(
    line: _Line, weights: dict[str, float], whole: float, found: Found, wanted: str
) -> float:
    if not whole:
        return 0.0
    own, above = content(line.text), content(line.heading)
    spoken = sum(weight for stem, weight in weights.items() if stem in own)
    headed = sum(0.8 * weight for stem, weight in weights.items() if stem in above - own)
    passage = found.passages[line.passage].score
    told = _TELLS_ASKED if wanted and spoken + headed and _tells(line.text, wanted) else 0.0
    return (spoken + headed) / whole * (0.75 + 0.25 * passage) - 0.004 * line.at + told


def _wanted(question: str) -> str:
    """Return the kind of claim that answers: a duration to "how long", else nothing."""
    return "duration" if _HOW_LONG.search(question) else ""


def _tells(text: str, kind: str) -> bool:
    return any(claim.kind == kind for claim in claims_of(text))
