"""Finnhub: the price now, news of a company, results against what was expected.

https://finnhub.io/docs/api: 60 requests a minute on the free plan, 30 a second on every plan. A
symbol that it does not know is answered with zeros. An earnings row is dated by the day of the
announcement and its part (`bmo` before the market opens, `amc` after it closes); what was expected
is what Finnhub shows now, which it may have changed after the fact.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from settings import Settings
from tools.market.access import Access, Known, access, needed, together
from tools.market.evidence import Datum
from tools.market.failures import Unreadable
from tools.market.fetch import Fetcher
from tools.market.provider import Provider, provider
from tools.market.reading import announced, day, moment, number, words
from tools.outside import Outside

NEWS_DAYS: Final = 7
NEWS_MOST: Final = 20
"""Newest articles of a symbol."""
RESULTS_DAYS: Final = 120
TENTH: Final = Decimal("0.1")


@provider("finnhub")
def open_finnhub(settings: Settings, outside: Outside) -> Provider:
    """Make the provider.

    Raises:
        NotConfigured: there is no key.
    """
    key = needed(settings.finnhub_api_key, "FINNHUB_API_KEY")
    limits = "60/minute; 30/second"
    return Finnhub(key, access(settings, "finnhub", "https://finnhub.io/api/v1", limits))


class Finnhub:
    """Market data of Finnhub.

    Args:
        key: of its API.
        access: where and how often.
    """

    name = "finnhub"

    def __init__(self, key: str, access: Access) -> None:
        self._key = key
        self._access = access

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return prices (about now only), a week of news and the last results of symbols.

        Raises:
            NoAnswer: one of its kinds.
        """
        known = Known(as_of, self._access.clock())
        async with self._fetcher() as fetch:
            found = await together(_of(fetch, symbol, known) for symbol in symbols)
        return known.of(datum for rows in found for datum in rows)

    async def happened(
        self, symbols: Sequence[str] | None, since: datetime, as_of: datetime
    ) -> list[Datum]:
        """Return results that became known in a span; of all companies without symbols.

        Raises:
            NoAnswer: one of its kinds.
        """
        known = Known(as_of, self._access.clock())
        async with self._fetcher() as fetch:
            rows = await together(
                _results(fetch, symbol, since, as_of)
                for symbol in ([None] if symbols is None else symbols)
            )
        data = known.of(datum for some in rows for datum in some)
        return [datum for datum in data if datum.knowable_at >= since]

    def _fetcher(self) -> Fetcher:
        headers = {"X-Finnhub-Token": self._key}
        return Fetcher(self.name, self._access.url, self._access.quota, headers=headers)


async def _of(fetch: Fetcher, symbol: str, known: Known) -> list[Datum]:
    asked = [
        _news(fetch, symbol, known.as_of),
        _results(fetch, symbol, known.as_of - timedelta(days=RESULTS_DAYS), known.as_of),
    ]
    if known.live:
        asked.append(_quote(fetch, symbol))
    return [datum for rows in await together(asked) for datum in rows]


async def _quote(fetch: Fetcher, symbol: str) -> list[Datum]:
    told = _mapping(await fetch.get("quote", {"symbol": symbol}))
    at, price = moment(told.get("t")), number(told.get("c"))
    if at is None or not price:  # zeros: a symbol that it does not know
        return []
    rows = [
        ("price", price, "USD"),
        ("price change since the last close", number(told.get("d")), "USD"),
        ("percentage change since the last close", number(told.get("dp")), "%"),
        ("previous close", number(told.get("pc")), "USD"),
    ]
    return [
        Datum(
            symbol=symbol,
            kind="price",
            name=name,
            value=value,
            unit=unit,
            source="finnhub",
            as_of=at,
            knowable_at=at,
        )
        for name, value, unit in rows
        if value is not None
    ]


async def _news(fetch: Fetcher, symbol: str, as_of: datetime) -> list[Datum]:
    since = as_of - timedelta(days=NEWS_DAYS)
    span = {"from": since.date().isoformat(), "to": as_of.date().isoformat()}
    told = await fetch.get("company-news", {"symbol": symbol, **span})
    if not isinstance(told, list):
        raise Unreadable("Its news is not a list.")
    found = []
    for row in told:
        row = row if isinstance(row, dict) else {}
        at, headline = moment(row.get("datetime")), words(row.get("headline"))
        if at is None or headline is None or at > as_of:
            continue
        found.append(
            Datum(
                symbol=symbol,
                kind="news",
                name=f"headline ({words(row.get('source')) or 'source not told'})",
                value=headline,
                source="finnhub",
                as_of=at,
                knowable_at=at,
                url=words(row.get("url")),
            )
        )
    return sorted(found, key=lambda datum: datum.as_of)[-NEWS_MOST:]


async def _results(
    fetch: Fetcher, symbol: str | None, since: datetime, as_of: datetime
) -> list[Datum]:
    params = {"from": since.date().isoformat(), "to": as_of.date().isoformat()}
    told = _mapping(await fetch.get("calendar/earnings", params | _of_symbol(symbol)))
    rows = told.get("earningsCalendar")
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise Unreadable("Its earnings calendar is not a list.")
    return [datum for row in rows if isinstance(row, dict) for datum in _result(row)]


def _of_symbol(symbol: str | None) -> dict[str, str]:
    return {"symbol": symbol} if symbol else {}


def _result(row: Mapping[str, Any]) -> list[Datum]:
    when, symbol = day(row.get("date")), words(row.get("symbol"))
    actual, expected = number(row.get("epsActual")), number(row.get("epsEstimate"))
    if when is None or symbol is None or actual is None:
        return []  # not announced yet
    at = announced(when, words(row.get("hour")))
    quarter = f"quarter {row.get('quarter')} of {row.get('year')}"
    told = [(f"EPS, {quarter}", actual, "USD")]
    if expected is not None:
        told.append((f"EPS expected, {quarter}", expected, "USD"))
    if expected:
        surprise = ((actual - expected) / abs(expected) * 100).quantize(TENTH)
        told.append((f"EPS surprise, {quarter}", surprise, "%"))
    return [
        Datum(
            symbol=symbol,
            kind="earnings",
            name=name,
            value=value,
            unit=unit,
            source="finnhub",
            as_of=at,
            knowable_at=at,
        )
        for name, value, unit in told
    ]


def _mapping(told: Any) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise Unreadable("It answered something else than an object.")
    return told
