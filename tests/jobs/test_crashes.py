"""Nothing is lost and nothing is renamed, at whatever point a process dies."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.calls import Calls
from store.database import open_database
from store.jobs import Jobs
from store.outbox import KIND
from store.webhooks import Webhooks
from tests.jobs.conftest import open_post
from tests.jobs.crash import KEY
from tests.jobs.receiver import Receiver

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "10"))
"""How many times two workers are started and killed, on each database."""


async def test_what_was_recorded_is_told_at_least_once_and_under_one_id(
    data_dir: Path, database_url: str | None, receiving: Receiver
) -> None:
    async with open_database(data_dir, database_url) as engine:
        await Webhooks(engine, KEY).create("all", receiving.url, events=["*"])
    arguments = [data_dir, database_url or "", receiving.host, ROUNDS, 2, 20261121]
    process = await create_subprocess_exec(
        sys.executable, "-m", "tests.jobs.crash", *map(str, arguments), stdout=PIPE, cwd=ROOT
    )
    printed = [line.split() for line in (await process.communicate())[0].decode().splitlines()]
    assert process.returncode == 0
    assert int(printed[-1][1]) > ROUNDS  # most of those begun were killed

    told: dict[tuple[str, str], list[tuple[str, bytes]]] = defaultdict(list)
    for came in receiving.came:
        body = json.loads(came.body)
        event = came.headers["dialgraph-event-id"]
        assert event == body["event_id"]
        told[body["type"], body["data"]["call_sid"]].append((event, came.body))
    assert all(len({*copies}) == 1 for copies in told.values())
    ids = [copies[0][0] for copies in told.values()]
    assert len({*ids}) == len(ids)

    async with open_database(data_dir, database_url) as engine:
        recorded = await Calls(engine).list(limit=100_000)
        assert {job.state for job in await Jobs(engine).list(KIND, limit=100_000)} == {"done"}
    safe = {(f"call.{what}", sid) for what, sid in printed[:-1]}
    in_record = {("call.initiated", call.sid) for call in recorded}
    for kind in ("call.ended", "post_call_transcription"):
        in_record |= {(kind, call.sid) for call in recorded if call.ended_at}
    assert safe <= in_record == told.keys()

    order: dict[str, list[str]] = defaultdict(list)
    for kind, sid in told:  # in the order in which they first came
        order[sid].append(kind)
    assert {*map(tuple, order.values())} <= {
        ("call.initiated",),
        ("call.initiated", "call.ended", "post_call_transcription"),
    }


@pytest.mark.timeout(300)
async def test_kill_9_in_mid_delivery_of_what_is_redelivered_loses_none_and_renames_none(
    data_dir: Path, database_url: str | None, receiving: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies when the address has the event and has not yet said so."""
    async with open_post(data_dir, database_url, receiving.host) as post:
        hook, _ = await post.webhooks.create("crm", receiving.url, events=["*"])
        await post.webhooks.update(hook.id, retry_enabled=False)
        receiving.answer = lambda _: (500, {})
        for number in range(6):
            data = {"agent_id": "a", "conversation_id": f"c{number % 3}", "number": number}
            await post.outbox.put("call.ended", data, key=str(number))
        await post.workers.run_due()
        assert {job.state for job in await post.jobs.list(KIND)} == {"dead"}
    given_up = {came.headers["dialgraph-event-id"]: came.body for came in receiving.came}
    assert len(given_up) == 6

    monkeypatch.setenv("DIALGRAPH_DATA_DIR", str(data_dir))
    if database_url:
        monkeypatch.setenv("DATABASE_URL", database_url)
    command = "-m", "server.cli", "webhooks", "redeliver", hook.id
    asked = await create_subprocess_exec(sys.executable, *command, stdout=PIPE, cwd=ROOT)
    assert (await asked.communicate())[0] == b"To be delivered once more: 6.\n"
    receiving.came.clear()
    receiving.silent, receiving.answer = "/hook", lambda _: (200, {})
    for _ in range(2):
        async with a_worker(data_dir, database_url, receiving) as worker:
            before = len(receiving.came)
            while len(receiving.came) < before + 2:
                await asyncio.sleep(0.01)
            os.killpg(worker.pid, signal.SIGKILL)
    receiving.silent = " "
    begun = len(receiving.came)
    async with a_worker(data_dir, database_url, receiving) as worker:
        assert await worker.wait() == 0
    assert all(given_up[c.headers["dialgraph-event-id"]] == c.body for c in receiving.came)
    ids = [came.headers["dialgraph-event-id"] for came in receiving.came[begun:]]
    assert sorted(ids) == sorted(given_up)


@contextlib.asynccontextmanager
async def a_worker(data_dir: Path, url: str | None, receiving: Receiver) -> AsyncIterator[Process]:
    """A process of its own that delivers what is due, and then ends."""
    arguments = [data_dir, url or "", receiving.host, 0, 0, 0]
    worker = await create_subprocess_exec(
        *(sys.executable, "-m", "tests.jobs.crash", *map(str, arguments)),
        cwd=ROOT,
        stdout=PIPE,
        start_new_session=True,
    )
    try:
        yield worker
    finally:
        await worker.wait()
