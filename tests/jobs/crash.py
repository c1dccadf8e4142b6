# ruff: noqa: S311
"""Processes that are killed at random points while they record calls and deliver what follows.

Run as a program it forks, again and again, workers that kill themselves (SIGKILL) at the n-th
statement or commit of the database. Their imports are paid once. What a worker was told is safe, it
prints before it goes on.
"""

import asyncio
import os
import random
import signal
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event

from server.analysis.wanted import Wanted
from server.jobs.after_call import AfterCall
from server.jobs.webhooks import Delivery
from server.jobs.workers import Workers
from store.call_events import call_data, call_events
from store.calls import Call, Calls
from store.conversations import AFTER_CALL, Conversations
from store.database import open_database
from store.jobs import Jobs
from store.locks import open_locks
from store.outbox import KIND, Outbox
from store.secrets import MasterKey, Secrets
from store.webhooks import Webhooks
from tools.outside import Outside

KEY = MasterKey(b"k" * 32)
MOST_POINTS = 260
"""A worker that records three calls and delivers their events passes about this many points."""


def later() -> datetime:
    """The time, an hour on: nothing waits for a retry."""
    return datetime.now(UTC) + timedelta(hours=1)


def say(*words: str) -> None:
    """Print a line in one piece, whoever else prints."""
    os.write(1, (" ".join(words) + "\n").encode())


def call(sid: str) -> Call:
    return Call(
        sid=sid,
        graph="sdr",
        thread_id=f"thread-{sid}",
        direction="inbound",
        carrier="twilio",
        status="ringing",
        started_at=datetime.now(UTC),
    )


async def work(
    folder: str, url: str, host: str, name: str, calls_to_hold: int, die_at: int
) -> None:
    """Hold calls and deliver what follows, and die at the given point, if it comes."""
    passed = 0

    def point(*_: object) -> None:
        nonlocal passed
        passed += 1
        if passed == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    async with (
        open_database(Path(folder), url or None) as engine,
        open_locks(Path(folder), url or None) as locks,
        Outside([host]) as outside,
    ):
        for name_of_point in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(engine.sync_engine, name_of_point, point)
        jobs = Jobs(engine)
        outbox = Outbox(engine, jobs)
        calls = Calls(engine, call_events(outbox))
        delivery = Delivery(outbox, Webhooks(engine, KEY), outside, Path(folder), later)
        secrets = await Secrets.open(engine, Path(folder), None)
        after = AfterCall(
            calls, outbox, Conversations(engine), nothing_said, nothing_wanted, told, no_model,
            secrets.forget,
        )  # fmt: skip
        kinds = {KIND: delivery.work, AFTER_CALL: after.work}
        workers = Workers(jobs, locks, kinds, later)
        for number in range(calls_to_hold):
            held = call(f"{name}-{number}")
            await calls.create(held)
            say("initiated", held.sid)
            held.status, held.ended_at = "completed", datetime.now(UTC)
            await calls.save(held)
            say("ended", held.sid)
            await workers.run_due()
        await workers.run_due()


async def nothing_said(_: Call) -> Any:
    return [], {}


async def nothing_wanted(_: str | None) -> Wanted:
    return Wanted()


async def told(call: Call) -> dict[str, Any]:
    return call_data(call)


async def no_model(_: Call) -> None:
    return None


def spawn(*arguments: object) -> int:
    """Fork a worker; returns its process id."""
    if child := os.fork():
        return child
    code = 1
    try:
        asyncio.run(work(*arguments))  # type: ignore[arg-type]
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main(folder: str, url: str, host: str, rounds: int, at_once: int, seed: int) -> None:
    """Kill workers at random points, then let one come to its end."""
    chance, killed = random.Random(seed), 0
    for number in range(rounds):
        children = [
            spawn(folder, url, host, f"{number}.{which}", 3, chance.randint(1, MOST_POINTS))
            for which in range(at_once)
        ]
        for child in children:
            status = os.waitpid(child, 0)[1]
            killed += os.WIFSIGNALED(status)
            assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    while os.waitpid(spawn(folder, url, host, "last", 0, 0), 0)[1]:
        pass
    say("killed", str(killed))


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:7]))  # type: ignore[arg-type,misc]
