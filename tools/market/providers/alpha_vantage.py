"""Alpha Vantage: the last price, fundamentals as they are now, results against what was expected.

https://www.alphavantage.co/documentation/: 5 requests a minute and 25 a day without a paid plan,
three of them for a symbol. Figures are texts, missing ones `None` or `-`. A used up quota, a wrong
key and an unknown function are all answered with status 200 and a sentence; one of them repeats the
key. `OVERVIEW` is as of now and has no history: it is told only for a question about now.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from settings import Settings
from tools.exchange.sessions import new_york
from tools.market.access import Access, Known, access, needed
from tools.market.evidence import Datum, Kind
from tools.market.failures import Rationed, Rejected, Unreadable
from tools.market.fetch import Fetcher
from tools.market.provider import Provider, provider
from tools.market.reading import announced, day, end_of, number
from tools.outside import Outside

RESULTS_DAYS: Final = 400
OVERVIEW: Final = {
    "MarketCapitalization": ("market capitalisation", "USD"),
    "PERatio": ("price to earnings, last year", None),
    "PriceToBookRatio": ("price to book", None),
    "EPS": ("EPS, last year", "USD"),
    "ProfitMargin": ("profit margin, as a fraction", None),
    "DividendYield": ("dividend yield, as a fraction", None),
    "Beta": ("beta", None),
}
"""What is told of `OVERVIEW`, with name and unit."""


@provider("alpha_vantage")
def open_alpha_vantage(settings: Settings, outside: Outside) -> Provider:
    """Make the provider.

    Raises:
        NotConfigured: there is no key.
    """
    key = needed(settings.alpha_vantage_api_key, "ALPHA_VANTAGE_API_KEY")
    where = access(settings, "alpha_vantage", "https://www.alphavantage.co", "5/minute; 25/day")
    return AlphaVantage(key, where)


class AlphaVantage:
    """Market data of Alpha Vantage.

    Args:
        key: of its API.
        access: where and how often.
    """

    name = "alpha_vantage"

    def __init__(self, key: str, access: Access) -> None:
        self._key = key
        self._access = access

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return prices and fundamentals (about now only) and the last results of symbols.

        Raises:
            NoAnswer: one of its kinds; the free plan is enough for eight symbols a day.
        """
        known = Known(as_of, self._access.clock())
        secret = {"apikey": self._key}
        found: list[Datum] = []
        async with Fetcher(self.name, self._access.url, self._access.quota, secret=secret) as fetch:
            for symbol in symbols:
                try:
                    found += known.of(await _of(fetch, symbol, known))
                except Rationed as failure:
                    failure.data = found  # of the symbols before; the quota is small
                    raise
        return found


async def _of(fetch: Fetcher, symbol: str, known: Known) -> list[Datum]:
    told = await _ask(fetch, "EARNINGS", symbol)
    found = _results(symbol, told, known.as_of - timedelta(days=RESULTS_DAYS))
    if known.live:
        quote = await _ask(fetch, "GLOBAL_QUOTE", symbol)
        found += await asyncio.to_thread(_quote, symbol, quote, known.now)
        found += _overview(symbol, await _ask(fetch, "OVERVIEW", symbol), known.now)
    return found


async def _ask(fetch: Fetcher, function: str, symbol: str) -> Mapping[str, Any]:
    told = await fetch.get("query", {"function": function, "symbol": symbol})
    if not isinstance(told, dict):
        raise Unreadable("It answered something else than an object.")
    if refused := told.get("Error Message"):
        raise Rejected(f"It refused the request ({fetch.clean(str(refused))}).")
    notice = told.get("Note") or told.get("Information")
    if notice and len(told) == 1:
        message = fetch.clean(str(notice))
        wait = 86_400.0 if "per day" in message else 60.0
        fetch.quota.hold(wait)
        raise Rationed(f"It was asked too often, or the plan lacks it ({message}).", wait)
    return told


def _quote(symbol: str, told: Mapping[str, Any], now: datetime) -> list[Datum]:
    row = told.get("Global Quote")
    if not isinstance(row, dict) or not row:  # a symbol that it does not know
        return []
    about, price = day(row.get("07. latest trading day")), number(row.get("05. price"))
    if about is None or price is None:
        return []
    try:
        at = min(new_york().of(about)[1], now)
    except LookupError:
        raise Unreadable(f"It has a price of {about}, when New York did not trade.") from None
    rows = [
        ("price", price, "USD"),
        ("price change since the last close", number(row.get("09. change")), "USD"),
        ("percentage change since the last close", number(row.get("10. change percent")), "%"),
        ("volume of the day", number(row.get("06. volume")), "shares"),
    ]
    return [
        _datum(symbol, "price", name, value, unit, at, at)
        for name, value, unit in rows
        if value is not None
    ]


def _overview(symbol: str, told: Mapping[str, Any], now: datetime) -> list[Datum]:
    latest = day(told.get("LatestQuarter"))
    about = min(end_of(latest), now) if latest else now
    return [
        _datum(symbol, "fundamental", name, value, unit, about, now)
        for key, (name, unit) in OVERVIEW.items()
        if (value := number(told.get(key))) is not None
    ]


def _results(symbol: str, told: Mapping[str, Any], since: datetime) -> list[Datum]:
    rows = told.get("quarterlyEarnings") or []
    if not isinstance(rows, list):
        raise Unreadable("Its quarterly earnings are not a list.")
    found = []
    for row in rows:
        row = row if isinstance(row, dict) else {}
        when, ended = day(row.get("reportedDate")), day(row.get("fiscalDateEnding"))
        if when is None or ended is None:
            continue
        at = announced(when, row.get("reportTime"))
        quarter = f"quarter to {ended}"
        figures = [
            (f"EPS, {quarter}", number(row.get("reportedEPS")), "USD"),
            (f"EPS expected, {quarter}", number(row.get("estimatedEPS")), "USD"),
            (f"EPS surprise, {quarter}", number(row.get("surprisePercentage")), "%"),
        ]
        if at >= since and figures[0][1] is not None:
            found += [
                _datum(symbol, "earnings", name, value, unit, at, at)
                for name, value, unit in figures
                if value is not None
            ]
    return found


def _datum(
    symbol: str,
    kind: Kind,
    name: str,
    value: Any,
    unit: str | None,
    as_of: datetime,
    knowable_at: datetime,
) -> Datum:
    return Datum(
        symbol=symbol,
        kind=kind,
        name=name,
        value=value,
        unit=unit,
        source="alpha_vantage",
        as_of=as_of.astimezone(UTC),
        knowable_at=knowable_at.astimezone(UTC),
    )
