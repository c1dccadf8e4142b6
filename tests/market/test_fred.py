"""FRED: figures as they were said to be then, by vintage."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.market.conftest import NOW, opened
from tests.market.servers import fred
from tools.market.failures import Rejected


def rate(date_: str, since: str, value: str, until: str = "9999-12-31") -> dict[str, str]:
    return {"date": date_, "realtime_start": since, "realtime_end": until, "value": value}


REVISED = [
    rate("2026-09-01", "2026-10-02", "4.0", "2026-11-05"),
    rate("2026-09-01", "2026-11-06", "4.2"),
    rate("2026-10-01", "2026-11-06", "4.3"),
    rate("2026-08-01", "2026-09-04", "4.1"),
]


async def test_fred_tells_what_was_said_then_and_not_what_was_revised_later() -> None:
    async with opened("fred", fred(REVISED)) as provider:
        then = await provider.data([], datetime(2026, 10, 20, 12, tzinfo=UTC))
        assert [(one.as_of.date(), one.value) for one in then] == [
            (date(2026, 8, 2), Decimal("4.1")),
            (date(2026, 9, 2), Decimal("4.0")),
        ]
        now = await provider.data([], NOW)
        assert [one.value for one in now] == [Decimal("4.2"), Decimal("4.3")]
        assert {one.symbol for one in now} == {None}


async def test_a_figure_is_not_known_on_the_morning_of_its_day() -> None:
    """FRED tells the day of a vintage, not the hour."""
    async with opened("fred", fred(REVISED)) as provider:
        provider._access = type(provider._access)(
            provider._access.url, provider._access.quota, lambda: NOW + timedelta(days=3)
        )
        morning = await provider.data([], datetime(2026, 11, 6, 13, 0, tzinfo=UTC))
        assert Decimal("4.3") not in [one.value for one in morning]
        assert Decimal("4.0") in [one.value for one in morning]
        evening = await provider.data([], datetime(2026, 11, 7, 6, 0, tzinfo=UTC))
        assert Decimal("4.3") in [one.value for one in evening]


async def test_fred_turns_pages_and_skips_what_is_missing() -> None:
    rows = [rate(f"2026-10-{day:02}", f"2026-10-{day:02}", "4.5") for day in range(1, 29)]
    rows.append(rate("2026-10-29", "2026-10-29", "."))
    server = fred(rows, page_size=10)
    async with opened("fred", server) as provider:
        data = await provider.data([], NOW)
        assert [one.as_of.date() for one in data] == [date(2026, 10, 28), date(2026, 10, 29)]
        assert [asked.params["offset"] for asked in server.asked] == ["0", "10", "20"]


async def test_a_series_that_fred_has_not_is_said_so() -> None:
    async with opened("fred", fred([])) as provider:
        provider._series = ["NONE"]
        with pytest.raises(Rejected, match="series does not exist"):
            await provider.data([], NOW)
