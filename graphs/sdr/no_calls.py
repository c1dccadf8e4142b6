"""How much an utterance is like those of people who want no calls: learnt from examples.

A sum of weights, one for each pair and triple of words, of kinds of words, and of letters that it
has. `learning.py` finds the weights; a rule (`opting_out.py`) says what follows from the sum.
"""

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from graphs.eligibility.utterance import words
from tools.data_files import read_words

Floats = NDArray[np.float32]

LEXICON: Final = Path(__file__).parent / "lexicon"
WEIGHTS: Final = LEXICON / "no_calls_weights.npy"
BUCKETS: Final = 8192
"""Weights there are; what an utterance has is told by a hash, so that nothing is listed."""
_SIGN_SHARE: Final = 0.2
"""How much one sign counts beside all of the words."""
_NEAR: Final = 5
"""Words between which two kinds stand together."""


def load(name: str) -> Mapping[str, Any]:
    """Read `lexicon/NAME.yaml`; every scalar stays a string."""
    data: Mapping[str, Any] = read_words(LEXICON / f"{name}.yaml")
    return data


def pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern in which {names} stand for classes of words."""
    return re.compile(text.format_map(_CLASSES))


_DATA: Final = load("opting_out")
_CLASSES: Final = {name: text.replace(" |", "|") for name, text in _DATA["classes"].items()}
_SIGNS: Final = [(float(weight), pattern(text)) for weight, text in _DATA["signs"].values()]
_SET_ASIDE: Final = re.compile(_DATA["set_aside"])
_KINDS: Final[Mapping[str, str]] = {
    word.text: name.upper()
    for name, listed in reversed([*load("no_calls_kinds").items()])
    for word in words(listed)
}


def likeness(spelt: str) -> float:
    """Return how like it is to the wish for no calls: about 1 if it is, about -1 if it is not.

    Args:
        spelt: words in canonical spelling, as `opting_out` has them.
    """
    return float(traits(spelt) @ _weights())


def traits(spelt: str) -> Floats:
    """Return what an utterance has, as it is weighed."""
    row = np.zeros(BUCKETS, dtype=np.float32)
    for trait, share in dict(_traits(spelt.split())).items():
        code = zlib.crc32(trait.encode())
        row[code % BUCKETS] += share if code >> 31 else -share
    length = float(np.linalg.norm(row))
    return np.concatenate([row / (length or 1.0), _signs(spelt)], dtype=np.float32)


def _signs(spelt: str) -> Floats:
    left = _SET_ASIDE.sub(" ", spelt)
    found = [bool(sign.search(left)) for _, sign in _SIGNS]
    weight = sum(much for (much, _), there in zip(_SIGNS, found, strict=True) if there)
    told = np.array([*found, weight / 2, 1 / _SIGN_SHARE], dtype=np.float32)
    return told * np.float32(_SIGN_SHARE)


def _traits(said: Sequence[str]) -> Iterator[tuple[str, float]]:
    for run in _runs(["^", *said, "$"]):
        yield f"w{run}", 1.0
    kinds = [_KINDS.get(word, word) for word in said]
    for run in _runs(["^", *kinds, "$"]):
        yield f"k{run}", 1.0
    known = [(at, kind) for at, kind in enumerate(kinds) if kind.isupper()]
    for place, (at, kind) in enumerate(known):
        yield f"has {kind}", 1.0
        for later, other in known[place + 1 :]:
            yield f"with {min(kind, other)} {max(kind, other)}", 1.0
            if later - at <= _NEAR:
                yield f"then {kind} {other}", 1.0
    for word in said:
        for length in (4, 5):
            for at in range(len(word) + 3 - length):
                yield f"c{f'<{word}>'[at : at + length]}", 0.5


def _runs(row: Sequence[str]) -> Iterator[str]:
    """Yield each one, two and three that follow each other."""
    for length in (1, 2, 3):
        for at in range(len(row) - length + 1):
            yield " ".join(row[at : at + length])


@lru_cache(maxsize=1)
def _weights() -> Floats:
    found: Floats = np.load(WEIGHTS).astype(np.float32)
    return found
