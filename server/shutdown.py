"""A server that lets the calls that go on come to their end before it closes their streams."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import uvicorn

TICK_SECS = 0.1


class DrainingServer(uvicorn.Server):
    """uvicorn's server; on its own it would close every media stream before the lifespan ends.

    Args:
        config: what is served, and how.
        drain: ends the calls in good time; given up when a second interrupt asks for haste.
    """

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: the calls first, then the connections, then the application."""
        draining = asyncio.ensure_future(self._drain())
        while not draining.done() and not self.force_exit:
            await asyncio.wait({draining}, timeout=TICK_SECS)
        draining.cancel()
        await super().shutdown(sockets)
