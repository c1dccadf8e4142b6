"""What a sentence claims: prices, percentages, dates, times, durations, numbers, promises."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from graphs.sdr.grounding.numerals import Numeral, Token, numerals, tokens
from tools.data_files import read_data

Kind = Literal[
    "money", "percent", "ratio", "date", "day", "time", "duration", "number", "promise", "address"
]
Key = str
"""What a claim says in one notation: "USD 19", "14 days" as seconds, "3 pm" as minutes."""

_DATA: Final[Mapping[str, Any]] = read_data(Path(__file__).with_name("words.yaml"))


def _inverse(table: Mapping[Any, Sequence[str]]) -> dict[str, Any]:
    return {str(word): key for key, words in table.items() for word in words}


_CURRENCIES: Final = _inverse(_DATA["currencies"])
_CENTS: Final = frozenset(_DATA["cents"])
_PERCENT: Final = frozenset(_DATA["percent"])
_PER_CENT: Final = frozenset({("per", "cent"), ("por", "ciento"), ("pour", "cent")})
_LENGTHS: Final = _inverse(_DATA["durations"])
_MONTHS: Final = _inverse(_DATA["months"])
_WORKING: Final = frozenset(_DATA["working"])
_MONTH_NAMES: Final = _inverse(_DATA["month_names"])
_WEEKDAYS: Final = _inverse(_DATA["weekdays"])
_RELATIVE: Final = frozenset(_DATA["relative_days"])
_PER: Final = frozenset(_DATA["per"])
_PERIODS: Final = _inverse(_DATA["periods"])
_SAME: Final = _inverse(_DATA["same"])
_IDLE: Final = frozenset(_DATA["idle"])
_AT: Final = frozenset(_DATA["before_times"].split())
_DAYPARTS: Final = {"morning": 0, "afternoon": 12, "evening": 12, "night": 12}
_MULTIPLES: Final = {
    **{"twice": Decimal(2), "double": Decimal(2), "doubles": Decimal(2), "triple": Decimal(3)},
    **{
        "thrice": Decimal(3),
        "half": Decimal("0.5"),
        "halve": Decimal("0.5"),
        "आधा": Decimal("0.5"),
    },
    **{"आधी": Decimal("0.5"), "aadha": Decimal("0.5"), "aadhi": Decimal("0.5")},
}
_SLANG: Final[Mapping[str, int]] = _DATA["slang"]
_VAGUE: Final = frozenset(_DATA["vague"])
_NO_AMOUNT: Final = frozenset(_DATA["no_amount"].split())
UNKNOWN: Final = "?"
"""What a sum says that nobody can tell; nothing shows it but the same words."""
_SMALL_WORDS: Final = frozenset(_DATA["small"].split())


class Claim(NamedTuple):
    """One thing that a sentence claims."""

    kind: Kind
    keys: tuple[Key, ...]
    """What it says, in one notation; more where the words have several meanings."""
    text: str
    """The words."""
    start: int
    """Where they stand in the sentence, in characters."""
    end: int
    unit: str | None = None
    """What a number counts, or the currency of a sum; None where nothing says."""
    per: frozenset[str] = frozenset()
    """The periods a sum or a number is for."""


@lru_cache(maxsize=2048)
def claims_of(text: str) -> tuple[Claim, ...]:
    """Return what a sentence claims in figures, dates and times; promises: see `promises`."""
    row = tokens(text)
    reader = _Reader(text, row)
    found: list[Claim] = []
    at, numbers = 0, {numeral.first: numeral for numeral in numerals(row)}
    while at < len(row):
        claim, at = reader.read(at, numbers)
        if claim is not None:
            found.append(claim)
    return (*found, *_addresses(text))


def _addresses(text: str) -> Iterator[Claim]:
    """Read web and e-mail addresses, spoken ones too: "lanternfield dot com"."""
    for match in _ADDRESS.finditer(text):
        key = _SPOKEN_DOT.sub(".", match[0].lower()).removeprefix("https://")
        key = key.removeprefix("http://").removeprefix("www.").rstrip("/.")
        yield Claim("address", (key,), match[0], match.start(), match.end())


_ADDRESS: Final = re.compile(
    r"(?:https?://|www\.)[^\s,;<>\"')]+|"
    r"(?:[\w.+-]+@)?[a-z0-9][a-z0-9-]*(?:(?:\.| dot )[a-z0-9][a-z0-9-]*)*(?:\.| dot )"
    r"(?:com|org|net|io|ai|app|dev|co|info|biz|eu|us|uk|de|fr|es|in|ch|at|gov|edu|me|ly|shop|online"
    r"|site|xyz|tech|store|cloud)\b(?!\.\w)(?:/[^\s,;<>\"')]*)?",
    re.IGNORECASE,
)
_SPOKEN_DOT: Final = re.compile(r" dot ")


class _Reader:
    """Reads the claims of one sentence."""

    def __init__(self, text: str, row: list[Token]) -> None:
        self.text = text
        self.row = row
        self.interrogative = text.rstrip(" \"'”’").endswith("?")

    def word(self, at: int) -> str:
        return self.row[at].text if 0 <= at < len(self.row) else ""

    def claim(self, kind: Kind, keys: Sequence[str], first: int, last: int, **more: Any) -> Claim:
        start, end = self.row[first].start, self.row[last - 1].end
        return Claim(kind, tuple(dict.fromkeys(keys)), self.text[start:end], start, end, **more)

    def read(self, at: int, numbers: Mapping[int, Numeral]) -> tuple[Claim | None, int]:
        """Return the claim that begins at a token, and where to read on."""
        word = self.word(at)
        if at in numbers:
            return self.number(numbers[at], numbers)
        if word in _CURRENCIES and at + 1 in numbers and not self.row[at + 1].text.isalpha():
            return self.money(numbers[at + 1], at, _CURRENCIES[word])
        if word in _MONTH_NAMES and at + 1 in numbers:
            return self.month_first(numbers[at + 1], at, numbers)
        if word in _WEEKDAYS or word in _RELATIVE:
            day = _WEEKDAYS.get(word, word)
            return (None if self.interrogative else self.claim("day", [day], at, at + 1)), at + 1
        if word in ("noon", "midnight", "midday"):
            minutes = "0" if word == "midnight" else "720"
            return self.claim("time", [minutes], at, at + 1), at + 1
        if word in _MULTIPLES:
            return self.multiple(at)
        if word in _SLANG:
            keys = [_plain(Decimal(_SLANG[word]))]
            return self.claim("money", keys, at, at + 1, per=self.per(at + 1)), at + 1
        if word in _CURRENCIES and word.isalpha() and self.vague(at):
            unit = _CURRENCIES[word]
            return self.claim("money", [UNKNOWN], at - 1, at + 1, unit=unit), at + 1
        return None, at + 1

    def vague(self, at: int) -> bool:
        """Whether a currency follows an amount that is left open, or that we cannot read."""
        before = self.word(at - 1)
        if before in _VAGUE:
            return True
        return before.isalpha() and before not in _NO_AMOUNT and before not in _CURRENCIES

    # What stands around a number tells what it is

    def number(self, numeral: Numeral, numbers: Mapping[int, Numeral]) -> tuple[Claim | None, int]:
        after, at = self.word(numeral.last), numeral.last
        if numeral.ordinal:
            return self.ordinal(numeral, numbers)
        if after in _CURRENCIES:
            return self.money(numeral, numeral.first, _CURRENCIES[after], at + 1)
        if after in _CENTS:
            keys = [_plain(value / 100) for value in numeral.values]
            return self.claim("money", keys, numeral.first, at + 1), at + 1
        two = (after, self.word(at + 1)) in _PER_CENT
        if after in _PERCENT or two:
            last = at + 1 + two
            keys = [_plain(value) for value in numeral.values]
            return self.claim("percent", keys, numeral.first, last), last
        for read in (self.date, self.time, self.duration):
            if (found := read(numeral)) is not None:
                return found
        if (later := self.shares_unit(numeral, numbers)) is not None:
            return later
        return self.count(numeral)

    def money(
        self, numeral: Numeral, first: int, currency: str, last: int | None = None
    ) -> tuple[Claim, int]:
        last = last or numeral.last
        if self.word(last) in _CURRENCIES and _CURRENCIES[self.word(last)] == currency:
            last += 1
        keys = [_plain(value) for value in numeral.values]
        if self.word(last) == "and" and self.word(last + 2) in _CENTS:
            cents = numerals([self.row[last + 1]])
            if cents:
                keys = [_plain(value + cents[0].value / 100) for value in numeral.values]
                last += 3
        return self.claim("money", keys, first, last, unit=currency, per=self.per(last)), last

    def per(self, at: int) -> frozenset[str]:
        """The periods named after a sum: "per seat per month", "a year", "monthly"."""
        found: set[str] = set()
        for here in range(at, min(at + 6, len(self.row))):
            word = self.word(here)
            if word in _PERIODS and (self.word(here - 1) in _PER or word.endswith(("ly", "al"))):
                found.add(_PERIODS[word])
            elif word in (",", ";", "and", "but", "or"):
                break
        return frozenset(found)

    def ordinal(self, numeral: Numeral, numbers: Mapping[int, Numeral]) -> tuple[Claim | None, int]:
        at = numeral.last
        if self.word(at) == "of":
            at += 1
        if self.word(at) in _MONTH_NAMES:
            return self.day_first(numeral, at, numbers)
        figures = self.row[numeral.first].figures
        dated = self.word(numeral.first - 1) in ("the", "on") and figures
        if not dated:
            return None, numeral.last
        return self.claim("date", [f"{int(numeral.value)}"], *numeral[1:3]), numeral.last

    def month_first(
        self, numeral: Numeral, at: int, numbers: Mapping[int, Numeral]
    ) -> tuple[Claim | None, int]:
        month, day, last = _MONTH_NAMES[self.word(at)], numeral.value, numeral.last
        if day > 31:
            return self.claim("date", [f"{int(day)}-{month}"], at, last), last
        key = f"{int(day)}/{month}"
        if self.word(last) == "," and last + 1 in numbers and numbers[last + 1].value > 1900:
            key, last = f"{key}/{int(numbers[last + 1].value)}", last + 2
        return self.claim("date", [key], at, last), last

    def day_first(
        self, numeral: Numeral, at: int, numbers: Mapping[int, Numeral]
    ) -> tuple[Claim | None, int]:
        key, last = f"{int(numeral.value)}/{_MONTH_NAMES[self.word(at)]}", at + 1
        if last in numbers and numbers[last].value > 1900:
            key, last = f"{key}/{int(numbers[last].value)}", numbers[last].last
        return self.claim("date", [key], numeral.first, last), last

    def date(self, numeral: Numeral) -> tuple[Claim | None, int] | None:
        if self.word(numeral.last) in _MONTH_NAMES and numeral.value <= 31:
            return self.day_first(numeral, numeral.last, {})
        match = _DATE.match(self.text, self.row[numeral.first].start)
        if match is None:
            return None
        if match["year"]:
            day, month, year = match["day"], match["month"], match["year"]
        else:
            day, month, year = match["d"], match["m"], match["y"]
        keys = [f"{int(day)}/{int(month)}/{int(year)}", f"{int(month)}/{int(day)}/{int(year)}"]
        return self.until(match.end(), "date", keys, numeral.first)

    def time(self, numeral: Numeral) -> tuple[Claim | None, int] | None:
        match = _CLOCK.match(self.text, self.row[numeral.first].start)
        if match and int(match["h"]) < 25 and int(match["m"]) < 60:
            minutes = int(match["h"]) * 60 + int(match["m"])
            keys = _times(minutes, (match["half"] or "").replace(".", "").lower(), int(match["h"]))
            return self.until(match.end(), "time", keys, numeral.first)
        hour = numeral.value
        if hour > 24 or hour != int(hour):
            return None
        last, half = numeral.last, ""
        rest = self.text[self.row[numeral.last - 1].end :]
        if glued := _HALF.match(rest):
            half = glued[1].replace(".", "").lower()
            keys = _times(int(hour) * 60, half, int(hour))
            end = self.row[numeral.last - 1].end + glued.end()
            return self.until(end, "time", keys, numeral.first)
        following = self.word(last)
        if following in ("o'clock", "oclock", "बजे", "baje", "uhr", "heures", "h"):
            last += 1
        elif following in _NOUNLESS or not following:
            before = self.word(numeral.first - 1)
            past = before in ("past", "to") and self.word(numeral.first - 2) in _PARTS
            if past:
                offset = _PARTS[self.word(numeral.first - 2)] * (1 if before == "past" else -1)
                keys = _times(int(hour) * 60 + offset, "", int(hour))
                return self.claim("time", keys, numeral.first - 2, last), last
            if before not in _AT or hour == 0:
                return None
        else:
            return None
        if self.word(last) == "in" and self.word(last + 2) in _DAYPARTS:
            half = "pm" if _DAYPARTS[self.word(last + 2)] else "am"
            last += 3
        keys = _times(int(hour) * 60, half, int(hour))
        return self.claim("time", keys, numeral.first, last), last

    def duration(self, numeral: Numeral) -> tuple[Claim | None, int] | None:
        at = numeral.last
        if self.word(at) == "-":
            at += 1
        working = self.word(at) in _WORKING
        at += working
        unit = self.word(at)
        if unit not in _LENGTHS and unit not in _MONTHS:
            return None
        if numeral.value == 1 and unit in ("second", "sec", "minute") and not working:
            return None, at + 1  # "one second, please"
        keys = [_length(value, unit, working) for value in numeral.values]
        return self.claim("duration", keys, numeral.first, at + 1), at + 1

    def shares_unit(
        self, numeral: Numeral, numbers: Mapping[int, Numeral]
    ) -> tuple[Claim | None, int] | None:
        """Read "3" of "3 to 5 days" and of "9 to 6 pm", which has the unit of the other number."""
        if self.word(numeral.last) not in ("to", "or", "and", "-", "–"):
            return None
        other = numbers.get(numeral.last + 1)
        if other is None or other.ordinal or numeral.value == 1 and other.value == 2:
            return None if other is None or other.ordinal else (None, other.last)
        claim, _ = self.number(other, {k: v for k, v in numbers.items() if k > other.first})
        if claim is None or claim.kind in ("number", "date"):
            return None
        keys: Sequence[str]
        if claim.kind == "duration":
            ahead = map(self.word, range(other.last, len(self.row)))
            unit = next(word for word in ahead if word in _LENGTHS or word in _MONTHS)
            keys = [_length(value, unit, claim.keys[0][0] == "w") for value in numeral.values]
        elif claim.kind == "time":
            keys = _times(int(numeral.value) * 60, "", int(numeral.value))
        else:
            keys = [_plain(value) for value in numeral.values]
        return self.claim(claim.kind, keys, *numeral[1:3], unit=claim.unit), numeral.last

    def count(self, numeral: Numeral) -> tuple[Claim | None, int]:
        """A number of something, or a bare one."""
        at = numeral.last
        if self.word(at) == "-":
            at += 1
        unit: str | None = self.word(at)
        if unit in ("x", "times") or unit == "fold":
            keys = [_plain(value) for value in numeral.values]
            return self.claim("ratio", keys, numeral.first, at + 1), at + 1
        spelt = not self.row[numeral.first].figures
        if numeral.value == 1 and spelt or unit in _IDLE and spelt and numeral.value < 10:
            return None, numeral.last
        if not unit or unit in _SMALL_WORDS or not unit[0].isalpha():
            unit = None
        before = self.text[: self.row[numeral.first].start].rstrip(" -").rsplit(" ", 1)[-1]
        if len(before) > 1 and before.isupper():
            unit = before.lower()
        keys = [_plain(value) for value in numeral.values]
        if numeral.digits:
            keys.append(numeral.digits)
        named = unit and _SAME.get(unit, stem(unit))
        claim = self.claim("number", keys, *numeral[1:3], unit=named, per=self.per(at + 1))
        return claim, numeral.last

    def multiple(self, at: int) -> tuple[Claim | None, int]:
        """Read "half" and its like, where they are of something."""
        word, after, last = self.word(at), self.word(at + 1), at + 1
        if word == "half" and after in ("past", "a") and self.word(at + 2) not in _LENGTHS:
            return None, at + 1
        if after in ("an", "a") and self.word(at + 2) in _LENGTHS:
            keys = [_length(_MULTIPLES[word], self.word(at + 2), False)]
            return self.claim("duration", keys, at, at + 3), at + 3
        if word == "double" and after in ("check", "checked", "-"):
            return None, last
        return self.claim("ratio", [_plain(_MULTIPLES[word])], at, last), last

    def until(self, end: int, kind: Kind, keys: Sequence[str], first: int) -> tuple[Claim, int]:
        """A claim up to a character of the text."""
        last = first + 1
        while last < len(self.row) and self.row[last].start < end:
            last += 1
        return self.claim(kind, keys, first, last), last


_DATE: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)"
    r"|(?P<d>\d{1,2})[/.](?P<m>\d{1,2})[/.](?P<y>\d{2,4})(?!\d)"
)
_CLOCK: Final = re.compile(
    r"(?P<h>\d{1,2})[:.](?P<m>\d\d)(?!\d)(?:\s?(?P<half>[ap]\.?m\b\.?))?", re.I
)
_HALF: Final = re.compile(r"\s?([ap]\.?m\b\.?)", re.I)
_PARTS: Final = {"half": 30, "quarter": 15}
_NOUNLESS: Final = frozenset([*".,;:!?()", *_DATA["after_times"].split()])


def _times(minutes: int, half: str, hour: int) -> list[str]:
    """Minutes of the day that a time may mean."""
    if half == "pm" and hour < 12:
        return [str(minutes + 720)]
    if half == "am" and hour == 12:
        return [str(minutes - 720)]
    if half or hour > 12 or hour == 0:
        return [str(minutes)]
    return [str(minutes), str((minutes + 720) % 1440)]


def _length(value: Decimal, unit: str, working: bool) -> str:
    if unit in _MONTHS:
        return f"m{_plain(value * int(_MONTHS[unit]))}"
    if working:
        return f"w{_plain(value * int(_LENGTHS[unit]))}"
    return f"s{_plain(value * int(_LENGTHS[unit]))}"


def _plain(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_ENDINGS: Final = ("ations", "ation", "ings", "ing", "ies", "ied", "ed", "es", "s", "y", "e")


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a word without its ending: enough to tell that two forms are of one word."""
    if len(word) < 4 or not word.isascii():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if word.endswith("at") and len(word) > 6:  # integrate, integration
        word = word[:-2]
    return word[:-1] if word[-1] == word[-2] and len(word) > 4 else word  # cancel, cancelled


_GENERIC: Final = frozenset(stem(word) for word in _DATA["generic"].split())


@lru_cache(maxsize=4096)
def subject(text: str) -> frozenset[str]:
    """Return the stems of `content` that tell one thing from another."""
    return content(text) - _GENERIC


@lru_cache(maxsize=4096)
def content(text: str) -> frozenset[str]:
    """Return the stems of the words of a text that say what it is about."""
    return frozenset(
        stem(token.text.removesuffix("'s"))
        for token in tokens(text)
        if token.text[0].isalpha() and token.text not in _SMALL_WORDS and len(token.text) > 1
    )
