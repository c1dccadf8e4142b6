"""The bridge between a LangGraph thread and the frames of a call.

A turn of the caller becomes one turn of the graph (`answers.py`); the messages for the person that
the graph adds become speech (`speech.py`), and the thread holds what was heard (`exchange.py`).
Policies of the call itself, in one place:

* A turn without words was a noise: what it interrupted, or withheld, is said again.
* Silence is told to the graph, or the caller is asked; in the end the call is.
* A hang-up leaves the thread with its open question, so that a chat or a call back can go on.
* A failure is answered by an apology; the third in a row ends the call.
"""

import asyncio
import logging
import time
from typing import Any, Literal

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
from graphs.call_actions import SpeakAs
from graphs.threads import Event, Expectation, Snapshot, Threads
from settings import Settings
from store.calls import TurnLatency
from store.transfers import TransferRecord
from voice.actions import Actions
from voice.answers import Answers
from voice.frames import (
    AnsweredFrame,
    CallerTurnFrame,
    CallEventFrame,
    ExpectationFrame,
    HangupFrame,
    SupposedTurnFrame,
    UtteranceFrame,
)
from voice.keypad import Keys
from voice.latency import Stopwatch
from voice.phrases import phrase
from voice.providers import STT, TTS
from voice.reception import agent_language, last_words
from voice.record import CallLog, moment
from voice.silence import Silence
from voice.speech import MARK_PATIENCE_SECS, Speech
from voice.transferring import Transferring
from voice.transport import Playback

log = logging.getLogger(__name__)

TICK_SECS = 0.1
MOST_WAITING = 4
"""Inputs that may wait for the graph; keys pressed beyond that are not taken."""
FAILURES_BEFORE_END = 3
SILENCES_BEFORE_END = 4
FAILURE_PAUSE_SECS = 2.0
"""Errors that follow an apology within this time, in seconds, are the same trouble."""


class Bridge(FrameProcessor):
    """Turns what the caller says into runs of a graph, and its messages into speech.

    Args:
        threads: where the graph runs.
        call_log: the record of the call; names graph and thread.
        playback: what was played so far.
        settings: silences, providers.
        announce: whether the caller is told first that the call is recorded.
        gated: whether the conversation begins only with an `AnsweredFrame`.
        transferring: connects callers with people; None where that cannot be.
        came_back: the transfer that has failed, of a caller who comes back from it.
    """

    def __init__(
        self,
        threads: Threads,
        call_log: CallLog,
        playback: Playback,
        settings: Settings,
        *,
        announce: bool = False,
        gated: bool = False,
        transferring: Transferring | None = None,
        came_back: TransferRecord | None = None,
    ) -> None:
        super().__init__()
        self._threads = threads
        self._log = call_log
        self._graph = call_log.call.graph
        self._thread_id = call_log.call.thread_id
        self._playback = playback
        self._settings = settings
        self._announce = announce
        self._gated = gated
        self._languages = TTS[settings.tts].languages
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Resolves to the reason once the call is over: done, hangup, silence, failed, too_long."""
        self._watcher: asyncio.Task[None] | None = None
        self._caller_speaks = False
        self._expects = Expectation()
        self._keys = Keys(self._keyed)
        self.stopwatch = Stopwatch()
        self._speech = Speech(self.push_frame, call_log, playback, self.stopwatch)
        self._came_back = came_back
        self._actions = Actions(
            call_log.call,
            settings,
            playback.sample_rate,
            self._speech,
            self.push_frame,
            self._push_back,
            self._publish,
            self._finish,
            self._transfer_failed,
            transferring,
        )
        self._answers = Answers(
            threads,
            call_log,
            self._speech,
            self.stopwatch,
            self._languages,
            self._settle,
            self._graph_failed,
            self._publish,
            self._actions.carry_out,
        )
        self._failures = 0
        self._last_apology = 0.0
        self._silence = Silence(settings.silence_secs)
        self._closing: str | None = None
        playback.on_first_audio = self._first_audio
        playback.on_spoken = self._speech.utterances.hand_over
        playback.protected = lambda: self._speech.protected

    # Frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take what concerns the conversation, and pass the rest on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, CallerTurnFrame):
            await self._caller_turn(frame)
        elif isinstance(frame, SupposedTurnFrame):
            self._answers.suppose(frame.text)
        elif isinstance(frame, InputDTMFFrame):
            await self._key(frame.button.value)
        elif isinstance(frame, AnsweredFrame):
            await self._answered(frame)
        elif isinstance(frame, HangupFrame):
            self.end("hangup")
        elif (
            isinstance(frame, (InputAudioRawFrame, TranscriptionFrame, InterimTranscriptionFrame))
            or isinstance(frame, InterruptionFrame)
            and self._speech.protected
        ):
            return
        else:
            if isinstance(frame, InterruptionFrame):
                self._speech.interrupt()
            await self.push_frame(frame, direction)
            await self._follow(frame)

    async def _follow(self, frame: Frame) -> None:
        if isinstance(frame, StartFrame):
            if not self._gated:
                await self._open()
            self._watcher = self.create_task(self._watch(), "watch")
        elif isinstance(frame, (EndFrame, CancelFrame)):
            self.end("cancelled")
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._caller_speaks = True
            self._answers.doubt()
            await self._publish("speaking", who="caller")
        elif isinstance(frame, UserStoppedSpeakingFrame):
            self._caller_speaks = False
            await self._publish("speaking", who="nobody")
        elif isinstance(frame, BotStartedSpeakingFrame):
            await self._publish("speaking", who="bot")
        elif isinstance(frame, BotStoppedSpeakingFrame):
            await self._publish("speaking", who="nobody")

    async def _open(self) -> None:
        if self._announce:
            await self._speech.say(phrase("recorded"), interruptible=False)
        if self._came_back:
            await self._transfer_failed(self._came_back, opening=True)
            return
        if language := agent_language(self._log.call):
            await self._actions.speak_as(SpeakAs(language=language))
        self._answers.start()

    async def _answered(self, frame: AnsweredFrame) -> None:
        """Begin the conversation with a person; a machine is told the message, if there is one."""
        if frame.who == "human":
            await self._open()
        elif frame.message:
            await self._close_with(frame.message, "machine", interruptible=False)
        else:
            self.end("machine")

    async def cleanup(self) -> None:
        """Stop what this processor started, but for a run of the graph: see `settle`."""
        self.end("cancelled")
        self._keys.forget()
        if self._watcher:
            await self.cancel_task(self._watcher)
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def tell_end(self) -> None:
        """Tell the page that the call is over."""
        outcome = self._log.call.outcome
        await self._publish("ended", reason=self.ended.result(), outcome=outcome)

    async def settle(self) -> None:
        """Keep of the last turn what was heard and done; an effect that has begun is awaited."""
        self._speech.withdraw()
        await self._answers.settle(self._settings.turn_timeout_secs)
        await self._actions.settle(self.ended.result())
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
        if frame.typed:
            if self._answers.waiting < MOST_WAITING:
                if not self._speech.protected:
                    await self._stop_speaking()
                await self._heard(frame.text, "text", time.monotonic())
        elif frame.text:
            await self._heard(frame.text, "speech", frame.spoke_until, frame.spoke_from)
        else:  # a noise: what it cut off is said again once it is quiet
            self._answers.noise()

    async def _heard(
        self,
        text: str,
        source: Literal["speech", "keys", "text"],
        spoke_until: float | None,
        spoke_from: float | None = None,
    ) -> None:
        self._silence.words()
        self._log.caller_said(text, source, since=spoke_from)
        message_id = await self._answers.hear(text, source, spoke_until)
        await self._publish("transcript", role="caller", text=text, id=message_id, final=True)

    async def _key(self, key: str) -> None:
        if not self._answers.begun or self._answers.waiting >= MOST_WAITING:
            return  # before the opening there is no question
        if not self._keys.pending and not self._speech.protected:
            await self._stop_speaking()
        await self._keys.press(key, self._expects)

    async def _keyed(self, answer: str) -> None:
        await self._heard(answer, "keys", time.monotonic())

    async def _stop_speaking(self) -> None:
        self._speech.interrupt()
        await self.broadcast_interruption()  # type: ignore[no-untyped-call]

    # The graph

    async def _settle(self, snapshot: Snapshot | None, expects: Expectation) -> None:
        """Take over what the thread says after a turn, and what the open question expects."""
        if self._actions.language:
            expects = Expectation(language=self._actions.language) | expects
        self._expects = expects
        self._keys.forget()
        await self.push_frame(ExpectationFrame(expects), FrameDirection.UPSTREAM)
        favoured = STT[self._settings.stt].listen_for(expects)
        if favoured is not None:
            await self.push_frame(STTUpdateSettingsFrame(delta=favoured), FrameDirection.UPSTREAM)
        if snapshot is None:
            return
        self._failures = 0
        self._log.outcome(snapshot.outcome)
        if snapshot.done and not self._closing:
            self._closing = "done"
        elif not snapshot.done and self._closing == "done":
            self._closing = None
        state = {k: v for k, v in snapshot.values.items() if k != "messages"}
        await self._publish("state", values=state)

    async def _graph_failed(self) -> None:
        await self._fail("apology")

    # What the graph has the telephone do

    def _finish(self, reason: str) -> None:
        """End the call, for the caller, when all was played."""
        if self._closing in (None, "done"):
            self._closing = reason

    async def _transfer_failed(
        self, transfer: TransferRecord | None, *, opening: bool = False
    ) -> None:
        """Tell the graph that nobody took the caller; who does not listen to that, apologises."""
        why = transfer.why if transfer else "failed"
        if self._closing == "done":
            self._closing = None
        if self._threads.understands_events(self._graph):
            event = Event("transfer_failed", why)
            self._answers.start(event) if opening else self._answers.tell(event)
            return
        await self._speech.say(phrase("transfer_failed", self._language()))
        if opening:
            self._answers.start(silent=True)

    async def _push_back(self, frame: Frame) -> None:
        await self.push_frame(frame, FrameDirection.UPSTREAM)

    # Speech

    async def close(self, key: str, reason: str) -> None:
        """Say a last phrase in the place of all others, and end the call when it was played."""
        await self._close_with(phrase(key, self._language()), reason)

    async def time_is_up(self) -> None:
        """Say that the call has lasted as long as it may, and end it."""
        await self._close_with(last_words(self._log.call, self._language()), "too_long")

    async def _close_with(self, text: str, reason: str, *, interruptible: bool = True) -> None:
        if not self._closing or self._closing == "done":
            self._closing = reason
            await self._stop_speaking()
            self._speech.drop()
            await self._speech.say(text, interruptible=interruptible)

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
        self._log.bot_is_heard(utterance.utterance_id, at)
        self.measured(self.stopwatch.first_audio(utterance.turn, at, moment(at)))

    def measured(self, latency: TurnLatency | None) -> None:
        """Keep and show where the time of an answer went; what is known later comes again."""
        if latency:
            self._log.measured(latency)
            self.create_task(self._publish("latency", **latency.model_dump()), "latency")

    async def _watch(self) -> None:
        """Notice silence, a voice that never comes, and that the last word was played."""
        while not self.ended.done():
            await asyncio.sleep(TICK_SECS)
            now = time.monotonic()
            self._speech.note_heard()
            ledger = self._playback.ledger
            played = ledger.finished(now, MARK_PATIENCE_SECS)
            if played and self._speech.utterances.drop_overdue(now, ledger.plays_until):
                await self.report_error("Text to speech did not answer in time.", listening=False)
            if played and not self._speech.utterances.pending:
                self._speech.note_played()
            if not played or not self._is_idle():
                self._silence.broken()
                continue
            if self._speech.utterances.unsaid:
                await self._speech.say_unsaid()
                continue
            if self._closing and not (self._closing == "done" and self._actions.waiting):
                self.end(self._closing)
                return
            if self._silence.passes(now):
                await self._silent()

    def _is_idle(self) -> bool:
        return (
            self._answers.idle
            and not self._answers.announces
            and not self._caller_speaks
            and not self._keys.pending
            and not self._speech.utterances.pending
        )

    async def _silent(self) -> None:
        knows_events = self._threads.understands_events(self._graph)
        if self._actions.waiting:
            self._silence.words()
            await self._speech.say(phrase("still_ringing", self._language()))
        elif self._silence.count >= (SILENCES_BEFORE_END if knows_events else 2):
            await self.close("silence_end", "silence")
        elif await self._answers.ask_again():
            return
        elif knows_events:
            self._answers.tell(Event("silence"))
        else:
            await self._speech.say(phrase("silence", self._language()))

    def end(self, reason: str) -> None:
        """End the call at once; the first reason given stays."""
        if not self.ended.done():
            self._speech.interrupt()
            self.ended.set_result(reason)

    async def _publish(self, kind: Any, **data: Any) -> None:
        await self.push_frame(CallEventFrame(kind, data))
