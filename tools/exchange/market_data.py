"""Alpaca's market data paths on the exchange's prices; never a price from later than its clock."""

import base64
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter

from tools.exchange import wire
from tools.exchange.account import Exchange
from tools.exchange.orders import Refused
from tools.exchange.prices import NEW_YORK, Bar, Quote

MOST = 10_000
"""Most bars of a page."""


def market_data(exchange: Exchange) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.get("/v2/stocks/bars")
    async def bars(
        symbols: str,
        timeframe: str = "1Day",
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 1000,
        page_token: str | None = None,
    ) -> Any:
        if timeframe.lower() not in ("1day", "1d", "day"):
            raise Refused(422, 42210000, f"only daily bars are known here, not {timeframe}")
        rows = [
            (symbol, bar)
            for symbol in sorted(_names(symbols))
            for bar in _ended(exchange, symbol)
            if (start is None or bar.day >= _day(start)) and (end is None or bar.day <= _day(end))
        ]
        begin = int(base64.b64decode(page_token)) if page_token else 0
        page = rows[begin : begin + min(max(limit, 1), MOST)]
        after = begin + len(page)
        found: dict[str, list[Any]] = {}
        for symbol, bar in page:
            found.setdefault(symbol, []).append(wire.bar(exchange.sessions, bar))
        more = base64.b64encode(str(after).encode()).decode() if after < len(rows) else None
        return {"bars": found, "next_page_token": more}

    @router.get("/v2/stocks/quotes/latest")
    async def quotes(symbols: str) -> Any:
        return {"quotes": _latest(exchange, symbols, wire.quote)}

    @router.get("/v2/stocks/trades/latest")
    async def trades(symbols: str) -> Any:
        return {"trades": _latest(exchange, symbols, wire.trade)}

    @router.get("/v2/stocks/bars/latest")
    async def latest_bars(symbols: str) -> Any:
        found = {name: _ended(exchange, name) for name in _names(symbols)}
        return {
            "bars": {name: wire.bar(exchange.sessions, b[-1]) for name, b in found.items() if b}
        }

    @router.get("/v2/stocks/snapshots")
    async def snapshots(symbols: str) -> Any:
        return {name: shot for name in _names(symbols) if (shot := _snapshot(exchange, name))}

    @router.get("/v1beta1/news")
    async def news() -> Any:
        return {"news": [], "next_page_token": None}

    return router


def _names(symbols: str) -> list[str]:
    return list(dict.fromkeys(filter(None, symbols.split(","))))


def _day(moment: datetime) -> date:
    return (moment.astimezone(NEW_YORK) if moment.tzinfo else moment).date()


def _ended(exchange: Exchange, symbol: str) -> list[Bar]:
    """Return the sessions that are over: the one that is on has no bar yet that would be whole."""
    opens, closes = exchange.sessions.last(exchange.now)
    today = opens.astimezone(NEW_YORK).date()
    bars = exchange.prices.bars(symbol, today)
    return bars if exchange.now >= closes else [bar for bar in bars if bar.day < today]


def _latest(
    exchange: Exchange, symbols: str, write: Callable[[Quote], dict[str, Any]]
) -> dict[str, Any]:
    found = {name: exchange.quote(name) for name in _names(symbols)}
    return {name: write(one) for name, one in found.items() if one is not None}


def _snapshot(exchange: Exchange, symbol: str) -> dict[str, Any] | None:
    quote, bars = exchange.quote(symbol), _ended(exchange, symbol)
    if quote is None or not bars:
        return None
    shot = {"latestTrade": wire.trade(quote), "latestQuote": wire.quote(quote)}
    days = [wire.bar(exchange.sessions, bar) for bar in bars[-2:]]
    return shot | {"dailyBar": days[-1], "minuteBar": days[-1], "prevDailyBar": days[0]}
