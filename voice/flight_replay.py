"""Holds a recorded call again, in virtual time and with today's code, and compares.

The client's messages come when they came; speech to text finds the words it found, when it found
them; text to speech takes as long as it took (a guess, where it says something new). Voice
activity, the end of turns, the bridge and the graph are today's. A graph that asks a model over a
network cannot be held again this way: what is outside this process knows no virtual time.
"""

import asyncio
import contextlib
import json
import statistics
import tempfile
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from pipecat.frames.frames import Frame, StartFrame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from graphs.threads import Graph, Threads
from settings import Settings
from store.calls import Calls
from store.database import open_checkpointer, open_database
from voice.carriers import CARRIERS, StreamStart, read_json
from voice.flight import DECISIONS, SUFFIX, Line, flight_files, read_flight
from voice.phonelab import virtual_speech
from voice.phonelab.virtual_socket import MemorySocket, Message
from voice.phonelab.virtual_time import run
from voice.providers import (
    STT,
    TTS,
    SpeechToText,
    TextToSpeech,
    load_providers,
    register_stt,
    register_tts,
)
from voice.switchboard import Switchboard

REPLAYED = "replayed"
"""Name of the providers that say what they said."""
TOLERANCE_SECS = 0.3
"""A decision that comes this much sooner or later is the same; machines are not equally fast."""
SECS_PER_LETTER = 0.06
"""Length of a sentence that was not said in the recording, a letter."""
SID = "CA-replay"


@dataclass(frozen=True, slots=True)
class Decision:
    """Something the server decided."""

    stream: int
    t: float
    """Seconds since the stream began."""
    kind: str
    """One of `flight.DECISIONS`."""
    what: str

    def same_as(self, other: "Decision") -> bool:
        """Whether the same was decided at about the same time; of `heard` the time says nothing."""
        alike = (self.stream, self.kind, self.what) == (other.stream, other.kind, other.what)
        return alike and (self.kind == "heard" or abs(self.t - other.t) <= TOLERANCE_SECS)

    def __str__(self) -> str:
        return f"{self.t:7.2f} s  {self.kind:<11} {self.what}".rstrip()


@dataclass(frozen=True, slots=True)
class Replay:
    """What was decided then and now."""

    then: tuple[Decision, ...]
    now: tuple[Decision, ...]

    @property
    def first_difference(self) -> tuple[Decision | None, Decision | None] | None:
        """The first decisions, then and now, that differ; None when none does."""
        for then, now in zip_longest(self.then, self.now):
            if then is None or now is None or not then.same_as(now):
                return then, now
        return None


def decisions(flights: Sequence[Sequence[Line]]) -> tuple[Decision, ...]:
    """Return what was decided in a call, given stream by stream."""
    return tuple(
        Decision(number, line.t, line.kind, _what(line))
        for number, flight in enumerate(flights, 1)
        for line in flight
        if line.kind in DECISIONS
    )


def _what(line: Line) -> str:
    if line.kind == "turn":
        return "begins" if line.data["on"] else "ends"
    return str(line.data.get("text", ""))


def replay(files: Sequence[Path], graph: Graph) -> Replay:
    """Hold a call again.

    Args:
        files: its flights, stream by stream.
        graph: compiled, without a checkpointer.

    Raises:
        ValueError: a file is no flight, or of a carrier that is not known.
    """
    flights = [read_flight(file) for file in files]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        now = run(_held_again(flights, graph, Path(folder)))
    return Replay(decisions(flights), decisions(now))


def save_test(files: Sequence[Path], address: str, graph: Graph, test: Path) -> Path:
    """Make a call a test that what is decided today is decided ever after; returns its file.

    The flights are put beside it: they hold the caller's voice and words.

    Args:
        files: the flights, stream by stream.
        address: of the graph, as `path.py:graph`.
        graph: it, loaded.
        test: the file to write, `test_NAME.py`.
    """
    now = replay(files, graph).now
    test.parent.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files, 1):
        _beside(test, number).write_bytes(file.read_bytes())
    expected = [[d.stream, d.t, d.kind, d.what] for d in now]
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in expected)
    test.write_text(_TEST.format(address=address, lines=lines))
    return test


def check_test(test: Path, address: str, expected: Sequence[Sequence[Any]]) -> None:
    """Hold the call of a saved test again.

    Raises:
        AssertionError: something else is decided than when it was saved; says what.
    """
    from graphs.catalogue import load_graph

    files = [file for n in range(1, 100) if (file := _beside(test, n)).is_file()]
    then = tuple(Decision(*row) for row in expected)
    difference = Replay(then, replay(files, load_graph(address)).now).first_difference
    if difference:
        raise AssertionError(f"Expected {difference[0]}, got {difference[1]}.")


def _beside(test: Path, number: int) -> Path:
    return test.with_name(f"{test.stem}-{number}{SUFFIX}")


_TEST = '''"""A call as it was once, held again; made by `dialgraph replay --save-test`."""

from pathlib import Path

from voice.flight_replay import check_test

DECISIONS = [
{lines}
]


def test_the_same_is_decided_as_when_this_was_saved() -> None:
    check_test(Path(__file__), {address!r}, DECISIONS)
'''


async def _held_again(
    flights: Sequence[Sequence[Line]], graph: Graph, folder: Path
) -> list[list[Line]]:
    """Hold a call again with the recorder on, and return its flights."""
    start = flights[0][0].data
    settings = Settings(
        **(start["settings"] | {"stt": "embedded", "tts": "embedded"}),
        data_dir=folder,
        default_graph=start["graph"],
        record_flights=True,
        _env_file=None,
    )
    settings.stt = settings.tts = REPLAYED  # type: ignore[assignment]
    async with AsyncExitStack() as opened:
        engine = await opened.enter_async_context(open_database(folder))
        saver = await opened.enter_async_context(open_checkpointer(folder))
        threads = Threads({start["graph"]: graph}, saver)
        board = Switchboard(settings, threads, Calls(engine))
        await opened.enter_async_context(board.open())
        carrier = CARRIERS.get(start["carrier"])
        if carrier is None:
            raise ValueError(f"The carrier {start['carrier']!r} of the flight is not known here.")
        ticket = await board.expect(SID, start["graph"], carrier.name)
        for flight in flights:
            with _as_recorded(flight, start["settings"]["stt"]):
                began = _stream_start(flight, carrier.read_start)
                socket = _Client(flight)
                await socket.server.accept()
                playing = asyncio.create_task(socket.play())
                await board.hold(
                    ticket.call,
                    socket.server,
                    carrier.serializer(began),
                    input_rate=int(start["sample_rate"]),
                    output_rate=carrier.sample_rate,
                )
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
        return [read_flight(file) for file in flight_files(board.recordings, SID)]


def _stream_start(flight: Sequence[Line], read: Any) -> StreamStart:
    """Read the start of the stream; it came before the recorder was there, unless repeated."""
    for line in flight:
        if line.kind == "in" and (start := read(read_json(line.data.get("text", "")))):
            return StreamStart(SID, start.stream_sid, start.parameters)
    sids = (read_json(line.data.get("text", "")).get("streamSid") for line in flight)
    return StreamStart(SID, next((str(sid) for sid in sids if sid), "MZ-replay"))


class _Client(MemorySocket):
    """Sends what the client sent, when it did, and plays what it gets."""

    def __init__(self, flight: Sequence[Line]) -> None:
        super().__init__()
        self._flight = flight
        self._delay = _mark_delay(flight)
        self._plays_until = 0.0
        self._marks: list[tuple[str, asyncio.TimerHandle]] = []
        self._stream_sid = _stream_start(flight, lambda _: None).stream_sid

    async def play(self) -> None:
        """Send every message at its time, and leave as the client did."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for line in self._flight:
            if line.kind not in ("in", "left") or '"mark"' in line.data.get("text", ""):
                continue
            await asyncio.sleep(began + line.t - loop.time())
            if line.kind == "left":
                self.abort()
                return
            await self.send(line.data["text"])

    async def reply(self, message: Message) -> None:
        """Play audio, and acknowledge marks as late as the client did."""
        await super().reply(message)
        loop, said = asyncio.get_running_loop(), read_json(message.get("text") or "{}")
        match said.get("event"):
            case "media":
                secs = len(said["media"]["payload"]) * 3 // 4 / 8000
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


@contextlib.contextmanager
def _as_recorded(flight: Sequence[Line], listened: str) -> Iterator[None]:
    """Offer providers that say what they said in a flight."""
    words = [line for line in flight if line.kind == "words"]
    spoken = {line.data["text"]: line.data for line in flight if line.kind == "speech"}
    with virtual_speech.offered():  # a call of a test was perhaps recorded with it
        load_providers(listened)
        own = STT[listened].voice_activity if listened in STT else None
    register_stt(
        REPLAYED,
        SpeechToText(create=lambda _, rate: _Recognised(words, rate), voice_activity=own),
    )
    register_tts(
        REPLAYED,
        TextToSpeech(
            create=lambda _, rate: _Spoken(spoken, rate), languages=frozenset({"en", "hi"})
        ),
    )
    try:
        yield
    finally:
        del STT[REPLAYED], TTS[REPLAYED]


class _Recognised(STTService):
    """Finds the words that were found, when they were."""

    def __init__(self, words: Sequence[Line], sample_rate: int) -> None:
        super().__init__(
            sample_rate=sample_rate,
            ttfs_p99_latency=1.0,
            settings=STTSettings(model=REPLAYED, language=Language.EN),
        )
        self._words = words
        self._began = asyncio.get_running_loop().time()

    async def start(self, frame: StartFrame) -> None:
        """Begin to listen."""
        await super().start(frame)
        self._finding = self.create_task(self._find(), "words")

    async def cleanup(self) -> None:
        """Stop to listen."""
        await self.cancel_task(self._finding)
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def _find(self) -> None:
        loop = asyncio.get_running_loop()
        for line in self._words:
            await asyncio.sleep(self._began + line.t - loop.time())
            found = TranscriptionFrame(line.data["text"], "", time_now_iso8601(), Language.EN)
            found.finalized = True
            await self.push_frame(found)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Take no notice of the audio."""
        yield None


class _Spoken(TTSService):
    """Takes as long for each sentence as it took."""

    def __init__(self, spoken: dict[str, Any], sample_rate: int) -> None:
        super().__init__(
            sample_rate=sample_rate,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=REPLAYED, voice=REPLAYED, language=Language.EN),
        )
        self._lengths = spoken

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """Yield a tone of the right length after the right wait."""
        then = self._lengths.get(text.strip(), {"wait": 0.0, "secs": len(text) * SECS_PER_LETTER})
        await asyncio.sleep(then["wait"])
        time = np.arange(round(then["secs"] * self.sample_rate)) / self.sample_rate
        pcm = (3000 * np.sin(2 * np.pi * 220 * time)).astype(np.int16).tobytes()
        for at in range(0, len(pcm), self.chunk_size):
            chunk = pcm[at : at + self.chunk_size]
            yield TTSAudioRawFrame(chunk, self.sample_rate, 1, context_id=context_id)
