"""DataForSEO: what Google Finance shows of a share now.

https://docs.dataforseo.com/v3/serp/google/finance_quote/live/advanced: one ticker a request, each
one charged; HTTP basic authentication. A request that was understood is answered with status 200
and has a `status_code` of its own, and one for its task: 20000 is good, 40xxx ours, 50xxx theirs.
Google wants a ticker with its exchange (`AAPL:NASDAQ`); where a symbol comes without, DataForSEO's
ticker search is asked first, and a symbol that several American exchanges have is not guessed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from settings import Settings
from tools.market.access import Access, Known, access, needed, together
from tools.market.evidence import Datum
from tools.market.failures import Rationed, Refused, Rejected, Unreachable, Unreadable
from tools.market.fetch import Fetcher
from tools.market.provider import Provider, provider
from tools.market.reading import number, words
from tools.outside import Outside

QUOTE: Final = "v3/serp/google/finance_quote/live/advanced"
SEARCH: Final = "v3/serp/google/finance_ticker_search/live/advanced"
GOOD: Final = 20000
NO_RESULTS: Final = 40102
_LOGIN: Final = frozenset({40100, 40101, 40104, 40200, 40201, 40204, 40207, 40210})
"""Not authorised, not paid, or the account is blocked."""
_RATIONED: Final = frozenset({40202, 40203, 40209})
UNITED_STATES: Final = 2840
"""DataForSEO's number of the place from which Google is asked."""
EXCHANGES: Final = frozenset({"NASDAQ", "NYSE", "NYSEAMERICAN", "NYSEARCA", "BATS"})
TRENDS: Final = frozenset({"up", "down", "stable"})


@provider("dataforseo")
def open_dataforseo(settings: Settings, outside: Outside) -> Provider:
    """Make the provider.

    Raises:
        NotConfigured: login or password are missing.
    """
    login = needed(settings.dataforseo_login, "DATAFORSEO_LOGIN")
    password = needed(settings.dataforseo_password, "DATAFORSEO_PASSWORD")
    where = access(settings, "dataforseo", "https://api.dataforseo.com", "2000/minute")
    return DataForSEO(login, password, where)


class DataForSEO:
    """Google Finance by DataForSEO.

    Args:
        login: of its API.
        password: of its API, not that of the account.
        access: where and how often.
    """

    name = "dataforseo"

    def __init__(self, login: str, password: str, access: Access) -> None:
        self._auth = (login, password)
        self._access = access
        self._tickers: dict[str, str] = {}

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return name, price, price change, percentage change and trend of symbols.

        It tells how things are now: for a question about the past it is not asked.

        Raises:
            NoAnswer: one of its kinds.
        """
        known = Known(as_of, self._access.clock())
        if not known.live:
            return []
        async with Fetcher(
            self.name, self._access.url, self._access.quota, auth=self._auth
        ) as fetch:
            found = await together(self._quote(fetch, symbol) for symbol in symbols)
        return known.of(datum for rows in found for datum in rows)

    async def _quote(self, fetch: Fetcher, symbol: str) -> list[Datum]:
        ticker = await self._ticker(fetch, symbol)
        if ticker is None:
            return []
        for item in await _ask(fetch, QUOTE, ticker):
            if item.get("type") == "google_finance_quote" and isinstance(item.get("quote"), dict):
                return _data(symbol, item["quote"])
        return []

    async def _ticker(self, fetch: Fetcher, symbol: str) -> str | None:
        """Return a symbol with its exchange; None where Google does not know it."""
        if ":" in symbol:
            return symbol
        if symbol not in self._tickers:
            found = {
                name
                for item in await _ask(fetch, SEARCH, symbol)
                if (name := words(item.get("identifier")))
                and name.partition(":")[0] == symbol
                and name.partition(":")[2] in EXCHANGES
            }
            if not found:
                return None
            if len(found) > 1:
                raise Rejected(
                    f"{symbol} is on several exchanges ({', '.join(sorted(found))}); name one."
                )
            self._tickers[symbol] = found.pop()
        return self._tickers[symbol]


async def _ask(fetch: Fetcher, path: str, keyword: str) -> list[Mapping[str, Any]]:
    """Return the items that are found, and count what it costs."""
    task = {"keyword": keyword, "location_code": UNITED_STATES, "language_code": "en"}
    told = _checked(await fetch.post(path, [task]), fetch)
    tasks = told.get("tasks")
    if not isinstance(tasks, list) or not tasks:
        raise Unreadable("There is no task in its answer.")
    fetch.quota.spend(number(told.get("cost")) or Decimal(0))
    done = _checked(tasks[0], fetch)
    results = done.get("result") or []
    first = results[0] if isinstance(results, list) and results else None
    items = first.get("items") if isinstance(first, dict) else None
    return [item for item in items or [] if isinstance(item, dict)]


def _checked(told: Any, fetch: Fetcher) -> Mapping[str, Any]:
    """Return an answer, or a task of it, that says of itself that it is good."""
    if not isinstance(told, dict):
        raise Unreadable("It answered something else than an object.")
    code, message = number(told.get("status_code")), fetch.clean(str(told.get("status_message")))
    if code is None:
        raise Unreadable("Its answer has no status of its own.")
    if code == NO_RESULTS:
        return {"tasks": [], "result": []}
    sentence = f"It answered {code} ({message})."
    if code in _LOGIN:
        raise Refused(sentence)
    if code in _RATIONED:
        raise Rationed(sentence, 60.0)
    if code >= 50000:
        raise Unreachable(sentence)
    if code != GOOD:
        raise Rejected(sentence)
    return told


def _data(symbol: str, quote: Mapping[str, Any]) -> list[Datum]:
    at, price = _time(quote.get("timestamp")), number(quote.get("price"))
    if at is None or price is None:
        return []
    currency = words(quote.get("price_currency"))
    trend = words(quote.get("trend"))
    rows: list[tuple[str, Decimal | str | None, str | None]] = [
        ("name", words(quote.get("displayed_name")), None),
        ("price", price, currency),
        ("price change", number(quote.get("price_delta")), currency),
        ("percentage change", number(quote.get("percentage_delta")), "%"),
        ("trend", trend if trend in TRENDS else None, None),
    ]
    return [
        Datum(
            symbol=symbol.partition(":")[0],
            kind="price",
            name=name,
            value=value,
            unit=unit,
            source="dataforseo",
            as_of=at,
            knowable_at=at,
            url=words(quote.get("url")),
        )
        for name, value, unit in rows
        if value is not None
    ]


def _time(value: Any) -> datetime | None:
    """Read `2025-02-10 09:40:00 +00:00`."""
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None
