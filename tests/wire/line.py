"""A line with one speech service on it: frames go in, and tests wait for what comes out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    STTUpdateSettingsFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import STTSettings
from pipecat.workers.runner import WorkerRunner
from pydantic import SecretStr

RATE = 8000
F = TypeVar("F", bound=Frame)


class _Ear(FrameProcessor):
    def __init__(self, heard: Callable[[Frame], None]) -> None:
        super().__init__()
        self._heard = heard

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self._heard(frame)
        await self.push_frame(frame, direction)


class Line:
    """What a test does with the service, and what it sees of it."""

    def __init__(self, worker: PipelineWorker) -> None:
        self.frames: list[Frame] = []
        self.worker = worker
        self._news = asyncio.Event()

    def hear(self, frame: Frame) -> None:
        """Keep a frame that left the service, in either direction."""
        if not isinstance(frame, InputAudioRawFrame):
            self.frames.append(frame)
            self._news.set()

    def all(self, kind: type[F]) -> list[F]:
        """Return the frames of a kind so far."""
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def get(self, kind: type[F], nth: int = 1, within: float = 10.0) -> F:
        """Wait for the nth frame of a kind; fails after `within` seconds."""
        async with asyncio.timeout(within):
            while len(self.all(kind)) < nth:
                self._news.clear()
                await self._news.wait()
        return self.all(kind)[nth - 1]

    async def error(self, within: float = 10.0) -> str:
        """Wait for the first error and return what it says."""
        return (await self.get(ErrorFrame, within=within)).error

    async def send(self, *frames: Frame) -> None:
        """Put frames into the pipeline."""
        for frame in frames:
            await self.worker.queue_frame(frame)

    async def hear_caller(self, pcm: bytes) -> None:
        """Let the caller say something: room, speech, and the detector's word for both ends."""
        await self.send(*packets(bytes(RATE)), VADUserStartedSpeakingFrame(start_secs=0.2))
        await self.send(*packets(pcm), *packets(bytes(RATE // 5 * 2)))
        await self.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))

    async def expect(self, delta: STTSettings | None) -> None:
        """Tell the recogniser what a question expects, and wait until it knows."""
        assert delta is not None
        asked = len(self.all(LLMFullResponseStartFrame))
        await self.send(STTUpdateSettingsFrame(delta=delta), LLMFullResponseStartFrame())
        await self.get(LLMFullResponseStartFrame, asked + 2)  # in at one end, out at the other

    async def say(self, *tokens: str) -> None:
        """Let the bot say something, token by token."""
        await self.send(LLMFullResponseStartFrame())
        await self.send(*(LLMTextFrame(token) for token in tokens))
        await self.send(LLMFullResponseEndFrame())

    async def interrupt(self) -> None:
        """Let the caller barge in."""
        await self.send(InterruptionFrame())

    @property
    def audio(self) -> bytes:
        """All the speech made so far, PCM16."""
        return b"".join(frame.audio for frame in self.all(TTSAudioRawFrame))


def packets(pcm: bytes, rate: int = RATE) -> list[InputAudioRawFrame]:
    """Cut audio into packets of 20 ms, as a telephone sends them."""
    size = rate // 50 * 2
    return [InputAudioRawFrame(pcm[at : at + size], rate, 1) for at in range(0, len(pcm), size)]


@contextlib.asynccontextmanager
async def line(service: FrameProcessor, rate: int = RATE) -> AsyncIterator[Line]:
    """Run a service in a pipeline of its own, at 8 kHz unless told, until the block ends."""
    heard: list[Line] = []
    ears = [_Ear(lambda frame: heard[0].hear(frame)) for _ in range(2)]
    worker = PipelineWorker(
        Pipeline([ears[0], service, ears[1]]),
        params=PipelineParams(audio_in_sample_rate=rate, audio_out_sample_rate=rate),
        cancel_on_idle_timeout=False,
        enable_rtvi=False,
    )
    heard.append(Line(worker))
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def _started(_worker: PipelineWorker, _frame: Frame) -> None:
        started.set()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        await asyncio.wait_for(started.wait(), 10)
        yield heard[0]
    finally:
        await worker.queue_frame(EndFrame())
        await asyncio.wait_for(running, 10)


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Wait until something holds on the far side; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - the far side has no event to wait for
            await asyncio.sleep(0.01)


def secret(value: str) -> SecretStr:
    """Wrap a key as the settings hold it."""
    return SecretStr(value)
