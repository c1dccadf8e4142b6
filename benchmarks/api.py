"""How fast the API answers over HTTP on loopback, with 1,000 agents and 10,000 conversations.

Run `python -m benchmarks.api`. Each row asks 8 at a time; the server is a process of its own, with
SQLite. The first row is another process that is FastAPI and uvicorn and no more: what HTTP takes
here. The last is a turn of the eligibility interview, each on a thread of its own, kept.
"""

import asyncio
import contextlib
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from store.calls import Call, Calls, Utterance
from store.database import open_database
from store.resources import Resources

AGENTS, CONVERSATIONS = 1_000, 10_000
REQUESTS, AT_ONCE = 400, 8
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
BARE = """
import sys, fastapi, uvicorn
app = fastapi.FastAPI()
@app.get("/")
async def answer():
    return {"status": "ok"}
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""
DOCUMENT = {
    "conversation_config": {
        "agent": {"first_message": "Hello", "prompt": {"prompt": "You sell lamps. " * 40}},
        "tts": {"voice_id": "v"},
    },
    "tags": ["sales"],
}


async def fill(folder: Path) -> None:
    """Write agents, and conversations of twelve utterances each: one by the store, copied."""
    said = [
        Utterance(role="bot" if n % 2 else "caller", text=f"Sentence {n} of it", at=BEGAN)
        for n in range(12)
    ]
    call = Call(
        sid="CA",
        graph="eligibility",
        thread_id="0",
        direction="inbound",
        carrier="twilio",
        status="completed",
        started_at=BEGAN,
        ended_at=BEGAN + timedelta(seconds=90),
        transcript=said,
    )
    async with open_database(folder) as engine:
        await Resources(engine, "agent").create("agent", "Agent", DOCUMENT, actor="benchmark")
        await Calls(engine).create(call)
    with contextlib.closing(sqlite3.connect(folder / "records.sqlite")) as records, records:
        _copy(
            records,
            "resources",
            AGENTS,
            lambda n: {"id": f"agent_{n}", "name": f"Agent {n}", "folded": f"agent {n}"},
        )
        _copy(records, "calls", CONVERSATIONS, _another_call)


def _another_call(number: int) -> dict[str, str]:
    return {
        "sid": f"CA{number}",
        "thread_id": f"{number:032x}",
        "agent_id": f"agent_{number % AGENTS}",
        "started_at": f"{BEGAN + timedelta(minutes=number):%Y-%m-%d %H:%M:%S.%f}",
        "ended_at": f"{BEGAN + timedelta(minutes=number, seconds=90):%Y-%m-%d %H:%M:%S.%f}",
    }


def _copy(
    records: sqlite3.Connection, table: str, count: int, other: Callable[[int], dict[str, str]]
) -> None:
    records.row_factory = sqlite3.Row
    row = dict(records.execute(f"SELECT * FROM {table}").fetchone())  # noqa: S608 - our own name
    marks = ", ".join(f":{name}" for name in row)
    rows = ({**row, **other(number)} for number in range(count))
    records.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


async def measure(
    send: Callable[[int], Awaitable[httpx.Response]],
) -> tuple[float, float, float, float]:
    """Return requests a second, and the median, 95th and 99th percentile in milliseconds."""
    times: list[float] = []
    left = iter(range(REQUESTS))

    async def ask() -> None:
        for number in left:
            began = time.perf_counter()
            answer = await send(number)
            times.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, answer.text

    await send(REQUESTS)
    began = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    rate = REQUESTS / (time.perf_counter() - began)
    percentiles = statistics.quantiles(times, n=100)
    return rate, statistics.median(times), percentiles[94], percentiles[98]


@contextlib.contextmanager
def running(*command: str, **environment: str) -> Iterator[httpx.AsyncClient]:
    """Run a server, which is told its port as the last argument; yields a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, *command, str(port)],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60)
    finally:
        process.terminate()
        process.wait(30)


async def main() -> None:
    """Fill a folder, serve it, and print the table."""
    table = Table("request", "a second", "of FastAPI", "p50 ms", "p95 ms", "p99 ms")
    with tempfile.TemporaryDirectory() as folder:
        await fill(Path(folder))
        with running("-c", BARE) as http:
            await _ready(http)
            bare = await measure(lambda _: http.get("/"))
        environment = {"DIALGRAPH_DATA_DIR": folder, "DIALGRAPH_RETENTION_DAYS": "0"}
        with running("-m", "server.cli", "serve", "--port", **environment) as http:
            await _ready(http, "/readyz")
            measured = await _measured(http)
    for name, (rate, *times) in {"FastAPI alone": bare, **measured}.items():
        shown = (f"{rate / bare[0]:.2f}", *(f"{ms:.1f}" for ms in times))
        table.add_row(name, f"{rate:.0f}", *shown)
    Console().print(table)
    Console().print(f"Load of the machine {os.getloadavg()[0]:.1f}.")


async def _ready(http: httpx.AsyncClient, path: str = "/") -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                if (await http.get(path)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.2)


async def _measured(http: httpx.AsyncClient) -> dict[str, tuple[float, float, float, float]]:
    page = (await http.get("/v1/convai/conversations?page_size=30")).json()
    one = page["conversations"][0]["conversation_id"]
    deep = page["next_cursor"]
    rows = {
        "healthz": "/healthz",
        "agents, list of 30": "/v1/convai/agents?page_size=30",
        "agents, one": "/v1/convai/agents/agent_500",
        "agents, search": "/v1/convai/agents?search=agent%2099",
        "conversations, list of 30": "/v1/convai/conversations?page_size=30",
        "conversations, next page": f"/v1/convai/conversations?page_size=30&cursor={deep}",
        "conversations of an agent": "/v1/convai/conversations?agent_id=agent_7",
        "conversations, search": "/v1/convai/conversations?page_size=30&search=sentence%207",
        "conversations, one": f"/v1/convai/conversations/{one}",
    }

    def read(path: str) -> Callable[[int], Awaitable[httpx.Response]]:
        return lambda _: http.get(path)

    def turn(number: int) -> Awaitable[httpx.Response]:
        said = {"graph": "eligibility", "thread_id": f"{number}", "message": "I am salaried"}
        return http.post("/api/chat", json=said)

    asked = {name: read(path) for name, path in rows.items()} | {"chat, one turn": turn}
    return {name: await measure(send) for name, send in asked.items()}


if __name__ == "__main__":
    asyncio.run(main())
