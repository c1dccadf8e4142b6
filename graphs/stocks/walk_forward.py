"""Do earned weights help? A walk through history in which nothing is known before its time.

On a panel of closes, every `horizon` sessions each analyst states for each symbol how likely it is
to beat the benchmark over the next `horizon` sessions: decided on the close of a day, bought at the
next. A forecast is graded when its horizon has passed, and only then moves calibration and weight.
The same `agree` combines the answers here and in the graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from graphs.stocks.analysts.quant import MONTH, SIGNALS, YEAR, Signal, stated
from graphs.stocks.consensus import Standing, agree
from graphs.stocks.opinion import LEAST, MOST, Opinion
from graphs.stocks.standing import Graded, likeness, standing
from graphs.stocks.track_record import (
    Floats,
    brier_score,
    expit,
    log_score,
    reliability,
)
from tools.market.recorded import twenty_closes

REVIEW: Final = 12
"""Decisions after which it is looked again who is like whom."""
_THEN: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Panel:
    """Adjusted closes of symbols that all existed throughout (so: survivors), and a benchmark.

    Attributes:
        symbols: in the order of the columns.
        dates: of the sessions, shape (t,), datetime64[D].
        closes: shape (t, n).
        benchmark: closes, shape (t,).
    """

    symbols: tuple[str, ...]
    dates: npt.NDArray[np.datetime64]
    closes: Floats
    benchmark: Floats


def recorded_panel() -> Panel:
    """Return the recorded panel of 20 shares with the index of the same days."""
    return Panel(*twenty_closes())


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What one way of forecasting said, and what came of it.

    Attributes:
        day: row of the panel of each, shape (n,).
        probability: stated, shape (n,).
        outcome: whether the symbol beat the benchmark, shape (n,).
    """

    day: npt.NDArray[np.int64]
    probability: Floats
    outcome: npt.NDArray[np.bool_]

    def interval(self, score: Floats, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
        """Return the 90 % interval of the mean of a score, by a bootstrap over blocks of a year."""
        blocks = [score[self.day // YEAR == year] for year in np.unique(self.day // YEAR)]
        sums = np.array([block.sum() for block in blocks])
        sizes = np.array([len(block) for block in blocks])
        chosen = np.random.default_rng(seed).integers(len(blocks), size=(draws, len(blocks)))
        means = sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
        low, high = np.quantile(means, [0.05, 0.95])
        return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Report:
    """The forecasts by the way in which they were made, all on the same days and symbols."""

    ways: Mapping[str, Forecasts]
    analysts: Mapping[str, Forecasts]
    standings: Mapping[str, Standing]
    """At the end."""
    records: Mapping[str, Graded]
    """All forecasts of each analyst; days and symbols are rows and columns of the panel."""

    def rows(self) -> list[dict[str, str | int | float]]:
        """Return a line for each way: n, scores, and gains over always 50 % with intervals."""
        lines: list[dict[str, str | int | float]] = []
        for name, said in {**self.ways, **self.analysts}.items():
            log_scores = log_score(said.probability, said.outcome)
            gain = (log_scores - np.log(0.5)) * 1000
            low, high = said.interval(gain)
            lines.append(
                {
                    "way": name,
                    "n": len(said.outcome),
                    "log score": float(log_scores.mean()),
                    "brier": float(brier_score(said.probability, said.outcome).mean()),
                    "gain": float(gain.mean()),
                    "low": low,
                    "high": high,
                }
            )
        return lines

    def reliability_of(self, way: str) -> list[tuple[float, float, float, float, int]]:
        """Return stated, came true, its interval and n, by bins of as many forecasts each."""
        said = {**self.ways, **self.analysts}[way]
        return [
            (b.stated, b.came_true, b.low, b.high, b.n)
            for b in reliability(said.probability, said.outcome)
        ]


def decision_days(panel: Panel, horizon: int) -> npt.NDArray[np.int64]:
    """Return the rows on which forecasts are made; those whose end the panel holds."""
    return np.arange(YEAR, len(panel.closes) - horizon - 1, horizon)


def outcomes(panel: Panel, days: npt.NDArray[np.int64], horizon: int) -> npt.NDArray[np.bool_]:
    """Return whether each symbol beat the benchmark from the close after a day, shape (d, n)."""
    own = panel.closes[days + 1 + horizon] / panel.closes[days + 1]
    market = panel.benchmark[days + 1 + horizon] / panel.benchmark[days + 1]
    return np.asarray(own > market[:, None])


def walk(
    panel: Panel,
    horizon: int = MONTH,
    signals: Mapping[str, Signal] = SIGNALS,
    *,
    combined: bool = True,
) -> Report:
    """Walk through the panel and return what each way of forecasting was worth.

    Args:
        panel: prices.
        horizon: sessions that each forecast looks ahead.
        signals: the analysts.
        combined: whether the ways that combine them are of interest; most of the time goes there.
    """
    days = decision_days(panel, horizon)
    came_true = outcomes(panel, days, horizon)
    said = {name: stated(signal(panel.closes))[days] for name, signal in signals.items()}
    usable = np.all([np.isfinite(table) for table in said.values()], axis=0)
    records = {name: _Book(len(days) * len(panel.symbols)) for name in signals}
    ways: dict[str, list[float]] = {name: [] for name in WAYS}
    where: list[tuple[int, int]] = []
    standings: dict[str, Standing] = {}
    alike: dict[frozenset[str], tuple[float, int]] = {}
    for d, day in enumerate(days):
        graded = int(np.searchsorted(days + 1 + horizon, day, side="right"))
        known = {
            name: book.until(int(days[graded - 1]) if graded else -1)
            for name, book in records.items()
        }
        standings = {name: standing(record) for name, record in known.items()}
        alike = alike if d % REVIEW or not combined else likeness(known)
        base = _base_rate(came_true[:graded], usable[:graded])
        best = max(standings, key=lambda name: standings[name].weight)
        for s in np.flatnonzero(usable[d]):
            where.append((int(day), int(s)))
            for name, book in records.items():
                stated_now = float(said[name][d, s])
                believed = float(expit(standings[name].calibration.believe(stated_now)[0]))
                book.add(int(day), int(s), stated_now, believed, base, bool(came_true[d, s]))
            if not combined:
                continue
            answers = [
                _opinion(name, panel.symbols[s], float(said[name][d, s]), horizon)
                for name in signals
            ]
            equal = {name: replace(one, weight=1.0) for name, one in standings.items()}
            earned = agree(panel.symbols[s], answers, standings, alike).probability
            level = agree(panel.symbols[s], answers, equal, alike).probability
            stated_by_best = said[best][d, s]
            single = float(expit(standings[best].calibration.believe(stated_by_best)[0]))
            raw = float(np.mean([said[name][d, s] for name in signals]))
            for way, p in zip(WAYS, (earned, level, single, raw, 0.5, base), strict=True):
                ways[way].append(float(p if p is not None else 0.5))
    day_of = np.array([day for day, _ in where], dtype=np.int64)
    truth = np.concatenate([came_true[d][usable[d]] for d in range(len(days))])
    return Report(
        {way: Forecasts(day_of, np.array(p), truth) for way, p in ways.items() if combined},
        {name: Forecasts(day_of, book.all().stated, truth) for name, book in records.items()},
        standings,
        {name: book.all() for name, book in records.items()},
    )


WAYS: Final = (
    "earned weights",
    "equal weights",
    "best single so far",
    "mean of what is stated",
    "always 50 %",
    "base rate so far",
)
"""The ways that are compared; all but the mean of what is stated are calibrated walk-forward."""


class _Book:
    """The forecasts of one analyst while they are made; outcomes are read only when due."""

    def __init__(self, most: int) -> None:
        self._columns = Graded(
            np.zeros(most, np.int64),
            np.zeros(most, np.int64),
            np.zeros(most),
            np.zeros(most),
            np.zeros(most),
            np.zeros(most, np.bool_),
        )
        self._n = 0

    def add(self, *values: float) -> None:
        for name, value in zip(Graded.__slots__, values, strict=True):
            getattr(self._columns, name)[self._n] = value
        self._n += 1

    def all(self) -> Graded:
        return self._columns.first(self._n)

    def until(self, day: int) -> Graded:
        return self.all().until(day)


def _opinion(analyst: str, symbol: str, probability: float, horizon: int) -> Opinion:
    return Opinion(
        analyst=analyst,
        family=analyst,
        symbol=symbol,
        as_of=_THEN,
        horizon_days=horizon,
        probability=min(max(probability, LEAST), MOST),
    )


def _base_rate(came_true: npt.NDArray[np.bool_], usable: npt.NDArray[np.bool_]) -> float:
    """Return the share that came true, drawn to one half by as much as 20 forecasts."""
    n = int(usable.sum())
    return float((came_true[usable].sum() + 10) / (n + 20)) if n else 0.5
