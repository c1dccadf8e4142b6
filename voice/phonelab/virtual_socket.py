"""A WebSocket without a network: the client as `websockets` has it, the server as FastAPI has it.

    socket = MemorySocket()
    server = socket.server  # what a route gets, and pipecat's FastAPI transport
    socket = await connect(app, "ws://example.com/ws/voice/CA1", {})  # a whole ASGI application

Both ends belong to one event loop; a message sent is there at the next turn of the loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidHandshake
from websockets.frames import Close

Message = MutableMapping[str, Any]
App = Callable[..., Coroutine[Any, Any, None]]
UNREAD = 500
"""Messages an end may leave unread before the other one has to wait."""
NORMAL, ABNORMAL = 1000, 1006


class MemorySocket:
    """The client's end of a connection, with the server's end in `server`.

    Args:
        url: what the client asked for.
        headers: of the handshake.
    """

    def __init__(self, url: str = "ws://127.0.0.1/", headers: Mapping[str, str] | None = None):
        parts = urlsplit(url)
        fields = {"host": parts.netloc, **(headers or {})}
        self.scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "scheme": parts.scheme,
            "path": parts.path or "/",
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in fields.items()],
            "client": ("127.0.0.1", 50000),
            "server": (parts.hostname, parts.port),
            "subprotocols": [],
            "state": {},
        }
        self.server = WebSocket(self.scope, self.receive, self.reply)
        """What the server holds."""
        self.accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Resolves when the server has accepted; `InvalidHandshake` when it refuses."""
        self._to_server: asyncio.Queue[Message] = asyncio.Queue(UNREAD)
        self._to_client: asyncio.Queue[str | bytes | None] = asyncio.Queue(UNREAD)
        self._gone = False
        """The client has closed, or the connection has broken."""
        self._code: int | None = None
        """The server has closed, with this code."""
        self._to_server.put_nowait({"type": "websocket.connect"})

    @property
    def closed(self) -> bool:
        """Whether either side has closed."""
        return self._gone or self._code is not None

    # The client's end

    async def send(self, message: str | bytes) -> None:
        """Send a message.

        Raises:
            ConnectionClosed: either side has closed.
        """
        if self.closed:
            raise self._closed()
        kind = "text" if isinstance(message, str) else "bytes"
        await self._to_server.put({"type": "websocket.receive", kind: message})

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Yield what the server sends, until it closes.

        Raises:
            ConnectionClosedError: the connection broke, or was closed for a fault.
        """
        while (message := await self._to_client.get()) is not None:
            yield message
        if self._code not in (None, NORMAL):
            raise self._closed()

    async def close(self) -> None:
        """Close, politely; safe to call twice."""
        await self._leave(NORMAL)

    def abort(self) -> None:
        """Break the connection without a word, as when a network fails."""
        if not self._gone:
            self._gone = True
            self._code = self._code or ABNORMAL
            with contextlib.suppress(asyncio.QueueFull):
                self._to_server.put_nowait({"type": "websocket.disconnect", "code": ABNORMAL})
            self._end()

    async def _leave(self, code: int) -> None:
        if not self._gone:
            self._gone = True
            await self._to_server.put({"type": "websocket.disconnect", "code": code})
            self._end()

    def _end(self) -> None:
        """Let whoever reads at the client's end come to the end."""
        while self._to_client.full():
            self._to_client.get_nowait()
        self._to_client.put_nowait(None)

    def _closed(self) -> ConnectionClosedOK | ConnectionClosedError:
        close = Close(self._code or NORMAL, "")
        if close.code == NORMAL:
            return ConnectionClosedOK(close, close, True)
        return ConnectionClosedError(None if close.code == ABNORMAL else close, None)

    # The server's end, as ASGI has it

    async def receive(self) -> Message:
        """Return the client's next message."""
        return await self._to_server.get()

    async def reply(self, message: Message) -> None:
        """Take a message of the server.

        Raises:
            OSError: the client has gone.
        """
        match message["type"]:
            case "websocket.accept":
                self.accepted.set_result(None)
            case "websocket.close" if not self.accepted.done():
                self.accepted.set_exception(InvalidHandshake("it was refused with 403"))
            case "websocket.close":
                self._code = message.get("code", NORMAL)
                await self._to_client.put(None)
                await self._leave(self._code or NORMAL)
            case "websocket.send":
                if self._gone:
                    raise OSError("The client has gone.")
                await self._to_client.put(message.get("text") or message.get("bytes") or "")


async def connect(app: App, url: str, headers: Mapping[str, str]) -> MemorySocket:
    """Open a connection to an ASGI application.

    Raises:
        InvalidHandshake: the application does not accept it.
    """
    socket = MemorySocket(url, headers)
    serving = asyncio.create_task(app(socket.scope, socket.receive, socket.reply), name=url)

    def ended(_: object) -> None:
        if not socket.accepted.done():
            socket.accepted.set_exception(InvalidHandshake("it was not answered"))
        socket.abort()
        if not serving.cancelled():
            serving.exception()  # the application has told it where it tells such things

    serving.add_done_callback(ended)
    await socket.accepted
    return socket
