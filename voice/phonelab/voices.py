"""Voices of the lab: what `<Say>` and a synthetic caller sound like."""

import asyncio
import threading
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from voice.phonelab import mulaw

BREATH = int(0.15 * mulaw.RATE)
"""Samples kept before and after speech, where it fades."""


class Voice(Protocol):
    """Turns text into telephone audio."""

    async def speak(self, text: str) -> bytes:
        """Return mu-law at 8 kHz; does not block the event loop."""
        ...


class EmbeddedVoice:
    """The voice inside the package `hibari-tts`: English, 24 kHz brought to 8 kHz.

    Args:
        speed: 1 is its usual pace, 0.5 slow, 2 fast.
        seed: the same seed and text give the same bytes.
    """

    def __init__(self, speed: float = 1.0, seed: int = 0) -> None:
        self._speed = speed
        self._seed = seed

    async def speak(self, text: str) -> bytes:
        """Return mu-law at 8 kHz, with no more silence around it than a breath."""
        return await asyncio.to_thread(self._speak, text)

    def _speak(self, text: str) -> bytes:
        engine, lock = _engine()
        with lock:
            samples = engine(text, speed=self._speed, seed=self._seed)
        return mulaw.trim(mulaw.encode_speech(samples, engine.sample_rate), BREATH)


class ToneVoice:
    """A tone as long as the text would take; for tests, where nobody listens to the words.

    Args:
        hertz: pitch; 0 is silence.
        secs_per_char: length of a character, in seconds.
    """

    def __init__(self, hertz: float = 440.0, secs_per_char: float = 0.06) -> None:
        self._hertz = hertz
        self._secs_per_char = secs_per_char

    async def speak(self, text: str) -> bytes:
        """Return mu-law at 8 kHz."""
        length = int(len(text) * self._secs_per_char * mulaw.RATE)
        wave = 0.3 * np.sin(2 * np.pi * self._hertz * np.arange(length) / mulaw.RATE)
        return mulaw.encode_speech(wave.astype(np.float32), mulaw.RATE)


@lru_cache
def _engine() -> tuple[Any, threading.Lock]:
    from hibari import Hibari

    return Hibari(), threading.Lock()
