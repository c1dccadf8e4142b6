"""How often it went well before, measured: never a constant that somebody thought up.

An event counts from the first session that opens after it could be known: decided on that day's
knowledge, bought at the close of the next session, held for a horizon. It went well if the symbol
beat the benchmark over it. Windows of one symbol that overlap are one event, and the interval
counts events of the same weeks, which move together, as fewer. What has been too few times says
nothing, and its base rate is unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from graphs.stocks.discovery.momentum import Rules, measure, passes
from graphs.stocks.discovery.panel import Panel
from graphs.stocks.standing import independent
from graphs.stocks.track_record import wilson
from tools.market.bars import Floats, Series

HORIZON: Final = 21
"""Sessions."""
LEAST: Final = 20
"""Events below which a share is not told."""


@dataclass(frozen=True, slots=True)
class BaseRate:
    """How often a symbol beat the benchmark after such an event.

    Attributes:
        n: events that were measured.
        share: of them that went well; None where they are too few.
        low: of the 90 % interval (Wilson's, of as many independent events as they amount to).
        high: likewise.
        always: how often any symbol beat the benchmark on the same days, to compare with.
        horizon: sessions.
        why: why the share is unknown; None where it is known.
    """

    n: int
    share: float | None
    low: float
    high: float
    always: float | None
    horizon: int
    why: str | None = None

    def __str__(self) -> str:
        """Say it in a line."""
        if self.share is None:
            return f"base rate unknown: {self.why}"
        rest = f"; {self.always:.0%} of all did" if self.always is not None else ""
        return (
            f"{self.share:.0%} beat the benchmark over {self.horizon} sessions "
            f"(n = {self.n}, 90 % interval {self.low:.0%} to {self.high:.0%}{rest})"
        )


def unknown(why: str, horizon: int = HORIZON, n: int = 0) -> BaseRate:
    """Return a base rate that nobody knows."""
    return BaseRate(n, None, 0.0, 1.0, None, horizon, why)


def base_rate(
    panel: Panel,
    benchmark: Floats,
    events: Iterable[tuple[str, date]],
    horizon: int = HORIZON,
) -> BaseRate:
    """Measure what came after events.

    Args:
        panel: the sessions up to the day of the question.
        benchmark: closes of the same days, shape (sessions,).
        events: symbols with the day on which each could be known.
        horizon: sessions that a symbol is held.
    """
    columns = {symbol: i for i, symbol in enumerate(panel.symbols)}
    beat = _beat(panel, benchmark, horizon)
    busy: dict[str, int] = {}
    went, others, weeks = list[float](), list[float](), list[int]()
    for symbol, day in sorted(events, key=lambda event: event[1]):
        row = panel.row(day) + 1  # bought at the close of the session after it was known
        if symbol not in columns or row >= len(beat) or row < busy.get(symbol, 0):
            continue
        good = beat[row, columns[symbol]]
        if np.isfinite(good):
            busy[symbol] = row + horizon
            went.append(float(good))
            others.append(float(np.nanmean(beat[row])))
            weeks.append(row // horizon)
    n = len(went)
    if n < LEAST:
        return unknown(f"{n} such events with what came after, {LEAST} are needed", horizon, n)
    share, amount = sum(went) / n, independent(np.array(weeks), np.array(went))
    return BaseRate(n, share, *wilson(share, amount), float(np.mean(others)), horizon)


def momentum_base_rate(
    panel: Panel,
    benchmark: Floats,
    rules: Rules | None = None,
    horizon: int = HORIZON,
    step: int = 1,
) -> BaseRate:
    """Measure what came after symbols passed the momentum filters in the past.

    Args:
        panel: the sessions up to the day of the question.
        benchmark: closes of the same days, shape (sessions,).
        rules: of the filters.
        horizon: sessions that a symbol is held.
        step: sessions from one scan to the next.
    """
    events = []
    for row in range(YEAR_AND_ONE - 1, len(panel.days) - horizon - 1, step):
        filters = passes(measure(panel.until(row)), rules or Rules())
        left = np.logical_and.reduce([passed for passed, _ in filters.values()])
        day = panel.days[row].astype(object)
        events += [(panel.symbols[i], day) for i in np.flatnonzero(left)]
    return base_rate(panel, benchmark, events, horizon)


YEAR_AND_ONE: Final = 253


def on_days_of(panel: Panel, benchmark: Series) -> Floats:
    """Return a benchmark's closes on the days of a panel, NaN where it has none."""
    closes = np.full(len(panel.days), np.nan)
    _, ours, theirs = np.intersect1d(panel.days, benchmark.days, return_indices=True)
    closes[ours] = benchmark.adjusted(dividends=False)[theirs]
    return closes


def _beat(panel: Panel, benchmark: Floats, horizon: int) -> Floats:
    """Return 1 where a symbol beat the benchmark from a row on, 0 where not, NaN if not known."""
    rows = max(len(panel.days) - horizon, 0)
    own = panel.closes[horizon:] / panel.closes[:rows] if rows else panel.closes[:0]
    other = benchmark[horizon:] / benchmark[:rows] if rows else benchmark[:0]
    known = np.isfinite(own) & np.isfinite(other)[:, None]
    return np.where(known, (own > other[:, None]).astype(float), np.nan)
