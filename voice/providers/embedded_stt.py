"""Embedded speech to text: Whisper tiny.en from a package, on the CPU, shared by all calls.

Each utterance goes to the recogniser of the process (`recogniser.py`). The work starts in the first
short pause, before the voice activity detector has made up its mind: a pause that turns out to be
the end finds its text ready, one that does not costs a draft.

The model knows English only.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import numpy as np
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
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
from voice.frames import DraftFrame, NoWordsFrame
from voice.providers import SpeechToText, register_stt
from voice.providers.recogniser import Transcript, engine

DRAFT_AFTER_SECS = 0.1
"""Silence after which a draft is started, in seconds."""
DEADLINE_SECS = 20.0
"""Longest wait for a transcription, in seconds; the machine is overloaded when it is reached."""
LONGEST_DRAFT_SECS = 4.0
LEAST_CONFIDENCE = -1.3
"""Mean log probability of a token under which the words of a draft are not passed on."""
TTFS_P99_SECS = 0.4
"""End of speech to the transcript, 99th percentile, in seconds; see `benchmarks/speech.py`."""

LIKELY = {
    "yes_no": "Yes, sure. No, not interested. Okay.",
    "employment": "I am salaried. Self-employed. Business. Student. Retired. I lost my job.",
    "amount": "My salary is 45,000 rupees a month. Two lakh eighty thousand. Nine lakhs per annum.",
    "city": "I live in",
}
"""How answers to a kind of question sound; whole sentences teach the model more than words."""


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
        self._asked: asyncio.Task[None] | None = None
        self._pause = Pause()

    @property
    def wants_wav_segments(self) -> bool:
        """Segments arrive as plain PCM16."""
        return False

    def can_generate_metrics(self) -> bool:
        """Time to the transcript is measured."""
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer who asks for the words so far; all else is the base's."""
        if isinstance(frame, DraftFrame):
            samples = round(min(frame.seconds, LONGEST_DRAFT_SECS) * self.sample_rate)
            audio = bytes(self._audio_buffer[-2 * samples :])
            work = engine().submit(audio, self.sample_rate, frame.likely)
            if self._asked:
                await self.cancel_task(self._asked)
            self._asked = self.create_task(self._answer(work), "draft")
            return
        await super().process_frame(frame, direction)

    async def _answer(self, work: "asyncio.Future[Transcript]") -> None:
        heard = await asyncio.wait_for(work, DEADLINE_SECS)
        if heard.text and heard.confidence >= LEAST_CONFIDENCE:
            now = time_now_iso8601()
            frame = InterimTranscriptionFrame(heard.text, self._user_id, now, Language.EN)
            await self.push_frame(frame)
        else:
            await self.push_frame(NoWordsFrame(final=False))

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """Buffer the audio, and start a draft when it has just fallen silent."""
        await super().process_audio_frame(frame, direction)
        quiet = self._pause.hear(frame.audio, frame.sample_rate, speaking=self._user_speaking)
        if not self._user_speaking or not self._drafts:
            return
        if quiet == 0:
            self._drop_draft()
        elif quiet >= DRAFT_AFTER_SECS and self._draft is None and engine().has_room:
            audio = bytes(self._audio_buffer)
            self._draft = _Draft(audio, self._submit(audio))

    async def _handle_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        await super()._handle_user_started_speaking(frame)
        self._pause.start()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """Transcribe one utterance, or take the draft when only silence came after it."""
        await self.start_processing_metrics()
        draft, self._draft = self._draft, None
        if draft is None or not audio.startswith(draft.audio):
            draft = _Draft(audio, self._submit(audio))
        try:
            heard = await asyncio.wait_for(draft.work, DEADLINE_SECS)
        except TimeoutError:
            yield ErrorFrame(f"The embedded recogniser took longer than {DEADLINE_SECS:g} s.")
            return
        finally:
            await self.stop_processing_metrics()
        if self._asked:  # the words so far come before the last ones
            await asyncio.wait({self._asked})
        if heard.text:
            yield TranscriptionFrame(
                heard.text, self._user_id, time_now_iso8601(), Language.EN, result=heard
            )
        else:
            yield NoWordsFrame(final=True)

    async def cleanup(self) -> None:
        """Drop what is still being transcribed when the call ends."""
        await self._cancel_segment_task()  # type: ignore[no-untyped-call]  # its frame may not come
        await super().cleanup()  # type: ignore[no-untyped-call]  # pipecat leaves it untyped
        self._drop_draft()
        if self._asked:
            await self.cancel_task(self._asked)

    def _drop_draft(self) -> None:
        if self._draft is not None:
            self._draft.work.cancel()
            self._draft = None

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


def listen_for(expectation: Expectation) -> EmbeddedSTTSettings:
    """Return settings that favour what a question expects; nothing expected clears them."""
    words = ", ".join(expectation.get("keywords", []))
    sentences = [LIKELY.get(expectation.get("kind", "text"), ""), f"{words}." if words else ""]
    return EmbeddedSTTSettings(prompt=" ".join(part for part in sentences if part))


async def transcribe(_settings: Settings, pcm: bytes, sample_rate: int) -> str:
    """Return the words of a whole recording."""
    heard = await asyncio.wait_for(engine().submit(pcm, sample_rate, ""), DEADLINE_SECS)
    return heard.text


def _warm_up(_settings: Settings) -> None:
    engine()


register_stt(
    "embedded",
    SpeechToText(
        create=lambda _settings, sample_rate: EmbeddedSTTService(sample_rate=sample_rate),
        listen_for=listen_for,
        transcribe=transcribe,
        warm_up=_warm_up,
    ),
)
