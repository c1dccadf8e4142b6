"""A small carrier: one call over the webhook and the media stream, in real time."""

import asyncio
import audioop
import base64
import contextlib
import json
import re
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import soxr
import websockets
from rapidfuzz import fuzz

FRAME_SECS = 0.02
FRAME_BYTES = 160
SILENCE = audioop.lin2ulaw(bytes(2 * FRAME_BYTES), 2)


def spoken(text: str) -> bytes:
    """A sentence in the embedded voice, as 8 kHz mu-law that ends with its last sound."""
    from voice.providers.embedded_tts import voice

    pcm = voice().synthesise(text, 8000)
    level = np.abs(np.frombuffer(pcm, np.int16).astype(np.int32))
    last = int(np.flatnonzero(level > 0.02 * level.max())[-1])
    return audioop.lin2ulaw(pcm[: 2 * (last + 1)], 2)


def to_pcm16k(mulaw: bytes) -> bytes:
    samples = np.frombuffer(audioop.ulaw2lin(mulaw, 2), np.int16)
    return soxr.resample(samples, 8000, 16000).tobytes()


@dataclass
class Line:
    """One call as the carrier sees it; `acknowledges` is off for a client that never does."""

    base: str
    call_sid: str = "CA00000000000000000000000000000001"
    acknowledges: bool = True
    caller: str = "+15550100"
    heard: bytearray = field(default_factory=bytearray)
    events: list[tuple[float, str]] = field(default_factory=list)
    """When each message of the server came, and its kind."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _to_say: bytearray = field(default_factory=bytearray)
    _plays_until: float = 0.0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _marks: list[tuple[float, str]] = field(default_factory=list)
    _arrivals: list[tuple[float, int]] = field(default_factory=list)
    speech_ended_at: float = 0.0
    speech_began_at: float = 0.0

    async def ring(self, path: str = "/voice/incoming", **fields: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            form = {"CallSid": self.call_sid, "From": self.caller, "To": "+15550199", **fields}
            return await client.post(f"{self.base}{path}", data=form)

    async def answer(self, twiml: str, **start: Any) -> None:
        """Open the stream the TwiML asks for and begin to talk and to listen."""
        url, parameters = stream_of(twiml)
        self._socket = await websockets.connect(url, proxy=None)
        await self._send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await self._send(
            {
                "event": "start",
                "streamSid": "MZ1",
                "start": {
                    "callSid": self.call_sid,
                    "streamSid": "MZ1",
                    "customParameters": parameters,
                    **start,
                },
            }
        )
        self._tasks = [
            asyncio.create_task(self._talk()),
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._acknowledge()),
        ]

    async def call(self, path: str = "/voice/incoming") -> None:
        response = await self.ring(path)
        assert response.status_code == 200, response.text
        await self.answer(response.text)

    def say(self, text: str) -> None:
        self._to_say += spoken(text)

    async def key(self, digit: str) -> None:
        await self._send({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": digit}})

    async def hang_up(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._send({"event": "stop", "streamSid": "MZ1", "stop": {}})
        await self.drop()

    async def drop(self) -> None:
        """End the connection without a word."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    @property
    def playing(self) -> bool:
        return time.monotonic() < self._plays_until

    async def until_bot_is_quiet(
        self, wait: float = 20.0, since: int = 0, pause: float = 0.4
    ) -> None:
        """Wait until the bot has spoken beyond `since` bytes and has been quiet for a moment."""
        async with asyncio.timeout(wait):
            while (
                len(self.heard) <= since or time.monotonic() < self._plays_until + pause
            ) and not self.closed.is_set():
                await asyncio.sleep(0.02)

    async def until_bot_speaks(self, since: int = 0, wait: float = 20.0) -> None:
        async with asyncio.timeout(wait):
            while len(self.heard) <= since:
                await asyncio.sleep(0.005)

    def first_sound_after(self, heard: int) -> float:
        """When the first audio beyond the first `heard` bytes came."""
        return next(at for at, size in self._arrivals if size > heard)

    async def until(self, kind: str, wait: float = 20.0, since: int = 0) -> float:
        """Wait for a message of the server and return when it came."""
        async with asyncio.timeout(wait):
            while True:
                for at, event in self.events[since:]:
                    if event == kind:
                        return at
                await asyncio.sleep(0.005)

    async def _talk(self) -> None:
        """Send one packet every 20 ms, of speech or of silence."""
        next_at = time.monotonic()
        while True:
            speech = bytes(self._to_say[:FRAME_BYTES])
            if speech and not self.speech_began_at:
                self.speech_began_at = time.monotonic()
            del self._to_say[:FRAME_BYTES]
            if speech and not self._to_say:
                self.speech_ended_at = time.monotonic()
            packet = speech + SILENCE[len(speech) :]
            payload = base64.b64encode(packet).decode()
            await self._send({"event": "media", "media": {"payload": payload}})
            next_at += FRAME_SECS
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))

    async def _listen(self) -> None:
        try:
            async for text in self._socket:
                message = json.loads(text)
                now = time.monotonic()
                self.events.append((now, message["event"]))
                match message["event"]:
                    case "media":
                        audio = base64.b64decode(message["media"]["payload"])
                        self.heard += audio
                        self._arrivals.append((now, len(self.heard)))
                        self._plays_until = max(self._plays_until, now) + len(audio) / 8000
                    case "mark":
                        self._marks.append((self._plays_until, message["mark"]["name"]))
                    case "clear":
                        self._plays_until = now
                        self._marks = [(now, name) for _, name in self._marks]
        except websockets.ConnectionClosed:
            pass
        finally:
            self.closed.set()

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            due = [name for at, name in self._marks if at <= time.monotonic()]
            self._marks = self._marks[len(due) :]
            for name in due if self.acknowledges else ():
                await self._send({"event": "mark", "mark": {"name": name}})

    async def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._socket.send(json.dumps(message))


def stream_of(twiml: str) -> tuple[str, dict[str, str]]:
    """The address of the stream in a TwiML and its parameters."""
    stream = ElementTree.fromstring(twiml).find("./Connect/Stream")  # noqa: S314 - our own answer
    assert stream is not None, twiml
    parameters = {p.attrib["name"]: p.attrib["value"] for p in stream.findall("Parameter")}
    return stream.attrib["url"], parameters


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def transcript(mulaw: bytes) -> str:
    """What the embedded recogniser makes of a stretch of the line."""
    from voice.providers.recogniser import engine

    return words(engine()._recogniser.transcribe(audioop.ulaw2lin(mulaw, 2), 8000).text)


def same_words(heard: str, said: str) -> bool:
    """Whether what was made of a stretch of the line is what was said, but for a letter or two.

    The recogniser is told nothing here, so that it spells "salaried" as it likes.
    """
    return fuzz.ratio(words(heard), words(said)) >= 90
