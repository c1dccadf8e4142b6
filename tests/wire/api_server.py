"""A real server on loopback, for clients that speak HTTP and WebSocket by themselves."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from graphs.threads import Graph
from server.app import create_app
from server.services import Services
from settings import Settings

SAMPLES = Path(__file__).parent.parent / "sample_graphs.py"


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    address: str
    app: FastAPI
    loop: asyncio.AbstractEventLoop

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    def run(self, coroutine: Any) -> Any:
        """Await something in the server's own loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)


@contextlib.contextmanager
def serving(settings: Settings, graphs: Mapping[str, Graph] | None = None) -> Iterator[Running]:
    """Serve the application until the context ends."""
    app = create_app(settings, graphs)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    ready, loops = threading.Event(), []
    app.state.announce = ready.set

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(60)
        while not server.started:
            assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Running(f"http://127.0.0.1:{port}", app, loops[0])
    finally:
        server.should_exit = True
        thread.join(30)
