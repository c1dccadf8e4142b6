"""The recorded shares, as a provider: real prices of the past, labelled as historical."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np

from settings import Settings
from tools.exchange.sessions import new_york
from tools.market.bars import Series
from tools.market.evidence import Datum
from tools.market.provider import Provider, provider
from tools.market.recorded import five_shares, twenty_closes
from tools.market.statistics import index_statistics, statistics
from tools.outside import Outside


@provider("recorded")
def open_recorded(settings: Settings, outside: Outside) -> Provider:
    """Make the provider; it needs nothing."""
    return Recorded()


class Recorded:
    """Five shares to March 2013, with an index of the same days."""

    name = "recorded"

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return what the closes say that were over; see `tools.market.statistics`."""
        return await asyncio.to_thread(_data, tuple(symbols), as_of)

    async def bars(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Series]:
        """Return the sessions that were over at a time."""
        return await asyncio.to_thread(_bars, tuple(symbols), as_of)

    async def benchmark(self, as_of: datetime) -> Series:
        """Return the index."""
        return await asyncio.to_thread(lambda: _index().until(last_close(as_of)[0]))


def last_close(as_of: datetime) -> tuple[date, datetime]:
    """Return the last session that was over at a time, and when it closed, UTC; blocks once."""
    sessions = new_york()
    opens, closes = sessions.last(as_of)
    if closes > as_of:
        opens, closes = sessions.last(opens.replace(hour=0, minute=0))
    return opens.astimezone(UTC).date(), closes


def _bars(symbols: Sequence[str], as_of: datetime) -> dict[str, Series]:
    day, _ = last_close(as_of)
    shares = five_shares()
    found = {symbol: shares[symbol].until(day) for symbol in symbols if symbol in shares}
    return {symbol: series for symbol, series in found.items() if len(series)}


def _data(symbols: Sequence[str], as_of: datetime) -> list[Datum]:
    day, closed_at = last_close(as_of)
    of_all = index_statistics(_index().until(day), closed_at)
    shares = _bars(symbols, as_of).values()
    return of_all + [datum for series in shares for datum in statistics(series, closed_at)]


@lru_cache(maxsize=1)
def _index() -> Series:
    _, days, _, index = twenty_closes()
    unknown = np.full(len(days), np.nan)
    return Series("INDEX", "recorded (skfolio)", days, unknown, unknown, unknown, index, unknown)
