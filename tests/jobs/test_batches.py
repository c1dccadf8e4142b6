"""Batch calling: everybody is called once an attempt, at the pace, in hours that are allowed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.jobs.batches import Campaigns, NotAtAll, NotNow, allowance
from server.jobs.workers import Workers, utc_now
from store.batches import KIND, Batch, Batches, Recipient
from store.calls import Call, Calls
from store.database import open_database
from store.jobs import Jobs
from store.locks import open_locks
from store.secrets import MasterKey
from tests.jobs.conftest import Clock
from voice.dialler import DiallingRefused


class Carrier:
    """Rings people, each key once, as the dialler does; the test says how it goes."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self.calls, self.clock = calls, clock
        self.rung: list[tuple[datetime, str, str]] = []
        """When, number, key."""
        self.refused: dict[str, Exception] = {}
        self.fails: list[Exception] = []

    async def check(self, _batch: Batch, recipient: Recipient) -> None:
        if refusal := self.refused.get(recipient.phone_number):
            raise refusal

    async def call(self, _batch: Batch, recipient: Recipient) -> Call:
        if self.fails:
            raise self.fails.pop()
        sid = f"CA{recipient.key}"
        if known := await self.calls.get(sid):
            return known
        self.rung.append((self.clock(), recipient.phone_number, recipient.key))
        call = Call(
            sid=sid,
            graph="sdr",
            thread_id=recipient.thread_id or "",
            direction="outbound",
            carrier="twilio",
            status="dialling",
            to_number=recipient.phone_number,
            started_at=utc_now(),
        )
        await self.calls.create(call)
        return call

    async def end_all(self, how: str = "completed", unanswered: Any = None) -> None:
        for call in await self.calls.list(limit=1000):
            if call.ended_at is None:
                await self.calls.end(call.sid, how, unanswered=unanswered)  # type: ignore[arg-type]


class World:
    """A campaign with everything it needs."""

    def __init__(self, engine: Any, locks: Any) -> None:
        self.clock, self.jobs, self.calls = Clock(), Jobs(engine), Calls(engine)
        self.batches = Batches(engine, self.jobs, MasterKey(b"k" * 32))
        self.carrier = Carrier(self.calls, self.clock)
        campaigns = Campaigns(self.batches, self.calls, self.carrier, 10, self.clock)
        self.workers = Workers(self.jobs, locks, {KIND: campaigns.work}, self.clock)

    async def submit(self, people: int, **more: Any) -> Batch:
        now = utc_now()
        made: dict[str, Any] = {"calls_per_minute": 6000.0, **more}
        batch = Batch(
            id="btcal_1",
            name="spring",
            agent_id="agent_1",
            created_at=now,
            scheduled_at=more.pop("scheduled_at", now),
            updated_at=now,
            **{name: value for name, value in made.items() if name != "scheduled_at"},
        )
        numbers = [(f"+1555010{n:04}", {"dynamic_variables": {"n": n}}) for n in range(people)]
        await self.batches.create(batch, numbers)
        return batch

    async def look(self, times: int = 1, **apart: float) -> None:
        for _ in range(times):
            await self.workers.run_due()
            self.clock.move(**(apart or {"seconds": 1}))

    async def statuses(self) -> list[str]:
        return [one.status for one in await self.batches.recipients("btcal_1")]

    async def status(self) -> str:
        batch = await self.batches.get("btcal_1")
        assert batch
        return batch.status


@pytest.fixture
async def world(data_dir: Path, database_url: str | None) -> AsyncIterator[World]:
    async with (
        open_database(data_dir, database_url) as engine,
        open_locks(data_dir, database_url) as locks,
    ):
        yield World(engine, locks)


async def test_everybody_is_called_once_and_the_batch_ends(world: World) -> None:
    await world.submit(7)
    for _ in range(6):
        await world.look()
        await world.carrier.end_all()
    await world.look(2)
    assert sorted(number for _, number, _ in world.carrier.rung) == [
        f"+1555010{n:04}" for n in range(7)
    ]
    assert await world.statuses() == ["completed"] * 7
    assert await world.status() == "completed"
    assert (await world.batches.counts("btcal_1")) == {"completed": 7}


async def test_no_more_are_called_at_once_than_the_limit(world: World) -> None:
    await world.submit(9, concurrency=3)
    await world.look(5)
    assert len(world.carrier.rung) == 3
    await world.carrier.end_all()
    await world.look(5)
    assert len(world.carrier.rung) == 6


async def test_calls_begin_at_the_pace(world: World) -> None:
    await world.submit(10, calls_per_minute=6.0)
    await world.look(31)
    times = [at for at, _, _ in world.carrier.rung]
    assert len(times) == 4
    assert all(b - a >= timedelta(seconds=10) for a, b in zip(times, times[1:], strict=False))


async def test_nobody_is_called_before_the_schedule(world: World) -> None:
    await world.submit(1, scheduled_at=world.clock() + timedelta(hours=2))
    await world.look(5, minutes=20)
    assert world.carrier.rung == []
    await world.look(3, minutes=20)
    assert len(world.carrier.rung) == 1


@pytest.mark.parametrize("why", ["busy", "no-answer"])
async def test_who_does_not_answer_is_called_again_after_a_while_and_then_no_more(
    world: World, why: str
) -> None:
    await world.submit(1, attempts=3, retry_minutes=30)
    for _ in range(200):
        await world.look(minutes=1)
        await world.carrier.end_all("failed", why)
    times = [at for at, _, _ in world.carrier.rung]
    assert len(times) == 3
    assert all(b - a >= timedelta(minutes=30) for a, b in zip(times, times[1:], strict=False))
    assert len({key for _, _, key in world.carrier.rung}) == 3
    assert (await world.statuses(), await world.status()) == (["failed"], "failed")


async def test_who_may_not_be_called_now_is_called_when_the_hours_allow_it(world: World) -> None:
    await world.submit(2)
    morning = world.clock() + timedelta(hours=9)
    world.carrier.refused["+15550100000"] = NotNow(morning, "It is Sunday 23:00 there.")
    await world.look(3)
    assert [number for _, number, _ in world.carrier.rung] == ["+15550100001"]
    (waiting, _) = await world.batches.recipients("btcal_1")
    assert (waiting.due_at, waiting.reason) == (morning, "It is Sunday 23:00 there.")
    del world.carrier.refused["+15550100000"]
    await world.carrier.end_all()
    await world.look(120, minutes=5)
    (_, late) = world.carrier.rung
    assert late[0] >= morning


async def test_who_may_never_be_called_fails_with_the_reason(world: World) -> None:
    await world.submit(1)
    world.carrier.refused["+15550100000"] = NotAtAll("It is on our own list.")
    await world.look(2)
    (one,) = await world.batches.recipients("btcal_1")
    assert (one.status, one.reason, one.tries) == ("failed", "It is on our own list.", 0)


async def test_a_pause_holds_and_a_cancel_ends(world: World) -> None:
    await world.submit(4, concurrency=1)
    await world.look(2)
    await world.batches.change("btcal_1", paused=True)
    await world.carrier.end_all()
    await world.look(5)
    assert len(world.carrier.rung) == 1
    await world.batches.change("btcal_1", paused=False)
    await world.batches.wake("btcal_1")
    world.clock.move(minutes=1)
    await world.look(2)
    assert len(world.carrier.rung) == 2
    await world.batches.cancel("btcal_1")
    world.clock.move(minutes=1)
    await world.carrier.end_all()
    await world.look(5)
    assert sorted(await world.statuses()) == ["cancelled"] * 2 + ["completed"] * 2
    assert await world.status() == "cancelled"


async def test_a_retry_calls_those_whom_no_call_has_reached(world: World) -> None:
    await world.submit(2)
    world.carrier.refused["+15550100000"] = NotAtAll("No.")
    await world.look(2)
    await world.carrier.end_all()
    await world.look(2)
    batch = await world.batches.get("btcal_1")
    assert batch and await world.batches.retry(batch) == 1
    del world.carrier.refused["+15550100000"]
    world.clock.move(minutes=1)
    await world.look(2)
    await world.carrier.end_all()
    await world.look(2)
    assert await world.statuses() == ["completed", "completed"]
    assert len(world.carrier.rung) == 2
    after = await world.batches.get("btcal_1")
    assert after and after.retry_count == 1


async def test_a_call_that_may_have_been_placed_is_asked_for_under_the_same_key(
    world: World,
) -> None:
    await world.submit(1)
    world.carrier.fails = [RuntimeError("the process died"), RuntimeError("and again")]
    await world.look(1)
    (one,) = await world.batches.recipients("btcal_1")
    assert (one.status, one.call_sid, one.tries) == ("dispatched", None, 1)
    await world.look(3)
    assert [key for _, _, key in world.carrier.rung] == [one.key]


async def test_who_may_not_be_called_any_more_after_a_crash_is_left_for_when_they_may(
    world: World,
) -> None:
    await world.submit(1)
    number = "+15550100000"
    morning = world.clock() + timedelta(hours=9)
    world.carrier.fails = [RuntimeError("the process died")]
    await world.look(1)
    world.carrier.fails = [DiallingRefused([{"code": "hours", "sentence": "It is night."}])]
    world.carrier.refused[number] = NotNow(morning, "It is night.")
    await world.look(1)
    (one,) = await world.batches.recipients("btcal_1")
    assert (one.status, one.due_at, one.call_sid) == ("pending", morning, None)
    world.carrier.refused.clear()
    world.clock.now = morning
    await world.look(2)
    assert [rung for _, rung, _ in world.carrier.rung] == [number]


async def test_who_is_one_too_many_for_the_agent_is_called_when_it_has_room(world: World) -> None:
    """At the time of the check it had; the attempt does not count, and is not a failure."""
    await world.submit(1)
    later = world.clock() + timedelta(seconds=30)
    world.carrier.fails = [NotNow(later, "The agent holds 1 conversations.")]
    await world.look(2)
    (one,) = await world.batches.recipients("btcal_1")
    assert (one.status, one.due_at, one.tries_left) == ("pending", later, 1)
    world.clock.now = later
    await world.look(2)
    await world.carrier.end_all()
    await world.look(2)
    assert await world.statuses() == ["completed"]


async def test_a_batch_is_over_when_nobody_of_it_waits_or_was_called_lately(world: World) -> None:
    await world.submit(2)
    tomorrow = utc_now() + timedelta(days=1)
    assert list(await world.batches.over_since(tomorrow)) == []
    await world.look(2)
    await world.carrier.end_all()
    await world.look(3)
    assert list(await world.batches.over_since(utc_now() - timedelta(hours=1))) == []
    assert list(await world.batches.over_since(tomorrow)) == ["btcal_1"]
    await world.batches.delete("btcal_1")
    assert await world.batches.get("btcal_1") is None
    assert await world.jobs.get(f"{KIND}:btcal_1") is None


async def test_two_processes_call_nobody_twice(
    world: World, data_dir: Path, database_url: str | None
) -> None:
    await world.submit(30, concurrency=30)
    async with (
        open_database(data_dir, database_url) as engine,
        open_locks(data_dir, database_url) as locks,
    ):
        other = World(engine, locks)
        for _ in range(8):
            await asyncio.gather(world.look(), other.look())
    rung = [number for _, number, _ in [*world.carrier.rung, *other.carrier.rung]]
    assert len(rung) == len({*rung}) == 30


@given(st.floats(0, 3600), st.floats(0.1, 10_000))
def test_a_minute_holds_no_more_calls_than_the_pace(secs: float, pace: float) -> None:
    now = utc_now()
    most = allowance(now - timedelta(seconds=secs), now, pace)
    assert 0 <= most <= max(secs, 0.001) * pace / 60 + 1
    assert most <= max(1, pace / 30 + 1)
