"""ElevenLabs' events on a socket: what a client sends is read with care, whatever it is."""

import asyncio
import contextlib
import json
from typing import Any, Final

from fastapi import WebSocket, WebSocketDisconnect

from server.storable import storable

MOST_ODD: Final = 20
"""Messages that are no events, or cannot be taken, after which a client is cut off."""
LONGEST: Final = 500_000
"""Longest message that is taken, in bytes: 11 seconds of sound."""
POLICY_VIOLATION: Final = 1008
GONE: Final = 1006
CLOSE_SECS: Final = 2.0


class CutOff(Exception):
    """The client sends what nobody can take; the text says what, for the close of the socket."""


class EventSocket:
    """One client.

    Args:
        websocket: the accepted socket.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self._events = 0
        self._odd = 0

    @property
    def last_event(self) -> int:
        """Number of the event that was sent last."""
        return self._events

    def next_event(self) -> int:
        """Return the number of an event to be sent."""
        self._events += 1
        return self._events

    def written(self, kind: str, **body: Any) -> str:
        """Return an event as JSON."""
        return json.dumps({"type": kind, **body}, ensure_ascii=False)

    async def send(self, kind: str, **body: Any) -> None:
        """Send an event.

        Raises:
            WebSocketDisconnect: the client has gone.
        """
        try:
            await self.websocket.send_text(self.written(kind, **body))
        except RuntimeError:  # what starlette says once a socket is closed
            raise WebSocketDisconnect(GONE) from None

    async def receive(self) -> dict[str, Any]:
        """Return the next event; what is none is answered by an error, and passed over.

        Raises:
            WebSocketDisconnect: the client has gone.
            CutOff: it goes on sending what is no event.
        """
        while True:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000), message.get("reason"))
            event = await self.read(message.get("text") or message.get("bytes") or "")
            if event is not None:
                return event

    async def read(self, data: str | bytes) -> dict[str, Any] | None:
        """Return a message as an event; None for what is none, after an error was sent.

        Raises:
            WebSocketDisconnect: the client has gone.
            CutOff: it goes on sending what is no event.
        """
        try:
            return _event(data)
        except ValueError as error:
            await self.complain(str(error))
            return None

    async def complain(self, message: str) -> None:
        """Tell the client what was wrong with a message.

        Raises:
            WebSocketDisconnect: the client has gone.
            CutOff: that was told too often.
        """
        self._odd += 1
        if self._odd > MOST_ODD:
            raise CutOff(f"More than {MOST_ODD} messages could not be taken. {message}")
        told = {"message": message, "event_id": self.next_event()}
        await self.send("error", error_event=told)

    async def close(self, code: int, reason: str) -> None:
        """Close the socket, unless the other side already has; a reason holds 123 bytes at most."""
        shown = reason.encode()[:123].decode(errors="ignore")
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(CLOSE_SECS):
                await self.websocket.close(code, shown)


def _event(data: str | bytes) -> dict[str, Any]:
    """Return a message as an event; ValueError says why it is none."""
    if isinstance(data, bytes):
        raise ValueError(
            "A message is an event as JSON in text, not bytes; sound goes into user_audio_chunk."
        )
    if len(data) > LONGEST:
        raise ValueError(f"A message may have at most {LONGEST} characters.")
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("A message is an event as JSON; this is none.") from None
    if not isinstance(event, dict):
        raise ValueError('A message is a JSON object, such as {"type": "user_message", ...}.')
    if not isinstance(event.get("type"), str) and "user_audio_chunk" not in event:
        raise ValueError('A message says what it is, such as {"type": "user_message", ...}.')
    try:
        storable(event)
    except ValueError as error:
        raise ValueError(f"The message cannot be taken: {error}.") from None
    return event
