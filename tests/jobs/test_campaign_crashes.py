"""Everybody of a batch is called, and called once, however often the server is killed over it."""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from store.batches import Batches
from store.database import open_database
from store.jobs import Jobs
from store.secrets import MasterKey
from tests.jobs.batch_crash import application
from tests.jobs.test_campaign_calls import BATCHES, client
from tests.jobs.test_promised_calls import made
from tests.phone.placing import TOKEN
from voice.phonelab import PhoneLab, Subscriber
from voice.phonelab.virtual_speech import offered

PEOPLE = [f"+121255501{n:02}" for n in range(12)]


@pytest.mark.timeout(400)
async def test_kill_9_in_the_middle_of_a_batch_leaves_nobody_out_and_rings_nobody_twice(
    data_dir: Path, database_url: str | None
) -> None:
    data_dir.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    busy = dict.fromkeys(PEOPLE, Subscriber(answers="busy"))
    async with PhoneLab(auth_token=TOKEN, subscribers=busy) as lab:
        await submit(data_dir, database_url, lab.url, port)
        where = [data_dir, database_url or "", lab.url, port, 20261121]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.jobs.batch_crash", *map(str, where)),
            stdout=PIPE,
            cwd=Path(__file__).parents[2],
        )
        printed = (await process.communicate())[0].decode().split()
        rung = {call.to: call.sid for call in lab.calls}
        assert sorted(call.to for call in lab.calls) == PEOPLE
    assert printed[0] == "killed" and int(printed[1]) >= 3
    async with open_database(data_dir, database_url) as engine:
        batches = Batches(engine, Jobs(engine), MasterKey(b"k" * 32))
        (batch,) = await batches.page(limit=2)
        recipients = await batches.recipients(batch.id)
    assert {one.phone_number: one.call_sid for one in recipients} == rung
    assert {one.tries for one in recipients} == {1}


async def submit(data_dir: Path, url: str | None, carrier: str, port: int) -> None:
    """Have a batch wait, by a server that is gone at once."""
    with offered():
        app = application(data_dir, url, carrier, port)
        async with app.router.lifespan_context(app), client(app) as at:
            permissions = app.state.services.desk.permissions
            for number in PEOPLE:
                agreed = {"purpose": "marketing", "strength": "written", "proof": "form 7"}
                await permissions.allow(number, "workspace", **agreed)
            body = {
                "call_name": "spring",
                "agent_id": await made(at),
                "recipients": [{"phone_number": number} for number in PEOPLE],
                "target_concurrency_limit": 12,
                "calls_per_minute": 600,
            }
            submitted = await at.post(f"{BATCHES}/submit", json=body)
            assert submitted.status_code == 200, submitted.text
