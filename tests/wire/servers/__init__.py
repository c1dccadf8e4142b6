"""Local servers that speak the providers' public protocols, for the real clients to talk to.

Each checks what it is sent the way the provider would, keeps it for the test to look at, and
answers with real content: scripted words, and speech from the embedded voice.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI

from voice.providers.embedded_tts import voice

KEY = "a-key-for-tests"


@dataclass
class Faults:
    """What goes wrong next; each is used up as it happens."""

    refuse: list[int] = field(default_factory=list)
    """HTTP statuses with which the next requests or handshakes are refused."""
    drop_after_bytes: list[int] = field(default_factory=list)
    """Bytes of audio after which the next connections break."""
    answer_after_secs: float = 0.0
    """How long every answer takes, in seconds; stays."""

    def refusal(self) -> int | None:
        """Return the status to refuse this request with, or None."""
        return self.refuse.pop(0) if self.refuse else None

    async def dawdle(self) -> None:
        """Wait as long as an answer takes."""
        await asyncio.sleep(self.answer_after_secs)


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application on a free loopback port; yields its `http://` address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def speech(text: str, sample_rate: int) -> bytes:
    """Return a text as real speech, mono PCM16."""
    parts = [await voice().say(sentence, sample_rate) for sentence in voice().sentences(text)]
    return b"".join(parts)
