"""Numbers in words of German, French and Spanish, as far as prices and times need them."""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from tools.data_files import read_data

_DATA: Final[Any] = read_data(Path(__file__).with_name("foreign_numbers.yaml"))
_MOST_WORDS: Final = 9
HOMOGRAPHS: Final = frozenset(_DATA["homographs"].split())
"""Words of these numbers that mean something else in English, such as `once`."""
_SCALES: Final = frozenset(_DATA["thousand"].split())


class Found(NamedTuple):
    """A number among words: its value, and how many words it takes."""

    value: int
    words: int


def read(words: Sequence[str]) -> Found | None:
    """Return the number with which words begin, the longest; None where they begin with none.

    Args:
        words: lower case, without the hyphens between them.
    """
    folded = [_fold(word) for word in words[: _MOST_WORDS * 2 + 1]]
    if folded and "tausend" in folded[0][1:]:
        return _german_thousands(folded[0])
    head = _below_thousand(folded)
    at = head.words if head else 0
    if at < len(folded) and folded[at] in _SCALES:
        tail = _below_thousand(folded[at + 1 :])
        value = (head.value if head else 1) * 1000 + (tail.value if tail else 0)
        return Found(value, at + 1 + (tail.words if tail else 0))
    return head


def _german_thousands(word: str) -> Found | None:
    """Read "zweitausendfunfhundert", which German writes in one word."""
    before, _, after = word.partition("tausend")
    table = _table()
    thousands, rest = table.get((before,)), table.get((after,)) if after else 0
    if thousands is None or rest is None:
        return None
    return Found(thousands * 1000 + rest, 1)


def _below_thousand(words: Sequence[str]) -> Found | None:
    table = _table()
    for length in range(min(_MOST_WORDS, len(words)), 0, -1):
        value = table.get(tuple(words[:length]))
        if value is not None:
            return Found(value, length)
    return None


def _fold(word: str) -> str:
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFKD", word.replace("ß", "ss"))
    return "".join(char for char in plain if not unicodedata.combining(char))


@cache
def _table() -> dict[tuple[str, ...], int]:
    """Return every number below a thousand, by its words."""
    found: dict[tuple[str, ...], int] = {}
    for spell in (_german, _french, _spanish):
        for value in range(1000):
            for words in spell(value):
                found.setdefault(words, value)
    for word in _DATA["one"].split():
        found[(word,)] = 1
    return found


def _german(value: int) -> Iterator[tuple[str, ...]]:
    units, tens = _DATA["de"]["units"].split(), _DATA["de"]["tens"].split()
    hundreds, rest = divmod(value, 100)
    if rest < 20:
        end = units[rest] if rest or not hundreds else ""
    else:
        unit = "ein" if rest % 10 == 1 else units[rest % 10]
        end = tens[rest // 10 - 2] if rest % 10 == 0 else f"{unit}und{tens[rest // 10 - 2]}"
    if not hundreds:
        yield (end,)
        return
    yield (f"{'ein' if hundreds == 1 else units[hundreds]}hundert{end}",)
    if hundreds == 1:
        yield (f"hundert{end}",)


def _french(value: int) -> Iterator[tuple[str, ...]]:
    units = _DATA["fr"]["units"].split()
    hundreds, rest = divmod(value, 100)
    end = _french_tens(rest) if rest or not hundreds else ()
    if not hundreds:
        yield end
        return
    head: tuple[str, ...] = () if hundreds == 1 else (units[hundreds],)
    yield (*head, "cent", *end)
    if not end:
        yield (*head, "cents")


def _french_tens(value: int) -> tuple[str, ...]:
    units, tens = _DATA["fr"]["units"].split(), _DATA["fr"]["tens"].split()
    if value < 17:
        return (units[value],)
    if value < 20:
        return ("dix", units[value - 10])
    if value < 70:
        unit = value % 10
        joined = ("et",) if unit == 1 else ()
        return (tens[value // 10 - 2], *joined, *((units[unit],) if unit else ()))
    if value < 80:
        return ("soixante", *(("et",) if value == 71 else ()), *_french_tens(value - 60))
    return ("quatre", "vingts") if value == 80 else ("quatre", "vingt", *_french_tens(value - 80))


def _spanish(value: int) -> Iterator[tuple[str, ...]]:
    units, tens = _DATA["es"]["units"].split(), _DATA["es"]["tens"].split()
    hundreds, rest = divmod(value, 100)
    if rest < 30:
        end: tuple[str, ...] = (units[rest],) if rest or not hundreds else ()
    else:
        end = (tens[rest // 10 - 3], *(("y", units[rest % 10]) if rest % 10 else ()))
    if not hundreds:
        yield end
    else:
        head = _DATA["es"]["hundreds"].split()[hundreds - 1]
        yield (("cien",) if hundreds == 1 and not end else (head, *end))
