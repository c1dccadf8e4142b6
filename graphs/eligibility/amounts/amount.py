"""An income as it was said, and what is known of one that is unclear."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from graphs.eligibility.readings import Unclear

Period = Literal["month", "year"]

MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Amount:
    """An income as the caller said it."""

    rupees: Decimal
    """The amount as said, in rupees for the period."""
    period: Period | None
    """What it is paid for; None when that was not said."""
    approximate: bool
    """It was hedged: "around", "lagbhag"."""

    @property
    def monthly(self) -> Decimal:
        """Rupees a month: a yearly amount divided by twelve."""
        return self.rupees / MONTHS_A_YEAR if self.period == "year" else self.rupees


@dataclass(frozen=True, slots=True)
class UnclearAmount(Unclear):
    """An amount that could mean more than one thing.

    Reasons: `amount.range`, `.alternatives`, `.bound`, `.bare`, `.malformed`, `.elliptic`,
    `.negative` (minus), `.negated` ("not 25 thousand"), `.period` (not a month, not a year),
    `.currency`, `.not_income` (other money, or another's), `.context` (something beside it is not
    understood, so that it may be either), `.implausible`.
    """

    ends: tuple[Decimal, Decimal] | None = None
    """Least and most rupees a month it can mean, both included, when that is known: the interview
    may decide when both fall on one side of its threshold. A bound is open at 0 or `Infinity`."""
    read_back: Amount | None = None
    """What it most likely is: the caller is asked whether it is that, it is never assumed."""
