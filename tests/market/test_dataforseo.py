"""DataForSEO: Google Finance, and what it refuses."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.market.conftest import NOW, YEAR_AGO, opened
from tests.market.servers import dataforseo
from tools.market.failures import Refused, Rejected

QUOTE = {
    "type": "google_finance_market_instrument_element",
    "identifier": "AAPL:NASDAQ",
    "displayed_name": "Apple Inc",
    "trend": "down",
    "timestamp": "2026-11-20 14:59:00 +00:00",
    "price": 261.74,
    "price_delta": -1.2,
    "percentage_delta": "-0.4564",
    "price_currency": "USD",
}


async def test_google_finance_tells_name_price_changes_and_trend() -> None:
    server = dataforseo({"AAPL:NASDAQ": QUOTE}, {"AAPL": ["AAPL:NASDAQ", "AAPL:BCBA"]})
    async with opened("dataforseo", server) as provider:
        data = await provider.data(["AAPL"], NOW)
        assert {one.name: (one.value, one.unit) for one in data} == {
            "name": ("Apple Inc", None),
            "price": (Decimal("261.74"), "USD"),
            "price change": (Decimal("-1.2"), "USD"),
            "percentage change": (Decimal("-0.4564"), "%"),
            "trend": ("down", None),
        }
        assert {one.as_of for one in data} == {NOW - timedelta(minutes=1)}
        assert provider._access.quota.used().cost_usd == Decimal("0.004")
        await provider.data(["AAPL"], NOW)
        assert [asked.body[0]["keyword"] for asked in server.asked] == [
            "AAPL",
            "AAPL:NASDAQ",
            "AAPL:NASDAQ",
        ]
        assert await provider.data(["AAPL"], YEAR_AGO) == [] and len(server.asked) == 3


async def test_a_symbol_of_several_american_exchanges_is_not_guessed() -> None:
    server = dataforseo({}, {"XYZ": ["XYZ:NYSE", "XYZ:NASDAQ"], "ABC": ["ABC:LON"]})
    async with opened("dataforseo", server) as provider:
        with pytest.raises(Rejected, match="several exchanges"):
            await provider.data(["XYZ"], NOW)
        assert await provider.data(["ABC", "NOSUCH"], NOW) == []
        with pytest.raises(Rejected, match="40501"):
            await provider.data(["XYZ:NYSE"], NOW)


async def test_a_quote_without_price_or_time_is_no_quote() -> None:
    quotes = {"A:NYSE": QUOTE | {"price": None}, "B:NYSE": QUOTE | {"timestamp": "today"}}
    async with opened("dataforseo", dataforseo(quotes)) as provider:
        assert await provider.data(["A:NYSE", "B:NYSE"], NOW) == []
        odd = QUOTE | {"trend": "sideways", "price_delta": "n/a"}
    async with opened("dataforseo", dataforseo({"C:NYSE": odd})) as provider:
        names = [one.name for one in await provider.data(["C:NYSE"], NOW)]
        assert names == ["name", "price", "percentage change"]


async def test_an_empty_account_at_dataforseo_is_refused_in_its_own_code() -> None:
    from tests.market.servers import told

    server = dataforseo({"AAPL:NASDAQ": QUOTE})
    task = {"status_code": 40210, "status_message": "Insufficient Funds."}
    server.faults = [told({"status_code": 20000, "tasks": [task]})]
    async with opened("dataforseo", server) as provider:
        with pytest.raises(Refused, match="40210 \\(Insufficient Funds"):
            await provider.data(["AAPL:NASDAQ"], NOW)


async def test_what_arrives_seconds_after_the_question_was_known_at_the_question() -> None:
    """A run's time is fixed when it begins; a live price is always a little younger."""
    asked_at = NOW - timedelta(seconds=90)
    server = dataforseo({"AAPL:NASDAQ": QUOTE})
    async with opened("dataforseo", server) as provider:
        data = await provider.data(["AAPL:NASDAQ"], asked_at)
        assert {one.knowable_at for one in data} == {asked_at}
