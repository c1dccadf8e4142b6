"""What a server that is told to stop does with the calls that go on: a real process, stopped."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from store.calls import Call, Calls
from store.database import open_database
from tests.phone.media_stream import Line


@contextlib.asynccontextmanager
async def dialgraph_serve(data_dir: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Run `dialgraph serve` on a free port; yields its address and the process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server.cli", "serve", "--port", "0"),
        env={"DIALGRAPH_DATA_DIR": str(data_dir), "PATH": "", "HOME": str(data_dir)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout and process.stderr
    try:
        async with asyncio.timeout(90):
            while b"ready" not in (line := await process.stdout.readline()):
                assert line, "The server ended before it was ready."
        yield line.decode().split()[-1], process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        assert b"Pipecat" not in await process.stderr.read()


async def recorded(data_dir: Path, sid: str) -> Call:
    async with open_database(data_dir) as engine:
        call = await Calls(engine).get(sid)
    assert call is not None
    return call


async def test_a_server_that_is_stopped_lets_a_call_come_to_its_end(tmp_path: Path) -> None:
    async with dialgraph_serve(tmp_path) as (base, process):
        line = Line(base)
        await line.call()
        await line.until_bot_speaks()
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert not line.closed.is_set()
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            ready = await client.get("/readyz")
            assert (await client.get("/healthz")).status_code == 200
        assert ready.status_code == 503
        assert ready.json()["reason"].startswith("The server is stopping")
        await line.key("2")
        await asyncio.wait_for(line.closed.wait(), 30)
        await asyncio.wait_for(process.wait(), 30)
    call = await recorded(tmp_path, line.call_sid)
    assert (call.status, call.outcome) == ("completed", "not_eligible")
    assert process.returncode in (0, -signal.SIGTERM)


async def test_a_second_server_on_the_same_data_folder_is_told_why_not(tmp_path: Path) -> None:
    async with dialgraph_serve(tmp_path):
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server.cli", "serve", "--port", "0"),
            env={"DIALGRAPH_DATA_DIR": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await asyncio.wait_for(second.communicate(), 30)
    assert second.returncode == 1
    assert told.startswith(b"Cannot start. Another server works with the data folder")
