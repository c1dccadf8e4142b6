"""Alpha Vantage: prices and fundamentals of now, results, a used-up day with status 200."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.market.conftest import NOW, named, ny, opened
from tests.market.servers import alpha_vantage

EARNINGS = {
    "symbol": "AAPL",
    "quarterlyEarnings": [
        {
            "fiscalDateEnding": "2026-09-30",
            "reportedDate": "2026-10-29",
            "reportedEPS": "1.85",
            "estimatedEPS": "1.75",
            "surprise": "0.1",
            "surprisePercentage": "5.7143",
            "reportTime": "post-market",
        },
        {"fiscalDateEnding": "2026-12-31", "reportedDate": "", "reportedEPS": "None"},
    ],
}
TABLES = {"OVERVIEW": {"Symbol": "AAPL", "PERatio": "35.1", "EPS": "None", "Beta": "-"}}


async def test_alpha_vantage_tells_prices_and_fundamentals_of_now_only() -> None:
    async with opened("alpha_vantage", alpha_vantage(TABLES | {"EARNINGS": EARNINGS})) as provider:
        now = await provider.data(["AAPL", "NOSUCH"], NOW)
        price = next(one for one in now if one.name == "price")
        assert (price.value, price.as_of) == (Decimal("261.7400"), ny("2026-11-19 16:00"))
        assert [one.value for one in now if one.kind == "fundamental"] == [Decimal("35.1")]
        assert named(now, "percentage")[0].value == Decimal("-0.4564")
        past = await provider.data(["AAPL"], NOW - timedelta(days=2))
        assert {one.kind for one in past} == {"earnings"}
        assert {one.knowable_at for one in past} == {ny("2026-10-30 00:00")}


async def test_a_used_up_day_of_alpha_vantage_comes_with_status_200_and_without_the_key() -> None:
    from tests.market.servers import KEY, told
    from tools.market.failures import Rationed

    server = alpha_vantage()
    limit = f"We have detected your API key as {KEY} and our rate limit is 25 requests per day."
    server.faults = [told({"Information": limit})]
    async with opened("alpha_vantage", server) as provider:
        with pytest.raises(Rationed, match="per day") as failed:
            await provider.data(["AAPL"], NOW)
        assert failed.value.retry_after == 86_400 and KEY not in str(failed.value)
        with pytest.raises(Rationed, match="Our quota"):
            await provider.data(["AAPL"], NOW)
