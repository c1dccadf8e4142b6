"""Asking the market data that the settings have chosen, and finding what is worth a look."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from graphs.stocks.discovery.base_rates import (
    BaseRate,
    base_rate,
    momentum_base_rate,
    on_days_of,
    unknown,
)
from graphs.stocks.discovery.catalysts import Catalysts, catalysts, events
from graphs.stocks.discovery.momentum import Rules, Scan, scan
from graphs.stocks.discovery.panel import Panel, panel
from tools.market.bars import Floats, Series
from tools.market.evidence import Datum
from tools.market.provider import Market, ProviderFailed

FRESH: Final = timedelta(days=7)
"""An event that became known within this time is new."""
REMEMBERED: Final = timedelta(days=730)
"""How far back events are asked for to measure what came after them."""


@dataclass(frozen=True, slots=True)
class Momentum:
    """A scan with how often such a find went well before, or why there was no scan."""

    scan: Scan
    base_rate: BaseRate
    failure: str | None = None

    def explain(self) -> list[str]:
        """Say what was scanned and what failed which filter."""
        return [self.failure] if self.failure else list(self.scan.explain())


@dataclass(frozen=True, slots=True)
class Discovery:
    """What is worth a look at a time."""

    as_of: datetime
    momentum: Momentum
    catalysts: Catalysts

    def as_json(self) -> dict[str, Any]:
        """Return it for the API."""
        found = self.momentum.scan.found
        return {
            "as_of": self.as_of.isoformat(),
            "momentum": {
                "found": [{name: getattr(one, name) for name in one.__slots__} for one in found],
                "base_rate": str(self.momentum.base_rate),
                "explanation": self.momentum.explain(),
            },
            "catalysts": {
                "found": [
                    {
                        "kind": one.kind,
                        "symbol": one.symbol,
                        "what": one.what,
                        "known_since": one.known_since.isoformat(),
                        "source": one.source,
                        "url": one.url,
                        "evidence": one.evidence,
                        "base_rate": str(one.base_rate),
                    }
                    for one in self.catalysts.found
                ],
                "explanation": list(self.catalysts.explain()),
            },
        }


async def discover(
    market: Market,
    symbols: Sequence[str],
    as_of: datetime,
    *,
    rules: Rules | None = None,
    fresh: timedelta = FRESH,
) -> Discovery:
    """Scan prices and events of symbols as they could be known at a time.

    A provider that fails does not end it: what it would have told is named as not looked at.

    Args:
        market: the providers that the settings have chosen.
        symbols: to look at; approvals and results of others are told too, where a provider tells
            them for all companies.
        as_of: the time, UTC.
        rules: of the momentum filters.
        fresh: how long an event is new.
    """
    (shares, failure), (data, silent) = await asyncio.gather(
        _shares(market, symbols, as_of), _happened(market, symbols, as_of, fresh)
    )
    return await asyncio.to_thread(
        _found, shares, failure, data, silent, as_of, rules or Rules(), fresh
    )


def _found(
    shares: tuple[Mapping[str, Series], Series] | None,
    failure: str | None,
    data: Sequence[Datum],
    silent: Mapping[str, str],
    as_of: datetime,
    rules: Rules,
    fresh: timedelta,
) -> Discovery:
    if shares is None:
        why = unknown("there are no prices to measure with")
        nothing = Momentum(scan(panel([])), why, failure)
        found = catalysts(data, as_of - fresh, {}, why, silent)
        return Discovery(as_of, nothing, found)
    whole = panel(shares[0].values())
    closes = on_days_of(whole, shares[1])
    momentum = Momentum(scan(whole, rules), momentum_base_rate(whole, closes, rules))
    measured = _measured(whole, closes, data)
    none = unknown("no such event with what came after is on record")
    return Discovery(as_of, momentum, catalysts(data, as_of - fresh, measured, none, silent))


def _measured(whole: Panel, closes: Floats, data: Sequence[Datum]) -> dict[str, BaseRate]:
    return {
        group: base_rate(whole, closes, [(symbol, at.date()) for symbol, at in some])
        for group, some in events(data).items()
    }


async def _shares(
    market: Market, symbols: Sequence[str], as_of: datetime
) -> tuple[tuple[Mapping[str, Series], Series] | None, str | None]:
    try:
        shares = await market.bars(symbols, as_of)
        return (shares, await market.benchmark(as_of)), None
    except ProviderFailed as error:
        return None, f"There was no scan of prices: {error}"


async def _happened(
    market: Market, symbols: Sequence[str], as_of: datetime, fresh: timedelta
) -> tuple[list[Datum], dict[str, str]]:
    """Return the new events of all companies and those of two years of the symbols."""
    if not market.has_events:
        return [], {"events": "none of the market data chosen tells any; see docs/market.md."}
    new, old = await asyncio.gather(
        market.happened(None, as_of - fresh, as_of),
        market.happened(symbols, as_of - REMEMBERED, as_of),
    )
    silent = {one.provider: one.problem for one in (*new.failures, *old.failures)}
    return [*new.data, *old.data], silent
