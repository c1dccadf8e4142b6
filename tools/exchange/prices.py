"""Prices by the minute out of daily bars, recorded or made from a seed."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

NEW_YORK: Final = ZoneInfo("America/New_York")
CENT: Final = Decimal("0.01")
HALF_SPREAD: Final = Decimal("0.0002")
"""Distance of bid and ask from the price, as a fraction of it; a cent at least."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One session of one symbol, as it traded (not adjusted for later splits)."""

    day: date
    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What a share can be bought and sold for, USD."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    at: datetime


class Prices:
    """Prices at any moment of the sessions that there are bars for.

    Within a session the price runs from the open over the extreme that is further from the close to
    the other one, and to the close, a quarter of the time, a half, and a quarter: a path that
    touches all four, not one that was recorded.

    Args:
        bars: by symbol, in order of days.
    """

    def __init__(self, bars: Mapping[str, Sequence[Bar]]) -> None:
        self._bars = {symbol: list(days) for symbol, days in bars.items()}
        self._index = {
            symbol: {bar.day: i for i, bar in enumerate(days)} for symbol, days in bars.items()
        }

    @property
    def symbols(self) -> list[str]:
        """Symbols that trade, in alphabetical order."""
        return sorted(self._bars)

    @cached_property
    def days(self) -> list[date]:
        """Days on which anything traded, in order."""
        return sorted({bar.day for bars in self._bars.values() for bar in bars})

    def bars(self, symbol: str, until: date) -> list[Bar]:
        """Return the sessions up to a day, that day included."""
        return [bar for bar in self._bars.get(symbol, []) if bar.day <= until]

    def at(self, symbol: str, now: datetime, opens: datetime, closes: datetime) -> Quote | None:
        """Return the quote at a moment; None where the symbol has not traded yet.

        Args:
            symbol: what is traded.
            now: the moment.
            opens: when the session opens that the moment is in, or the last before it.
            closes: when that session closes.
        """
        day = opens.astimezone(NEW_YORK).date()
        position = self._index.get(symbol, {}).get(day)
        if position is None:
            before = self.bars(symbol, day)
            return _quote(before[-1].close, min(now, closes)) if before else None
        share = (now - opens) / (closes - opens)
        bar = self._bars[symbol][position]
        return _quote(_path(bar, min(max(share, 0.0), 1.0)), min(now, closes))


def _path(bar: Bar, share: float) -> float:
    up = bar.close >= bar.open
    first, second = (bar.low, bar.high) if up else (bar.high, bar.low)
    return float(np.interp(share, [0.0, 0.25, 0.75, 1.0], [bar.open, first, second, bar.close]))


def _quote(price: float, at: datetime) -> Quote:
    last = Decimal(str(round(price, 4)))
    half = max(last * HALF_SPREAD, CENT / 2)
    bid = max((last - half).quantize(CENT, ROUND_DOWN), Decimal(0))
    return Quote(bid, (last + half).quantize(CENT, ROUND_UP), last.quantize(CENT), at)


def seeded(symbols: Sequence[str], days: Sequence[date], seed: int = 0) -> Prices:
    """Return made-up prices, the same for the same seed: a random walk, whatever the symbol.

    Args:
        symbols: that trade.
        days: sessions of the exchange.
        seed: chooses the walk.
    """
    return Prices({symbol: _walk(symbol, days, seed) for symbol in symbols})


def _walk(symbol: str, days: Sequence[date], seed: int) -> list[Bar]:
    digest = hashlib.sha256(f"{seed}:{symbol}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    price, found = float(rng.uniform(20, 300)), []
    volatility = float(rng.uniform(0.01, 0.03))
    for day in days:
        gap, drift = rng.normal(0, volatility / 3), rng.normal(0.0003, volatility)
        opened = price * math.exp(gap)
        closed = opened * math.exp(drift)
        above, below = np.abs(rng.normal(0, volatility / 2, 2))
        high, low = max(opened, closed) * math.exp(above), min(opened, closed) * math.exp(-below)
        o, h, lo, c = (round(v, 2) for v in (opened, high, low, closed))
        found.append(Bar(day, o, h, lo, c, volume=int(rng.lognormal(14.5, 0.4))))
        price = closed
    return found
