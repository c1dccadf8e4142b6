"""Two servers on one PostgreSQL serve the same conversations, and what one drops is not lost."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from store.calls import Call, Calls
from store.database import open_database
from tests.phone.media_stream import Line
from tests.postgres import database

ROOT = Path(__file__).parent.parent.parent
GRAPHS = ("counter=tests/sample_graphs.py:counter", "booking=tests/store/booking.py:booking")

pytestmark = pytest.mark.timeout(400)  # each server loads its speech models


@dataclass(frozen=True)
class Server:
    """A server process, ready."""

    client: httpx.AsyncClient
    process: Process

    @property
    def base(self) -> str:
        return str(self.client.base_url).rstrip("/")

    async def chat(self, **body: Any) -> str:
        answer = await self.client.post("/api/chat", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["reply"])

    async def ring(self, sid: str) -> int:
        """Send the webhook of a call, and return the status of the answer."""
        form = {"CallSid": sid, "From": "+15550100", "To": "+15550199"}
        return (await self.client.post("/voice/incoming", data=form)).status_code


@contextlib.asynccontextmanager
async def serving(folder: Path, url: str) -> AsyncIterator[Server]:
    """Serve from a data folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DIALGRAPH_DATA_DIR": str(folder),
        "DATABASE_URL": url,
        "BOOKINGS": str(folder.parent),
    }
    command = [sys.executable, "-m", "server.cli", "serve", "--port", str(port)]
    command += [part for graph in GRAPHS for part in ("--graph", graph)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
    try:
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, timeout=120, trust_env=False) as client:
            while process.returncode is None:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/readyz")).status_code == 200:
                        break
                await asyncio.sleep(0.2)
            yield Server(client, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def calls_of(folder: Path, url: str) -> dict[str, Call]:
    """The records of all calls."""
    async with open_database(folder, url) as engine:
        return {call.sid: call for call in await Calls(engine).list()}


async def test_turns_at_both_servers_at_once_lose_nothing(tmp_path: Path, postgres: str) -> None:
    url = database(postgres)
    async with serving(tmp_path / "a", url) as a, serving(tmp_path / "b", url) as b:
        said = [f"turn {number}" for number in range(40)]
        replies = await asyncio.gather(
            *(
                (a, b)[number % 2].chat(graph="counter", thread_id="asha", message=text)
                for number, text in enumerate(said)
            )
        )
        assert sorted(map(int, replies)) == list(range(1, 41))
        thread = (await b.client.get("/api/threads/counter/asha")).json()["messages"]
        assert sorted(m["content"] for m in thread if m["type"] == "human") == sorted(said)
        answers = [m["content"] for m in thread if m["type"] == "ai"]
        assert answers == [str(number) for number in range(1, 41)]
    assert not list(tmp_path.rglob("*.sqlite"))


async def test_what_a_killed_server_did_and_held_is_settled(tmp_path: Path, postgres: str) -> None:
    """Its effect has happened once, its call is over, and the other server's call goes on."""
    url = database(postgres)
    for name in ("booked", "slow"):
        (tmp_path / name).touch()
    async with serving(tmp_path / "b", url) as b:
        async with serving(tmp_path / "a", url) as a:
            assert await asyncio.gather(a.ring("CA-twice"), b.ring("CA-twice")) == [200, 200]
            assert await a.ring("CA-rings") == 200
            assert [c.status for c in (await calls_of(tmp_path, url)).values()] == ["ringing"] * 2
            talking = [Line(a.base, "CA-goes-on"), Line(a.base, "CA-lost")]
            for line in talking:
                await line.call("/voice/incoming?graph=counter")
                await line.until_bot_speaks()
            body = {"graph": "booking", "thread_id": "asha", "message": "nine"}
            asking = asyncio.create_task(a.client.post("/api/chat", json=body))
            while not (tmp_path / "booked").read_text():
                await asyncio.sleep(0.05)
            a.process.kill()
            await a.process.wait()
            with pytest.raises(httpx.TransportError):
                await asking
            for line in talking:
                await line.drop()
            again = Line(b.base, "CA-goes-on")
            await again.call("/voice/continue")
        (tmp_path / "slow").unlink()
        async with serving(tmp_path / "a", url) as a:
            thread = (await b.client.get("/api/threads/booking/asha")).json()["messages"]
            assert [m["type"] for m in thread][:3] == ["human", "ai", "tool"]
            assert thread[2]["content"] == "nine is booked"
            (booked,) = (tmp_path / "booked").read_text().split()
            assert (tmp_path / "asked").read_text().split() == [booked, booked]
            calls = await calls_of(tmp_path, url)
            assert {sid: call.status for sid, call in calls.items()} == {
                "CA-twice": "ringing",
                "CA-rings": "ringing",
                "CA-goes-on": "in-progress",
                "CA-lost": "failed",
            }
            assert calls["CA-lost"].failure == "The server was stopped during the call."
            await again.hang_up()
            assert await a.chat(**body) == "Well: nine is booked."  # a new turn, another booking
            assert len((tmp_path / "booked").read_text().split()) == 2
