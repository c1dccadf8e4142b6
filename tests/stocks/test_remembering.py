"""A run of the graph is remembered, and what it believed is tested on later closes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from graphs.stocks.memory.recall import recall
from graphs.stocks.memory.remember import look_again
from graphs.stocks.memory.theses import is_over
from graphs.stocks.run import last_session
from tests.stocks.running import owner

LOW = {"least_probability": 0.51}


async def test_what_a_run_believes_is_remembered_and_ends_confirmed_or_broken(
    tmp_path: Path,
) -> None:
    async with owner(tmp_path, stock_limits=LOW) as someone:
        await someone.say("What should I buy?")
        trading, values = await someone.desk.trading(), someone.values
        as_of = datetime.fromisoformat(values["as_of"])
        picked = {one["symbol"] for one in values["sized"] if Decimal(one["shares"]) > 0}
        memory = await recall(trading.theses, as_of)
        assert {held.thesis.symbol for held in memory.theses} == picked and picked
        assert {row.symbol for row in memory.rolling} == set(values["symbols"])
        assert all(held.last is None for held in memory.theses)
        assert all(held.thesis.text.count("beats the index by") for held in memory.theses)
        for row in memory.rolling:
            (seen,) = row.sightings
            assert seen.shares == 0 and seen.picked == (row.symbol in picked)
        before = await recall(trading.theses, as_of - timedelta(seconds=1))
        assert (before.theses, before.rolling, before.positions) == ((), (), ())

        soon, later = as_of + timedelta(days=7), as_of + timedelta(days=70)
        first = await look_again(trading, soon, last_session(soon))
        assert len(first) == len(picked) and all(one.reasons for one in first)
        assert await look_again(trading, soon, last_session(soon)) == []
        last = await look_again(trading, later, last_session(later))
        assert last and all(is_over(one.standing) for one in last)
        assert await look_again(trading, later + timedelta(days=1), last_session(later)) == []
        memory = await recall(trading.theses, later)
        assert all(held.last and is_over(held.last.standing) for held in memory.theses)
        assert all(held.last is None for held in (await recall(trading.theses, as_of)).theses)
        kinds = [entry.kind async for entry in trading.journal.entries()]
        assert kinds.count("thesis") == len(picked)
        assert kinds.count("review") == len(first) + len(last)
        assert isinstance(await trading.journal.verify(), int)


async def test_a_run_that_is_said_twice_is_remembered_once(tmp_path: Path) -> None:
    async with owner(tmp_path, stock_limits=LOW) as someone:
        await someone.say("What should I buy?", id_="once")
        await someone.say("What should I buy?", id_="once")
        trading = await someone.desk.trading()
        seen = await trading.theses.sightings(as_of=datetime(2100, 1, 1, tzinfo=UTC))
        assert len(seen) == len(someone.values["symbols"])
