"""Providers that ask a local server, on a Friday morning in New York."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.market.servers import KEY, Server
from tests.wire.servers import served
from tools.market import fetch
from tools.market.access import Access
from tools.market.evidence import Datum
from tools.market.provider import Provider
from tools.market.providers import alpaca
from tools.market.providers.alpha_vantage import AlphaVantage
from tools.market.providers.dataforseo import DataForSEO
from tools.market.providers.edgar import Edgar
from tools.market.providers.finnhub import Finnhub
from tools.market.providers.fred import Fred
from tools.market.providers.openfda import OpenFDA
from tools.market.quota import Quota, limits_of
from tools.market.reading import NEW_YORK

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
"""Ten o'clock in New York."""
YEAR_AGO = NOW - timedelta(days=365)

CONTACT = "Example Ltd data@example.com"
MAKE: dict[str, Callable[[Access], Any]] = {
    "finnhub": lambda where: Finnhub(KEY, where),
    "alpha_vantage": lambda where: AlphaVantage(KEY, where),
    "fred": lambda where: Fred(KEY, ["UNRATE"], where),
    "openfda": lambda where: OpenFDA(KEY, where),
    "edgar": lambda where: Edgar(CONTACT, where, f"{where.url}/files/company_tickers.json"),
    "dataforseo": lambda where: DataForSEO("login", KEY, where),
}

Opened = Callable[..., AbstractAsyncContextManager[Any]]


@asynccontextmanager
async def opened(
    name: str,
    server: Server,
    limits: str = "1000/second",
    now: datetime = NOW,
    make: Callable[[Access], Provider] | None = None,
) -> Any:
    """Serve, and yield the provider of that name asking there."""
    async with served(server.app) as url:
        where = Access(url, Quota(limits_of(limits)), lambda: now)
        yield (make or MAKE[name])(where)


def named(data: list[Datum], part: str) -> list[Datum]:
    """Return the data with a part of a name."""
    return [one for one in data if part in one.name]


def ny(text: str) -> datetime:
    """Read a time on New York's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FIRST_PAUSE_SECS", 0.0)
    monkeypatch.setattr(alpaca, "FIRST_PAUSE_SECS", 0.0)
