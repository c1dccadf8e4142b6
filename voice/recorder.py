"""Records a call as a stereo WAV, the caller on the left, the bot on the right, as it goes on."""

import asyncio
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

GAP_SECS = 0.2
"""Audio that comes this much later than the last, in seconds, comes after a silence."""
WRITE_EVERY_SECS = 1.0

Samples = npt.NDArray[np.int16]


class _Track:
    """One channel: samples placed by the clock."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._pending: list[Samples] = []
        self.end = 0

    def add(self, samples: Samples, now_secs: float) -> None:
        gap = round(now_secs * self._sample_rate) - self.end
        if gap > GAP_SECS * self._sample_rate:
            self._append(np.zeros(gap, np.int16))
        self._append(samples)

    def take(self, count: int) -> Samples:
        """Remove the next samples, filled up with silence."""
        joined = np.concatenate([*self._pending, np.zeros(0, np.int16)])
        taken, rest = joined[:count], joined[count:]
        self._pending = [rest] if rest.size else []
        missing = count - taken.size
        self.end += missing
        return np.concatenate([taken, np.zeros(missing, np.int16)])

    def _append(self, samples: Samples) -> None:
        self._pending.append(samples)
        self.end += samples.size


class Recorder:
    """Writes one call to a file, off the event loop.

    Args:
        path: the WAV to write; its folder is made when it is missing.
        input_rate: samples a second of the caller's audio.
        output_rate: samples a second of the bot's audio, and of the file.
    """

    def __init__(self, path: Path, input_rate: int, output_rate: int) -> None:
        self._input_rate, self._rate = input_rate, output_rate
        self._caller, self._bot = _Track(output_rate), _Track(output_rate)
        self._started = time.monotonic()
        self._written = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._file = self._writer.submit(_open, path, output_rate)

    def caller(self, pcm: bytes) -> None:
        """Take what the caller says, PCM16 mono."""
        samples = np.frombuffer(pcm, np.int16)
        if self._input_rate != self._rate:
            samples = soxr.resample(samples, self._input_rate, self._rate, quality="LQ")
        self._add(self._caller, samples)

    def bot(self, pcm: bytes) -> None:
        """Take what the bot says, PCM16 mono."""
        self._add(self._bot, np.frombuffer(pcm, np.int16))

    async def close(self) -> None:
        """Write what is left and close the file."""
        self._flush(max(self._caller.end, self._bot.end))
        await asyncio.wrap_future(self._writer.submit(lambda: self._file.result().close()))
        self._writer.shutdown(wait=False)

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
        self._writer.submit(lambda: self._file.result().writeframes(stereo.tobytes()))


def _open(path: Path, sample_rate: int) -> wave.Wave_write:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = wave.open(str(path), "wb")  # noqa: SIM115 - open for the length of the call
    file.setnchannels(2)
    file.setsampwidth(2)
    file.setframerate(sample_rate)
    return file
