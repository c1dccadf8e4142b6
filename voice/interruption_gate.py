"""In front of the turns: lets a sound over the bot's speech through only if it is an interruption.

What the detector and speech to text say of such a sound is kept back until `interruption.py` has
decided, and then passed on as if it came now, or dropped. While the bot is silent, and during a
turn of the caller, everything passes.
"""

import asyncio
import logging
import math
import time
from collections import deque

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice.frames import DraftFrame, HoldFrame, NoWordsFrame, ResumeFrame
from voice.interruption import (
    ECHO_OF_WORDS,
    PATIENCE_SECS,
    SUSPICION_SECS,
    Overlap,
    Sound,
    Step,
    likely_words,
    without_echo,
)
from voice.interruption_echo import SURE
from voice.transport import Playback
from voice.turns import QUIETEST, VoiceActivity

log = logging.getLogger(__name__)

WINDOW_SECS = 0.32
"""Sound that is compared with what we sent, in seconds."""
LOOK_EVERY_SECS = 0.1
ECHO_LASTS_SECS = 0.5
"""How long a sound no louder than the echo before it counts as more of it, in seconds."""
OVER_ECHO_DB = 3.0
"""How much louder a caller is who speaks over an echo, in dB."""
ONSET_SECS = 0.25
"""How long before it was noticed a sound may have begun, in seconds."""
FADE_SECS = 0.1
"""Silence after which a suspicion that the detector has not confirmed is over, in seconds."""
LONGEST_HOLD_SECS = 3.0
"""Then the bot goes on, whatever else does not come, in seconds."""
LATE_SECS = 2.0
"""How much later words may come on a busy machine, in seconds."""
LEARNING = 0.3
"""Weight of a new turn in how loud the caller is."""


class InterruptionGate(FrameProcessor):
    """Holds the bot on suspicion, and decides by the words whether it was interrupted.

    Args:
        vad: the detector in front of this processor.
        playback: what the bot plays.
    """

    def __init__(self, vad: VoiceActivity, playback: Playback) -> None:
        super().__init__()
        self._vad, self._playback = vad, playback
        self._overlap: Overlap | None = None
        self._kept: list[Frame] = []
        """What was said of the overlap, until it is decided."""
        self._stale_until = 0.0
        """Until then the last words may come of a backchannel that is decided."""
        self._heard: deque[InputAudioRawFrame] = deque(maxlen=round(WINDOW_SECS / 0.02))
        self._confirmed = False
        """Whether the detector has reported the sound."""
        self._speech_at = 0.0
        """When there last was what may be speech and was not reported yet."""
        self._echo, self._looked = 0.0, 0.0
        self._echo_at, self._echo_db = -math.inf, QUIETEST
        """When our own voice came back last, and how loud it was at most, in dB."""
        self._ours_until = 0.0
        """Until then words of no open sound are those of an echo."""
        self._loudest = QUIETEST
        """Level of the sound going on, in dB."""
        self._overlap_db = QUIETEST
        """Level of the overlap when it was over, in dB."""
        self._caller_db: float | None = None
        """How loud the caller is, in dB; None before the first turn."""
        self._in_turn = False
        self._watchdog: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow the call, and pass on what is not kept back."""
        await super().process_frame(frame, direction)
        now = time.monotonic()
        if direction == FrameDirection.UPSTREAM:
            await self._follow(frame)
            await self.push_frame(frame, direction)
        elif isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)
            await self._listen(frame, now)
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            await self._sound_starts(frame, now)
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            await self._sound_stops(frame, now)
        elif isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame, NoWordsFrame)):
            await self._words(frame, now)
        else:
            await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Stop the watchdog."""
        await self._unwatch()
        await super().cleanup()  # type: ignore[no-untyped-call]

    # What comes in

    async def _follow(self, frame: Frame) -> None:
        if isinstance(frame, UserStartedSpeakingFrame):
            self._in_turn = True
        elif isinstance(frame, UserStoppedSpeakingFrame):
            self._in_turn = False
        elif isinstance(frame, InterruptionFrame) and self._overlap:  # by a key
            await self._release()

    async def _listen(self, frame: InputAudioRawFrame, now: float) -> None:
        self._heard.append(frame)
        self._loudest = max(self._loudest, self._vad.level_db)
        lasted = self._vad.speech_secs
        free = self._overlap is None and not self._in_turn and not self._playback.protected()
        if lasted:
            self._speech_at = now
        if free and lasted >= SUSPICION_SECS and self._playback.ends_in(now) > 0:
            self._suspect(now, lasted)
        overlap = self._overlap
        if overlap is None:
            return
        if overlap.ended is not None:
            await self._do(overlap.waits(now))
            if overlap.verdict and now - overlap.ended >= PATIENCE_SECS:
                self._ours_until = now + LATE_SECS if overlap.ours else 0.0
                self._overlap = None
        elif not self._confirmed and now - self._speech_at >= FADE_SECS:
            await self._do(overlap.fades())
            self._overlap = None
        else:
            await self._do(overlap.sounds(now, self._look(now), self._vad.pause_secs))

    async def _sound_starts(self, frame: VADUserStartedSpeakingFrame, now: float) -> None:
        overlap = self._overlap
        if overlap and overlap.ended is not None:
            if overlap.verdict is None:
                overlap.goes_on()
            else:  # a new sound
                self._stale_until = overlap.ended + PATIENCE_SECS if overlap.settled else 0.0
                self._overlap = None
        if self._overlap is None and not self._in_turn and not self._playback.protected():
            self._looked = 0.0
            if self._playback.ends_in(now) > 0 or self._look(now).echo >= SURE:
                self._suspect(now, frame.start_secs)
        self._confirmed = True
        await self._keep(frame)

    async def _sound_stops(self, frame: VADUserStoppedSpeakingFrame, now: float) -> None:
        if self._overlap:
            self._overlap.stops(now)
            self._overlap_db = self._loudest
        else:
            self._learn(self._loudest)
        self._loudest = QUIETEST
        await self._keep(frame)

    def _learn(self, level_db: float) -> None:
        """Note how loud a turn of the caller was."""
        known = level_db if self._caller_db is None else self._caller_db
        self._caller_db = known + LEARNING * (level_db - known)

    async def _words(
        self, frame: TranscriptionFrame | InterimTranscriptionFrame | NoWordsFrame, now: float
    ) -> None:
        if isinstance(frame, NoWordsFrame):
            text, final = "", frame.final
        else:
            frame.text = frame.text.replace("\0", "")  # PostgreSQL could not keep it
            if self._echo_db > QUIETEST:  # the line has an echo
                frame.text = without_echo(frame.text, self._saying)
            text, final = frame.text, isinstance(frame, TranscriptionFrame)
        if final and now < self._stale_until:
            self._stale_until = 0.0
            return
        if self._overlap is None and not self._in_turn and now < self._ours_until:
            return
        ends_in = self._playback.ends_in(now)
        if text and self._overlap is None and not self._in_turn and ends_in > 0:
            late = self._suspect(now, 0.0)  # words of no sound that is still open
            late.stops(now)
            if self._echo_db > QUIETEST:
                late.heard = Sound(echo=ECHO_OF_WORDS)
        overlap = self._overlap
        if overlap is None:
            await self.push_frame(frame)
            return
        if text and (final or not self._kept):
            self._kept.append(frame)
        await self._do(overlap.words(now, text, self._saying, bot_done=ends_in <= 0, final=final))
        if final and overlap is self._overlap and overlap.ended is not None:
            self._overlap = None
            self._kept.clear()

    @property
    def _saying(self) -> str:
        """What the bot is saying, or has just said."""
        return " ".join(span.text for span in self._playback.ledger.spans[-3:])

    # The overlap

    def _suspect(self, now: float, lasted: float) -> Overlap:
        self._kept.clear()
        self._looked, self._confirmed = 0.0, False
        self._overlap = Overlap(now - lasted, self._playback.ends_in(now) + lasted)
        return self._overlap

    def _look(self, now: float) -> Sound:
        """What it sounds like; the comparison with what we sent is made only so often."""
        if now - self._looked >= LOOK_EVERY_SECS:
            self._looked = now
            heard = b"".join(frame.audio for frame in self._heard)
            last = self._heard[-1]
            came = last.pts / 1e9 if last.pts else now  # it may have waited for a busy machine
            if self._vad.tells_echo:
                self._echo = self._playback.echo.similarity(heard, last.sample_rate, came)
            if self._echo >= SURE:
                self._echo_at = now
                self._echo_db = max(self._echo_db, self._vad.level_db)
            elif now - self._echo_at < ECHO_LASTS_SECS and self._as_soft_as_echo:
                self._echo = SURE
        softer = 0.0 if self._caller_db is None else self._caller_db - self._loudest
        return Sound(self._echo, softer)

    @property
    def _as_soft_as_echo(self) -> bool:
        return self._vad.level_db < self._echo_db + OVER_ECHO_DB

    async def _keep(self, frame: Frame) -> None:
        if self._overlap:
            self._kept.append(frame)
        else:
            await self.push_frame(frame)

    async def _do(self, steps: list[Step]) -> None:
        for step in steps:
            log.debug("%s", step)
            if step == Step.HOLD:
                await self.push_frame(HoldFrame())
                self._watchdog = self.create_task(self._watch(), "hold")
            elif step == Step.ASK:
                await self._ask()
            elif step == Step.TURN:
                await self._release()
            elif self._watchdog:
                await self._unwatch()
                await self.push_frame(ResumeFrame())

    async def _ask(self) -> None:
        if self._overlap:
            seconds = time.monotonic() - self._overlap.began + ONSET_SECS
            await self.push_frame(DraftFrame(seconds, likely_words()), FrameDirection.UPSTREAM)

    async def _release(self) -> None:
        """Pass on what was kept back, as if it came now: the caller's turn has begun."""
        await self._unwatch()
        began = self._overlap.began if self._overlap else 0.0
        if self._overlap and self._overlap.ended is not None and self._confirmed:
            self._learn(self._overlap_db)
        kept, self._kept, self._overlap = self._kept, [], None
        self._in_turn = True
        for frame in kept:
            if isinstance(frame, VADUserStartedSpeakingFrame):
                frame.start_secs = time.monotonic() - began  # how far back the speech reaches
            await self.push_frame(frame)

    async def _watch(self) -> None:
        await asyncio.sleep(LONGEST_HOLD_SECS)
        self._watchdog = None
        if self._overlap:
            self._overlap.verdict = Step.GO_ON
        await self.push_frame(ResumeFrame())

    async def _unwatch(self) -> None:
        task, self._watchdog = self._watchdog, None
        if task:
            await self.cancel_task(task)
