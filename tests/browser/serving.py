"""A server in a thread, and a voice socket that a test drives by hand."""

import asyncio
import contextlib
import json
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect

DEADLINE = 20.0
"""Longest wait for anything in these tests, in seconds."""


@contextlib.contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Serve on a free port of the loopback; yields the address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 3 * DEADLINE
        while not server.started:
            assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(DEADLINE)


class HandDrivenLine:
    """The server's side of `WS /demo/voice/{session_id}`; a test says what it sends, and when."""

    def __init__(self) -> None:
        self.received: queue.Queue[dict[str, Any] | bytes] = queue.Queue()
        self.opened = 0
        self._socket: WebSocket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def endpoint(self, websocket: WebSocket, session_id: str) -> None:
        await websocket.accept()
        self._socket, self._loop = websocket, asyncio.get_running_loop()
        self.opened += 1
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    self.received.put({"type": "disconnect"})
                    return
                binary, text = message.get("bytes"), message.get("text")
                self.received.put(binary if binary else json.loads(text))

    def send(self, message: dict[str, Any]) -> None:
        self._run(self._open.send_text(json.dumps(message)))

    def play(self, secs: float) -> None:
        """Send a quiet tone's worth of sound, PCM16 at 24 kHz."""
        self._run(self._open.send_bytes(b"\x00\x02" * int(24000 * secs)))

    def close(self, code: int) -> None:
        self._run(self._open.close(code))

    def ready(self) -> dict[str, Any]:
        """Take the page's start, answer that it may talk, and return the start."""
        start = self.next("start")
        self.send({"type": "ready", "graph": start["graph"], "thread_id": start["thread_id"]})
        return start

    def next(self, kind: str) -> dict[str, Any]:
        """Return the next message of a kind; others and sound are passed over."""
        deadline = time.monotonic() + DEADLINE
        while True:
            message = self.received.get(timeout=max(0.01, deadline - time.monotonic()))
            if isinstance(message, dict) and message["type"] == kind:
                return message

    def next_sound(self) -> bytes:
        """Return the next 20 ms of the caller's sound."""
        deadline = time.monotonic() + DEADLINE
        while True:
            message = self.received.get(timeout=max(0.01, deadline - time.monotonic()))
            if isinstance(message, bytes):
                return message

    @property
    def _open(self) -> WebSocket:
        assert self._socket is not None, "no page has connected"
        return self._socket

    def _run(self, coroutine: Any) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)
