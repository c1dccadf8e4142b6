"""The bridge over frames: a scripted graph on one side, a voice that costs no time on the other."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    Frame,
    InputDTMFFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    STTUpdateSettingsFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import STTSettings
from pipecat.tests.utils import SleepFrame, run_test

import voice.bridge as bridge_module
from graphs.threads import Event, Node, Reply, Snapshot, Token
from settings import Settings
from store.calls import Call, Calls
from store.database import open_database
from voice.bridge import Bridge
from voice.frames import (
    CallerTurnFrame,
    CallEventFrame,
    HangupFrame,
    SupposedTurnFrame,
    UtteranceFrame,
)
from voice.phrases import phrase
from voice.providers import STT, TTS, SpeechToText, TextToSpeech
from voice.record import CallLog
from voice.transport import Playback

RATE = 8000
Step = Any
Script = dict[Any, list[Step]]


@dataclass
class ScriptedTurn:
    """A turn whose events are written; a number among them is a wait in seconds."""

    threads: "ScriptedThreads"
    steps: list[Step]
    asks: list[Any] = field(default_factory=list)
    started: bool = True
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    kept: dict[str, str] | None = None
    withdrawn: bool = False

    async def __aiter__(self) -> AsyncGenerator[Any]:
        self.threads.running += 1
        self.threads.most_running = max(self.threads.most_running, self.threads.running)
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, (int, float)):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.stopped.wait(), step)
                        return
                else:
                    yield step
        finally:
            self.threads.running -= 1

    def confirm(self) -> None: ...

    def hold(self) -> None: ...

    async def stop(self) -> None:
        self.stopped.set()

    async def withdraw(self) -> bool:
        self.stopped.set()
        self.withdrawn = True
        return True

    async def commit(self, heard: dict[str, str] | None = None, *, final: bool = True) -> None:
        self.kept = heard

    def as_heard(self, messages: list[Any], heard: dict[str, str], *, final: bool) -> list[Any]:
        self.kept = heard
        return messages


@dataclass
class ScriptedThreads:
    """Answers each input with the steps written for it."""

    script: Script
    events: bool = False
    given: list[Any] = field(default_factory=list)
    turns: list[ScriptedTurn] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    @property
    def asked(self) -> list[Any]:
        return [said.content if isinstance(said, HumanMessage) else said for said in self.given]

    def understands_events(self, _name: str) -> bool:
        return self.events

    async def begin(
        self,
        _graph: str,
        _thread: str,
        said: Any,
        *,
        languages: frozenset[str],
        line: Any = None,
    ) -> ScriptedTurn:
        self.given.append(said)
        turn = ScriptedTurn(self, self.script.get(self.asked[-1], []))
        self.turns.append(turn)
        return turn

    async def turn(self, graph: str, thread: str, said: Any) -> AsyncGenerator[Any]:
        async for event in await self.begin(graph, thread, said, languages=frozenset()):
            yield event

    async def undo(self, _graph: str, _thread: str, turn: ScriptedTurn) -> bool:
        return await turn.withdraw()

    async def amend(self, _graph: str, _thread: str, change: Callable[..., Any]) -> None:
        change([])


class Speaker(FrameProcessor):
    """In the place of voice and transport: takes `secs` to play each utterance, by the clock."""

    def __init__(self, playback: Playback, secs: float) -> None:
        super().__init__()
        self._playback, self._secs = playback, secs
        self._utterance: UtteranceFrame | None = None
        self.said: list[str] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        ledger, now = self._playback.ledger, time.monotonic()
        if isinstance(frame, UtteranceFrame):
            self._utterance = frame
            self.said.append("")
            self._playback.on_first_audio(frame, now)
        elif isinstance(frame, LLMTextFrame):
            self.said[-1] += frame.text
        elif isinstance(frame, LLMFullResponseEndFrame) and self._utterance:
            ledger.begin(self._utterance.utterance_id, self.said[-1])
            ledger.write(int(self._secs * RATE), now)
            ledger.complete()
            self._playback.on_spoken(self._utterance.utterance_id)
        elif isinstance(frame, InterruptionFrame):
            ledger.clear(now)
        await self.push_frame(frame, direction)


@dataclass
class Outcome:
    """What a scripted conversation led to."""

    said: list[str]
    call: Call
    ended: str | None
    down: list[Frame]
    up: list[Frame]

    def published(self, kind: str) -> list[dict[str, Any]]:
        return [f.data for f in self.down if isinstance(f, CallEventFrame) and f.kind == kind]


Hold = Callable[..., Any]


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Send frames through a bridge and return the outcome."""
    monkeypatch.setitem(
        STT,
        "embedded",
        SpeechToText(
            create=lambda _s, _r: None,  # type: ignore[arg-type,return-value]
            listen_for=lambda e: STTSettings(model=",".join(e.get("keywords", []))),
        ),
    )
    monkeypatch.setitem(TTS, "embedded", TextToSpeech(create=lambda _s, _r: None))  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(bridge_module, "TICK_SECS", 0.01)
    monkeypatch.setattr(bridge_module, "FAILURE_PAUSE_SECS", 0.0)
    monkeypatch.setattr("voice.keypad.PAUSE_SECS", 0.1)

    async def run(
        threads: ScriptedThreads, *frames: Frame, secs: float = 0.0, **settings: Any
    ) -> Outcome:
        async with open_database(tmp_path) as engine:
            call = Call(
                sid="CA1",
                graph="g",
                thread_id="t",
                direction="inbound",
                carrier="twilio",
                status="ringing",
                started_at=datetime.now(UTC),
            )
            log = CallLog(call, Calls(engine))
            playback = Playback(RATE)
            chosen = Settings(_env_file=None, **settings)
            bridge = Bridge(threads, log, playback, chosen)  # type: ignore[arg-type]
            speaker = Speaker(playback, secs)
            down, up = await run_test(
                Pipeline([bridge, speaker]), frames_to_send=[SleepFrame(0.05), *frames]
            )
            ended = bridge.ended.result() if bridge.ended.done() else None
            await bridge.settle()
            return Outcome(speaker.said, call, ended, list(down), list(up))

    return run


def reply(text: str) -> Reply:
    return Reply(f"id-{text}", text)


def snapshot(**values: Any) -> Snapshot:
    return Snapshot("g", "t", values=values)


def speech(text: str) -> list[Frame]:
    """A whole turn of the caller, as the turn processor tells it."""
    return [
        InterruptionFrame(),
        UserStartedSpeakingFrame(),
        UserStoppedSpeakingFrame(),
        CallerTurnFrame(text, time.monotonic()),
    ]


async def test_the_graph_opens_the_call(hold: Hold) -> None:
    outcome = await hold(ScriptedThreads({None: [reply("Hello."), snapshot()]}))
    assert outcome.said == ["Hello."]
    assert [u.text for u in outcome.call.transcript] == ["Hello."]


async def test_what_the_caller_says_becomes_a_turn_and_its_reply_is_spoken(hold: Hold) -> None:
    threads = ScriptedThreads({"Yes.": [Node("ask"), reply("Which city?"), snapshot()]})
    outcome = await hold(threads, *speech("Yes."), SleepFrame(0.1))
    assert threads.asked == [None, "Yes."]
    assert outcome.said == ["Which city?"]
    assert outcome.published("node") == [{"name": "ask"}]
    assert [turn.turn for turn in outcome.call.latency] == [2]


async def test_tokens_of_one_message_are_spoken_as_one_utterance(hold: Hold) -> None:
    whole = Reply("m", "Good morning.", streamed=True)
    tokens = [Token("m", "Good "), Token("m", "morning."), Node("model"), whole, snapshot()]
    outcome = await hold(ScriptedThreads({None: tokens}), SleepFrame(0.1))
    assert outcome.said == ["Good morning."]
    assert [u.text for u in outcome.call.transcript] == ["Good morning."]


async def test_what_the_question_expects_reaches_the_recogniser(hold: Hold) -> None:
    asks = snapshot(expects={"kind": "city", "keywords": ["Mumbai", "Pune"]})
    outcome = await hold(ScriptedThreads({None: [reply("Which city?"), asks]}))
    updates = [frame for frame in outcome.up if isinstance(frame, STTUpdateSettingsFrame)]
    assert [update.delta.model for update in updates if update.delta] == ["Mumbai,Pune"]


async def test_the_call_ends_only_when_the_last_word_was_played(hold: Hold) -> None:
    threads = ScriptedThreads({None: [reply("Goodbye."), snapshot(done=True, outcome="eligible")]})
    cut = await hold(threads, SleepFrame(0.1), secs=1.0)
    assert cut.ended == "cancelled"
    played = await hold(threads, SleepFrame(0.5), secs=0.2)
    assert played.ended == "done"
    assert played.call.outcome == "eligible"


LONG = "Hello, three short questions tell whether you can have what you would like to have."


async def test_after_a_barge_in_the_record_holds_what_was_heard(hold: Hold) -> None:
    threads = ScriptedThreads(
        {None: [reply(LONG), snapshot()], "Stop.": [reply("Yes?"), snapshot()]}
    )
    outcome = await hold(threads, SleepFrame(0.6), *speech("Stop."), SleepFrame(1.5), secs=1.2)
    cut, *rest = outcome.call.transcript
    assert cut.interrupted
    assert LONG.startswith(cut.text) and 0 < len(cut.text) < len(LONG)
    assert [(u.text, u.interrupted) for u in rest] == [("Stop.", False), ("Yes?", False)]


async def test_after_a_hang_up_the_record_holds_what_was_heard(hold: Hold) -> None:
    threads = ScriptedThreads({None: [reply(LONG), snapshot()]})
    outcome = await hold(threads, HangupFrame(), secs=5.0)
    assert [(u.text, u.interrupted) for u in outcome.call.transcript] == [("", True)]


async def test_what_was_played_to_its_end_is_not_marked(hold: Hold) -> None:
    threads = ScriptedThreads({None: [reply("Hello."), snapshot()]})
    outcome = await hold(threads, SleepFrame(0.1), *speech("Hi."), SleepFrame(0.05))
    assert not outcome.call.transcript[0].interrupted


async def test_a_noise_does_not_silence_the_bot(hold: Hold) -> None:
    """A cough cuts the question off; without this, both sides would wait for the other."""
    threads = ScriptedThreads({None: [reply("Which city?"), snapshot()]})
    outcome = await hold(threads, SleepFrame(0.05), *speech(""), SleepFrame(0.9), secs=0.5)
    assert outcome.said == ["Which city?", "Which city?"]
    assert threads.asked == [None]
    assert [(u.text, u.interrupted) for u in outcome.call.transcript] == [("Which city?", False)]


async def test_a_caller_who_goes_on_is_answered_once_to_all_that_was_said(hold: Hold) -> None:
    threads = ScriptedThreads(
        {
            "I earn forty": [0.2, reply("Forty rupees?"), snapshot()],
            "I earn forty thousand.": [reply("Forty thousand, good."), snapshot()],
        }
    )
    frames = [*speech("I earn forty"), SleepFrame(0.05), *speech("thousand."), SleepFrame(0.4)]
    outcome = await hold(threads, *frames)
    assert threads.asked == [None, "I earn forty", "I earn forty thousand."]
    assert [turn.withdrawn for turn in threads.turns] == [False, True, False]
    assert threads.most_running == 1
    assert outcome.said == ["Forty thousand, good."]


async def test_a_turn_that_was_supposed_is_answered_when_it_is_certain(hold: Hold) -> None:
    threads = ScriptedThreads({"Yes.": [reply("Good."), snapshot()]})
    frames = [SupposedTurnFrame("Yes."), SleepFrame(0.1), *speech("Yes."), SleepFrame(0.1)]
    outcome = await hold(threads, *frames)
    assert threads.asked == [None, "Yes."]
    assert outcome.said == ["Good."]


async def test_of_a_turn_that_was_supposed_wrongly_nothing_is_left(hold: Hold) -> None:
    threads = ScriptedThreads(
        {"Yes.": [reply("Wrong."), snapshot()], "Yes, but": [reply("Go on.")]}
    )
    frames = [SupposedTurnFrame("Yes."), SleepFrame(0.1), *speech("Yes, but"), SleepFrame(0.1)]
    outcome = await hold(threads, *frames)
    assert threads.asked == [None, "Yes.", "Yes, but"]
    assert [turn.withdrawn for turn in threads.turns] == [False, True, False]
    assert outcome.said == ["Go on."]


async def test_nothing_is_said_of_a_turn_that_is_only_supposed(hold: Hold) -> None:
    threads = ScriptedThreads({"Yes.": [reply("Good."), snapshot()]})
    outcome = await hold(threads, SupposedTurnFrame("Yes."), SleepFrame(0.2))
    assert outcome.said == []
    assert threads.turns[1].withdrawn


async def test_the_thread_is_told_what_was_heard(hold: Hold) -> None:
    threads = ScriptedThreads(
        {None: [reply(LONG), snapshot()], "Stop.": [reply("Yes?"), snapshot()]}
    )
    await hold(threads, SleepFrame(0.6), *speech("Stop."), SleepFrame(1.5), secs=1.2)
    first, second = (turn.kept or {} for turn in threads.turns)
    heard = first[f"id-{LONG}"]
    assert LONG.startswith(heard) and 0 < len(heard) < len(LONG)
    assert second == {"id-Yes?": "Yes?"}


async def test_a_reply_withheld_because_of_a_noise_is_said_after_all(hold: Hold) -> None:
    threads = ScriptedThreads({"Mumbai.": [0.2, reply("Thank you."), snapshot()]})
    frames = [*speech("Mumbai."), SleepFrame(0.05), *speech(""), SleepFrame(0.4)]
    outcome = await hold(threads, *frames)
    assert outcome.said == ["Thank you."]


async def test_a_graph_that_fails_is_heard_as_an_apology_and_kept_in_the_record(
    hold: Hold, caplog: pytest.LogCaptureFixture
) -> None:
    threads = ScriptedThreads({"Yes.": [ValueError("secret words of the caller")]})
    outcome = await hold(threads, *speech("Yes."), SleepFrame(0.1))
    assert outcome.said == [phrase("apology")]
    assert outcome.call.failure == "The graph failed in a turn (ValueError)."
    assert "A turn of g in call CA1 failed: ValueError at" in caplog.text
    assert "test_voice_bridge.py" in caplog.text
    assert "secret" not in caplog.text
    assert outcome.ended == "cancelled"


async def test_the_third_failure_in_a_row_ends_the_call_politely(hold: Hold) -> None:
    threads = ScriptedThreads({"Yes.": [ValueError()]})
    again = [*speech("Yes."), SleepFrame(0.1)]
    outcome = await hold(threads, *again, *again, *again, SleepFrame(0.2))
    assert outcome.said == [phrase("apology"), phrase("apology"), phrase("give_up")]
    assert outcome.ended == "failed"


async def test_a_failure_in_between_does_not_add_up(hold: Hold) -> None:
    threads = ScriptedThreads({"No.": [ValueError()], "Yes.": [reply("Good."), snapshot()]})
    frames: list[Frame] = []
    for text in ("No.", "Yes.", "No.", "Yes.", "No."):
        frames += [*speech(text), SleepFrame(0.1)]
    assert (await hold(threads, *frames)).ended == "cancelled"


async def test_silence_is_an_event_for_a_graph_that_knows_events(hold: Hold) -> None:
    silence = Event("silence")
    threads = ScriptedThreads({silence: [reply("Are you there?"), snapshot()]}, events=True)
    outcome = await hold(threads, SleepFrame(0.75), silence_secs=0.5)
    assert threads.asked == [None, silence]
    assert outcome.said == ["Are you there?"]


async def test_any_other_graph_is_prompted_for_and_then_the_call_ends(hold: Hold) -> None:
    threads = ScriptedThreads({})
    outcome = await hold(threads, SleepFrame(0.8), silence_secs=0.2)
    assert outcome.said == [phrase("silence"), phrase("silence_end")]
    assert threads.asked == [None]
    assert outcome.ended == "silence"


async def test_silence_is_not_counted_while_the_bot_speaks(hold: Hold) -> None:
    threads = ScriptedThreads({None: [reply("A long greeting."), snapshot()]})
    outcome = await hold(threads, SleepFrame(0.5), secs=5.0, silence_secs=0.1)
    assert outcome.said == ["A long greeting."]


def keys(digits: str) -> list[Frame]:
    return [InputDTMFFrame(button=KeypadEntry(digit)) for digit in digits]


async def test_a_key_interrupts_and_answers(hold: Hold) -> None:
    asks = snapshot(expects={"kind": "yes_no"})
    threads = ScriptedThreads({None: [reply("Salaried?"), asks], "1": [reply("Good."), snapshot()]})
    outcome = await hold(threads, SleepFrame(0.05), *keys("1"), SleepFrame(0.9), secs=0.5)
    assert [(u.text, u.source, u.interrupted) for u in outcome.call.transcript] == [
        ("", "speech", True),
        ("1", "keys", False),
        ("Good.", "speech", False),
    ]


async def test_keys_pressed_faster_than_the_graph_answers_do_not_pile_up(hold: Hold) -> None:
    threads = ScriptedThreads({"1": [1.0]})
    outcome = await hold(threads, SleepFrame(0.05), *keys("1" * 30), SleepFrame(0.1))
    taken = [u for u in outcome.call.transcript if u.role == "caller"]
    assert 2 <= len(taken) <= 1 + bridge_module.MOST_WAITING


async def test_the_digits_of_an_amount_make_one_answer(hold: Hold) -> None:
    threads = ScriptedThreads({None: [snapshot(expects={"kind": "amount"})]})
    await hold(threads, SleepFrame(0.05), *keys("40000#"), SleepFrame(0.1))
    assert threads.asked == [None, "40000"]


async def test_an_amount_without_a_hash_ends_with_a_pause(hold: Hold) -> None:
    threads = ScriptedThreads({None: [snapshot(expects={"kind": "amount"})]})
    await hold(threads, SleepFrame(0.05), *keys("250"), SleepFrame(0.3))
    assert threads.asked == [None, "250"]


async def test_keys_are_told_from_speech_in_the_message(hold: Hold) -> None:
    threads = ScriptedThreads({})
    await hold(threads, SleepFrame(0.05), *keys("2"), *speech("Yes."), SleepFrame(0.1))
    said = [message for message in threads.given if message]
    assert [(m.content, m.additional_kwargs) for m in said] == [
        ("2", {"source": "keys"}),
        ("Yes.", {"source": "speech"}),
    ]


async def test_messages_that_are_not_for_the_ear_are_not_spoken(hold: Hold) -> None:
    """Only tokens and replies are speech: state, nodes and tool results stay silent."""
    values = {"messages": [AIMessage("kept"), AIMessage("silent")], "note": "internal"}
    threads = ScriptedThreads({None: [Node("tools"), snapshot(**values)]})
    outcome = await hold(threads)
    assert outcome.said == []
    assert outcome.published("state") == [{"values": {"note": "internal"}}]
