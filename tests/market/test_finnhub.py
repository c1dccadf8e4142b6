"""Finnhub: prices now, headlines, results, each since when it could be known."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.market.conftest import NOW, YEAR_AGO, named, ny, opened
from tests.market.servers import finnhub


def result(hour: str | None, **more: Any) -> dict[str, Any]:
    row = {"date": "2026-10-29", "symbol": "AAPL", "quarter": 4, "year": 2026, "hour": hour}
    return row | {"epsActual": 1.85, "epsEstimate": "1.75"} | more


async def test_finnhub_tells_prices_now_and_none_for_the_past() -> None:
    async with opened("finnhub", finnhub()) as provider:
        now = await provider.data(["AAPL", "NOSUCH"], NOW)
        assert {one.name: one.value for one in now} == {
            "price": Decimal("261.74"),
            "price change since the last close": Decimal("-1.2"),
            "percentage change since the last close": Decimal("-0.4564"),
            "previous close": Decimal("262.94"),
        }
        assert await provider.data(["AAPL"], YEAR_AGO) == []


async def test_finnhub_reads_figures_as_text_and_skips_what_is_missing() -> None:
    quote = {"c": "261.74", "d": None, "dp": "n/a", "t": "1795184400"}
    async with opened("finnhub", finnhub(quote=quote)) as provider:
        (only,) = await provider.data(["AAPL"], NOW)
        assert (only.name, only.value) == ("price", Decimal("261.74"))


async def test_a_headline_is_known_when_it_was_written() -> None:
    hour = int((NOW - timedelta(hours=1)).timestamp())
    rows = [
        {"datetime": hour, "headline": "Apple raises guidance", "source": "Example Wire"},
        {"datetime": hour + 7200, "headline": "From the future", "source": "Example Wire"},
        {"datetime": 0, "headline": "Without a time"},
        {"datetime": hour, "headline": "  "},
        None,
    ]
    async with opened("finnhub", finnhub(news=rows)) as provider:
        news = [one for one in await provider.data(["AAPL"], NOW) if one.kind == "news"]
        assert [(one.value, one.knowable_at) for one in news] == [
            ("Apple raises guidance", NOW - timedelta(hours=1))
        ]


@pytest.mark.parametrize(
    ("hour", "from_"),
    [
        ("bmo", "2026-10-29 09:30"),
        ("dmh", "2026-10-29 16:00"),
        ("amc", "2026-10-30 00:00"),
        ("", "2026-10-30 00:00"),
        (None, "2026-10-30 00:00"),
    ],
)
async def test_results_are_known_after_their_part_of_the_day_at_the_latest(
    hour: str | None, from_: str
) -> None:
    async with opened("finnhub", finnhub(earnings=[result(hour)])) as provider:
        data = named(await provider.data(["AAPL"], NOW), "EPS")
        assert {one.knowable_at for one in data} == {ny(from_)}
        assert [(one.value, one.unit) for one in named(data, "surprise")] == [(Decimal("5.7"), "%")]
        just_before = await provider.data(["AAPL"], ny(from_) - timedelta(seconds=1))
        assert named(just_before, "EPS") == []


async def test_a_surprise_needs_both_figures_and_something_expected() -> None:
    rows = [
        result("bmo", epsEstimate=None),
        result("bmo", epsEstimate=0, quarter=3),
        result("bmo", epsActual=None, quarter=2),
        result("bmo", date=None),
        "nonsense",
    ]
    async with opened("finnhub", finnhub(earnings=rows)) as provider:
        data = named(await provider.data(["AAPL"], NOW), "EPS")
        assert named(data, "surprise") == [] and len(data) == 3


async def test_results_of_all_companies_can_be_asked_for() -> None:
    rows = [result("bmo"), result("bmo", symbol="MSFT"), result("bmo", date="2026-08-01")]
    async with opened("finnhub", finnhub(earnings=rows)) as provider:
        data = await provider.happened(None, NOW - timedelta(days=60), NOW)
        assert {one.symbol for one in data} == {"AAPL", "MSFT"}
        assert all(one.knowable_at >= NOW - timedelta(days=60) for one in data)
