"""Learns what wishes for no calls are like, from `lexicon/no_calls_examples.yaml`.

`python -m graphs.sdr.learning` writes the weights that `no_calls.py` reads, the same each time,
and tells how well phrases are told apart that were left out while learning.
"""

import random
from collections.abc import Sequence
from typing import Final

import numpy as np

from graphs.eligibility.utterance import words
from graphs.sdr.no_calls import WEIGHTS, Floats, load, traits

_DATA: Final = load("no_calls_examples")
_DAMPING: Final = 1.0
_PARTS: Final = 5
"""In so many parts the phrases are cut, each told apart by what the others teach."""


def examples() -> list[tuple[str, float]]:
    """Return the phrases, each with 1 for a wish for no calls, else -1."""
    wanted = [(phrase, 1.0) for phrase in _DATA["wants_no_calls"]]
    return wanted + [(phrase, -1.0) for phrase in _DATA["other"]]


def learnt(given: Sequence[tuple[str, float]]) -> Floats:
    """Return the weights by which phrases are told apart: ridge regression.

    Each phrase counts twice, once with words around it that tell nothing.
    """
    chance = random.Random(1)  # noqa: S311 (the same each time, and no secret)
    said = [*given, *((_among_others(phrase, chance), which) for phrase, which in given)]
    rows = np.stack([traits(" ".join(word.text for word in words(one))) for one, _ in said])
    which = np.array([one for _, one in said], dtype=np.float32)
    among = rows @ rows.T
    among[np.diag_indices_from(among)] += np.float32(_DAMPING)
    weights: Floats = rows.T @ np.linalg.solve(among, which)
    return weights.astype(np.float16).astype(np.float32)


def _among_others(phrase: str, chance: random.Random) -> str:
    before = f"{chance.choice(_DATA['before'])} " if chance.random() < 0.7 else ""
    behind = f" {chance.choice(_DATA['behind'])}" if chance.random() < 0.6 else ""
    return f"{before}{phrase}{behind}"


def left_out() -> list[tuple[str, float, float]]:
    """Return each phrase, which it is, and its likeness as those of other parts teach it."""
    given = examples()
    random.Random(2).shuffle(given)  # noqa: S311
    told = []
    for part in range(_PARTS):
        weights = learnt([one for at, one in enumerate(given) if at % _PARTS != part])
        for phrase, which in given[part::_PARTS]:
            spelt = " ".join(word.text for word in words(phrase))
            told.append((phrase, which, float(traits(spelt) @ weights)))
    return told


def main() -> None:
    """Learn, write the weights, and tell how well it went."""
    np.save(WEIGHTS, learnt(examples()).astype(np.float16))
    told = left_out()
    wanted = [like for _, which, like in told if which > 0]
    other = [like for _, which, like in told if which < 0]
    for least in np.arange(-0.2, 0.45, 0.05):
        missed = sum(like < least for like in wanted) / len(wanted)
        asked = sum(like >= least for like in other) / len(other)
        print(f"from {least:+.2f}: missed {missed:.1%}, asked in vain {asked:.1%}")  # noqa: T201


if __name__ == "__main__":
    main()
