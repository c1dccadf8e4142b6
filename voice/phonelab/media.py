"""Twilio Media Streams, the carrier's side of `<Connect><Stream>`.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import asyncio
import base64
import binascii
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    InvalidHandshake,
    InvalidURI,
)

from voice.phonelab.clock import Clock
from voice.phonelab.faults import Faults
from voice.phonelab.line import Line
from voice.phonelab.mulaw import FRAME_SECS
from voice.phonelab.notices import CarrierError, Notice
from voice.phonelab.webhooks import Destination

CONNECT_SECS = 10.0
LONGEST_BACKLOG = 500
"""Frames, 10 seconds, that may wait for a server that does not read."""
CONNECTION_TIMEOUT = 31901
CONNECTION_BROKEN = 31903
HANDSHAKE_FAILED = 31920
INVALID_MESSAGE = 31951


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """What the `start` message says."""

    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: dict[str, str]


class InvalidMessage(ValueError):
    """The server sent something that the protocol does not know."""


class Socket(Protocol):
    """The client's end of a WebSocket, as the package `websockets` has it."""

    async def send(self, message: str) -> None:
        """Send a message; raises `ConnectionClosed`."""
        ...

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Yield what the server sends; raises `ConnectionClosedError` when it breaks."""
        ...

    async def close(self) -> None:
        """Close politely."""
        ...

    def abort(self) -> None:
        """Break the connection without a word."""
        ...


Connect = Callable[[Destination], Awaitable[Socket]]
"""Opens a socket; raises `TimeoutError`, `InvalidHandshake`, `InvalidURI` or `OSError`."""


class _Connection(ClientConnection):
    def abort(self) -> None:
        self.transport.abort()


async def over_the_network(to: Destination) -> Socket:
    """Open a real socket."""
    socket = await dial(
        to.url,
        create_connection=_Connection,
        additional_headers=to.headers,
        user_agent_header="Twilio.TmeWs/1.0",
        compression=None,
        proxy=None,
        open_timeout=CONNECT_SECS,
        close_timeout=2,
        ping_interval=None,
        max_size=2**22,
    )
    return cast(Socket, socket)


class MediaStream:
    """One stream: the caller's frames to the server, the server's audio to the line.

    Args:
        identity: sids and parameters for the `start` message.
        line: whose frames are streamed and into whose play-out buffer the audio goes.
        clock: for jitter and for faults that come later.
        faults: what goes wrong.
        note: where errors and warnings are reported.
        connect: opens the socket.
    """

    def __init__(
        self,
        identity: StreamIdentity,
        line: Line,
        clock: Clock,
        faults: Faults,
        note: Callable[[Notice], None],
        connect: Connect = over_the_network,
    ) -> None:
        self._identity = identity
        self._line = line
        self._clock = clock
        self._faults = faults
        self._chance = faults.generator()
        self._note = note
        self._open = connect
        self._outbox: asyncio.Queue[tuple[float, str]] = asyncio.Queue(LONGEST_BACKLOG)
        self._sequence = 0
        self._chunk = 0
        self._overtaken: dict[str, str] | None = None
        """A frame that the next one overtakes."""
        self._began = 0.0
        self._warned = False

    async def run(self, to: Destination) -> None:
        """Connect and exchange messages until the server closes; cancel it to stop the stream.

        Raises:
            CarrierError: the socket cannot be opened.
        """
        socket = await self._connect(to)
        self._began = self._clock.now()
        self._send_start()
        self._line.on_frame, self._line.on_digit = self._frame, self._digit
        tasks = [asyncio.create_task(work(socket)) for work in (self._sender, self._receiver)]
        if self._faults.dropped_after_secs is not None:
            tasks.append(asyncio.create_task(self._drop(socket)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._line.on_frame = self._line.on_digit = None
            self._line.playout.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stop(socket)

    async def _connect(self, to: Destination) -> Socket:
        try:
            return await self._open(to)
        except TimeoutError as error:
            raise CarrierError(
                CONNECTION_TIMEOUT, f"{to.url} did not open within {CONNECT_SECS:g} seconds."
            ) from error
        except (InvalidHandshake, InvalidURI, OSError) as error:
            raise CarrierError(
                HANDSHAKE_FAILED, f"The media stream {to.url} cannot be opened: {error}."
            ) from error

    def _send_start(self) -> None:
        who = self._identity
        self._queue(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        self._event(
            "start",
            {
                "accountSid": who.account_sid,
                "streamSid": who.stream_sid,
                "callSid": who.call_sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": who.parameters,
            },
        )

    def _frame(self, said: bytes, marks: list[str]) -> None:
        self._return(marks)
        self._chunk += 1
        if self._happens(self._faults.loss):
            return
        frame = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str(round((self._chunk - 1) * FRAME_SECS * 1000)),
            "payload": base64.b64encode(said).decode(),
        }
        if self._overtaken is None and self._happens(self._faults.reordered):
            self._overtaken = frame
            return
        self._event("media", frame)
        if self._happens(self._faults.duplicates):
            self._event("media", frame)
        if self._overtaken:
            self._event("media", self._overtaken)
            self._overtaken = None

    def _happens(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share

    def _digit(self, digit: str) -> None:
        self._event("dtmf", {"track": "inbound_track", "digit": digit})

    def _return(self, marks: list[str]) -> None:
        if not self._faults.never_ack_marks:
            for name in marks:
                self._event("mark", {"name": name})

    def _event(self, event: str, body: dict[str, Any]) -> None:
        self._sequence += 1
        self._queue(
            json.dumps(
                {
                    "event": event,
                    "sequenceNumber": str(self._sequence),
                    event: body,
                    "streamSid": self._identity.stream_sid,
                }
            )
        )

    def _queue(self, message: str) -> None:
        late = self._chance.uniform(0, self._faults.jitter_ms) / 1000
        try:
            self._outbox.put_nowait((self._clock.now() + late, message))
        except asyncio.QueueFull:
            self._warn(f"The server has not read for {LONGEST_BACKLOG * FRAME_SECS:g} seconds.")

    async def _sender(self, socket: Socket) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                moment, message = await self._outbox.get()
                if moment > self._clock.now():
                    await self._clock.sleep_until(moment)
                if not self._half_dead:
                    await socket.send(message)
        await asyncio.Event().wait()  # the receiver tells how the stream ended

    async def _receiver(self, socket: Socket) -> None:
        try:
            async for message in socket:
                if self._half_dead:
                    await asyncio.Event().wait()
                try:
                    self._obey(message)
                except InvalidMessage as error:
                    self._warn(str(error))
        except ConnectionClosedError as error:
            self._note(Notice(CONNECTION_BROKEN, "error", f"The media stream broke: {error}."))

    async def _drop(self, socket: Socket) -> None:
        await self._clock.sleep_until(self._began + (self._faults.dropped_after_secs or 0))
        socket.abort()
        await asyncio.Event().wait()

    @property
    def _half_dead(self) -> bool:
        after = self._faults.half_dead_after_secs
        return after is not None and self._clock.now() - self._began >= after

    def _obey(self, raw: str | bytes) -> None:
        """Do what one message of the server asks.

        Raises:
            InvalidMessage: the protocol does not know such a message.
        """
        message = _parse(raw)
        if message.get("streamSid") != self._identity.stream_sid:
            raise InvalidMessage(f"streamSid is {message.get('streamSid')!r}, not this stream's.")
        match message.get("event"):
            case "media":
                self._line.playout.put(_payload(message))
            case "mark":
                self._return(self._line.playout.mark(_field(message, "mark", "name")))
            case "clear":
                self._return(self._line.playout.clear())
            case other:
                raise InvalidMessage(f"The event is {other!r}, expected media, mark or clear.")

    def _warn(self, message: str) -> None:
        """Report once a stream, as Twilio does."""
        if not self._warned:
            self._warned = True
            self._note(Notice(INVALID_MESSAGE, "warning", message))

    async def _stop(self, socket: Socket) -> None:
        who = self._identity
        while not self._outbox.empty():
            self._outbox.get_nowait()
        self._event("stop", {"accountSid": who.account_sid, "callSid": who.call_sid})
        _, message = self._outbox.get_nowait()
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(2):
                if not self._half_dead:
                    await socket.send(message)
        await socket.close()


def _parse(raw: str | bytes) -> dict[str, Any]:
    try:
        message = json.loads(raw)
    except ValueError as error:
        raise InvalidMessage(f"The message is not JSON: {error}.") from error
    if not isinstance(message, dict):
        raise InvalidMessage(f"The message is {type(message).__name__}, expected an object.")
    return message


def _field(message: dict[str, Any], part: str, name: str) -> str:
    body = message.get(part)
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str):
        raise InvalidMessage(f"A {part} message needs {part}.{name}, a string.")
    return value


def _payload(message: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(_field(message, "media", "payload"), validate=True)
    except binascii.Error as error:
        raise InvalidMessage(f"media.payload is not base64: {error}.") from error
