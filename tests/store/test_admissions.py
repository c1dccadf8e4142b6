"""How many conversations an agent holds: counted by all servers on the same records."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.admissions import BEGINNING, Admissions, AtItsLimit, Limits
from store.calls import Call, Calls
from store.database import Database, open_database
from store.locks import open_locks

HOUR = timedelta(hours=1)


@contextlib.asynccontextmanager
async def server(
    data_dir: Path, database_url: str | None
) -> AsyncIterator[tuple[Admissions, Calls, Database]]:
    async with (
        open_database(data_dir, database_url) as engine,
        open_locks(data_dir, database_url) as locks,
    ):
        yield Admissions(engine, locks, HOUR), Calls(engine), engine


def call(thread_id: str, **more: object) -> Call:
    known = {
        "sid": f"CA{thread_id}",
        "graph": "sdr",
        "thread_id": thread_id,
        "direction": "inbound",
        "carrier": "twilio",
        "status": "in-progress",
        "started_at": datetime.now(UTC),
        "agent_id": "desk",
    }
    return Call.model_validate(known | more)


async def let_in(admissions: Admissions, thread_id: str, limits: Limits) -> str:
    try:
        await admissions.admit("desk", thread_id, limits)
    except AtItsLimit as full:
        return full.code
    return "in"


async def test_of_many_that_come_at_once_to_two_servers_as_many_get_in_as_may(
    data_dir: Path, database_url: str | None
) -> None:
    """Two that count before either has written let in one too many."""
    async with server(data_dir, database_url) as (one, _, _):
        async with server(data_dir, database_url) as (two, _, _):
            three = Limits(at_once=3)
            came = [let_in((one, two)[n % 2], f"t{n}", three) for n in range(20)]
            answers = await asyncio.gather(*came)
        assert sorted(answers) == ["agent_concurrency_limit"] * 17 + ["in"] * 3
        assert await let_in(one, "more", three) == "agent_concurrency_limit"


@pytest.mark.parametrize("limits", [Limits(at_once=1), Limits(a_day=1)])
async def test_the_same_conversation_again_is_one(
    data_dir: Path, database_url: str | None, limits: Limits
) -> None:
    async with server(data_dir, database_url) as (admissions, _, _):
        assert await let_in(admissions, "t1", limits) == "in"
        assert await let_in(admissions, "t1", limits) == "in"
        assert await let_in(admissions, "t2", limits) != "in"
        await admissions.withdraw("t1")
        assert await let_in(admissions, "t2", limits) == "in"


async def test_what_is_over_makes_room_at_once_but_not_in_the_day(
    data_dir: Path, database_url: str | None
) -> None:
    async with server(data_dir, database_url) as (admissions, calls, _):
        both = Limits(at_once=1, a_day=2)
        assert await let_in(admissions, "t1", both) == "in"
        await calls.create(call("t1"))
        assert await let_in(admissions, "t2", both) == "agent_concurrency_limit"
        await calls.end("CAt1", "completed")
        assert await let_in(admissions, "t2", both) == "in"
        await calls.create(call("t2", status="completed", ended_at=datetime.now(UTC)))
        await calls.delete("CAt1")  # what was said is deleted, not that it was said
        assert await let_in(admissions, "t3", Limits(a_day=2)) == "daily_limit"
        with pytest.raises(AtItsLimit) as full:
            await admissions.check("desk", Limits(a_day=2))
        assert full.value.until.time() == datetime.min.time()
        await admissions.check("another", both)


async def test_calls_that_began_before_there_was_a_limit_count(
    data_dir: Path, database_url: str | None
) -> None:
    async with server(data_dir, database_url) as (admissions, calls, _):
        await calls.create(call("t1"))
        assert await let_in(admissions, "t2", Limits(at_once=1)) == "agent_concurrency_limit"
        assert await let_in(admissions, "t2", Limits(a_day=1)) == "daily_limit"


async def test_what_a_server_died_with_does_not_count_for_ever(
    data_dir: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(data_dir, database_url) as (admissions, calls, _):
        one = Limits(at_once=1)
        long_ago = datetime.now(UTC) - HOUR - timedelta(seconds=1)
        await calls.create(call("t1", started_at=long_ago))
        assert await let_in(admissions, "t2", one) == "in"  # and has no call: its server dies
        assert await let_in(admissions, "t3", one) != "in"
        monkeypatch.setattr("store.admissions.BEGINNING", -BEGINNING)
        assert await let_in(admissions, "t3", one) == "in"


async def test_what_no_limit_counts_any_more_is_forgotten(
    data_dir: Path, database_url: str | None
) -> None:
    async with server(data_dir, database_url) as (admissions, _, _):
        assert await let_in(admissions, "t1", Limits(a_day=1)) == "in"
        await admissions.forget(datetime.now(UTC))
        assert await let_in(admissions, "t2", Limits(a_day=1)) == "daily_limit"
        await admissions.forget(datetime.now(UTC) + timedelta(days=3))
        assert await let_in(admissions, "t2", Limits(a_day=1)) == "in"
