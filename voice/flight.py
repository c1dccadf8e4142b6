"""The flight recorder: of a call, all that came in and all that was decided, with its times.

Off by default (`record_flights`). A flight is a file of JSON lines beside the recordings,
`SID.flight.jsonl`, one more for each further stream of the call, `SID-2.flight.jsonl`. It holds the
caller's voice and words: who may read, and how long it is kept, is as with recordings.
`dialgraph replay` holds the call again from it; see `flight_replay.py`.

Each line has `t`, seconds since the stream began, and `kind`:

* `start` - when that was (`at`), graph, rates, who has called and what the graph was opened with,
  the settings that matter, the version;
* `in` - a message of the client as it came; `left` - the client has gone;
* `taken` (`who`, `records`) - the carrier's word for who has taken a call that we placed;
* `out` - audio (`secs`), `mark` (`name`) or `clear` that was sent;
* `voice` (`on`), `words` (`text`), `draft` (`text`), `nothing` (`final`), `speech` (`text`, `secs`,
  `wait`) - what voice activity, speech to text and text to speech have said; a draft is the words
  so far of somebody who still speaks, `nothing` a sound without words;
* `turn` (`on`), `caller`, `bot` (`text`), `interrupted`, `ended` (`text`) - what was decided;
* `heard` (`text`) - at the end, what the caller heard of each thing the bot said;
* `failed` (`text`) - at the end, what went wrong, as the record has it.
"""

import asyncio
import base64
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from fastapi import WebSocket
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.services.tts_service import TTSService

from faults import places
from settings import Settings
from store.calls import AnsweredBy, Call
from store.private import private_file, private_folder
from voice.carriers import CARRIERS
from voice.frames import CallEventFrame, NoWordsFrame

log = logging.getLogger(__name__)

SUFFIX = ".flight.jsonl"
FORMAT = 1
CLOSE_SECS = 10.0
"""Longest wait for the disk at the end of a call, in seconds."""
WRITE_EVERY = 100
"""Lines that are written to the disk at once."""
SETTINGS = (
    "stt",
    "tts",
    "vad_confidence",
    "vad_start_secs",
    "vad_stop_secs",
    "silence_secs",
    "max_call_secs",
    "turn_timeout_secs",
    "voicemail",
    "voicemail_message",
    "organisation",
)
"""Settings on which the course of a call depends; none of them is a secret."""
OF_THE_CALL = ("direction", "from_number", "to_number", "agent_id", "opening", "answered_by")
"""What is known of the call before its first sound, and what it goes by."""
DECISIONS = ("turn", "caller", "bot", "interrupted", "ended", "heard", "failed")
_PAYLOAD = re.compile(r'"payload": ?"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a flight."""

    t: float
    kind: str
    data: Mapping[str, Any]


def flight_files(folder: Path, sid: str) -> list[Path]:
    """Return the flights of a call, stream by stream; empty when it was not recorded."""
    names = (f"{sid}{SUFFIX}", *(f"{sid}-{number}{SUFFIX}" for number in range(2, 100)))
    return list(takewhile(Path.is_file, (folder / name for name in names)))


def read_flight(file: Path) -> list[Line]:
    """Read a flight.

    Raises:
        ValueError: the file is no flight, or of a later version.
    """
    lines = list(_lines(file))
    if not lines or lines[0].kind != "start":
        raise ValueError(f"{file} is not a flight: its first line is not of the kind start.")
    if lines[0].data.get("format") != FORMAT:
        raise ValueError(
            f"{file} has the format {lines[0].data.get('format')}, expected {FORMAT}; "
            "replay it with the version that recorded it."
        )
    return lines


def _lines(file: Path) -> Iterator[Line]:
    for number, text in enumerate(file.read_text().splitlines(), 1):
        try:
            data = json.loads(text)
            yield Line(float(data.pop("t")), str(data.pop("kind")), data)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file}, line {number}, cannot be read: {error}.") from error


class FlightRecorder(BaseObserver):
    """Records one stream of a call, off the event loop, while its context lasts.

    Args:
        folder: where the flight is put.
        call: its record.
        settings: of the process.
        sample_rate: of the client's audio, in Hz.
    """

    def __init__(self, folder: Path, call: Call, settings: Settings, sample_rate: int) -> None:
        super().__init__(observe_every_push=False)
        self._folder = folder
        self._call = call
        self._began = time.monotonic()
        carrier = CARRIERS.get(call.carrier)
        self._bytes_per_sec = carrier.bytes_per_sec if carrier else sample_rate
        self._buffer: list[str] = []
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="flight")
        self._file: Path | None = None
        self._failed = False
        self._asked_at = self._made_at = self._made_secs = 0.0
        self._note(
            "start",
            format=FORMAT,
            at=datetime.now(UTC).isoformat(),
            version=_version(),
            graph=call.graph,
            carrier=call.carrier,
            said_before=len(call.transcript),
            **call.model_dump(include=set(OF_THE_CALL)),
            sample_rate=sample_rate,
            settings={name: getattr(settings, name) for name in SETTINGS},
        )

    async def __aenter__(self) -> Self:
        """Begin the file."""
        self._flush()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what was heard, and the rest; that it could not be is logged, and no more."""
        for said in self._call.transcript:
            if said.role == "bot":
                self._note("heard", text=said.text)
        if self._call.failure:
            self._note("failed", text=self._call.failure)
        last = self._flush()
        # A call ends, also where the disk hangs: what it does not take in time is lost.
        await asyncio.wait({asyncio.wrap_future(last)}, timeout=CLOSE_SECS)
        if not last.done():
            log.error("The flight of %s was not written in time.", self._call.sid)
        self._writer.shutdown(wait=False, cancel_futures=True)

    def tap(self, websocket: WebSocket) -> WebSocket:
        """Return the connection with its messages recorded."""
        receive, send = websocket._receive, websocket._send

        async def received() -> Any:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                self._note("left")
            elif message.get("text") is not None:
                self._note("in", text=message["text"])
            elif message.get("bytes") is not None:
                self._note("in", bytes=base64.b64encode(message["bytes"]).decode())
            return message

        async def sent(message: Any) -> None:
            self._sent(message.get("text") or "")
            await send(message)

        websocket._receive, websocket._send = received, sent
        return websocket

    def carrier_says(self, who: AnsweredBy, *, records: bool) -> None:
        """Note the carrier's word for who has taken the call."""
        self._note("taken", who=who, records=records)

    async def on_push_frame(self, data: FramePushed) -> None:
        """Note what was recognised, spoken and decided."""
        match data.frame:
            case VADUserStartedSpeakingFrame():
                self._note("voice", on=True)
            case VADUserStoppedSpeakingFrame():
                self._note("voice", on=False)
            case InterimTranscriptionFrame(text=text):
                self._note("draft", text=text)
            case TranscriptionFrame(text=text):
                self._note("words", text=text)
            case NoWordsFrame(final=final):
                self._note("nothing", final=final)
            case UserStartedSpeakingFrame():
                self._note("turn", on=True)
            case UserStoppedSpeakingFrame():
                self._note("turn", on=False)
            case InterruptionFrame():
                self._note("interrupted")
            case CallEventFrame(kind="transcript", data={"role": role, "text": text}):
                self._note(role, text=text)
            case CallEventFrame(kind="ended", data={"reason": reason}):
                self._note("ended", text=reason)
            case LLMTextFrame():
                self._asked_at = time.monotonic()
            case frame if isinstance(data.source, TTSService):
                self._speech(frame)

    def _speech(self, frame: Frame) -> None:
        """Follow how long each sentence takes to make and to say: its text is behind its audio."""
        now = time.monotonic()
        if isinstance(frame, TTSTextFrame):
            secs, wait = (
                round(self._made_secs, 3),
                round(max(0.0, self._made_at - self._asked_at), 3),
            )
            self._note("speech", text=frame.text, secs=secs, wait=wait)
            self._made_secs, self._asked_at = 0.0, now
        elif isinstance(frame, TTSAudioRawFrame):
            if not self._made_secs:
                self._made_at = now
            self._made_secs += len(frame.audio) / 2 / frame.sample_rate

    def _sent(self, text: str) -> None:
        """Note audio by its length, marks and clears."""
        if payload := _PAYLOAD.search(text):
            self._note("out", secs=round(len(payload[1]) * 3 // 4 / self._bytes_per_sec, 3))
        elif '"clear"' in text:
            self._note("out", clear=True)
        elif '"mark"' in text:
            self._note("out", mark=str(json.loads(text).get("mark", {}).get("name")))

    def _note(self, kind: str, **data: Any) -> None:
        t = round(time.monotonic() - self._began, 4)
        self._buffer.append(json.dumps({"t": t, "kind": kind, **data}, ensure_ascii=False))
        if len(self._buffer) >= WRITE_EVERY:
            self._flush()

    def _flush(self) -> Future[None]:
        lines, self._buffer = self._buffer, []
        return self._writer.submit(self._write, lines)

    def _write(self, lines: Sequence[str]) -> None:
        try:
            if self._file is None:
                private_folder(self._folder)
                before = len(flight_files(self._folder, self._call.sid))
                number = f"-{before + 1}" if before else ""
                file = self._folder / f"{self._call.sid}{number}{SUFFIX}"
                self._file = private_file(file)
            with self._file.open("a") as flight:
                flight.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            if not self._failed:
                log.error("The flight of %s is incomplete: %s", self._call.sid, places(error))
            self._failed = True


def _version() -> str:
    try:
        return version("dialgraph")
    except PackageNotFoundError:
        return "unknown"
