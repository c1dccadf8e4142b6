"""The media stream of one call: pipecat's WebSocket transport with a playback ledger in it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import WebSocket
from pipecat.frames.frames import (
    AggregatedTextFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    OutputAudioRawFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketInputTransport,
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)

from voice.frames import CallEventFrame, MarkFrame, MarkPlayedFrame, UtteranceFrame
from voice.ledger import Ledger, Length

MARK_EVERY_SECS = 0.5
"""Audio between two marks; a sentence ends with one as well."""
SEND_TIMEOUT_SECS = 5.0
"""A client that takes no audio for this long has gone."""


@dataclass(slots=True)
class Playback:
    """What one call plays, shared by the transport that writes it and the bridge that asks.

    Args:
        sample_rate: samples a second of the audio handed over.
    """

    sample_rate: int
    ledger: Ledger = field(init=False)
    on_first_audio: Callable[[UtteranceFrame, float], None] = lambda _utterance, _at: None
    """Called with an utterance and the time (`time.monotonic()`) of its first audio."""
    on_spoken: Callable[[str], None] = lambda _utterance_id: None
    """Called with the key of an utterance when all its audio was handed over."""
    on_audio_in: Callable[[bytes], None] | None = None
    """Called with what the caller says, PCM16; None when nobody records."""
    on_audio_out: Callable[[bytes], None] | None = None
    """Called with what is handed to the caller, PCM16; None when nobody records."""

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.sample_rate)


class _Output(FastAPIWebsocketOutputTransport):
    """Writes audio and keeps the ledger: a mark goes out right behind what it stands for."""

    playback: Playback
    _utterance: UtteranceFrame | None = None
    _unheard_of: UtteranceFrame | None = None
    _marked: int = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._made: deque[Length] = deque()
        """Lengths of the stretches that are made and not yet begun to be written, in order."""
        self._making: Length | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take what concerns playback out of the stream, and pass the rest on."""
        if isinstance(frame, MarkPlayedFrame):
            self.playback.ledger.acknowledge(frame.mark)
        elif isinstance(frame, InterruptionFrame):
            self.playback.ledger.clear(time.monotonic())
            self._made.clear()
            self._making = self._utterance = self._unheard_of = None
            self._marked = self.playback.ledger.written
        elif isinstance(frame, CallEventFrame):
            await self._write_frame(frame)
        elif direction == FrameDirection.DOWNSTREAM:
            self._measure(frame)
        await super().process_frame(frame, direction)

    def _measure(self, frame: Frame) -> None:
        """Follow how long each stretch will be; its audio comes sooner than it is written."""
        if isinstance(frame, TTSTextFrame):
            if self._making:
                self._making.final = True
        elif isinstance(frame, AggregatedTextFrame):
            self._making = Length()
            self._made.append(self._making)
        elif isinstance(frame, OutputAudioRawFrame) and self._making:
            samples = len(frame.audio) // 2 * self.playback.sample_rate // frame.sample_rate
            self._making.samples += samples

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Hand over one chunk of audio and, often enough, a mark behind it."""
        now = time.monotonic()
        ledger = self.playback.ledger
        if self._unheard_of:
            self.playback.on_first_audio(self._unheard_of, now)
            self._unheard_of = None
        ledger.write(len(frame.audio) // 2, now)
        if self.playback.on_audio_out:
            self.playback.on_audio_out(frame.audio)
        taken = await super().write_audio_frame(frame)
        if ledger.written - self._marked >= MARK_EVERY_SECS * self.sample_rate:
            await self._mark()
        return taken

    async def write_transport_frame(self, frame: Frame) -> None:
        """Follow which words the audio belongs to; frames come in the order of the audio."""
        ledger = self.playback.ledger
        if isinstance(frame, UtteranceFrame):
            self._utterance = self._unheard_of = frame
        elif isinstance(frame, TTSTextFrame):
            ledger.complete()
            await self._mark()
        elif isinstance(frame, AggregatedTextFrame):
            length = self._made.popleft() if self._made else None
            if self._utterance:
                ledger.begin(self._utterance.utterance_id, frame.text, length)
        elif isinstance(frame, LLMFullResponseEndFrame):
            ledger.complete()
            await self._mark()
            if self._utterance:
                self.playback.on_spoken(self._utterance.utterance_id)
            self._utterance = self._unheard_of = None

    async def _mark(self) -> None:
        if self.playback.ledger.written > self._marked:
            self._marked = self.playback.ledger.written
            await self._write_frame(MarkFrame(self.playback.ledger.mark()))


class _Input(FastAPIWebsocketInputTransport):
    """Reads the client; what it says can be recorded on the way in."""

    playback: Playback

    async def push_audio_frame(self, frame: InputAudioRawFrame) -> None:
        """Pass on one frame of the caller's audio."""
        if self.playback.on_audio_in:
            self.playback.on_audio_in(frame.audio)
        await super().push_audio_frame(frame)


class CallTransport(FastAPIWebsocketTransport):
    """The two ends of a media stream.

    Args:
        websocket: the accepted connection.
        serializer: the client's protocol.
        playback: where what was played is kept.
    """

    def __init__(
        self, websocket: WebSocket, serializer: FrameSerializer, playback: Playback
    ) -> None:
        params = FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_end_silence_secs=0,
            audio_out_write_timeout_secs=SEND_TIMEOUT_SECS,
            serializer=serializer,
        )
        super().__init__(websocket, params)
        self._input = _Input(self, self._client, params, name=self._input_name)
        self._output = _Output(self, self._client, params, name=self._output_name)
        self._input.playback = self._output.playback = playback
