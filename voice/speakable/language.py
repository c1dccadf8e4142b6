"""What differs between languages when digits, symbols and marks are said."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

MOST_DIGITS = 15
"""Digits of the longest number that is said as an amount; a longer one is said by digit."""


@dataclass(frozen=True, slots=True)
class Currency:
    """How a currency is said: one and many of it, one and many of its hundredth part."""

    one: str
    many: str
    part: str
    parts: str


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day as written.

    Args:
        hour: 0 to 23, or 1 to 12 with a half.
        minute: 0 to 59.
        half: `am` or `pm` where it was written.
    """

    hour: int
    minute: int
    half: Literal["", "am", "pm"] = ""


class Language(ABC):
    """Words and grammar of one language; numbers are not negative."""

    code: ClassVar[str]
    stop: ClassVar[str]
    """What ends a sentence."""
    digits: ClassVar[tuple[str, ...]]
    words: ClassVar[Mapping[str, str]]
    """Symbols and small words by name: `point`, `minus`, `to`, `percent`, `at`, `dot`, ..."""
    phrases: ClassVar[Mapping[str, str]]
    """What is said in the place of `code`, `table`, `html` and of an `image` without a text."""
    currencies: ClassVar[Mapping[str, Currency]]
    """By ISO code."""
    scales: ClassVar[Mapping[str, str]]
    """What follows a number and makes it larger: `lakh`, `k`, as written in lower case."""
    units: ClassVar[Mapping[str, tuple[str, str]]]
    """One and many, by symbol."""
    abbreviations: ClassVar[Mapping[str, str]]
    """Written with a point, but for `LPA`; longest first where one begins another."""
    months: ClassVar[tuple[str, ...]]
    fractions: ClassVar[Mapping[str, str]]
    per: ClassVar[Mapping[str, str]]
    """What follows a stroke after a number: `month` in `500/month`."""

    @abstractmethod
    def cardinal(self, number: int, *, indian: bool = False) -> str:
        """Say a number below 10 ** 15, with lakhs and crores where the language has them."""

    @abstractmethod
    def ordinal(self, number: int) -> str:
        """Say which one in a row."""

    @abstractmethod
    def year(self, number: int) -> str:
        """Say a year of four digits."""

    @abstractmethod
    def clock(self, time: Clock) -> str:
        """Say a time of day."""

    @abstractmethod
    def date(self, day: int, month: int, year: int | None, *, month_first: bool = False) -> str:
        """Say a date; the month is 1 to 12."""

    def spell(self, text: str) -> str:
        """Say each digit of a text by itself and leave the rest."""
        return "".join(f" {self.digits[int(c)]} " if c.isdecimal() else c for c in text)

    def number(self, text: str, *, indian: bool = False) -> str:
        """Say a number as written, with commas and a decimal point."""
        whole, _, decimals = text.replace(",", "").partition(".")
        long = len(whole) > MOST_DIGITS
        said = self.spell(whole) if long else self.cardinal(int(whole or "0"), indian=indian)
        if decimals:
            said += f" {self.words['point']} {self.spell(decimals)}"
        return " ".join(said.split())

    def money(self, text: str, currency: str, scale: str = "") -> str:
        """Say a sum; `scale` is what makes it larger, in words."""
        name, indian = self.currencies[currency], currency == "INR" or is_indian(text)
        whole, _, parts = text.replace(",", "").partition(".")
        if scale or (parts and len(parts) != 2):
            return " ".join(filter(None, [self.number(text, indian=indian), scale, name.many]))
        said = f"{self.number(whole, indian=indian)} {name.one if int(whole) == 1 else name.many}"
        if not int(parts or 0):
            return said
        part = f"{self.cardinal(int(parts))} {name.part if int(parts) == 1 else name.parts}"
        return f"{said} {self.words['and']} {part}" if int(whole) else part


def is_indian(text: str) -> bool:
    """Whether a number is grouped as in India: `1,50,000`."""
    groups = text.partition(".")[0].split(",")
    return len(groups) > 2 and all(len(group) == 2 for group in groups[1:-1])
