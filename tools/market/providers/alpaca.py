"""Alpaca's market data by `alpaca-py`: sessions, prices now, news.

https://docs.alpaca.markets/reference/stockbars: 200 requests a minute on the free plan, which has
the prices of one exchange (`iex`) at once and those of all (`sip`) after 15 minutes. Sessions are
asked for twice, raw and adjusted: where the two jump against one another there was a split or a
dividend, known from that day on (see `tools.market.bars.actions_of`). A daily bar is stamped with
the midnight before its session and is told only when the session is over. An article can be edited:
what we hold is its last version, so that is since when it is knowable.

The client repeats by itself and waits for ever; here it does neither, and each page that it turns
takes a place in the quota. Answers are read raw: one field too few in one article would otherwise
lose all of them.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical import NewsClient, StockHistoricalDataClient
from alpaca.data.requests import NewsRequest, StockBarsRequest, StockSnapshotRequest
from alpaca.data.timeframe import TimeFrame
from requests.adapters import HTTPAdapter

from settings import Settings
from tools.exchange.sessions import new_york
from tools.market.access import Access, Known, access, needed
from tools.market.bars import Series, actions_of
from tools.market.evidence import Datum
from tools.market.failures import (
    Absent,
    NoAnswer,
    NotConfigured,
    Rationed,
    Refused,
    Rejected,
    Unreachable,
    Unreadable,
)
from tools.market.fetch import ATTEMPTS, FIRST_PAUSE_SECS, PATIENCE_SECS, TIMEOUT_SECS, retry_after
from tools.market.provider import Provider, provider
from tools.market.providers.recorded import last_close
from tools.market.quota import Exhausted, Quota
from tools.market.reading import NEW_YORK, moment, number, words
from tools.market.statistics import index_statistics, statistics
from tools.outside import Outside

BENCHMARK: Final = "SPY"
BARS: Final = timedelta(days=800)
"""How far back sessions are told."""
NEWS: Final = timedelta(days=7)
NEWS_MOST: Final = 50
TOGETHER: Final = 100
"""Symbols of one request."""


@provider("alpaca")
def open_alpaca(settings: Settings, outside: Outside) -> Provider:
    """Make the provider.

    Raises:
        NotConfigured: the key or its secret is missing, or the feed is not known.
    """
    key = needed(settings.alpaca_key, "APCA_API_KEY_ID")
    secret = needed(settings.alpaca_secret, "APCA_API_SECRET_KEY")
    url = settings.alpaca_data_url or "https://data.alpaca.markets"
    try:
        feed = DataFeed(settings.alpaca_feed)
    except ValueError:
        raise NotConfigured(
            f"DIALGRAPH_ALPACA_FEED is {settings.alpaca_feed!r}; Alpaca has "
            f"{', '.join(one.value for one in DataFeed)}."
        ) from None
    return Alpaca(key, secret, access(settings, "alpaca", url, "200/minute"), feed)


class Alpaca:
    """Market data of Alpaca.

    Args:
        key: id of the API key.
        secret: its secret.
        access: where and how often.
        feed: whose prices.
    """

    name = "alpaca"

    def __init__(
        self, key: str, secret: str, access: Access, feed: DataFeed = DataFeed.IEX
    ) -> None:
        self._access = access
        self._feed = feed
        self._stocks = StockHistoricalDataClient(
            key, secret, url_override=access.url, raw_data=True
        )
        self._news = NewsClient(key, secret, url_override=access.url, raw_data=True)
        for client in (self._stocks, self._news):
            client._retry = 0
            for scheme in ("https://", "http://"):
                client._session.mount(scheme, _Paced(access.quota))

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return what the closes say, news of a week, and prices (about now only) of symbols.

        Raises:
            NoAnswer: one of its kinds.
        """
        known = Known(as_of, self._access.clock())
        return known.of(await asyncio.to_thread(self._data, tuple(symbols), known))

    async def bars(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Series]:
        """Return the sessions that were over at a time; symbols that it has not are missing.

        Raises:
            NoAnswer: one of its kinds.
        """
        return await asyncio.to_thread(self._bars, tuple(symbols), as_of)

    async def benchmark(self, as_of: datetime) -> Series:
        """Return the sessions of SPY.

        Raises:
            NoAnswer: one of its kinds.
        """
        found = await self.bars([BENCHMARK], as_of)
        if BENCHMARK not in found:
            raise Absent(f"It has no sessions of {BENCHMARK}.")
        return found[BENCHMARK]

    def _data(self, symbols: Sequence[str], known: Known) -> list[Datum]:
        series = self._bars([*symbols, BENCHMARK], known.as_of)
        index = series.get(BENCHMARK)
        data = index_statistics(index, _closed(index)) if index else []
        for symbol in symbols:
            if symbol in series:
                data += statistics(series[symbol], _closed(series[symbol]))
        return data + self._articles(symbols, known) + self._prices(symbols, known)

    def _bars(self, symbols: Sequence[str], as_of: datetime) -> dict[str, Series]:
        last, closed_at = last_close(as_of)
        found = {}
        for some in _parts(list(dict.fromkeys(symbols))):
            raw, adjusted = (
                self._rows(some, as_of - BARS, closed_at, adjustment)
                for adjustment in (Adjustment.RAW, Adjustment.ALL)
            )
            for symbol in some:
                source = f"{self.name} ({self._feed.value})"
                series = _series(symbol, source, raw.get(symbol), adjusted.get(symbol))
                if series is not None and len(cut := series.until(last)):
                    found[symbol] = cut
        return found

    def _rows(
        self, symbols: list[str], start: datetime, end: datetime, adjustment: Adjustment
    ) -> Mapping[str, Any]:
        request = StockBarsRequest(
            symbol_or_symbols=symbols,
            timeframe=TimeFrame.Day,
            start=start,
            end=end,
            adjustment=adjustment,
            feed=self._feed,
        )
        return _mapping(_asked(lambda: self._stocks.get_stock_bars(request)))

    def _articles(self, symbols: Sequence[str], known: Known) -> list[Datum]:
        request = NewsRequest(
            symbols=",".join(symbols),
            start=known.as_of - NEWS,
            end=known.as_of,
            limit=NEWS_MOST,
        )
        rows = _mapping(_asked(lambda: self._news.get_news(request))).get("news") or []
        return [datum for row in rows if isinstance(row, dict) for datum in _article(row, symbols)]

    def _prices(self, symbols: Sequence[str], known: Known) -> list[Datum]:
        if not known.live:
            return []
        request = StockSnapshotRequest(symbol_or_symbols=list(symbols), feed=self._feed)
        told = _mapping(_asked(lambda: self._stocks.get_stock_snapshot(request)))
        return [
            datum
            for symbol in symbols
            if isinstance(shot := told.get(symbol), dict)
            for datum in _snapshot(symbol, shot)
        ]


class _Paced(HTTPAdapter):
    """Takes a place in the quota for each request, and asks again where that helps.

    Only what is asked with GET goes through it.
    """

    def __init__(self, quota: Quota) -> None:
        super().__init__()
        self._quota = quota

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        options["timeout"] = TIMEOUT_SECS
        for attempt in range(1, ATTEMPTS + 1):
            self._turn()
            pause = FIRST_PAUSE_SECS * 2 ** (attempt - 1)
            try:
                answer = super().send(request, **options)
            except requests.RequestException:
                self._quota.count(Unreachable.kind)
                if attempt == ATTEMPTS:
                    raise
            else:
                if answer.status_code == 429:
                    pause = retry_after(answer.headers)
                    self._quota.hold(pause)
                over = answer.status_code < 500 and answer.status_code != 429
                if over or attempt == ATTEMPTS or pause > PATIENCE_SECS:
                    self._quota.count("ok" if answer.ok else _kind(answer.status_code).kind)
                    return answer
                self._quota.count(_kind(answer.status_code).kind)
            time.sleep(pause)
        raise AssertionError  # the last attempt returns or raises

    def _turn(self) -> None:
        try:
            time.sleep(self._quota.take(PATIENCE_SECS))
        except Exhausted as error:
            self._quota.count(Rationed.kind)
            raise Rationed(
                f"Our quota of it is used up; it may be asked again in {error.wait:.0f} s.",
                error.wait,
                asked=False,
            ) from None


def _kind(status: int) -> type[NoAnswer]:
    if status == 429:
        return Rationed
    if status in (401, 402, 403):
        return Refused
    if status == 404:
        return Absent
    return Unreachable if status >= 500 else Rejected


def _asked(call: Callable[[], Any]) -> Any:
    """Turn what the client raises into what is known."""
    try:
        return call()
    except APIError as error:
        status = error.status_code or 0
        told = f"status {status}, {_message(str(error))}"
        kind = _kind(status)
        if kind is Rationed:
            raise Rationed(f"It was asked too often ({told}).", 60.0) from None
        raise kind(f"It gave nothing ({told}).") from None
    except requests.Timeout:
        raise Unreachable(f"No answer within {TIMEOUT_SECS:.0f} s.") from None
    except requests.exceptions.JSONDecodeError:
        raise Unreadable("It answered something else than JSON.") from None
    except requests.RequestException as error:
        raise Unreachable(f"The connection failed ({type(error).__name__}).") from None
    except (ValueError, TypeError, AttributeError) as error:  # the client on an odd answer
        raise Unreadable(f"Its answer cannot be read ({type(error).__name__}).") from None


def _message(body: str) -> str:
    try:
        told = json.loads(body)
    except ValueError:
        return "a web page" if body.lstrip()[:1] == "<" else "no words"
    return str(told.get("message", "no words"))[:200] if isinstance(told, dict) else "no words"


def _mapping(told: Any) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise Unreadable("It answered something else than an object.")
    return told


def _parts(symbols: list[str]) -> Iterable[list[str]]:
    return (symbols[i : i + TOGETHER] for i in range(0, len(symbols), TOGETHER))


def _closed(series: Series) -> datetime:
    return new_york().of(series.days[-1].astype(object))[1]


def _series(symbol: str, source: str, raw: Any, adjusted: Any) -> Series | None:
    """Return the sessions of a symbol; a bar without all of its prices is left out."""
    bars = {day: bar for row in _list(raw) if (day := _day(row)) and (bar := _prices_of(row))}
    whole = {
        day: c for row in _list(adjusted) if (day := _day(row)) and (c := number(row.get("c")))
    }
    days = sorted(day for day in bars if day in whole)
    if not days:
        return None
    open_, high, low, close, volume = np.array([bars[day] for day in days]).T
    stamps = np.array(days, dtype="datetime64[D]")
    actions = actions_of(stamps, close, np.array([float(whole[day]) for day in days]))
    return Series(symbol, source, stamps, open_, high, low, close, volume, actions)


def _list(rows: Any) -> list[Mapping[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _day(row: Mapping[str, Any]) -> Any:
    at = moment(row.get("t"))
    return at.astimezone(NEW_YORK).date() if at else None


def _prices_of(row: Mapping[str, Any]) -> tuple[float, ...] | None:
    prices = [number(row.get(name)) for name in ("o", "h", "l", "c")]
    if not all(prices):
        return None
    volume = number(row.get("v"))
    return (*(float(one or 0) for one in prices), float("nan") if volume is None else float(volume))


def _article(row: Mapping[str, Any], symbols: Sequence[str]) -> list[Datum]:
    created, headline = moment(row.get("created_at")), words(row.get("headline"))
    if created is None or headline is None:
        return []
    edited = moment(row.get("updated_at")) or created
    told = row.get("symbols")
    about = [symbol for symbol in symbols if symbol in (told if isinstance(told, list) else [])]
    return [
        Datum(
            symbol=symbol,
            kind="news",
            name=f"headline ({words(row.get('source')) or 'source not told'})",
            value=headline,
            source="alpaca",
            as_of=created,
            knowable_at=max(created, edited),
            url=words(row.get("url")),
        )
        for symbol in about
    ]


def _snapshot(symbol: str, shot: Mapping[str, Any]) -> list[Datum]:
    trade, quote = _mapping(shot.get("latestTrade") or {}), _mapping(shot.get("latestQuote") or {})
    rows = [
        ("price", number(trade.get("p")), moment(trade.get("t"))),
        ("bid", number(quote.get("bp")), moment(quote.get("t"))),
        ("ask", number(quote.get("ap")), moment(quote.get("t"))),
    ]
    return [
        Datum(
            symbol=symbol,
            kind="price",
            name=name,
            value=Decimal(value),
            unit="USD",
            source="alpaca",
            as_of=at,
            knowable_at=at,
        )
        for name, value, at in rows
        if value and at is not None  # 0 is a side on which nobody stands
    ]
