"""A server on a free port of this machine, with small graphs and the embedded speech models."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from graphs.threads import Graph
from server.app import create_app
from server.services import Services
from settings import Settings
from store.calls import Call
from tests.phone.call_graphs import interview
from voice.phonelab.invariants import thread_violations
from voice.phonelab.virtual import LINGER_SECS


@dataclass(frozen=True)
class Server:
    """A running server and the parts the tests look into."""

    base: str
    services: Services

    async def record(self, sid: str, wait: float = 15.0) -> Call:
        """The record of a call once it has ended."""
        async with asyncio.timeout(wait):
            while True:
                call = await self.services.calls.get(sid)
                if call and call.ended_at:
                    return call
                await asyncio.sleep(0.05)


Serve = Callable[..., "contextlib.AbstractAsyncContextManager[Server]"]


@contextlib.asynccontextmanager
async def running(
    settings: Settings, graphs: Mapping[str, Graph] | None = None
) -> AsyncIterator[Server]:
    """Run the application, and see to it that its calls leave nothing behind.

    Args:
        settings: of the server.
        graphs: those that are shipped when missing.
    """
    async with serving(settings, graphs) as server:
        before = asyncio.all_tasks()
        yield server
    await nothing_is_left(before)


@contextlib.asynccontextmanager
async def serving(
    settings: Settings, graphs: Mapping[str, Graph] | None = None
) -> AsyncIterator[Server]:
    """Run the application on a free port, and look at the threads of its calls at the end."""
    app = create_app(settings, graphs)
    config = uvicorn.Config(
        app, port=0, log_level="warning", ws_ping_interval=None, proxy_headers=False
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[method-assign]
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(60):
        while not server.started:
            if running.done():
                raise RuntimeError("The server ended before it had started.")
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    services: Services = app.state.services
    try:
        yield Server(f"http://127.0.0.1:{port}", services)
        for call in await services.calls.list():
            thread = await services.threads.snapshot(call.graph, call.thread_id)
            assert thread_violations(thread.messages, thread.next) == []
    finally:
        server.should_exit = True
        await running


def _is_of_a_line(task: "asyncio.Task[Any]") -> bool:
    """Whether a task belongs to a test's own end of the line, which may still be off the hook."""
    return str(getattr(task.get_coro(), "__qualname__", "")).startswith("Line.")


async def nothing_is_left(before: set["asyncio.Task[Any]"]) -> None:
    """Two seconds after its end a server has no task that its calls have begun."""
    left = {task for task in asyncio.all_tasks() - before if not _is_of_a_line(task)}
    if left:
        await asyncio.wait(left, timeout=LINGER_SECS)
    assert [str(task) for task in left if not task.done()] == []


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Make servers that run for a while, with a graph and settings of the test's own."""

    def run(
        graph: Graph | None = None, **settings: object
    ) -> contextlib.AbstractAsyncContextManager[Server]:
        chosen = Settings(data_dir=tmp_path, default_graph="interview", _env_file=None, **settings)  # type: ignore[arg-type]
        return running(chosen, {"interview": graph or interview()})

    return run
