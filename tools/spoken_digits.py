"""Numbers that are said digit by digit: "nine eight, double seven", in English and in Hindi."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_WORDS: Final = {
    **{word: str(n) for n, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])},
    "oh": "0", "nought": "0", "naught": "0", "niner": "9",
    **{word: str(n) for n, words in enumerate((
        "shunya shoonya sifar", "ek", "do", "teen", "char chaar", "paanch panch", "chhe chhah chah",
        "saat", "aath aat", "nau")) for word in words.split()},
    **{word: str(n) for n, words in enumerate((
        "शून्य ज़ीरो जीरो", "एक", "दो", "तीन", "चार", "पांच पाँच", "छह छः छे छ", "सात", "आठ", "नौ"))
       for word in words.split()},
}  # fmt: skip
_TIMES: Final = {"double": 2, "triple": 3, "treble": 3, "डबल": 2, "ट्रिपल": 3, "tripal": 3}
_TOKEN: Final = re.compile(r"[^\W_]+(?:[\u0900-\u0903\u093a-\u094f]+\w*)*", re.UNICODE)
_BETWEEN: Final = re.compile(r"[\s,.…\-–]*")
_WEAK: Final = frozenset({"oh", "do", "char", "ek"})
"""Words that are others as well: none begins or ends a number of English words."""

_ENGLISH: Final = frozenset(
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
)


@dataclass(frozen=True, slots=True)
class Run:
    """Digits said one after the other."""

    digits: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Part:
    word: str
    digits: str
    start: int
    end: int


def spoken_runs(text: str) -> Iterator[Run]:
    """Yield each run of digits in which at least three were said as words."""
    parts: list[_Part] = []
    doubled: re.Match[str] | None = None
    end = 0
    for token in _TOKEN.finditer(text):
        word = token.group().casefold()
        if not _BETWEEN.fullmatch(text, end, token.start()):
            yield from _run(parts)
            parts, doubled = [], None
        end = token.end()
        if word in _TIMES:
            doubled = token
            continue
        digits = _digits_of(word)
        if not digits:
            yield from _run(parts)
            parts, doubled = [], None
            continue
        times = _TIMES[doubled.group().casefold()] if doubled else 1
        parts.append(_Part(word, digits * times, (doubled or token).start(), end))
        doubled = None
    yield from _run(parts)


def _digits_of(word: str) -> str:
    if word.isdecimal() and len(word) <= 4:
        return "".join(str(int(char)) for char in word)
    return _WORDS.get(word, "")


def _run(parts: list[_Part]) -> Iterator[Run]:
    english = any(part.word in _ENGLISH for part in parts)
    while parts and english and parts[0].word in _WEAK:
        parts = parts[1:]
    while parts and english and parts[-1].word in _WEAK:
        parts = parts[:-1]
    if sum(part.word in _WORDS for part in parts) >= 3:
        yield Run("".join(part.digits for part in parts), parts[0].start, parts[-1].end)
