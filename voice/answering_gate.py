"""Holds a call that we have placed until it is known who has taken it."""

import asyncio
import time

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    StartFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from settings import Settings
from store.calls import AnsweredBy
from voice.answering_machine import Answerer, Who
from voice.frames import AnsweredFrame, CallerTurnFrame
from voice.record import CallLog
from voice.tone import Tone

LOOK_SECS = 0.1
"""How often it is looked whether time has decided, in seconds."""


class AnsweringGate(FrameProcessor):
    """Tells the bridge, in front of which it stands, who has taken the call.

    What a person says first, such as hello, is in the record and is no turn of the graph: its
    opening answers that.

    Args:
        call_log: the record of the call.
        settings: what a machine is told.
        sample_rate: samples a second of the caller's audio.
    """

    def __init__(self, call_log: CallLog, settings: Settings, sample_rate: int) -> None:
        super().__init__()
        self._log = call_log
        self._message = settings.voicemail_message if settings.voicemail == "leave_message" else ""
        self._tone = Tone(sample_rate)
        self._answerer = Answerer(0.0)
        self._told: Who | None = None
        self._over = False
        self._first_words = False
        """Whether a turn goes on whose words came before it was known who speaks."""
        self._watcher: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Listen to who speaks, and pass everything on but what is said before it is known."""
        await super().process_frame(frame, direction)
        now = time.monotonic()
        if isinstance(frame, StartFrame):
            self._answerer = Answerer(now)
            if known := self._log.call.answered_by:
                self.carrier_says(known, records=False)
            self._watcher = self.create_task(self._watch(), "answered")
            await self.push_frame(frame, direction)
            return
        elif self._over:
            pass
        elif isinstance(frame, InputAudioRawFrame):
            if self._told != "human" and self._tone.ended(frame.audio):
                self._answerer.tone(now)
        elif isinstance(frame, VADUserStartedSpeakingFrame):
            self._answerer.speaks(now - frame.start_secs)
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._answerer.falls_silent(now - frame.stop_secs)
        elif isinstance(frame, TranscriptionFrame) and not isinstance(
            frame, InterimTranscriptionFrame
        ):
            self._first_words |= self._told != "human"
            self._answerer.says(frame.text, now)
        elif isinstance(frame, CallerTurnFrame) and (self._first_words or self._told != "human"):
            self._first_words = False
            if frame.text:
                self._log.caller_said(frame.text, since=frame.spoke_from)
            return
        await self.push_frame(frame, direction)
        await self._tell()

    def carrier_says(self, who: AnsweredBy, *, records: bool) -> None:
        """Take what the carrier has found out."""
        if who in ("human", "machine", "menu"):
            self._answerer.carrier_says(who, time.monotonic(), records=records)
        elif who == "fax":
            self._answerer.carrier_says("menu", time.monotonic())
            self._log.answered_by("fax")

    async def _watch(self) -> None:
        while not self._over:
            await asyncio.sleep(LOOK_SECS)
            self._answerer.passes(time.monotonic())
            await self._tell()

    async def _tell(self) -> None:
        """Tell the bridge what is new."""
        who = self._answerer.who
        if who is None or self._over:
            return
        if who != self._told:
            self._told = who
            self._log.answered_by(who)
            if who == "human":
                await self.push_frame(AnsweredFrame(who))
        message = self._message if who == "machine" else ""
        if who != "human" and (self._answerer.may_speak or not message):
            self._over = True
            await self.push_frame(AnsweredFrame(who, message))

    async def cleanup(self) -> None:
        """Stop looking."""
        if self._watcher:
            await self.cancel_task(self._watcher)
        await super().cleanup()  # type: ignore[no-untyped-call]
