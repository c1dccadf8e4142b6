"""The client of a recorded call: sends what it sent, when it did, and plays what it gets."""

import asyncio
import json
import statistics
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from voice.carriers import StreamStart, read_json
from voice.flight import Line
from voice.phonelab.virtual_socket import MemorySocket, Message

SID = "CA-replay"
"""Of the call that is held again."""


def stream_start(flight: Sequence[Line], read: Any) -> StreamStart:
    """Read the start of the stream; it came before the recorder was there, unless repeated."""
    for line in flight:
        if line.kind == "in" and (start := read(read_json(line.data.get("text", "")))):
            return StreamStart(SID, start.stream_sid, start.parameters)
    sids = (read_json(line.data.get("text", "")).get("streamSid") for line in flight)
    return StreamStart(SID, next((str(sid) for sid in sids if sid), "MZ-replay"))


class RecordedClient(MemorySocket):
    """Sends what the client sent, when it did, and plays what it gets.

    Args:
        flight: of one stream.
        bytes_per_sec: of the audio it gets.
    """

    def __init__(self, flight: Sequence[Line], bytes_per_sec: int) -> None:
        super().__init__()
        self._bytes_per_sec = bytes_per_sec
        self._flight = flight
        self._delay = _mark_delay(flight)
        self._plays_until = 0.0
        self._marks: list[tuple[str, asyncio.TimerHandle]] = []
        self._stream_sid = stream_start(flight, lambda _: None).stream_sid

    async def play(self, taken: Callable[..., Awaitable[None]]) -> None:
        """Send every message at its time, and leave as the client did.

        Args:
            taken: told what the carrier has said of who has taken the call, at its time.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        for line in self._flight:
            if line.kind not in ("in", "left", "taken") or '"mark"' in line.data.get("text", ""):
                continue
            await asyncio.sleep(began + line.t - loop.time())
            match line.kind:
                case "left":
                    return self.abort()
                case "taken":
                    await taken(line.data["who"], records=line.data["records"])
                case _:
                    await self.send(line.data["text"])
        return None

    async def reply(self, message: Message) -> None:
        """Play audio, and acknowledge marks as late as the client did; nobody reads it after."""
        await super().reply(message)
        while not self._to_client.empty():
            self._to_client.get_nowait()
        loop, said = asyncio.get_running_loop(), read_json(message.get("text") or "{}")
        match said.get("event"):
            case "media":
                secs = len(said["media"]["payload"]) * 3 // 4 / self._bytes_per_sec
                self._plays_until = max(self._plays_until, loop.time()) + secs
            case "mark" if self._delay is not None:
                name = said["mark"]["name"]
                due = max(self._plays_until, loop.time()) + self._delay
                self._marks.append((name, loop.call_at(due, self._acknowledge, name)))
            case "clear":
                self._plays_until = loop.time()
                marks, self._marks = self._marks, []
                for name, due_then in marks:
                    if not due_then.cancelled() and due_then.when() > loop.time():
                        due_then.cancel()
                        loop.call_later(self._delay or 0.0, self._acknowledge, name)

    def _acknowledge(self, name: str) -> None:
        mark = {"event": "mark", "streamSid": self._stream_sid, "mark": {"name": name}}
        if not self.closed:
            self._to_server.put_nowait({"type": "websocket.receive", "text": json.dumps(mark)})


def _mark_delay(flight: Sequence[Line]) -> float | None:
    """Return how long after its audio a mark came back, in seconds; None when none ever did."""
    plays_until, due, delays = 0.0, {}, []
    for line in flight:
        if line.kind == "out" and "secs" in line.data:
            plays_until = max(plays_until, line.t) + line.data["secs"]
        elif line.kind == "out" and "mark" in line.data:
            due[line.data["mark"]] = max(plays_until, line.t)
        elif line.kind == "out":
            plays_until = line.t
            due.clear()  # cleared marks come back at once, whatever the delay
        elif line.kind == "in" and '"mark"' in line.data.get("text", ""):
            name = read_json(line.data["text"]).get("mark", {}).get("name")
            if name in due:
                delays.append(max(0.0, line.t - due.pop(name)))
    return statistics.median(delays) if delays else None
