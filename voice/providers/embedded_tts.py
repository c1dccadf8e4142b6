"""Embedded text to speech: the hibari voice from a package, on the CPU, shared by all calls.

Synthesis is by sentence, in threads; the silence before the first sound is cut, and sentences
spoken before (the questions of an interview) come from a cache. The voice speaks English only.
"""

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import hibari
import numpy as np
import numpy.typing as npt
import soxr
from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language

from settings import Settings
from voice.providers import TextToSpeech, register_tts

CACHE_BYTES = 16 * 1024 * 1024
"""Memory for sentences already spoken; 16 MiB hold about 17 minutes at 8 kHz."""
LEAD_IN_SECS = 0.01
"""What is left of the silence before the first sound, in seconds."""
SOFTEST_ONSET = 0.005
"""Share of the peak at which a sound begins; low enough for the "th" of "thank you"."""
DEADLINE_SECS = 20.0
"""Longest wait for a sentence, in seconds; the machine is overloaded when it is reached."""

Audio = npt.NDArray[np.float32]


class Voice:
    """The voice, its threads and the sentences it remembers; safe to use from many calls.

    Args:
        cache_bytes: memory for audio kept, in bytes; the least recently spoken goes first.
        workers: sentences synthesised at the same time.
    """

    def __init__(self, cache_bytes: int = CACHE_BYTES, workers: int = 2) -> None:
        self._hibari = hibari.Hibari()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="tts")
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._kept_bytes = 0
        self._cache_bytes = cache_bytes

    def sentences(self, text: str) -> list[str]:
        """Split a text into what is synthesised at once."""
        return list(self._hibari.split_sentences(text))

    def recall(self, sentence: str, sample_rate: int) -> bytes | None:
        """Return the audio of a sentence spoken before, or None."""
        with self._lock:
            pcm = self._kept.get((sentence, sample_rate))
            if pcm is not None:
                self._kept.move_to_end((sentence, sample_rate))
            return pcm

    def synthesise(self, sentence: str, sample_rate: int) -> bytes:
        """Return a sentence as mono PCM16; blocks for 10 to 60 ms unless it is remembered."""
        known = self.recall(sentence, sample_rate)
        if known is not None:
            return known
        audio = trim_start(self._hibari(sentence, seed=0), hibari.SAMPLE_RATE)
        if sample_rate != hibari.SAMPLE_RATE and audio.size:
            audio = soxr.resample(audio, hibari.SAMPLE_RATE, sample_rate)
        pcm = (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()
        self._keep((sentence, sample_rate), pcm)
        return pcm

    async def say(self, sentence: str, sample_rate: int) -> bytes:
        """Return a sentence as mono PCM16 without blocking the event loop.

        Raises:
            TimeoutError: it took longer than `DEADLINE_SECS`.
        """
        known = self.recall(sentence, sample_rate)
        if known is not None:
            return known
        work = self._threads.submit(self.synthesise, sentence, sample_rate)
        return await asyncio.wait_for(asyncio.wrap_future(work), DEADLINE_SECS)

    def _keep(self, key: tuple[str, int], pcm: bytes) -> None:
        with self._lock:
            self._kept_bytes += len(pcm) - len(self._kept.pop(key, b""))
            self._kept[key] = pcm
            while self._kept_bytes > self._cache_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped)


def trim_start(audio: Audio, sample_rate: int) -> Audio:
    """Cut the silence before the first sound, but for `LEAD_IN_SECS`."""
    level = np.abs(audio)
    loud = np.flatnonzero(level > SOFTEST_ONSET * level.max(initial=0.0))
    if not loud.size:
        return audio
    return audio[max(0, int(loud[0]) - int(LEAD_IN_SECS * sample_rate)) :]


@lru_cache
def voice() -> Voice:
    """Return the process's voice, loaded on first use; blocks for about half a second then."""
    made = Voice(workers=min(4, os.cpu_count() or 1))
    made.synthesise("Hello.", hibari.SAMPLE_RATE)
    return made


class EmbeddedTTSService(TTSService):
    """Speaks with the voice that all calls share."""

    def __init__(self, *, sample_rate: int) -> None:
        """Make the service for one call.

        Args:
            sample_rate: of the audio to be made, in Hz.
        """
        super().__init__(
            sample_rate=sample_rate,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model="hibari", voice="heart", language=Language.EN),
        )

    def can_generate_metrics(self) -> bool:
        """Time to the first audio is measured."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """Yield the audio of a text, in chunks, as each sentence is ready."""
        await self.start_tts_usage_metrics(text)
        try:
            for sentence in voice().sentences(text):
                pcm = await voice().say(sentence, self.sample_rate)
                await self.stop_ttfb_metrics()
                for at in range(0, len(pcm), self.chunk_size):
                    chunk = pcm[at : at + self.chunk_size]
                    yield TTSAudioRawFrame(chunk, self.sample_rate, 1, context_id=context_id)
        except TimeoutError:
            yield ErrorFrame(f"The embedded voice took longer than {DEADLINE_SECS:g} s.")
        finally:
            await self.stop_ttfb_metrics()


async def synthesise(_settings: Settings, text: str, sample_rate: int) -> bytes:
    """Return a whole text as mono PCM16."""
    made = await asyncio.to_thread(voice)
    return b"".join([await made.say(one, sample_rate) for one in made.sentences(text)])


def _warm_up(_settings: Settings) -> None:
    voice()


register_tts(
    "embedded",
    TextToSpeech(
        create=lambda _settings, sample_rate: EmbeddedTTSService(sample_rate=sample_rate),
        languages=frozenset({"en"}),
        synthesise=synthesise,
        warm_up=_warm_up,
    ),
)
