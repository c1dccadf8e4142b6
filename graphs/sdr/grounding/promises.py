"""What a sentence commits us to, told by its words."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from tools.data_files import read_data

_DATA: Final[Any] = read_data(Path(__file__).with_name("promises.yaml"))
Sort = Literal["never", "acts", "same"]


def _compiled(sort: Sort) -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
        for name, patterns in _DATA[sort].items()
    }


_CLASSES: Final = [
    (sort, name, pattern) for sort in get_args(Sort) for name, pattern in _compiled(sort).items()
]
_NEGATION: Final = re.compile(_DATA["negation"], re.IGNORECASE)
_CLAUSE: Final = re.compile(_DATA["clause"], re.IGNORECASE)
_ASSENT: Final = re.compile(_DATA["assent"], re.IGNORECASE)
_ATTRIBUTION: Final = re.compile(_DATA["attribution"], re.IGNORECASE)
_OURS: Final = re.compile(_DATA["ours"], re.IGNORECASE)
_INJECTION: Final = re.compile(_DATA["injection"], re.IGNORECASE)


class Promise(NamedTuple):
    """A commitment, and the words that make it."""

    name: str
    sort: Sort
    text: str
    clause: str
    """The clause it stands in."""


@lru_cache(maxsize=2048)
def promises_of(sentence: str) -> tuple[Promise, ...]:
    """Return what a sentence commits us to; what it denies is no promise."""
    return tuple(_promises(sentence))


def _promises(sentence: str) -> Iterator[Promise]:
    for sort, name, pattern in _CLASSES:
        for match in pattern.finditer(sentence):
            bounds = [m.end() for m in _CLAUSE.finditer(sentence, 0, match.start())]
            start = bounds[-1] if bounds else 0
            if sort != "never" and _NEGATION.search(sentence, start, match.start()):
                continue
            following = _CLAUSE.search(sentence, match.end())
            clause = sentence[start : following.start() if following else len(sentence)]
            yield Promise(name, sort, match[0], clause)
            break


def assents(sentence: str) -> bool:
    """Whether a sentence does nothing but agree."""
    return bool(_ASSENT.match(sentence.strip()))


def says_it_back(sentence: str) -> bool:
    """Whether a sentence speaks of what the caller has said, and offers nothing of ours."""
    return bool(_ATTRIBUTION.search(sentence)) and not _OURS.search(sentence)


def speaks_to_the_model(sentence: str) -> bool:
    """Whether a sentence of a document is an instruction to the model."""
    return bool(_INJECTION.search(sentence))
