"""The track record of all analysts, as it stands at the market's time."""

import asyncio
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, Field

from graphs.stocks.records import Record, graded_by_analyst, record
from store.forecasts import GradedRow
from tools.trading import Trading

COIN_BRIER: Final = 0.25
COIN_LOG: Final = -0.6931


class TrackRecords(BaseModel):
    """What analysts were worth so far."""

    horizon_days: int
    graded: int = Field(description="Forecasts whose horizon has passed.")
    waiting: int = Field(description="Forecasts whose horizon has not passed yet.")
    coin: dict[str, float] = Field(description="What a coin would score.")
    analysts: list[Record]


async def track_records(trading: Trading, horizon_days: int) -> TrackRecords:
    """Return them, those with the most weight first."""
    rows = await trading.forecasts.graded(trading.now().date(), horizon_days)
    total = await trading.forecasts.count()
    return TrackRecords(
        horizon_days=horizon_days,
        graded=len(rows),
        waiting=max(total - len(rows), 0),
        coin={"brier": COIN_BRIER, "log_score": COIN_LOG},
        analysts=await asyncio.to_thread(_records, rows),
    )


def _records(rows: Sequence[GradedRow]) -> list[Record]:
    found = [record(name, graded) for name, graded in graded_by_analyst(rows).items()]
    return sorted(found, key=lambda one: (-one.weight, one.analyst))
