"""Virtual time: what takes long takes no time, and the clocks agree on how long it took."""

import asyncio
import random
import secrets
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite
import pytest
from langgraph.checkpoint.base.id import uuid6

from store.calls import Calls
from store.database import open_database
from voice.phonelab import virtual_time
from voice.phonelab.virtual_time import EPOCH, TimeStands, run, virtually

DAY = 86_400.0


def test_a_day_passes_in_a_moment_and_every_clock_shows_it() -> None:
    async def wait() -> list[float]:
        clocks = time.time, time.monotonic, time.perf_counter, asyncio.get_running_loop().time
        wide = time.time_ns, time.monotonic_ns, time.perf_counter_ns
        before = [clock() for clock in clocks] + [clock() / 1e9 for clock in wide]
        noon = datetime.now(UTC)
        await asyncio.sleep(DAY)
        after = [clock() for clock in clocks] + [clock() / 1e9 for clock in wide]
        passed = [late - early for early, late in zip(before, after, strict=True)]
        return [*passed, (datetime.now(UTC) - noon).total_seconds()]

    began = time.monotonic()
    assert run(wait()) == pytest.approx([DAY] * 8)
    assert time.monotonic() - began < 5


def test_the_clocks_are_the_machines_again_afterwards() -> None:
    before = time.time, time.monotonic, time.sleep, random.getstate()
    run(asyncio.sleep(1))
    assert (time.time, time.monotonic, time.sleep, random.getstate()) == before
    assert abs(datetime.now(UTC).timestamp() - time.time()) < 1
    assert time.time() > EPOCH


def test_checkpoints_made_afterwards_are_of_the_machines_time() -> None:
    async def checkpoint_id() -> uuid.UUID:
        return uuid6()

    in_a_year = run(checkpoint_id(), starts=time.time() + 365 * DAY)
    assert run(checkpoint_id()) < uuid6() < in_a_year


def test_things_happen_in_the_order_of_their_times() -> None:
    async def race() -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []

        async def tick(name: str, every: float, times: int) -> None:
            for _ in range(times):
                await asyncio.sleep(every)
                seen.append((name, round(asyncio.get_running_loop().time() % 1000, 6)))

        await asyncio.gather(tick("slow", 2.5, 2), tick("fast", 1.0, 4))
        return seen

    expected = [("fast", 1), ("fast", 2), ("slow", 2.5), ("fast", 3), ("fast", 4), ("slow", 5)]
    assert run(race()) == expected


def test_work_in_a_thread_takes_no_time_and_a_thread_that_sleeps_takes_its_time() -> None:
    async def main() -> tuple[list[str], float]:
        seen: list[str] = []

        def work(name: str, secs: float) -> None:
            seen.append(f"{name} begins")
            time.sleep(secs)
            seen.append(f"{name} ends")

        began = time.monotonic()
        works = (asyncio.to_thread(work, name, secs) for name, secs in (("a", 3.0), ("b", 1.0)))
        await asyncio.gather(*works, asyncio.to_thread(sum, range(100_000)))
        return seen, time.monotonic() - began

    assert run(main()) == (["a begins", "b begins", "b ends", "a ends"], 3.0)


def test_time_waits_for_a_thread_that_works_longer_than_the_loop_stands_still() -> None:
    async def main() -> tuple[str, float]:
        released = threading.Event()
        asyncio.get_running_loop().call_later(5.0, lambda: None)
        work = asyncio.create_task(asyncio.to_thread(released.wait, 2.5))
        await work
        return "done", time.monotonic()

    assert run(main()) == ("done", 1000.0)


def test_a_task_that_a_thread_waits_for_is_not_kept_waiting_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A statement waits for the lock that another task's transaction holds."""
    monkeypatch.setattr(virtual_time, "HANDOVER_SECS", 0.01)

    async def main() -> bool:
        done = threading.Event()
        waiting = asyncio.create_task(asyncio.to_thread(done.wait, 20))
        await asyncio.sleep(0)  # the thread waits from here on
        await asyncio.sleep(0)
        done.set()
        return await waiting

    assert run(main())


def test_the_same_seed_gives_the_same_chance() -> None:
    async def draw() -> tuple[uuid.UUID, str, float]:
        return uuid.uuid4(), secrets.token_urlsafe(), random.random()  # noqa: S311 - a test of it

    assert run(draw(), seed=1) == run(draw(), seed=1) != run(draw(), seed=2)


def test_who_waits_for_nothing_is_told_so() -> None:
    async def wait() -> None:
        await asyncio.sleep(7)
        await asyncio.Event().wait()

    with pytest.raises(TimeStands, match=r"At 7\.000 virtual seconds nothing is left"):
        run(wait())


def test_the_database_answers_at_once_though_other_timers_are_near(tmp_path: Path) -> None:
    async def read() -> tuple[object, float]:
        asyncio.get_running_loop().call_later(0.0001, lambda: None)
        async with open_database(tmp_path) as engine:
            return await Calls(engine).get("CA1"), time.monotonic()

    assert run(read()) == (None, 1000.0)


@virtually
async def test_a_test_can_be_one_in_virtual_time(tmp_path: Path) -> None:
    await asyncio.sleep(DAY)
    assert time.time() == pytest.approx(EPOCH + DAY)
    assert tmp_path.exists()


@pytest.mark.filterwarnings("error")
def test_a_connection_that_outlives_its_loop_ends_without_a_complaint(tmp_path: Path) -> None:
    async def leave_open() -> aiosqlite.Connection:
        connection = await aiosqlite.connect(tmp_path / "db")
        await connection.execute("SELECT 1")
        return connection

    connection = run(leave_open())
    connection.stop()
    connection._thread.join(5)
    assert not connection._thread.is_alive()
