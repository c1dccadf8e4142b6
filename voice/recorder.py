"""Records a call as a stereo WAV, the caller on the left, the bot on the right, as it goes on."""

import asyncio
import logging
import time
import wave
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import soxr

from faults import places
from store.private import private_file, private_folder

log = logging.getLogger(__name__)

GAP_SECS = 0.2
"""Audio that comes this much later than the last, in seconds, comes after a silence."""
WRITE_EVERY_SECS = 1.0
CLOSE_SECS = 10.0
"""Longest wait for the disk at the end of a call, in seconds."""

Samples = npt.NDArray[np.int16]
T = TypeVar("T")


class _Track:
    """One channel: samples placed by the clock."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._pending: list[Samples] = []
        self.end = 0

    def add(self, samples: Samples, now_secs: float) -> None:
        gap = round(now_secs * self._sample_rate) - self.end
        if gap > GAP_SECS * self._sample_rate:
            self.append(np.zeros(gap, np.int16))
        self.append(samples)

    def take(self, count: int) -> Samples:
        """Remove the next samples, filled up with silence."""
        joined = np.concatenate([*self._pending, np.zeros(0, np.int16)])
        taken, rest = joined[:count], joined[count:]
        self._pending = [rest] if rest.size else []
        missing = count - taken.size
        self.end += missing
        return np.concatenate([taken, np.zeros(missing, np.int16)])

    def drop(self, count: int) -> None:
        """Remove the last samples, as far as they are not written yet."""
        joined = np.concatenate([*self._pending, np.zeros(0, np.int16)])
        kept = joined[: max(0, joined.size - count)]
        self._pending = [kept] if kept.size else []
        self.end -= joined.size - kept.size

    def append(self, samples: Samples) -> None:
        """Add samples right after the last."""
        self._pending.append(samples)
        self.end += samples.size


class Recorder:
    """Writes one call to a file, off the event loop, while its context lasts.

    Args:
        path: the WAV to write; its folder is made when it is missing.
        input_rate: samples a second of the caller's audio.
        output_rate: samples a second of the bot's audio, and of the file.
    """

    def __init__(self, path: Path, input_rate: int, output_rate: int) -> None:
        self._path, self._rate = path, output_rate
        self._resampler = (
            soxr.ResampleStream(input_rate, output_rate, 1, dtype="int16", quality="LQ")
            if input_rate != output_rate
            else None
        )
        self._caller, self._bot = _Track(output_rate), _Track(output_rate)
        self._started = time.monotonic()
        self._written = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._failed = False

    async def __aenter__(self) -> Self:
        """Begin the file."""
        self._file = self._submit(lambda: _open(self._path, self._rate))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is left and close the file; that it could not be is logged, and no more."""
        if self._resampler:
            self._caller.append(self._resampler.resample_chunk(np.zeros(0, np.int16), last=True))
        self._flush(max(self._caller.end, self._bot.end))
        closing = asyncio.wrap_future(self._submit(lambda: self._file.result().close()))
        try:
            async with asyncio.timeout(CLOSE_SECS):
                await asyncio.gather(closing, return_exceptions=True)  # it is logged already
        except TimeoutError:
            log.error("The recording %s was not closed in time.", self._path.name)
        self._writer.shutdown(wait=False, cancel_futures=True)

    def caller(self, pcm: bytes) -> None:
        """Take what the caller says, PCM16 mono."""
        samples = np.frombuffer(pcm, np.int16)
        if self._resampler:
            samples = self._resampler.resample_chunk(samples)
        self._add(self._caller, samples)

    def bot(self, pcm: bytes) -> None:
        """Take what the bot says, PCM16 mono."""
        self._add(self._bot, np.frombuffer(pcm, np.int16))

    def bot_dropped(self, samples: int) -> None:
        """Forget the last samples of the bot, which the client has dropped unplayed."""
        self._bot.drop(samples)

    def _add(self, track: _Track, samples: Samples) -> None:
        now = time.monotonic() - self._started
        track.add(samples, now)
        safe = round((now - GAP_SECS) * self._rate)  # nothing is placed before this any more
        if safe - self._written >= WRITE_EVERY_SECS * self._rate:
            self._flush(safe)

    def _flush(self, until: int) -> None:
        count = until - self._written
        if count <= 0:
            return
        stereo = np.stack([self._caller.take(count), self._bot.take(count)], axis=1)
        self._written = until
        if not self._failed:
            self._submit(lambda: self._file.result().writeframes(stereo.tobytes()))

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        future = self._writer.submit(work)
        future.add_done_callback(self._note)
        return future

    def _note(self, done: Future[Any]) -> None:
        """Say once that the recording failed, in the writer's thread; the call goes on."""
        error = None if done.cancelled() else done.exception()
        if error and not self._failed:
            self._failed = True
            log.error("The recording %s is incomplete: %s", self._path.name, places(error))


def _open(path: Path, sample_rate: int) -> wave.Wave_write:
    private_folder(path.parent)
    file = wave.open(str(private_file(path)), "wb")  # noqa: SIM115 - open for the length of the call
    file.setnchannels(2)
    file.setsampwidth(2)
    file.setframerate(sample_rate)
    return file
