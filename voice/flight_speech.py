"""Providers that find the words of a flight when it did, and speak as long as it did."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

import numpy as np
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from voice.flight import Line
from voice.frames import NoWordsFrame
from voice.phonelab import virtual_speech
from voice.providers import (
    STT,
    TTS,
    SpeechToText,
    TextToSpeech,
    load_providers,
    register_stt,
    register_tts,
)

REPLAYED = "replayed"
"""Name of the providers that say what they said."""
SECS_PER_LETTER = 0.06
"""Length of a sentence that was not said in the recording, a letter."""


@contextlib.contextmanager
def as_recorded(flight: Sequence[Line], listened: str) -> Iterator[None]:
    """Offer providers that say what they said in a flight."""
    words = [line for line in flight if line.kind in ("words", "draft", "nothing")]
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
            await self.push_frame(_found(line))

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Take no notice of the audio."""
        yield None


def _found(line: Line) -> Frame:
    if line.kind == "nothing":
        return NoWordsFrame(final=line.data["final"])
    text, now = line.data["text"], time_now_iso8601()
    if line.kind == "draft":
        return InterimTranscriptionFrame(text, "", now, Language.EN)
    found = TranscriptionFrame(text, "", now, Language.EN)
    found.finalized = True
    return found


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
