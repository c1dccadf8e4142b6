"""Money for models: nothing goes beyond a limit, and what is not known counts as spent."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from store.database import open_database
from store.spending import BudgetExceeded, Charge, Spending

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def _reserve(
    spending: Spending, usd: str, run: str = "r", now: datetime = NOW
) -> Charge | None:
    try:
        return await spending.reserve(
            run, "a", "m", Decimal(usd), now=now, per_run=Decimal(1), per_day=Decimal("1.5")
        )
    except BudgetExceeded:
        return None


async def test_of_many_at_once_none_goes_beyond_the_budget(tmp_path: Path) -> None:
    async with open_database(tmp_path) as engine:
        spending = Spending(engine)
        taken = await asyncio.gather(*(_reserve(spending, "0.3") for _ in range(12)))
        assert sum(one is not None for one in taken) == 3
        assert await spending.of_run("r") == Decimal("0.9")
        assert await _reserve(spending, "0.6", run="other")  # to the cent of the day's
        assert await _reserve(spending, "0.01", run="third") is None
        assert await _reserve(spending, "0.01", run="third", now=NOW + timedelta(days=1))


async def test_what_was_charged_takes_the_place_of_what_was_set_aside_once(tmp_path: Path) -> None:
    async with open_database(tmp_path) as engine:
        spending = Spending(engine)
        charge = await _reserve(spending, "0.5")
        assert charge is not None
        for usd in ("0.0021004", "0.9"):  # the second is told twice
            settled = await spending.settle(charge.id, Decimal(usd), now=NOW)
            assert settled.spent_usd == Decimal("0.002101")
        assert await spending.of_run("r") == await spending.of_day(NOW.date())
        assert await spending.of_run("r") == Decimal("0.002101")
        with pytest.raises(LookupError):
            await spending.settle("nothing", Decimal(1), now=NOW)


async def test_weeks_and_months_have_limits_of_their_own_where_they_are_set(tmp_path: Path) -> None:
    """2026-03-02 is a Monday: days 0 to 6 are of one week, days up to 29 of one month."""
    async with open_database(tmp_path) as engine:
        spending = Spending(engine)

        async def reserve(day: int, usd: str) -> str:
            try:
                charge = await spending.reserve(
                    f"r{day}",
                    "a",
                    "m",
                    Decimal(usd),
                    now=NOW + timedelta(days=day),
                    per_run=Decimal(1),
                    per_day=Decimal(1),
                    per_week=Decimal(2),
                    per_month=Decimal(3),
                )
                return charge.id
            except BudgetExceeded as error:
                return str(error)

        first = await reserve(0, "1")
        await reserve(1, "1")
        assert "this week, 2 USD" in await reserve(6, "0.5")
        await spending.settle(first, Decimal("0.4"), now=NOW)
        assert len(await reserve(6, "0.5")) == 32
        assert await spending.of_week(NOW.date()) == Decimal("1.9")
        await reserve(7, "1")
        assert "this month, 3 USD" in await reserve(28, "0.5")
        assert await spending.of_month(NOW.date()) == Decimal("2.9")
        assert len(await reserve(30, "0.5")) == 32
        assert await spending.of_day((NOW + timedelta(days=28)).date()) == 0


async def test_analysts_who_answer_at_once_do_not_kill_each_other(
    tmp_path: Path, database_url: str | None
) -> None:
    """Totals taken in another order made PostgreSQL end one of two that waited for each other."""
    async with open_database(tmp_path, database_url) as engine:
        spending = Spending(engine)

        async def answer(analyst: int) -> None:
            for turn in range(10):
                charge = await spending.reserve(
                    f"r{(analyst + turn) % 2}",
                    "a",
                    "m",
                    Decimal("0.02"),
                    now=NOW,
                    per_run=Decimal(100),
                    per_day=Decimal(100),
                )
                await spending.settle(charge.id, Decimal("0.01"), now=NOW)

        await asyncio.gather(*(answer(analyst) for analyst in range(8)))
        assert await spending.of_day(NOW.date()) == Decimal("0.8")
