"""A number as it was said."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True)
class Numeral:
    """A number as it was said, and where: lexemes `first` up to `last`."""

    first: int
    last: int
    value: Decimal | int = 0
    multiplier: Decimal | int = 0
    factor: int = 1
    """Scale of the last group; with `multiplier` it lets "20 to 30 thousand" lend the thousand."""
    scaled: bool = False
    """A scale was said, or the digits were said one by one: nothing is missing from it."""
    hindi: bool = False
    single: bool = True
    """It is one group only."""
    problem: str | None = None
    ends: tuple[Decimal, Decimal] | None = None
    rules: list[str] = field(default_factory=list)
