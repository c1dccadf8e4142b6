"""A server that is killed over an approval asks nobody twice and orders nothing twice.

A real server process, a telephone network and a broker that go on without it.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stocks.conftest import Running
from voice.phonelab import Listen, PhoneLab, Press, ScriptedCaller, Subscriber
from voice.phonelab.callers import Caller
from voice.phonelab.clock import RealClock
from voice.phonelab.handset import Handset
from voice.phonelab.lab import ACCOUNT_SID
from voice.phonelab.virtual_speech import SpellingVoice

ROOT = Path(__file__).parents[2]
OWNER, OURS, TOKEN = "+12125550142", "+15550100", "of the lab"
RINGS_SECS = 40
BOTH = [("AAPL", 12), ("MSFT", 5)]
SILENT = {
    "DIALGRAPH_STT": "deepgram",
    "DIALGRAPH_TTS": "deepgram",
    "DEEPGRAM_API_KEY": "of-nobody",
    "DIALGRAPH_OWNER_NUMBER": "",
}
"""A server on which nobody speaks, and that rings nobody."""

pytestmark = pytest.mark.timeout(900)  # each start loads what a server needs


@dataclass
class Keys:
    """The owner, who presses keys once the code has come on another way."""

    code: asyncio.Future[str] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def prepare(self) -> None:
        """Nothing has to be made ready."""

    async def talk(self, phone: Handset) -> None:
        code = await self.code
        caller: Caller = ScriptedCaller([Press("1"), Press(code), Listen()], voice=SpellingVoice())
        await caller.prepare()
        await caller.talk(phone)


class Patience(RealClock):
    """Time in which a telephone rings for as long as nobody is to take it."""

    def __init__(self) -> None:
        self.taken = asyncio.Event()

    async def sleep_until(self, moment: float) -> None:
        if moment - self.now() > RINGS_SECS / 2:
            await self.taken.wait()
        else:
            await super().sleep_until(moment)


@dataclass
class World:
    """Lab, broker and data folder, which stay; servers come and go."""

    folder: Path
    lab: PhoneLab
    exchange: Running
    port: int
    taken: asyncio.Event
    """Set when the owner's telephone is to be taken."""

    @contextlib.asynccontextmanager
    async def serving(self, **more: str) -> AsyncIterator["Server"]:
        """Run a server process, killed at the end if not before."""
        base = f"http://127.0.0.1:{self.port}"
        environment = {
            **os.environ,
            "DIALGRAPH_DATA_DIR": str(self.folder),
            "DIALGRAPH_PUBLIC_URL": base,
            "DIALGRAPH_API_KEY": "of-the-test",
            "DIALGRAPH_OWNER_NUMBER": OWNER,
            "DIALGRAPH_APPROVAL_RING_PAUSE_SECS": "5",
            "DIALGRAPH_RINGING_SECS": "60",
            "DIALGRAPH_TWILIO_API_URL": self.lab.url,
            "DIALGRAPH_TWILIO_NUMBER": OURS,
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "APCA_API_KEY_ID": "key",
            "APCA_API_SECRET_KEY": "secret",
            "DIALGRAPH_ALPACA_URL": self.exchange.url,
            **more,
        }
        command = [sys.executable, "-m", "server.cli", "serve", "--port", str(self.port)]
        command += ["--graph", "graph=tests/stocks/approval_served.py:graph"]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
        headers = {"xi-api-key": "of-the-test"}
        try:
            async with httpx.AsyncClient(
                base_url=base, headers=headers, timeout=60, trust_env=False
            ) as client:
                await until(lambda: _ready(client), 300)
                yield Server(client, process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    @property
    def ordered(self) -> list[tuple[str, int]]:
        orders = self.exchange.exchange.orders.values()
        return sorted((one.request.symbol, int(one.request.qty or 0)) for one in orders)

    async def state(self) -> str:
        """The state of the one approval, as the database has it."""

        def look() -> str:
            with contextlib.closing(sqlite3.connect(self.folder / "records.sqlite")) as records:
                return str(records.execute("SELECT state FROM approvals").fetchone()[0])

        return await asyncio.to_thread(look)


@dataclass
class Server:
    """A server process, ready."""

    client: httpx.AsyncClient
    process: asyncio.subprocess.Process

    async def propose(self) -> dict[str, Any]:
        """Have two orders proposed, and return their approval."""
        chat = {"graph": "graph", "thread_id": "the-run", "message": "What should I buy?"}
        (await self.client.post("/api/chat", json=chat)).raise_for_status()
        (approval,) = (await self.client.get("/api/approvals")).json()
        return dict(approval)

    async def code(self, approval: dict[str, Any]) -> str:
        told = await self.client.post(f"/api/approvals/{approval['id']}/code")
        return str(told.raise_for_status().json()["code"])

    async def thread(self) -> dict[str, Any]:
        return dict((await self.client.get("/api/threads/graph/the-run")).json())

    async def settled(self) -> dict[str, Any]:
        """The thread once the run has come to its end."""
        await until(self._is_done, 200)
        return await self.thread()

    async def _is_done(self) -> bool:
        return bool((await self.thread())["state"].get("done"))

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


async def _ready(client: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await client.get("/readyz")).status_code == 200
    return False


async def until(holds: Callable[[], Awaitable[bool]], secs: float = 60) -> None:
    async with asyncio.timeout(secs):
        while not await holds():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def world(folder: Path, exchange: Running, owner: Subscriber) -> AsyncIterator[World]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = Patience()
    lab = PhoneLab(auth_token=TOKEN, subscribers={OWNER: owner}, voice=SpellingVoice(), clock=clock)
    async with lab:
        yield World(folder, lab, exchange, port, clock.taken)


async def test_a_server_killed_while_it_rings_goes_on_with_the_same_call(
    tmp_path: Path, running: Running
) -> None:
    keys = Keys()
    owner = Subscriber(lambda: keys, rings_secs=RINGS_SECS)
    async with world(tmp_path, running, owner) as here:
        async with here.serving() as server:
            approval = await server.propose()
            await until(lambda: _rings(here.lab))
            await server.kill()
        assert await here.state() == "open"
        async with here.serving() as server:
            assert (await server.thread())["interrupts"]
            keys.code.set_result(await server.code(approval))
            here.taken.set()
            thread = await server.settled()
            assert thread["state"]["outcome"] == "filled"
            (after,) = (await server.client.get("/api/approvals")).json()
            assert (after["state"], after["channel"]) == ("approved", "phone")
        assert len(here.lab.calls) == 1
        assert here.ordered == BOTH


async def test_a_server_killed_over_an_answer_carries_it_out_once_when_it_is_back(
    tmp_path: Path, running: Running
) -> None:
    """It dies while one order is on its way, and the broker takes another without saying so."""
    async with world(tmp_path, running, Subscriber(answers="busy")) as here:
        async with here.serving(**SILENT) as server:
            approval = await server.propose()
            code = await server.code(approval)
            running.fault("slow", secs=5)
            running.fault("504_after")
            at = f"/api/approvals/{approval['id']}"
            answer = server.client.post(at, json={"verdict": "approve", "code": code})
            answering = asyncio.create_task(answer)
            await until(lambda: _is_answered(here))
            await server.kill()
            with contextlib.suppress(httpx.TransportError):
                await answering
        async with here.serving(**SILENT) as server:
            assert (await server.settled())["state"]["outcome"] == "filled"
            again = await server.client.post(at, json={"verdict": "approve", "code": code})
            assert again.json()["state"] == "approved"
        assert here.ordered == BOTH


async def _rings(lab: PhoneLab) -> bool:
    return bool(lab.calls)


async def _is_answered(here: World) -> bool:
    return await here.state() != "open"
