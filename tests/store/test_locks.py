"""Locks: one turn at a time on a thread, for tasks and for processes."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from store.locks import FileLocks, ProcessLocks, ThreadLocks, open_locks
from tests.postgres import database

LONG = 20.0

HOLDER = """
import asyncio, sys
from pathlib import Path
from store.locks import open_locks

async def main(folder, url, key):
    async with open_locks(Path(folder), url or None) as locks, locks.hold(key, 20):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    print("over", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def two(data_dir: Path, database_url: str | None) -> AsyncIterator[list[ThreadLocks]]:
    """Locks as two processes have them."""
    async with open_locks(data_dir, database_url) as a, open_locks(data_dir, database_url) as b:
        yield [a, b]


@contextlib.asynccontextmanager
async def holder(data_dir: Path, database_url: str | None, key: str) -> AsyncIterator[Process]:
    """Another process that holds a lock until a line is written to it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, data_dir, database_url or "", key, stdin=PIPE, stdout=PIPE
    )
    assert process.stdout
    try:
        assert await asyncio.wait_for(process.stdout.readline(), LONG) == b"held\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def held(locks: ThreadLocks, key: str) -> bool:
    """Whether somebody else holds a lock."""
    try:
        async with locks.hold(key, 0.5):
            return False
    except TimeoutError:
        return True


async def taken(locks: ThreadLocks, key: str) -> None:
    """Wait for a lock, and give it back at once."""
    async with locks.hold(key, LONG):
        pass


async def test_who_comes_first_is_served_first(two: list[ThreadLocks]) -> None:
    served: list[int] = []

    async def turn(number: int) -> None:
        async with two[0].hold("a", LONG):
            await asyncio.sleep(0.002)
            served.append(number)

    await asyncio.gather(*(turn(number) for number in range(20)))
    assert served == list(range(20))


async def test_two_never_hold_one_lock(two: list[ThreadLocks]) -> None:
    inside, most = 0, 0

    async def turn(locks: ThreadLocks) -> None:
        nonlocal inside, most
        async with locks.hold("a", LONG):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(turn(two[number % 2]) for number in range(40)))
    assert most == 1


async def test_locks_of_different_names_are_held_together(two: list[ThreadLocks]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for number in range(200):
            await stack.enter_async_context(two[number % 2].hold(f"thread {number}", LONG))


async def test_who_waits_too_long_is_told_and_takes_nothing(two: list[ThreadLocks]) -> None:
    first, second = two
    async with first.hold("a", LONG):
        assert await held(first, "a")
        assert await held(second, "a")
        assert not await held(second, "b")
    assert not await held(second, "a")


async def test_who_does_not_wait_gets_a_lock_that_is_free(two: list[ThreadLocks]) -> None:
    """Asking takes PostgreSQL a moment, which is no waiting for the lock."""
    first, second = two
    for locks in (first, second):
        async with locks.hold("a", 0):
            with pytest.raises(TimeoutError):
                async with second.hold("a", 0):
                    pass


async def test_a_waiting_process_gets_the_lock_when_it_is_free(two: list[ThreadLocks]) -> None:
    first, second = two
    async with first.hold("a", LONG):
        waiting = asyncio.create_task(taken(second, "a"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 2)


async def test_a_lock_is_given_back_when_the_turn_fails(two: list[ThreadLocks]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with two[0].hold("a", LONG):
            raise ZeroDivisionError
    assert not await held(two[1], "a")


async def test_whoever_is_cancelled_leaves_no_lock(two: list[ThreadLocks]) -> None:
    """At any moment: while asking, while waiting, while holding, while giving back."""

    async def turn() -> None:
        async with two[0].hold("a", LONG):
            await asyncio.sleep(0.001)

    for moment in range(60):
        tasks = [asyncio.create_task(turn()) for _ in range(3)]
        await asyncio.sleep(moment * 0.0001)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with two[1].hold("a", LONG), two[0].hold("b", LONG):
            pass


async def test_a_killed_process_gives_back_its_locks(
    two: list[ThreadLocks], data_dir: Path, database_url: str | None
) -> None:
    async with holder(data_dir, database_url, "a") as process:
        assert await held(two[0], "a")
        assert not await held(two[0], "b")
        waiting = asyncio.create_task(taken(two[0], "a"))
        await asyncio.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(waiting, 5)


async def test_a_process_waits_for_another(
    two: list[ThreadLocks], data_dir: Path, database_url: str | None
) -> None:
    async with holder(data_dir, database_url, "a") as process:
        waiting = asyncio.create_task(taken(two[0], "a"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        process.stdin and process.stdin.write(b"\n")
        await asyncio.wait_for(waiting, 5)


async def test_files_are_not_littered_with(data_dir: Path) -> None:
    async with open_locks(data_dir) as locks:
        for number in range(1000):
            async with locks.hold(f"thread {number}", LONG):
                pass
        assert [(file.name, file.stat().st_size) for file in data_dir.iterdir()] == [("locks", 0)]


async def test_a_lock_nobody_wants_is_forgotten() -> None:
    locks = ProcessLocks()
    async with locks.hold("a", LONG):
        assert len(locks._queues) == 1
    assert not locks._queues


async def test_a_program_started_while_a_lock_is_held_does_not_keep_it(data_dir: Path) -> None:
    data_dir.mkdir()
    locks, others = FileLocks(data_dir / "locks"), FileLocks(data_dir / "locks")
    async with locks.hold("a", LONG):
        process = await asyncio.create_subprocess_exec("sleep", "20")
        locks.close()
        assert not await held(others, "a")
        process.kill()
        await process.wait()
        locks._file = os.open(data_dir / "locks", os.O_RDWR)  # for the hold that ends now


async def test_after_a_lost_connection_what_was_held_is_locked_again(postgres: str) -> None:
    url = database(postgres)
    async with open_locks(Path(), url) as locks, open_locks(Path(), url) as others:
        async with locks.hold("a", LONG):
            assert await held(others, "a")
            await _end_lock_sessions(url)
            async with locks.hold("b", LONG):
                assert await held(others, "a")
        assert not await held(others, "a")


async def test_a_lock_that_another_took_after_a_lost_connection_stays_with_it(
    postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = database(postgres)
    async with (
        open_locks(Path(), url) as locks,
        open_locks(Path(), url) as others,
        contextlib.AsyncExitStack() as stack,
    ):
        async with locks.hold("a", LONG):
            await _end_lock_sessions(url)
            await stack.enter_async_context(others.hold("a", LONG))
        assert "A lock was lost" in caplog.text
        assert await held(locks, "a")


async def _end_lock_sessions(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'dialgraph locks' AND datname = current_database()"
        )
