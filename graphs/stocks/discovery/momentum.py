"""Which symbols move with volume behind them: a scan of all of them at once.

Each filter is a line of array arithmetic over the last year. A filter that cannot be computed, for
want of sessions or of volume, is failed, and said so; nothing is filled in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from graphs.stocks.discovery.panel import Panel
from tools.market.bars import Floats

YEAR: Final = 252
HALF_YEAR: Final = 126
QUARTER: Final = 63
MONTH: Final = 21
LONG: Final = 200
"""Sessions."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a symbol has to pass.

    Attributes:
        least_price: USD, as it traded; below are the shares that move by a cent a day.
        least_turnover: USD a day, median of the last month.
        surge: volume of the last session as a multiple of the median of the quarter before it.
        trend: least return over half a year, as a fraction.
    """

    least_price: float = 5.0
    least_turnover: float = 5e6
    surge: float = 2.0
    trend: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of each symbol on the last session, shape (symbols,); NaN if it cannot be.

    Attributes:
        price: last close as it traded, USD.
        turnover: median of the last month, USD a day.
        surge: volume over the median of the quarter before.
        high: last close over the highest of the year before it; above 1 is a breakout.
        trend: return over half a year.
        average: last close over its mean of 200 sessions.
    """

    price: Floats
    turnover: Floats
    surge: Floats
    high: Floats
    trend: Floats
    average: Floats


@dataclass(frozen=True, slots=True)
class Candidate:
    """A symbol that passed all filters, with what was measured of it."""

    symbol: str
    price: float
    turnover: float
    surge: float
    high: float
    trend: float


@dataclass(frozen=True, slots=True)
class Step:
    """A filter, in the order in which they are applied.

    Attributes:
        name: what it asks.
        left: symbols that passed it and all before it.
        failed: of all that were scanned, those that it alone would have stopped.
        unknown: of those, the ones for which it could not be computed.
    """

    name: str
    left: int
    failed: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan and how it came out.

    Attributes:
        day: last session that it looked at; None where there was none.
        scanned: symbols.
        found: those that passed, the strongest trend first.
        steps: the filters.
        nearest: symbols that failed one filter only, with its name.
    """

    day: date | None
    scanned: int
    found: tuple[Candidate, ...]
    steps: tuple[Step, ...]
    nearest: tuple[tuple[str, str], ...]

    def explain(self) -> Iterator[str]:
        """Say, line by line, what was scanned and what failed which filter."""
        if self.day is None:
            yield "Nothing was scanned: there are no sessions."
            return
        yield f"{self.scanned:,} symbols scanned on the close of {self.day}."
        for step in self.steps:
            unknown = f", {step.unknown:,} of them not measurable" if step.unknown else ""
            yield f"{step.name}: {step.failed:,} fail it{unknown}; {step.left:,} are left."
        if not self.found and self.nearest:
            some = ", ".join(f"{symbol} ({name})" for symbol, name in self.nearest)
            yield f"Failed one filter only: {some}."


def measure(panel: Panel) -> Measured:
    """Measure all symbols on the last session of a panel."""
    n = len(panel.symbols)
    if not len(panel.days):
        nothing = np.full(n, np.nan)
        return Measured(*[nothing] * 6)
    closes, volumes, last = panel.closes, panel.volumes, panel.closes[-1]
    # what was paid does not change with a split: price and volume move against one another
    paid = closes[-MONTH:] * volumes[-MONTH:]
    return Measured(
        price=panel.traded[-1],
        turnover=_over(paid, MONTH, np.median),
        surge=_ratio(volumes[-1], _over(volumes[-QUARTER - 1 : -1], QUARTER, np.median)),
        high=_ratio(last, _over(closes[-YEAR - 1 : -1], YEAR, np.max)),
        trend=_ratio(last, _ago(closes, HALF_YEAR)) - 1.0,
        average=_ratio(last, _over(closes[-LONG:], LONG, np.mean)),
    )


def passes(found: Measured, rules: Rules) -> dict[str, tuple[Bools, Floats]]:
    """Return of each filter, in order, which symbols pass it and what it looked at."""
    with np.errstate(invalid="ignore"):
        return {
            f"price of at least {rules.least_price:g} USD": (
                found.price >= rules.least_price,
                found.price,
            ),
            f"turnover of at least {rules.least_turnover / 1e6:g} million USD a day": (
                found.turnover >= rules.least_turnover,
                found.turnover,
            ),
            f"half a year's return above {rules.trend:.0%}, above the mean of 200 sessions": (
                (found.trend > rules.trend) & (found.average > 1.0),
                found.trend + found.average,
            ),
            "close above the highest of the year before": (found.high > 1.0, found.high),
            f"volume of at least {rules.surge:g} times the quarter's median": (
                found.surge >= rules.surge,
                found.surge,
            ),
        }


def scan(panel: Panel, rules: Rules | None = None, nearest: int = 5) -> Scan:
    """Scan all symbols of a panel on its last session.

    Args:
        panel: the sessions; one year and one are needed.
        rules: what has to be passed.
        nearest: how many that failed one filter only are named where nothing passes.
    """
    rules = rules or Rules()
    found = measure(panel)
    left = np.ones(len(panel.symbols), dtype=bool)
    failures = np.zeros(len(panel.symbols), dtype=np.int64)
    steps, which = [], np.zeros(len(panel.symbols), dtype=np.int64)
    filters = passes(found, rules)
    for number, (name, (passed, value)) in enumerate(filters.items()):
        left &= passed
        failures += ~passed
        which[~passed] = number
        unknown = int(np.isnan(value).sum())
        steps.append(Step(name, int(left.sum()), int((~passed).sum()), unknown))
    order = [i for i in np.argsort(-found.trend, kind="stable") if left[i]]
    close = [i for i in np.argsort(-found.trend, kind="stable") if failures[i] == 1]
    names = list(filters)
    return Scan(
        panel.days[-1].astype(object) if len(panel.days) else None,
        len(panel.symbols),
        tuple(_candidate(panel, found, i) for i in order),
        tuple(steps),
        tuple((panel.symbols[i], names[which[i]]) for i in close[:nearest]),
    )


def _candidate(panel: Panel, found: Measured, i: int) -> Candidate:
    values = (found.price, found.turnover, found.surge, found.high, found.trend)
    return Candidate(panel.symbols[i], *(float(value[i]) for value in values))


def _over(values: Floats, sessions: int, measure: object) -> Floats:
    """Return a measure over rows; NaN where there are too few, or one of them is missing."""
    if len(values) < sessions:
        return np.full(values.shape[1], np.nan)
    assert callable(measure)  # noqa: S101 - a function of numpy
    return np.asarray(measure(values, axis=0))


def _ago(closes: Floats, sessions: int) -> Floats:
    if len(closes) <= sessions:
        return np.full(closes.shape[1], np.nan)
    return np.asarray(closes[-1 - sessions])


def _ratio(now: Floats, before: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        found = now / before
    return np.where(np.isfinite(found), found, np.nan)
