"""The media stream of one call: pipecat's WebSocket transport with a playback ledger in it."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import WebSocket
from pipecat.frames.frames import (
    AggregatedTextFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    OutputAudioRawFrame,
    TTSStoppedFrame,
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
from pipecat.utils.text.base_text_aggregator import TextType

from voice.frames import (
    CallEventFrame,
    HoldFrame,
    MarkFrame,
    MarkPlayedFrame,
    ResumeFrame,
    SentenceFrame,
    SilentTextFrame,
    UtteranceFrame,
)
from voice.interruption_echo import Echo
from voice.interruption_tail import Tail
from voice.ledger import Ledger, Length

MARK_EVERY_SECS = 0.25
"""Audio between two marks, which is what is said twice at most after a hold."""
LEAD_SECS = 0.4
"""Audio that the client has before it plays it: how long a busy machine, or the network, may
keep the next waiting before the caller hears a gap; `clear` takes it back."""
SEND_TIMEOUT_SECS = 5.0
"""A client that takes no audio for this long has gone."""
LONGEST_HOLD_SECS = 3600.0
"""More than any hold; that the client takes no audio is noticed by `SEND_TIMEOUT_SECS`."""


class NotTaken(TimeoutError):
    """The client takes no audio any more; its words may be told, nobody is quoted in them."""


@dataclass(slots=True)
class Playback:
    """What one call plays, shared by the transport that writes it and the bridge that asks.

    Args:
        sample_rate: samples a second of the audio handed over.
    """

    sample_rate: int
    ledger: Ledger = field(init=False)
    echo: Echo = field(init=False)
    unplayed: Callable[[], float] = lambda: 0.0
    """Seconds of speech that were not yet handed over; infinite while more is being made."""
    on_first_audio: Callable[[UtteranceFrame, float], None] = lambda _utterance, _at: None
    """Called with an utterance and when its first audio is played, by `time.monotonic()`."""
    on_spoken: Callable[[str], None] = lambda _utterance_id: None
    """Called with the key of an utterance when all its audio was handed over."""
    protected: Callable[[], bool] = lambda: False
    """Tells whether something is being said that the caller cannot cut short."""
    on_audio_in: Callable[[bytes], None] | None = None
    """Called with what the caller says, PCM16; None when nobody records."""
    on_audio_out: Callable[[bytes], None] | None = None
    """Called with what is handed to the caller, PCM16; None when nobody records."""
    on_audio_dropped: Callable[[int], None] = lambda _samples: None
    """Called with how many of the last samples handed over the client drops unplayed."""

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.sample_rate)
        self.echo = Echo(self.sample_rate)

    def ends_in(self, now: float) -> float:
        """Seconds until the bot falls silent; 0 when it is, infinite when that is not known."""
        return self.ledger.remaining_secs(now) + self.unplayed()


class _Output(FastAPIWebsocketOutputTransport):
    """Writes audio and keeps the ledger: a mark goes out right behind what it stands for."""

    playback: Playback
    _utterance: UtteranceFrame | None = None
    _unheard_of: UtteranceFrame | None = None
    _marked: int = 0
    _interruptions: int = 0
    _resending: asyncio.Task[None] | None = None
    _first_word: int = 0
    """When the first word of what is being made begins, in nanoseconds of the pipeline."""
    _more: bool = False
    """Whether text to speech is still at work on the message."""
    _stalled: bool = False
    """Whether the client takes nothing any more."""
    _queued: int = 0
    """Samples made that wait behind what the tail keeps."""

    def __init__(self, playback: Playback, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.playback = playback
        playback.unplayed = self._unplayed
        self._tail = Tail(playback.sample_rate)
        self._flows = asyncio.Event()
        self._flows.set()
        self._handing_over, self._wire = asyncio.Lock(), asyncio.Lock()
        self._made: deque[Length] = deque()
        """Lengths of the stretches that are made and not yet begun to be written, in order."""
        self._making: Length | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take what concerns playback out of the stream, and pass the rest on."""
        if isinstance(frame, MarkPlayedFrame):
            self.playback.ledger.acknowledge(frame.mark)
        elif isinstance(frame, HoldFrame):
            await self._hold()
        elif isinstance(frame, ResumeFrame):
            self._resume()
        elif isinstance(frame, InterruptionFrame):
            async with self._wire:
                self._drop()
                await super().process_frame(frame, direction)
            return
        elif isinstance(frame, EndFrame):
            self._flows.set()  # else what is held would never be over
        elif isinstance(frame, CallEventFrame):
            await self._write_frame(frame)
        elif direction == FrameDirection.DOWNSTREAM:
            self._measure(frame)
            if isinstance(frame, (SentenceFrame, LLMFullResponseEndFrame)):
                frame.pts = None  # a voice that times words sends them past the audio, by the clock
        await super().process_frame(frame, direction)

    async def cleanup(self) -> None:
        """Stop what this transport started."""
        if self._resending:
            await self.cancel_task(self._resending)
        await super().cleanup()  # type: ignore[no-untyped-call]

    def _measure(self, frame: Frame) -> None:
        """Follow how long each stretch will be; its audio comes sooner than it is written."""
        if isinstance(frame, UtteranceFrame):
            self._more = True
        elif isinstance(frame, LLMFullResponseEndFrame):
            self._more = False
        elif isinstance(frame, TTSTextFrame) and frame.text_type == TextType.WORD:
            self._time_word(frame.pts or 0)
        elif isinstance(frame, (TTSTextFrame, TTSStoppedFrame)):
            if self._making:
                self._making.final = True
        elif isinstance(frame, AggregatedTextFrame):
            if self._making is None or self._making.final:
                self._making = Length()
                self._made.append(self._making)
        elif isinstance(frame, OutputAudioRawFrame):
            samples = len(frame.audio) // 2 * self.playback.sample_rate // frame.sample_rate
            self._queued += samples
            if self._making:
                self._making.samples += samples

    def _time_word(self, pts: int) -> None:
        """Note when a word begins; a voice that tells so counts from the first one on."""
        if self._making and not self._making.final:
            if not self._making.words:
                self._first_word = pts
            secs = (pts - self._first_word) / 1e9
            self._making.words.append(round(secs * self.playback.sample_rate))

    def _unplayed(self) -> float:
        if self._more:
            return math.inf
        kept = max(0, self._tail.end - self.playback.ledger.written)
        return (kept + self._queued) / self.playback.sample_rate

    # Holding and going on

    async def _hold(self) -> None:
        """Let the client fall silent at once; what it has not played is kept."""
        self._flows.clear()
        async with self._wire:  # nothing is on its way past the clear
            now = time.monotonic()
            self._forget_unplayed(now)
            self.playback.ledger.hold(now)
            await self._write_frame(InterruptionFrame())

    def _forget_unplayed(self, now: float) -> None:
        """Tell whoever follows the audio that its end is not played."""
        self.playback.echo.cut(now)
        unplayed = round(self.playback.ledger.remaining_secs(now) * self.playback.sample_rate)
        self.playback.on_audio_dropped(unplayed)

    def _resume(self) -> None:
        """Go on from the word at which the client fell silent."""
        ledger = self.playback.ledger
        if not ledger.held:
            return
        ledger.resume(self._tail.word_start(ledger.acknowledged))
        self._marked = ledger.written
        self._flows.set()
        self._resending = self.create_task(self._resend(), "resend")

    async def _resend(self) -> None:
        """Hand over what was held; its own marks went with the clear, so one goes behind it."""
        await self._hand_over()
        await self._mark()

    def _drop(self) -> None:
        """Say nothing more of what was to be said."""
        now = time.monotonic()
        self._interruptions += 1
        self._forget_unplayed(now)
        self.playback.ledger.clear(now)
        self._tail.reset(self.playback.ledger.written)
        self._flows.set()
        self._made.clear()
        self._making = self._utterance = self._unheard_of = None
        self._more, self._queued = False, 0
        self._marked = self.playback.ledger.written

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Hand over one chunk of audio and, often enough, a mark behind it."""
        if self._unheard_of:
            heard_from = self.playback.ledger.plays_at(time.monotonic())
            self.playback.on_first_audio(self._unheard_of, heard_from)
            self._unheard_of = None
        self._tail.keep(frame.audio)
        self._queued = max(0, self._queued - len(frame.audio) // 2)
        return await self._hand_over()

    async def _hand_over(self) -> bool:
        """Send what is kept and was not sent; waits while the bot is held."""
        taken = True
        async with self._handing_over:
            while taken:
                await self._flows.wait()
                async with self._wire:
                    if not self._flows.is_set():
                        continue
                    chunk = self._tail.take(self.playback.ledger.written, self._chunk_samples)
                    if not chunk:
                        break
                    taken = await self._send(chunk)
                await self._pace()
        return taken

    async def _pace(self) -> None:
        """Wait until the client has no more than its lead; what came late is caught up with."""
        ahead = self.playback.ledger.remaining_secs(time.monotonic())
        await asyncio.sleep(max(0.0, ahead - LEAD_SECS))

    async def _send(self, pcm: bytes) -> bool:
        ledger, now = self.playback.ledger, time.monotonic()
        self.playback.echo.played(pcm, ledger.plays_at(now), now)
        ledger.write(len(pcm) // 2, now)
        self._tail.forget(ledger.played(now))
        if self.playback.on_audio_out:
            self.playback.on_audio_out(pcm)
        taken = await self._write_frame(OutputAudioRawFrame(pcm, self.sample_rate, 1))
        if taken and ledger.written - self._marked >= MARK_EVERY_SECS * self.sample_rate:
            await self._mark()
        return taken

    async def _write_frame(self, frame: Frame) -> bool:
        """Send audio, a mark or a clear; a client that takes it no more is gone, which is told."""
        if self._stalled:
            return False
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECS):
                return bool(await super()._write_frame(frame))
        except TimeoutError:
            self._stalled = True
            why = NotTaken(f"The client took no audio for {SEND_TIMEOUT_SECS:g} seconds.")
            await self.push_error(str(why), why, force_treat_as_permanent=True)
            return False

    @property
    def _chunk_samples(self) -> int:
        return self.audio_chunk_size // 2

    async def write_transport_frame(self, frame: Frame) -> None:
        """Follow which words the audio belongs to; frames come in the order of the audio."""
        interruptions = self._interruptions
        await self._hand_over()  # what was held comes first
        if interruptions != self._interruptions:
            return
        ledger = self.playback.ledger
        if isinstance(frame, UtteranceFrame):
            self._utterance = self._unheard_of = frame
        elif isinstance(frame, TTSTextFrame):
            if frame.text_type != TextType.WORD:
                ledger.complete()
                await self._mark()
        elif isinstance(frame, AggregatedTextFrame):
            self._begin(frame)
        elif isinstance(frame, SilentTextFrame) and self._utterance:
            ledger.silent(self._utterance.utterance_id, frame.sentence.text.strip())
        elif isinstance(frame, LLMFullResponseEndFrame):
            ledger.complete()
            await self._mark()
            if self._utterance:
                self.playback.on_spoken(self._utterance.utterance_id)
            self._utterance = self._unheard_of = None

    def _begin(self, frame: AggregatedTextFrame) -> None:
        """Begin a stretch of audio, or add to it: a voice that times words speaks a message in one.

        Its sentences come before the audio of those before, so only all of it belongs together.
        """
        said = frame.sentence.said if isinstance(frame, SentenceFrame) else None
        ledger, key = self.playback.ledger, self._utterance and self._utterance.utterance_id
        if isinstance(key, str) and not ledger.extend(key, frame.text, said):
            ledger.begin(key, frame.text, self._made.popleft() if self._made else None, said)

    async def _mark(self) -> None:
        if self.playback.ledger.written > self._marked:
            self._marked = self.playback.ledger.written
            await self._write_frame(MarkFrame(self.playback.ledger.mark()))


class _Input(FastAPIWebsocketInputTransport):
    """Reads the client; what it says can be recorded on the way in."""

    playback: Playback

    async def push_audio_frame(self, frame: InputAudioRawFrame) -> None:
        """Pass on one frame of the caller's audio, with the time at which it came."""
        frame.pts = time.monotonic_ns()
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
            audio_out_write_timeout_secs=LONGEST_HOLD_SECS,
            serializer=serializer,
        )
        super().__init__(websocket, params)
        self._input = _Input(self, self._client, params, name=self._input_name)
        self._output = _Output(playback, self, self._client, params, name=self._output_name)
        self._input.playback = playback
