"""Theses: made of a pick by rules, and looked at again on every close."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from graphs.stocks.memory.conditions import (
    CONDITION,
    Beats,
    Condition,
    Facts,
    Keeps,
    StaysLikely,
    Verdict,
    judge,
)
from store.theses import Review, Standing, Thesis
from tools.market.bars import Series

SWINGS = 2.0
"""Standard deviations of the horizon that a thesis survives: what falls further is not noise."""
QUARTER = 63
EVEN = 0.5


def thesis_of(
    run_id: str,
    series: Series,
    probability: float,
    argument: str,
    *,
    as_of: datetime,
    by: date,
    horizon: int,
) -> Thesis:
    """Return what a run believes of a symbol that it would buy.

    Args:
        run_id: the run.
        series: sessions of the symbol up to the last close.
        probability: of the consensus, that it beats the index.
        argument: the strongest of the case for it; empty where there is none.
        as_of: time of the run.
        by: session on whose close the forecast is due.
        horizon: sessions that it looks ahead.

    Raises:
        ValueError: the symbol has no prices.
    """
    if not len(series):
        raise ValueError(f"{series.symbol} has no prices, so nothing can be tested.")
    since: date = series.days[-1].astype(object)
    about = {"symbol": series.symbol, "since": since, "by": by}
    conditions: list[Condition] = [
        Beats.model_validate(about),
        StaysLikely.model_validate(about | {"above": EVEN, "at_first": probability}),
    ]
    if (floor := _floor(series, horizon)) is not None:
        conditions.insert(1, Keeps.model_validate(about | {"price": floor}))
    said = f" {argument}" if argument else ""
    return Thesis(
        run_id=run_id,
        symbol=series.symbol,
        text=f"{series.symbol} beats the index by {by}, {probability:.1%} likely.{said}",
        conditions=tuple(CONDITION.dump_python(one, mode="json") for one in conditions),
        opened_at=as_of,
        day=since,
        by=by,
    )


def _floor(series: Series, horizon: int) -> Decimal | None:
    """Return the price below which its own swings of the horizon hardly carry it."""
    closes = series.adjusted()[-QUARTER - 1 :]
    if len(closes) < QUARTER // 2:
        return None
    swing = float(np.diff(np.log(closes)).std() * np.sqrt(horizon))
    price = float(series.close[-1]) * float(np.exp(-SWINGS * swing))
    return Decimal(str(round(price, 2))) or None


def review(thesis: Thesis, facts: Facts) -> Review:
    """Look at a thesis by what is known now.

    Broken: a condition failed. Confirmed: all are met, or, when it is due, all that can be told.
    Weakened: none failed, but one that is open goes against it. Otherwise it stands.

    Raises:
        ValueError: it was believed later than the facts are known.
    """
    if thesis.opened_at > facts.as_of:
        raise ValueError(f"The thesis {thesis.id} is of later than {facts.as_of}.")
    conditions = [CONDITION.validate_python(plain) for plain in thesis.conditions]
    verdicts = [judge(one, facts) for one in conditions]
    met = [c.kind for c, v in zip(conditions, verdicts, strict=True) if v.state == "met"]
    failed = [c.kind for c, v in zip(conditions, verdicts, strict=True) if v.state == "failed"]
    standing, told = _standing(verdicts, due=facts.day >= thesis.by)
    return Review(
        thesis_id=thesis.id,
        day=facts.day,
        as_of=facts.as_of,
        standing=standing,
        reasons=tuple(verdict.why for verdict in told),
        met=tuple(met),
        failed=tuple(failed),
    )


def _standing(verdicts: Sequence[Verdict], *, due: bool) -> tuple[Standing, Sequence[Verdict]]:
    """Return how it stands, and the verdicts that say why."""
    if failed := [one for one in verdicts if one.state == "failed"]:
        return "broken", failed
    met = [one for one in verdicts if one.state == "met"]
    if len(met) == len(verdicts) or (due and met):
        return "confirmed", verdicts
    if warning := [one for one in verdicts if one.warns]:
        return "weakened", warning
    return "stands", verdicts


def is_over(standing: Standing) -> bool:
    """Whether nothing changes it any more."""
    return standing in ("confirmed", "broken")
