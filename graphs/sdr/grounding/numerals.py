"""Numbers in a text, in figures and in words, English and Hindi, with where they stand."""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from graphs.eligibility.amounts.lexicon import LEXICON, ROLE, classify
from graphs.sdr.grounding import foreign_numbers
from tools.data_files import read_data

_DATA: Final[Any] = read_data(Path(__file__).with_name("words.yaml"))
_UNITS: Final[list[str]] = _DATA["units"].split()
_TENS: Final[list[str]] = _DATA["tens"].split()
_VALUES: Final[Mapping[str, int]] = {
    **{word: n for n, word in enumerate(_UNITS)},
    **{word: 10 * n for n, word in enumerate(_TENS, 2)},
    **{"fourty": 40, "nought": 0},
}
_SCALES: Final = {
    **{"hundred": 100, "thousand": 1000, "grand": 1000, "lakh": 100_000, "lac": 100_000},
    **{"million": 10**6, "crore": 10**7, "billion": 10**9, "dozen": 12},
    **{"hundreds": 100, "thousands": 1000, "lakhs": 100_000, "crores": 10**7, "millions": 10**6},
    **{"सौ": 100, "हजार": 1000, "हज़ार": 1000, "लाख": 100_000, "करोड़": 10**7, "hazaar": 1000},
    **{"hazar": 1000, "karod": 10**7},
}
_SUFFIXES: Final = {"k": 1000, "m": 10**6, "mn": 10**6, "bn": 10**9, "l": 100_000, "cr": 10**7}
_ORDINALS: Final = {
    **{"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12},
    **{"twentieth": 20, "thirtieth": 30},
    **{f"{word}th": n for word, n in _VALUES.items() if word[-1] not in "evyt" and n > 3},
    **{"seventh": 7, "eleventh": 11, "fifteenth": 15},
}
_SUMS: Final = frozenset(
    [word for words in _DATA["currencies"].values() for word in words] + _DATA["percent"]
)
"""What makes a word a number that might be another word."""
_NUMBER: Final = ROLE["number"]
_TOKENS: Final = re.compile(
    r"(?P<figures>\d+(?:,\d+)*(?:\.\d+)?)"
    r"|(?P<word>[^\W\d_](?:[^\W\d_]|[\u0900-\u0963\u0971-\u097f]|['’](?=[^\W\d_]))*)"
    r"|(?P<sign>[^\w\s])"
)


class Token(NamedTuple):
    """A word, a number in figures or a sign, lower case."""

    text: str
    start: int
    end: int
    figures: bool


class Numeral(NamedTuple):
    """A number: tokens `first` up to `last`."""

    values: tuple[Decimal, ...]
    """What it may stand for: "nineteen ninety nine" is 1999 and 19.99."""
    first: int
    last: int
    ordinal: bool = False
    digits: str = ""
    """What was said or written digit by digit, where it is longer than three."""

    @property
    def value(self) -> Decimal:
        """Its first meaning."""
        return self.values[0]


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text; figures of any script as ASCII."""
    if not text.isascii():
        text = "".join(
            str(unicodedata.digit(char)) if char.isdigit() and char.isdecimal() else char
            for char in text
        )
    return [
        Token(match[0].lower().replace("’", "'"), match.start(), match.end(), match[1] is not None)
        for match in _TOKENS.finditer(text)
    ]


def numerals(row: list[Token]) -> list[Numeral]:
    """Return the numbers among tokens, in order."""
    found: list[Numeral] = []
    at, end = 0, len(row)
    while at < end:
        numeral = _figures(row, at) if row[at].figures else _words(row, at) or _foreign(row, at)
        if numeral is None:
            at += 1
        else:
            found.append(numeral)
            at = numeral.last
    return found


def _figures(row: list[Token], at: int) -> Numeral:
    text = row[at].text.replace(",", "")
    value, last = Decimal(text), at + 1
    if last < len(row):
        word, glued = row[last], row[last].start == row[at].end
        if glued and word.text in ("st", "nd", "rd", "th"):
            return Numeral((value,), at, last + 1, ordinal=True)
        if glued and word.text in _SUFFIXES:
            return Numeral((value * _SUFFIXES[word.text],), at, last + 1)
        while last < len(row) and row[last].text in _SCALES:
            value *= _SCALES[row[last].text]
            last += 1
    return Numeral((value,), at, last, digits=text if len(text) > 3 and text.isdecimal() else "")


def _foreign(row: list[Token], at: int) -> Numeral | None:
    """Read a German, French or Spanish number; a word that English has too only before a sum."""
    ahead = [token for token in row[at : at + 12] if token.text != "-"]
    found = foreign_numbers.read([token.text for token in ahead])
    if found is None:
        return None
    last = at + 1
    if found.words > 1:
        last = row.index(ahead[found.words - 1], at) + 1
    following = row[last].text if last < len(row) else ""
    if found.words == 1 and row[at].text in foreign_numbers.HOMOGRAPHS and following not in _SUMS:
        return None
    return Numeral((Decimal(found.value),), at, last)


def _value(word: str) -> int | None:
    """The number below a hundred that a word is."""
    if word in _VALUES:
        return _VALUES[word]
    if word.isascii() and word not in LEXICON.words:
        return None
    key, meaning = classify(word)
    if not meaning.roles & _NUMBER or meaning.rule != "amount.hindi":
        return None
    if word.isascii() and meaning.roles & ROLE["homograph"] or word == "एक":
        return None
    return int(meaning.value)


def _words(row: list[Token], at: int) -> Numeral | None:
    groups: list[int] = []
    here = at
    while here < len(row):
        group = _group(row, here)
        if group is None:
            break
        value, last, ordinal = group
        groups.append(value)
        here = last
        if ordinal:
            return Numeral((Decimal(value),), at, last, ordinal=True)
        if here < len(row) and row[here].text == "-":
            follows = _group(row, here + 1) if here + 1 < len(row) else None
            here += follows is not None
    if not groups:
        return None
    if len(groups) == 1:
        return _with_decimals(row, Numeral((Decimal(groups[0]),), at, here))
    digits = "".join(map(str, groups))
    if len(groups) == 2 and groups[1] < 100:
        cents = Decimal(groups[0]) + Decimal(groups[1]) / 100
        return Numeral((Decimal(digits), cents), at, here)
    return Numeral((Decimal(digits),), at, here, digits=digits if len(digits) > 3 else "")


def _group(row: list[Token], at: int) -> tuple[int, int, bool] | None:
    """A number in words that is said in one go: value, where it ends, whether it is an ordinal."""
    total = current = 0
    here, seen, ordinal = at, False, False
    floor = 10**12
    """Scale of the part before: what follows must be smaller."""
    while here < len(row):
        word = row[here].text
        if word in ("-", "and") and seen and here + 1 < len(row):
            after = row[here + 1].text
            small = _value(after) or _ORDINALS.get(after)
            joins = small is not None and (
                word == "and" and (total or current >= 100) or word == "-" and _tens(current, small)
            )
            if not joins:
                break
            here += 1
            continue
        if word == "," and total and here + 1 < len(row) and _value(row[here + 1].text):
            here += 1  # "one thousand, two hundred"
            continue
        if word in ("a", "an") and not seen and _scale(row, here + 1):
            current, seen = 1, True
        elif word in _SCALES and (seen or word in ("dozen", "सौ", "हजार")):
            scale = _SCALES[word]
            if scale == 100 and current < 100:
                current = (current or 1) * 100
            elif scale < floor:
                total, current, floor = total + (current or 1) * scale, 0, scale
            else:
                break
            seen = True
        elif (small := _value(word)) is not None and _fits(current, small, seen, total):
            current, seen = current + small, True
        elif (nth := _ORDINALS.get(word)) is not None and _fits(current, nth, seen, total):
            current, seen, ordinal, here = current + nth, True, True, here + 1
            break
        else:
            break
        here += 1
    return (total + current, here, ordinal) if seen else None


def _scale(row: list[Token], at: int) -> bool:
    return at < len(row) and row[at].text in _SCALES


def _tens(current: int, small: int) -> bool:
    return current % 100 in range(20, 100, 10) and 0 < small < 10


def _fits(current: int, small: int, seen: bool, total: int) -> bool:
    """Whether a number below a hundred goes on with what was read, or begins a new number."""
    if not seen or current == 0 and total:
        return True
    if current >= 100 and current % 100 == 0:
        return True
    return _tens(current, small)


def _with_decimals(row: list[Token], whole: Numeral) -> Numeral:
    """Read "point five" after a number."""
    if whole.last + 1 >= len(row) or row[whole.last].text != "point":
        return whole
    digits, at = "", whole.last + 1
    while at < len(row) and (figure := _value(row[at].text)) is not None and figure < 10:
        digits, at = digits + str(figure), at + 1
    if not digits:
        return whole
    return Numeral((whole.value + Decimal(f"0.{digits}"),), whole.first, at)
