"""Whether a passage answers a question: five measures, and one number made of them.

Of each passage: how near its nearest sentence is in `meaning`, and the `whole` of it; and how much
of what is asked it speaks of (`mention`), each word weighing as much as it is rare in the
organisation, and a word that is not there counting as much as the nearest one is like it.

Of the question, whatever is found: what in it the organisation never speaks of. `Strange` words
count by how particular they are (platinum, and not whatever) and how unlike what was found;
a `name` that it never writes ("Do you work with TikTok?") counts more.

All are taken from the tokens of wordllama, whatever embeds the chunks: they cost no request. The
tokens are kept with the chunk (`taken_apart`), so that weighing ten passages is a few sums.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from store.knowledge import Named
from tools.knowledge.embeddings import Floats, normalised, token_lengths, token_vectors, tokens_of
from tools.knowledge.words import STOP_WORDS, spoken_words, stem

MEASURES = ("meaning", "whole", "mention", "strange", "named")
WEIGHTS = np.array([2.5, 2.5, 3.0, -1.4, -2.1], dtype=np.float32)
"""Of a logistic model of the measures, fitted on labelled questions (docs/knowledge.md). The bias
is the organisation's own (calibrating.py)."""
PARTICULAR = 8.0
"""Length of the vector of a word from which it says something particular; twice that is fully so.
The model's training has made common words short."""
MOST_PARTICULAR, MOST_STRANGE = 1.5, 2.0
"""What one word counts at most, and all."""
ENGLISH = 0.2
"""Share of English stop words in a question from which a capital tells a name."""
FORMAT = 60_001
"""Of stored tokens: another sentence, tokenizer or order is another number. More than any passage
has sentences."""
KEPT = 8192
"""Passages without stored tokens that are kept taken apart; about 0.5 kB each."""
_SENTENCE = re.compile(r"(?<=[.!?।])\s+|\n")
_WRITTEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")

Tokens = NDArray[np.uint16]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, taken apart once for all passages."""

    stems: list[str]
    """Those of its words that count, each once."""
    weights: Floats
    """How much each weighs; they sum to 1."""
    vector: Floats
    """Of the whole question, normalised."""
    words: Floats
    """A normalised row for each word."""
    particular: Floats
    """How particular each word is that the organisation never uses; 0 for those that it does."""
    named: bool
    """Whether there is a name among those words."""


def asked(text: str, rarity: Callable[[str], float], knows: Callable[[str], bool]) -> Asked:
    """Take a question apart.

    Args:
        text: the question.
        rarity: how rare a stem is among the passages; more than 0.
        knows: whether the organisation uses a stem at all.
    """
    found = list(dict.fromkeys(spoken_words(text)))
    stems = [stem(word) for word in found]
    weights = np.array([rarity(word) for word in stems], dtype=np.float32)
    if found:
        weights /= weights.sum()
    rows = _sums(tokens_of([text, *found]))
    known = np.array([knows(word) for word in stems], dtype=bool)
    lengths = np.linalg.norm(rows[1:], axis=1) / PARTICULAR - 1
    particular = np.where(known, 0, np.clip(lengths, 0, MOST_PARTICULAR)).astype(np.float32)
    strangers = {word for word, is_known in zip(found, known, strict=True) if not is_known}
    vectors = normalised(rows)
    return Asked(
        stems, weights, vectors[0], vectors[1:], particular, not strangers.isdisjoint(_names(text))
    )


def _names(text: str) -> set[str]:
    """Return the words of an English question that its writing says are names."""
    written = _WRITTEN.findall(text)
    stops = sum(word.lower() in STOP_WORDS for word in written)
    if text == text.upper() or stops < ENGLISH * len(written):
        return set()
    return {word for part in written[1:] if part.lower() != part for word in spoken_words(part)}


def taken_apart(headings: tuple[str, ...], text: str) -> bytes:
    """Return what weighing needs of a passage: a few hundred bytes.

    That is, in 16-bit numbers: `FORMAT`; how many sentences there are; how many tokens each has
    under the heading above it, and all headings together; how long the sum of each sentence's rows
    is, and of them all (as half floats); then the tokens of the sentences and of the headings.
    """
    under = f"{headings[-1]}. " if headings else ""
    parts = [part for part in _SENTENCE.split(text) if len(part) > 8] or [text]
    sentences = [part[:65535] for part in tokens_of([under + part for part in parts])]
    above = tokens_of([" ".join(headings)]) if headings else []
    sums = _sums(sentences)
    long = np.linalg.norm(np.vstack([sums, sums.sum(0)]), axis=1).astype("<f2")
    lengths = [FORMAT, len(sentences), *map(len, sentences), sum(map(len, above))]
    numbers = [np.array(lengths, dtype="<u2"), long.view("<u2"), *sentences, *above]
    return np.concatenate(numbers).astype("<u2").tobytes()


@lru_cache(maxsize=KEPT)
def _taken_apart(headings: tuple[str, ...], text: str) -> bytes:
    return taken_apart(headings, text)


def strengths(question: Asked, passages: Sequence[Named], spoken: Truths) -> Floats:
    """Return for each passage how strongly it answers, as log odds before calibration.

    Args:
        question: what is asked.
        passages: with their tokens where they are stored.
        spoken: which of the question's stems each passage has; a row for each.
    """
    if not passages or not question.stems:
        return np.full(len(passages), -np.inf, dtype=np.float32)
    odds: Floats = measured(question, passages, spoken) @ WEIGHTS
    return odds


def measured(question: Asked, passages: Sequence[Named], spoken: Truths) -> Floats:
    """Return the measures of each passage, a row for each."""
    apart = [_apart(passage) for passage in passages]
    every, at = np.unique(np.concatenate([one.tokens for one in apart]), return_inverse=True)
    about = np.vstack([question.vector, question.words])
    # einsum, for a product of matrices takes the cores that speech needs, and waits for them
    products = np.einsum("tj,wj->tw", token_vectors()[every], about)
    sentences = np.add.reduceat(products[at, 0], _firsts([n for one in apart for n in one.parts]))
    sentences = sentences[np.concatenate([one.spoken for one in apart])]
    firsts = _firsts([len(one.long) for one in apart])
    long = np.concatenate([one.long for one in apart])
    meaning = np.maximum.reduceat(sentences / long, firsts)
    whole = np.add.reduceat(sentences, firsts) / [one.whole for one in apart]
    cosines = products[:, 1:] / token_lengths()[every, None]
    of_passages = np.maximum.reduceat(cosines[at], _firsts([len(one.tokens) for one in apart]))
    likeness = np.clip(of_passages, 0, 1)
    mention = np.where(spoken, 1, likeness) @ question.weights
    strange = min(MOST_STRANGE, float(question.particular @ (1 - likeness.max(0))))
    same = np.ones(len(passages), dtype=np.float32)
    columns = (meaning, whole, mention, strange * same, question.named * same)
    return np.column_stack(columns).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Apart:
    """A passage as it was taken apart."""

    parts: list[int]
    """How many tokens each part has, none of them empty: sentences, then perhaps headings."""
    spoken: list[bool]
    """Which parts are sentences."""
    long: Floats
    """How long the sum of each sentence's rows is."""
    whole: float
    """And that of all."""
    tokens: Tokens


def _apart(passage: Named) -> _Apart:
    numbers = np.frombuffer(passage.tokens or b"", dtype="<u2")
    if not len(numbers) or numbers[0] != FORMAT:
        apart = _taken_apart(passage.chunk.headings, passage.chunk.text)
        numbers = np.frombuffer(apart, dtype="<u2")
    numbers = numbers[1:]
    count = int(numbers[0])
    parts = numbers[1 : count + 2].tolist()
    long = np.maximum(numbers[count + 2 : 2 * count + 3].view("<f2").astype(np.float32), 1e-6)
    tokens = numbers[2 * count + 3 :]
    headed = parts[-1] > 0
    return _Apart(
        parts if headed else parts[:-1],
        [True] * count + [False] * headed,
        long[:-1],
        float(long[-1]),
        tokens,
    )


def _sums(parts: Sequence[Tokens]) -> Floats:
    """Return the sum of the rows of each part's tokens; none of them is empty."""
    rows: Floats = token_vectors()[np.concatenate(parts)]
    sums: Floats = np.add.reduceat(rows, _firsts([len(part) for part in parts]))
    return sums


def _firsts(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return where each of several stretches begins."""
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
