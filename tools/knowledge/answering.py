"""Whether a passage answers a question: two measures, and one number made of them.

`meaning`: the cosine of the question and the nearest sentence of the passage under its heading.
`mention`: how much of what is asked the passage speaks of, each word weighing as much as it is
rare in the organisation, and a word that is not there counting as much as the nearest one is like
it. Both are taken from the vectors of wordllama, whatever embeds the chunks: they cost no request.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from store.knowledge import Chunk
from tools.knowledge.embeddings import Floats, token_vectors, tokenised
from tools.knowledge.words import spoken_words, stem

MEANING, MENTION = 6.5, 7.3
"""Weights of a logistic model: the means of those fitted on two sets of labelled questions, each
tried on the other (docs/knowledge.md). The bias is the organisation's own (calibrating.py)."""
KEPT = 8192
"""Passages that are kept taken apart; about 5 kB each."""
_SENTENCE = re.compile(r"(?<=[.!?।])\s+|\n")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, taken apart once for all passages."""

    stems: list[str]
    """Those of its words that count, each once."""
    weights: Floats
    """How much each weighs; they sum to 1."""
    vector: Floats
    """Of the whole question."""
    word_vectors: Floats
    """A row for each word."""


def asked(text: str, rarity: Callable[[str], float]) -> Asked:
    """Take a question apart.

    Args:
        text: the question.
        rarity: how rare a stem is among the passages; more than 0.
    """
    found = list(dict.fromkeys(spoken_words(text)))
    stems = [stem(word) for word in found]
    weights = np.array([rarity(word) for word in stems], dtype=np.float32)
    if found:
        weights /= weights.sum()
    vectors = tokenised([text, *found]).sentences
    return Asked(stems, weights, vectors[0], vectors[1:])


def strengths(question: Asked, chunks: Sequence[Chunk]) -> Floats:
    """Return for each passage how strongly it answers, as log odds before calibration."""
    if not chunks or not question.stems:
        return np.full(len(chunks), -np.inf, dtype=np.float32)
    passages = [_passage(chunk.headings, chunk.text) for chunk in chunks]
    return np.array(
        [
            MEANING * _meaning(question, passage) + MENTION * _mention(question, passage)
            for passage in passages
        ],
        dtype=np.float32,
    )


@dataclass(frozen=True, slots=True)
class _Passage:
    """What is kept of a passage to weigh it again."""

    sentences: NDArray[np.float16]
    """A normalised row for each sentence, under the heading above it."""
    tokens: NDArray[np.int32]
    stems: frozenset[str]


@lru_cache(maxsize=KEPT)
def _passage(headings: tuple[str, ...], text: str) -> _Passage:
    under = f"{headings[-1]}. " if headings else ""
    parts = [part for part in _SENTENCE.split(text) if len(part) > 8] or [text]
    above = [" ".join(headings)] if headings else []
    seen = tokenised([*(under + part for part in parts), *above])
    stems = frozenset(map(stem, spoken_words(" ".join([*headings, text]))))
    return _Passage(seen.sentences[: len(parts)].astype(np.float16), seen.tokens, stems)


def _meaning(question: Asked, passage: _Passage) -> float:
    return float((passage.sentences.astype(np.float32) @ question.vector).max())


def _mention(question: Asked, passage: _Passage) -> float:
    exact = np.array([word in passage.stems for word in question.stems])
    if not len(passage.tokens):
        return float(question.weights @ exact)
    tokens = token_vectors()[0][passage.tokens]
    likeness = np.clip((question.word_vectors @ tokens.T).max(1), 0, 1)
    return float(question.weights @ np.where(exact, 1, likeness))
