"""Whose turn it is: voice activity by Silero, end of turn by Smart Turn v3.

Both models are loaded once a process and shared by all calls; only their state is a call's own.
Smart Turn is asked at the first short pause, while speech to text is still at work, so that its
verdict is there when the voice activity detector reports the end of speech.
"""

import asyncio
import copy
import math
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.frames.frames import (
    Frame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.metrics.metrics import MetricsData
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import TranscriptionUserTurnStartStrategy, VADUserTurnStartStrategy
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_processor import UserTurnProcessor
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from graphs.events import Expectation
from settings import Settings
from voice.endpointing import DEFAULT, answered, patience
from voice.frames import CallerTurnFrame, ExpectationFrame, NoWordsFrame, SupposedTurnFrame
from voice.providers import STT

QUIETEST = -110.0
"""Level of silence, in dB of full scale."""
BASELINE_WINDOWS = 94
"""Windows of 32 ms, 3 seconds, whose soft ones tell how loud the line is when nobody speaks."""
OVER_BASELINE_DB = 6.0
"""How far over that a sound must be to be speech."""
LEVEL_WINDOWS = 4
"""Windows of 32 ms within which the level is the highest one: a word's own pauses count as loud."""
EARLY_SECS = 0.1
"""Silence after which Smart Turn is asked, in seconds."""
TRANSCRIPT_GRACE_SECS = 1.0
"""Wait for words beyond the recogniser's own 99th percentile, in seconds; then it was a noise."""
WATCHDOG_SECS = 5.0
"""Longest silence within a turn, in seconds, when nothing else has ended it."""


@lru_cache
def _silero() -> SileroOnnxModel:
    return SileroVADAnalyzer()._model


@lru_cache
def _smart_turn() -> LocalSmartTurnAnalyzerV3:
    return LocalSmartTurnAnalyzerV3()


def warm_up() -> None:
    """Load the two models; blocks, so call it off the event loop."""
    _silero()
    _smart_turn()


class VoiceActivity(SileroVADAnalyzer):
    """Silero for one call on the shared model.

    Loudness is the level of the last windows rather than pipecat's average over 0.4 seconds,
    which sees a caller who interrupts a quarter of a second late, at a hundred times the cost.
    What does not stand out from the noise of the line counts as silence.
    """

    tells_echo: bool = True
    """Whether the voices it hears differ enough for our own to be recognised as it comes back."""
    level_db: float = QUIETEST
    """The highest level of the last windows, in dB of full scale."""
    baseline_db: float = QUIETEST
    """How loud the line is when nobody speaks, in dB of full scale; follows the line."""

    def __init__(self, params: VADParams) -> None:
        VADAnalyzer.__init__(self, params=params)
        self._model = copy.copy(_silero())
        self._model.reset_states()
        self._windows_since_reset = 0
        self._low_confidence_windows = 0
        self._levels: deque[float] = deque(maxlen=LEVEL_WINDOWS)
        self._line: deque[float] = deque(maxlen=BASELINE_WINDOWS)

    def _get_smoothed_volume(self, audio: bytes) -> float:
        """The level on pipecat's scale: 0 at -110 dB, 1 at -10 dB; 0 where it is the line's."""
        samples = np.frombuffer(audio, np.int16).astype(np.float32) / 32768
        power = float(np.mean(np.square(samples)))
        level = 10 * math.log10(max(power, 1e-11))
        self._levels.append(level)
        self._line.append(level)
        self.level_db = max(self._levels)
        self.baseline_db = sorted(self._line)[len(self._line) // 10]
        if self.level_db < self.baseline_db + OVER_BASELINE_DB:
            return 0.0
        return (self.level_db - QUIETEST) / 100

    @property
    def speech_secs(self) -> float:
        """Seconds of what may be speech and is not yet reported; 0 once it is, or is none."""
        starting = self._vad_starting_count if self._vad_state == VADState.STARTING else 0
        return starting * self.num_frames_required() / self.sample_rate

    @property
    def pause_secs(self) -> float:
        """Seconds of silence at the end of the speech so far."""
        return self._vad_stopping_count * self.num_frames_required() / self.sample_rate

    def silent_secs(self) -> float:
        """Return `pause_secs`, all of the pause when the speech has ended.

        Audio from before the end may still be on its way to who asks.
        """
        quiet = self._vad_state == VADState.QUIET
        return self.params.stop_secs if quiet else self.pause_secs

    def end_of_turn(self) -> "EndOfTurn":
        """Make what decides about the end of this call's turns."""
        return EndOfTurn(self.silent_secs, self.params.stop_secs)


class EndOfTurn(LocalSmartTurnAnalyzerV3):
    """Smart Turn for one call on the shared model, asked in good time.

    What sounds finished is over when the open question has nothing more to wait for.

    Args:
        silent_secs: tells how long the caller has been silent.
        stop_secs: silence after which the detector reports the end of speech.
    """

    expects: Expectation = Expectation()
    """What the open question expects."""

    def __init__(self, silent_secs: Callable[[], float], stop_secs: float) -> None:
        BaseSmartTurn.__init__(self, params=SmartTurnParams(stop_secs=DEFAULT.unfinished_secs))
        self._silent_secs, self._stopped_secs = silent_secs, stop_secs
        self._early: asyncio.Future[tuple[EndOfTurnState, MetricsData | None]] | None = None
        self._load()

    def _load(self) -> None:
        self._session = _smart_turn()._session
        self._log_data = False

    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        """Take the next audio, and ask the model when it has just fallen silent."""
        state = super().append_audio(buffer, is_speech)
        if is_speech:
            pause = self._silent_secs()
            if pause < EARLY_SECS:
                self._early = None
            elif self._early is None:
                heard = [*self._audio_buffer, *self._silence(0.2 - pause)]
                loop = asyncio.get_running_loop()
                self._early = loop.run_in_executor(
                    self._model_executor, self._process_speech_segment, heard
                )
        return state

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        """Return the verdict of the pause, or ask again when it was: not yet.

        A turn that sounds finished and may go on is not over; a longer silence will end it.
        """
        early, self._early = self._early, None
        state, metrics = await early if early else (EndOfTurnState.INCOMPLETE, None)
        if state != EndOfTurnState.COMPLETE:
            state, metrics = await asyncio.get_running_loop().run_in_executor(
                self._model_executor, self._process_speech_segment, self._audio_buffer
            )
        waits = patience(self.expects)
        finished = state == EndOfTurnState.COMPLETE
        secs = waits.finished_secs if finished else waits.unfinished_secs
        self._stop_ms = max(0.0, secs - self._stopped_secs) * 1000
        if finished and not self._stop_ms:
            self._clear(state)
            return state, metrics
        return EndOfTurnState.INCOMPLETE, metrics

    def clear(self) -> None:
        """Forget the turn."""
        self._early = None
        super().clear()  # type: ignore[no-untyped-call]

    def _silence(self, seconds: float) -> list[tuple[float, Any]]:
        """Fill up to the silence that the model was trained to see."""
        samples = max(0, round(seconds * self.sample_rate))
        return [(time.monotonic(), np.zeros(samples, np.int16))] * 2


class TurnStop(TurnAnalyzerUserTurnStopStrategy):
    """Pipecat's strategy, which also ends a turn by its words, and one that has none."""

    def __init__(self, end_of_turn: EndOfTurn) -> None:
        super().__init__(turn_analyzer=end_of_turn)
        self._end_of_turn = end_of_turn
        self._words: list[str] = []

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """End the turn at once when what was said is the whole answer, or was only a noise."""
        if isinstance(frame, TranscriptionFrame):
            self._words.append(frame.text)
        result = await super().process_frame(frame)
        over = False
        if isinstance(frame, (TranscriptionFrame, VADUserStoppedSpeakingFrame)):
            over = answered(self._end_of_turn.expects, " ".join(self._words))
        elif isinstance(frame, NoWordsFrame):
            over = frame.final and not any(self._words)
        if over and self._vad_stopped:  # which it is not when the turn is over
            await self.trigger_user_turn_stopped()
        return result

    async def handle_user_turn_stopped(self) -> None:
        """Forget the words of the turn."""
        self._words.clear()
        await super().handle_user_turn_stopped()  # type: ignore[no-untyped-call]

    async def _timeout_handler(self, timeout: float) -> None:  # noqa: ASYNC109
        await super()._timeout_handler(timeout)
        if self._text or not self._turn_complete:
            return
        self._timeout_task = self.task_manager.create_task(
            self._give_up_on_words(), f"{self}::_give_up_on_words"
        )

    async def _give_up_on_words(self) -> None:
        await asyncio.sleep(TRANSCRIPT_GRACE_SECS)
        self._timeout_task = None
        if self._turn_complete and not self._text:
            await self.trigger_user_turn_stopped()


class CallerTurns(UserTurnProcessor):
    """Decides when the caller's turn begins and ends, and gathers what was said in it.

    Pushes pipecat's own turn frames and interruptions, and a `CallerTurnFrame` at the end.

    Args:
        vad: the detector in front of this processor.
    """

    def __init__(self, vad: VoiceActivity) -> None:
        self._end_of_turn = vad.end_of_turn()
        strategies = UserTurnStrategies(
            start=[VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()],
            stop=[TurnStop(self._end_of_turn)],
        )
        super().__init__(user_turn_strategies=strategies, user_turn_stop_timeout=WATCHDOG_SECS)
        self._said: list[str] = []
        self._spoke_from: float | None = None
        self._spoke_until: float | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Gather words and times, and let pipecat decide about turns."""
        if isinstance(frame, ExpectationFrame):
            self._end_of_turn.expects = frame.expects
        elif isinstance(frame, TranscriptionFrame):
            self._said.append(frame.text.strip())
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            late = max(0.0, time.time() - frame.timestamp)
            self._spoke_until = time.monotonic() - late - frame.stop_secs
        elif isinstance(frame, VADUserStartedSpeakingFrame) and self._spoke_from is None:
            self._spoke_from = time.monotonic() - frame.start_secs  # also of one that was held
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame) and any(self._said):  # and the turn is not over
            await self.push_frame(SupposedTurnFrame(" ".join(part for part in self._said if part)))

    async def _on_user_turn_stopped(self, controller: Any, strategy: Any, params: Any) -> None:
        await super()._on_user_turn_stopped(controller, strategy, params)
        said, self._said = " ".join(part for part in self._said if part), []
        spoke_from, self._spoke_from = self._spoke_from, None
        spoke_until, self._spoke_until = self._spoke_until, None
        await self.push_frame(CallerTurnFrame(said, spoke_until, spoke_from=spoke_from))


def voice_activity(settings: Settings) -> VoiceActivity:
    """Make the detector for one call from the settings; the recogniser may bring its own."""
    if own := STT[settings.stt].voice_activity:
        return own(settings)
    return VoiceActivity(
        VADParams(
            confidence=settings.vad_confidence,
            start_secs=settings.vad_start_secs,
            stop_secs=settings.vad_stop_secs,
        )
    )
