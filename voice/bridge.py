"""The bridge between a LangGraph thread and the frames of a call.

A turn of the caller becomes one run of the graph; the messages the graph adds become speech and
nothing else does. Policies, in one place:

* Runs never overlap. A run that has begun always finishes, also when the caller goes on speaking;
  its reply is then withheld, and the graph is asked again with what the caller added.
* A turn without words was a noise: what it interrupted, or withheld, is said again.
* Of a message that is cut off, the record keeps what was heard.
* A hang-up leaves the thread as it is, with its open question, so that a chat can go on with it.
* A failure is answered by an apology; the third in a row ends the call.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import HumanMessage
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    StartFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from faults import places
from graphs.threads import Event, Expectation, Node, Reply, Snapshot, Threads, Token, TurnTimedOut
from settings import Settings
from voice.frames import (
    CallerTurnFrame,
    CallEventFrame,
    ExpectationFrame,
    HangupFrame,
    UtteranceFrame,
)
from voice.keypad import PAUSE_SECS, Keypad
from voice.latency import Stopwatch
from voice.phrases import phrase
from voice.providers import STT, TTS
from voice.record import CallLog
from voice.silence import Silence
from voice.speech import Speech
from voice.transport import Playback

log = logging.getLogger(__name__)

TICK_SECS = 0.1
MARK_PATIENCE_SECS = 3.0
"""Wait for the client to acknowledge the last word, beyond its length, in seconds."""
MOST_WAITING = 4
"""Inputs that may wait for the graph; keys pressed beyond that are not taken."""
FAILURES_BEFORE_END = 3
SILENCES_BEFORE_END = 4
FAILURE_PAUSE_SECS = 2.0
"""Errors that follow an apology within this time, in seconds, are the same trouble."""


@dataclass(slots=True)
class _Input:
    """What starts a run of the graph."""

    said: HumanMessage | Event | None
    spoke_until: float | None = None
    decided_at: float = 0.0


class Bridge(FrameProcessor):
    """Turns what the caller says into runs of a graph, and its messages into speech.

    Args:
        threads: where the graph runs.
        call_log: the record of the call; names graph and thread.
        playback: what was played so far.
        settings: silences, providers.
        announce: whether the caller is told first that the call is recorded.
    """

    def __init__(
        self,
        threads: Threads,
        call_log: CallLog,
        playback: Playback,
        settings: Settings,
        *,
        announce: bool = False,
    ) -> None:
        super().__init__()
        self._threads = threads
        self._log = call_log
        self._graph = call_log.call.graph
        self._thread_id = call_log.call.thread_id
        self._playback = playback
        self._settings = settings
        self._announce = announce
        self._languages = TTS[settings.tts].languages
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Resolves to the reason once the call is over: done, hangup, silence, failed, too_long."""
        self._inputs: asyncio.Queue[_Input] = asyncio.Queue()
        self._idle = asyncio.Event()
        self._idle.set()
        self._answers: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._caller_speaks = False
        self._expects = Expectation()
        self._keypad = Keypad()
        self._keypad_pause: asyncio.Task[None] | None = None
        self._turn = 0
        self._stopwatch = Stopwatch()
        self._speech = Speech(
            self.push_frame,
            call_log,
            playback,
            self._stopwatch,
            stale=lambda: not self._inputs.empty(),
        )
        self._failures = 0
        self._last_apology = 0.0
        self._silence = Silence(settings.silence_secs)
        self._closing: str | None = None
        playback.on_first_audio = self._first_audio
        playback.on_spoken = self._speech.utterances.hand_over

    # Frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take what concerns the conversation, and pass the rest on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, CallerTurnFrame):
            await self._caller_turn(frame)
        elif isinstance(frame, InputDTMFFrame):
            await self._key(frame.button.value)
        elif isinstance(frame, HangupFrame):
            self.end("hangup")
        elif isinstance(frame, (InputAudioRawFrame, TranscriptionFrame, InterimTranscriptionFrame)):
            return
        else:
            if isinstance(frame, InterruptionFrame):
                self._speech.interrupt()
            await self.push_frame(frame, direction)
            await self._follow(frame)

    async def _follow(self, frame: Frame) -> None:
        if isinstance(frame, StartFrame):
            if self._announce:
                await self._speech.say(phrase("recorded"))
            self._inputs.put_nowait(_Input(None))
            self._answers = asyncio.create_task(self._answer_all(), name="answer")
            self._watcher = self.create_task(self._watch(), "watch")
        elif isinstance(frame, (EndFrame, CancelFrame)):
            self.end("cancelled")
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._caller_speaks = True
            await self._publish("speaking", who="caller")
        elif isinstance(frame, UserStoppedSpeakingFrame):
            self._caller_speaks = False
            await self._publish("speaking", who="nobody")
        elif isinstance(frame, BotStartedSpeakingFrame):
            await self._publish("speaking", who="bot")
        elif isinstance(frame, BotStoppedSpeakingFrame):
            await self._publish("speaking", who="nobody")

    async def cleanup(self) -> None:
        """Stop what this processor started, but for a run of the graph: see `settle`."""
        self.end("cancelled")
        for task in (self._watcher, self._keypad_pause):
            if task:
                await self.cancel_task(task)
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def tell_end(self) -> None:
        """Tell the page that the call is over."""
        outcome = self._log.call.outcome
        await self._publish("ended", reason=self.ended.result(), outcome=outcome)

    async def settle(self) -> None:
        """Let a run that has begun finish, so that the thread keeps it; nothing more is said."""
        self._speech.withdraw()
        if self._answers is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.turn_timeout_secs):
                await self._idle.wait()
        self._answers.cancel()
        await asyncio.wait({self._answers})
        if self.ended.result() == "hangup" and self._threads.understands_events(self._graph):
            await self._tell_hangup()

    async def _tell_hangup(self) -> None:
        try:
            async for _ in self._threads.turn(self._graph, self._thread_id, Event("hangup")):
                pass
        except Exception as error:
            sid = self._log.call.sid
            log.error("%s in call %s did not take the hang-up: %s", self._graph, sid, places(error))

    # The caller

    async def _caller_turn(self, frame: CallerTurnFrame) -> None:
        if frame.text:  # else it was a noise, and what it cut off is said again once it is quiet
            await self._heard(frame.text, "speech", frame.spoke_until)

    async def _heard(
        self, text: str, source: Literal["speech", "keys"], spoke_until: float | None
    ) -> None:
        self._speech.utterances.take_unsaid()  # words have come: it is stale
        self._silence.words()
        message = HumanMessage(text, id=str(uuid.uuid4()), additional_kwargs={"source": source})
        self._log.caller_said(text, source)
        self._inputs.put_nowait(_Input(message, spoke_until, time.monotonic()))
        await self._publish("transcript", role="caller", text=text, id=message.id, final=True)

    async def _key(self, key: str) -> None:
        if self._inputs.qsize() >= MOST_WAITING:
            return
        if not self._keypad.digits:
            await self._stop_speaking()
        if self._keypad_pause:
            await self.cancel_task(self._keypad_pause)
            self._keypad_pause = None
        self._keypad, answer = self._keypad.press(key, self._expects)
        if answer is not None:
            await self._heard(answer, "keys", time.monotonic())
        elif self._keypad.digits:
            self._keypad_pause = self.create_task(self._await_key(), "keypad")

    async def _await_key(self) -> None:
        await asyncio.sleep(PAUSE_SECS)
        self._keypad_pause = None
        self._keypad, answer = self._keypad.pause()
        if answer is not None:
            await self._heard(answer, "keys", time.monotonic())

    async def _stop_speaking(self) -> None:
        self._speech.interrupt()
        await self.broadcast_interruption()  # type: ignore[no-untyped-call]

    # The graph

    async def _answer_all(self) -> None:
        while not self.ended.done():
            given = await self._inputs.get()
            self._idle.clear()
            try:
                await self._answer(given)
            finally:
                self._idle.set()

    async def _answer(self, given: _Input) -> None:
        self._turn += 1
        self._speech.open_turn(self._turn)
        self._stopwatch.decided(self._turn, given.spoke_until, given.decided_at)
        try:
            async with contextlib.aclosing(
                self._threads.turn(
                    self._graph, self._thread_id, given.said, languages=self._languages
                )
            ) as events:
                await self._speak_events(events)
        except Exception as error:
            self._log.failed(_described(error))
            sid = self._log.call.sid
            log.error("A turn of %s in call %s failed: %s", self._graph, sid, places(error))
            await self._fail("apology")
        else:
            self._failures = 0
        self._stopwatch.forget(self._turn - 1)

    async def _speak_events(self, events: Any) -> None:
        async for event in events:
            if isinstance(event, Token):
                await self._speech.token(event)
                continue
            await self._speech.end_message()
            if isinstance(event, Reply):
                await self._speech.reply(event.text, event.message_id)
            elif isinstance(event, Node):
                await self._publish("node", name=event.name)
            elif isinstance(event, Snapshot):
                await self._settle(event)

    async def _settle(self, snapshot: Snapshot) -> None:
        """Take over what the thread says after a turn."""
        self._log.outcome(snapshot.outcome)
        self._expects = snapshot.expects
        self._keypad = Keypad()
        if snapshot.done and not self._closing:
            self._closing = "done"
        elif not snapshot.done and self._closing == "done":
            self._closing = None
        await self.push_frame(ExpectationFrame(self._expects), FrameDirection.UPSTREAM)
        state = {k: v for k, v in snapshot.values.items() if k != "messages"}
        await self._publish("state", values=state)
        favoured = STT[self._settings.stt].listen_for(self._expects)
        if favoured is not None:
            await self.push_frame(STTUpdateSettingsFrame(delta=favoured), FrameDirection.UPSTREAM)

    # Speech

    async def close(self, key: str, reason: str) -> None:
        """Say a last phrase in the place of all others, and end the call when it was played."""
        if not self._closing or self._closing == "done":
            self._closing = reason
            await self._stop_speaking()
            self._speech.utterances.take_unsaid()
            await self._speech.say(phrase(key, self._language()))

    async def report_error(self, source: str, *, listening: bool) -> None:
        """Answer an error of speech to text or text to speech.

        Args:
            source: what failed, for the record.
            listening: whether it was speech to text.
        """
        self._log.failed(source)
        await self._fail("not_heard" if listening else "apology")

    async def _fail(self, key: str) -> None:
        now = time.monotonic()
        if self._closing or self.ended.done() or now - self._last_apology < FAILURE_PAUSE_SECS:
            return
        self._last_apology = now
        self._failures += 1
        if self._failures >= FAILURES_BEFORE_END:
            await self.close("give_up", "failed")
        else:
            await self._speech.say(phrase(key, self._language()))

    def _language(self) -> str:
        language = self._expects.get("language", "en")
        return language if language in self._languages else "en"

    # Time

    def _first_audio(self, utterance: UtteranceFrame, at: float) -> None:
        latency = self._stopwatch.first_audio(utterance.turn, at)
        if latency:
            self._log.measured(latency)
            self.create_task(self._publish("latency", **latency.model_dump()), "latency")

    async def _watch(self) -> None:
        """Notice silence, a voice that never comes, and that the last word was played."""
        while not self.ended.done():
            await asyncio.sleep(TICK_SECS)
            now = time.monotonic()
            played = self._playback.ledger.finished(now, MARK_PATIENCE_SECS)
            if played and self._speech.utterances.drop_overdue(now):
                await self.report_error("Text to speech did not answer in time.", listening=False)
            if not played or not self._is_idle():
                self._silence.broken()
                continue
            self._speech.utterances.played()
            if self._speech.utterances.unsaid:
                await self._speech.say_unsaid()
                continue
            if self._closing:
                self.end(self._closing)
                return
            if self._silence.passes(now):
                await self._silent()

    def _is_idle(self) -> bool:
        return (
            self._idle.is_set()
            and self._inputs.empty()
            and not self._caller_speaks
            and not self._keypad.digits
            and not self._speech.utterances.pending
        )

    async def _silent(self) -> None:
        knows_events = self._threads.understands_events(self._graph)
        if self._silence.count >= (SILENCES_BEFORE_END if knows_events else 2):
            await self.close("silence_end", "silence")
        elif knows_events:
            self._inputs.put_nowait(_Input(Event("silence")))
        else:
            await self._speech.say(phrase("silence", self._language()))

    def end(self, reason: str) -> None:
        """End the call at once; the first reason given stays."""
        if not self.ended.done():
            self._speech.interrupt()
            self.ended.set_result(reason)

    async def _publish(self, kind: Any, **data: Any) -> None:
        await self.push_frame(CallEventFrame(kind, data))


def _described(error: Exception) -> str:
    """Say of an error what may be kept: its kind, and its text only where we wrote it."""
    if isinstance(error, TurnTimedOut):
        return str(error)
    return f"The graph failed in a turn ({type(error).__name__})."
