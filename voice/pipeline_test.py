"""One turn through every part of a call, each timed: does the pipeline work, and how fast.

What is measured is the parts one after the other, on a whole recording. In a call they overlap:
speech is recognised while it goes on, and spoken while the answer is still being written.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from settings import Settings
from voice.providers import STT, tts_of
from voice.sentences import Sentences, speech

T = TypeVar("T")

RATE = 8000
"""Samples a second, as on the telephone."""
SPEECH_SECS = 60.0
"""Longest wait for text to speech."""


class PartFailed(RuntimeError):
    """A part of the pipeline does not work; says which, and why."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What a part took."""

    part: str
    by: str
    """The provider, or the model."""
    ms: float
    result: str


async def timed(part: str, by: str, work: Callable[[], Awaitable[T]]) -> tuple[T, float]:
    """Do something, and return what came of it with the milliseconds it took.

    Raises:
        PartFailed: it failed.
    """
    began = time.perf_counter()
    try:
        done = await work()
    except PartFailed:
        raise
    except Exception as error:  # whatever a provider's client raises
        raise PartFailed(f"{part} ({by}) failed: {type(error).__name__}: {error}") from error
    return done, (time.perf_counter() - began) * 1000


async def words_of(settings: Settings, pcm: bytes, rate: int) -> str:
    """Return the words of a recording, mono PCM16.

    Raises:
        PartFailed: the provider takes no whole recordings.
    """
    transcribe = STT[settings.stt].transcribe
    if transcribe is None:
        raise PartFailed(
            f"Speech to text: {settings.stt} takes speech only while it goes on. Try "
            "DIALGRAPH_STT=embedded or openai."
        )
    return await transcribe(settings, pcm, rate)


class _Hearing(FrameProcessor):
    """Keeps the sound that text to speech makes."""

    def __init__(self) -> None:
        super().__init__()
        self.sound = bytearray()
        self.first: float | None = None
        self.error: str | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take the sound, and pass the rest on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.first = self.first or time.perf_counter()
            self.sound += frame.audio
        await self.push_frame(frame, direction)


async def speech_of(settings: Settings, text: str, rate: int = RATE) -> tuple[bytes, float]:
    """Return a text as it would be spoken in a call, mono PCM16, and when its sound began.

    Returns:
        The sound, and the milliseconds to its first piece.

    Raises:
        PartFailed: nothing was said, or not in time.
    """
    voice, hearing = tts_of(settings, None, rate), _Hearing()
    voice.add_text_transformer(speech)
    worker = PipelineWorker(
        Pipeline([Sentences(), voice, hearing]),
        params=PipelineParams(audio_out_sample_rate=rate),
        enable_rtvi=False,
        enable_turn_tracking=False,
        idle_timeout_secs=None,
    )

    async def failed(_worker: PipelineWorker, frame: ErrorFrame) -> None:
        hearing.error = frame.error
        await worker.cancel()

    worker.add_event_handler("on_pipeline_error", failed)
    began = time.perf_counter()
    frames = [LLMFullResponseStartFrame(), LLMTextFrame(text), LLMFullResponseEndFrame()]
    await worker.queue_frames([*frames, EndFrame()])
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    try:
        async with asyncio.timeout(SPEECH_SECS):
            await runner.run()
    except TimeoutError:
        raise PartFailed(f"Text to speech took more than {SPEECH_SECS:g} s.") from None
    if hearing.error or hearing.first is None:
        raise PartFailed(f"Text to speech said nothing. {hearing.error or ''}".strip())
    return bytes(hearing.sound), (hearing.first - began) * 1000
