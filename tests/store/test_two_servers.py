"""Two servers on one PostgreSQL serve the same conversations."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.postgres import database

ROOT = Path(__file__).parent.parent.parent


@contextlib.asynccontextmanager
async def server(data_dir: Path, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server process with a data folder of its own, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"DIALGRAPH_DATA_DIR": str(data_dir), "DATABASE_URL": url}
    command = [sys.executable, "-m", "server.cli", "serve", "--port", str(port)]
    command += ["--graph", "counter=tests/sample_graphs.py:counter"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while process.returncode is None:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/readyz")).status_code == 200:
                        break
                await asyncio.sleep(0.2)
            yield client
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


@pytest.mark.timeout(300)  # two servers load their speech models
async def test_a_conversation_goes_on_at_another_server(tmp_path: Path, postgres: str) -> None:
    url = database(postgres)
    async with server(tmp_path / "a", url) as a, server(tmp_path / "b", url) as b:
        replies = []
        for client in (a, b, b, a):
            said = {"graph": "counter", "thread_id": "asha", "message": "Hello"}
            replies.append((await client.post("/api/chat", json=said)).json()["reply"])
    assert replies == ["1", "2", "3", "4"]
    assert not list(tmp_path.rglob("*.sqlite"))
