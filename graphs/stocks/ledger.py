"""What analysts have earned so far: the ledger of forecasts as standings, graded when it is due.

Where prices are recorded, the analysts that are code begin with the record that a walk through
history gives them (`walk_forward`), up to the day on which the exchange begins and no further.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from graphs.stocks.consensus import Standing
from graphs.stocks.opinion import Answer, Opinion
from graphs.stocks.records import graded_by_analyst
from graphs.stocks.standing import likeness, standing
from graphs.stocks.track_record import brier_score, expit, log_score
from store.forecasts import Forecast, Forecasts, GradedRow
from tools.market.bars import Series
from tools.market.provider import ProviderFailed
from tools.trading import Trading

BASE_PRIOR: Final = 20
"""Forecasts of one half that the base rate begins with."""


@dataclass(frozen=True, slots=True)
class Earned:
    """What is known of all analysts on a day.

    Attributes:
        standings: by analyst, of those with graded forecasts.
        likeness: how alike analysts are, by pair.
        base: share of all graded forecasts that came true, drawn to one half.
        graded: number of graded forecasts.
        scores: n, log score and Brier score by analyst, of what was believed of it.
    """

    standings: Mapping[str, Standing] = field(default_factory=dict)
    likeness: Mapping[frozenset[str], tuple[float, int]] = field(default_factory=dict)
    base: float = 0.5
    graded: int = 0
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


async def earned(forecasts: Forecasts, session: date, horizon: int) -> Earned:
    """Return what analysts have earned by forecasts that were due by a session."""
    key = (session, horizon, await forecasts.count(graded=True))  # a grade is never changed
    if (known := _KNOWN.get(forecasts)) and known[0] == key:
        return known[1]
    found = await asyncio.to_thread(_earned, await forecasts.graded(session, horizon))
    _KNOWN[forecasts] = (key, found)
    return found


_KNOWN: Final = WeakKeyDictionary[Forecasts, tuple[tuple[date, int, int], Earned]]()
"""What was worked out last; a run asks several times."""


def _earned(rows: Sequence[GradedRow]) -> Earned:
    if not rows:
        return Earned()
    records = graded_by_analyst(rows)
    # A symbol's outcome counts once, however many analysts forecast it.
    outcomes = {(row.day, row.symbol): row.outcome for row in rows}
    base = (sum(outcomes.values()) + BASE_PRIOR / 2) / (len(outcomes) + BASE_PRIOR)
    return Earned(
        {name: standing(record) for name, record in records.items()},
        likeness(records),
        base,
        len(rows),
        {
            name: {
                "n": float(len(record)),
                "log_score": float(log_score(record.believed, record.outcome).mean()),
                "brier": float(brier_score(record.believed, record.outcome).mean()),
            }
            for name, record in records.items()
        },
    )


async def grade(trading: Trading, session: date, now: datetime) -> int:
    """Grade what is due, by closes that are known now; returns how many.

    What cannot be measured, as a symbol that is no longer told, stays open.
    """
    due = await trading.forecasts.due(session)
    if not due:
        return 0
    try:
        series = await trading.market.bars(sorted({one.symbol for one in due}), now)
        index = await trading.market.benchmark(now)
    except ProviderFailed:
        return 0
    graded = 0
    for one in due:
        own = series.get(one.symbol)
        excess = _excess(own, index, one) if own is not None else None
        if excess is not None:
            await trading.forecasts.grade(one.id, excess, now)
            graded += 1
    return graded


def _excess(own: Series, index: Series, forecast: Forecast) -> float | None:
    """Return by how much a share beat the index from the close after the forecast's day."""
    changes = []
    for series in (own, index):
        at = int(np.searchsorted(series.days, np.datetime64(forecast.day), side="right"))
        after = at + forecast.horizon_days
        if after >= len(series):
            return None
        closes = series.adjusted()
        changes.append(float(closes[after] / closes[at] - 1))
    return changes[0] - changes[1]


def forecasts_of(
    answers: Sequence[Answer], known: Earned, run_id: str, session: date, due_on: date
) -> list[Forecast]:
    """Return what the opinions of a run state, to be graded when it is due."""
    found = []
    for answer in answers:
        if isinstance(answer, Opinion):
            one = known.standings.get(answer.analyst, Standing())
            mean, _ = one.calibration.believe(answer.probability)
            found.append(
                Forecast(
                    analyst=answer.analyst,
                    symbol=answer.symbol,
                    run_id=run_id,
                    day=session,
                    due_on=due_on,
                    horizon_days=answer.horizon_days,
                    stated=answer.probability,
                    believed=float(expit(mean)),
                    base=known.base,
                )
            )
    return found


HISTORY: Final = "history"
"""Run of the forecasts that are of the walk through history."""


async def begin_with_history(trading: Trading, horizon: int) -> None:
    """Give the analysts that are code their record of the recorded past, once.

    Forecasts whose horizon was over by the day of the first run count; takes some seconds then.
    """
    key = f"history:{horizon}"
    if not trading.recorded or await trading.journal.get(key):
        return
    until = trading.now()
    made = await asyncio.to_thread(_history, until.date(), horizon, until)
    await trading.forecasts.add(made)
    body = {"forecasts": len(made), "until": until.date().isoformat(), "horizon_days": horizon}
    await trading.journal.append("history", body, key=key, at=until)


def _history(until: date, horizon: int, at: datetime) -> list[Forecast]:
    from graphs.stocks.walk_forward import Panel, recorded_panel, walk

    whole = recorded_panel()
    n = int(np.searchsorted(whole.dates, np.datetime64(until)))
    panel = Panel(whole.symbols, whole.dates[:n], whole.closes[:n], whole.benchmark[:n])
    made = []
    for analyst, record in walk(panel, horizon, combined=False).records.items():
        after = record.day + 1
        own = panel.closes[after + horizon, record.symbol] / panel.closes[after, record.symbol]
        excess = own - panel.benchmark[after + horizon] / panel.benchmark[after]
        for i in range(len(record)):
            day = int(record.day[i])
            made.append(
                Forecast(
                    analyst=analyst,
                    symbol=panel.symbols[record.symbol[i]],
                    run_id=HISTORY,
                    day=panel.dates[day].astype(object),
                    due_on=panel.dates[day + 1 + horizon].astype(object),
                    horizon_days=horizon,
                    stated=float(record.stated[i]),
                    believed=float(record.believed[i]),
                    base=float(record.base[i]),
                    outcome=bool(record.outcome[i]),
                    excess=float(excess[i]),
                    graded_at=at,
                )
            )
    return made
