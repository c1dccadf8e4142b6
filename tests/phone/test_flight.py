"""The flight recorder, and calls held again from what it has kept."""

import json
import logging
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from pipecat.frames.frames import Frame, InterimTranscriptionFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601
from typer.testing import CliRunner
from typing_extensions import TypedDict

from graphs.threads import Graph
from server.cli import app as cli
from settings import Settings, get_settings
from tests.phone.call_graphs import GREETING, LAST, SECOND, interview
from tools.desk import desk_of
from tools.outside import NotFetched
from voice.flight import flight_files, read_flight
from voice.flight_replay import Decision, replay, save_test
from voice.frames import DraftFrame, NoWordsFrame
from voice.phonelab import Faults, virtual_speech
from voice.phonelab.virtual import SID, VirtualCall
from voice.phonelab.virtual_acts import Act, Drops, HangsUp, Presses, Says
from voice.phonelab.virtual_speech import ScriptedSTT, heard_text

LONG = " ".join(f"word{number}" for number in range(40))
LINES = (LONG, SECOND, LAST)


class Opened(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    name: str


def opened() -> Graph:
    """A graph that greets by name, at length, and repeats what it hears."""

    async def talk(state: Opened) -> Opened:
        said = state.get("messages") or []
        words = f"You said {said[-1].content}" if said else f"Hello {state.get('name')}. {LONG}"
        return {"messages": [AIMessage(words)]}

    graph = StateGraph(Opened)
    graph.add_node("talk", talk)
    graph.add_edge(START, "talk")
    return graph.compile()


BARGED: list[Act] = [Says(4.0, "Stop, yes."), Presses(10.0, "1")]


def recorded(folder: Path, script: list[Act], faults: Faults | None = None) -> list[Path]:
    """The flights of a call."""
    call = VirtualCall(interview(LINES), script, faults=faults, folder=folder, record_flights=True)
    assert call.run().errors == ()
    return flight_files(folder / "recordings", SID)


def test_nothing_is_recorded_unless_it_is_asked_for(tmp_path: Path) -> None:
    VirtualCall(interview(), [HangsUp(3.0)], folder=tmp_path).run()
    assert not (tmp_path / "recordings").exists()
    assert Settings(_env_file=None).record_flights is False


def test_a_flight_holds_what_came_in_and_what_was_decided(tmp_path: Path) -> None:
    (file,) = recorded(tmp_path, BARGED)
    lines = read_flight(file)
    kinds = {line.kind for line in lines}
    assert kinds == {
        *("start", "in", "out", "voice", "words", "speech", "turn", "caller", "bot"),
        *("interrupted", "ended", "heard"),
    }
    assert [line.data["text"] for line in lines if line.kind == "words"] == ["Stop, yes."]
    assert [line.data["text"] for line in lines if line.kind == "caller"] == ["Stop, yes.", "1"]
    heard = [line.data["text"] for line in lines if line.kind == "heard"]
    assert "This call is recorded" in heard[0] or LONG.startswith(heard[0])
    assert [line.t for line in lines] == sorted(line.t for line in lines)


@pytest.mark.parametrize(
    ("script", "faults"),
    [
        (BARGED, None),
        ([Says(4.0, "Stop."), HangsUp(8.0)], Faults(never_ack_marks=True)),
        ([Says(3.5, "Stop."), Drops(7.0), Says(11.0, "Yes."), HangsUp(15.0)], Faults(loss=0.02)),
    ],
    ids=["barge-in and a key", "no marks", "a stream that breaks"],
)
def test_the_same_code_decides_the_same(
    tmp_path: Path, script: list[Act], faults: Faults | None
) -> None:
    again = replay(recorded(tmp_path, script, faults), interview(LINES))
    assert again.first_difference is None
    assert len(again.then) > 5


class Drafting(ScriptedSTT):
    """Reads what is spelled so far when it is asked."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if not isinstance(frame, DraftFrame):
            return await super().process_frame(frame, direction)
        samples = round(frame.seconds * self.sample_rate)
        now = time_now_iso8601()
        if text := heard_text(bytes(self._audio_buffer[-2 * samples :])):
            await self.push_frame(InterimTranscriptionFrame(text, "", now, Language.EN))
        else:
            await self.push_frame(NoWordsFrame(final=False))
        return None


ANSWERED: list[Act] = [
    Says(1.0, "Hello?"),
    Says(8.2, "Stop, I want to ask you something else."),
    Says(16.0, "Pune."),
    HangsUp(20.0),
]


def placed(folder: Path, **settings: Any) -> list[Path]:
    """The flight of a call that we have placed, with words while somebody still speaks."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(virtual_speech, "ScriptedSTT", Drafting)
        call = VirtualCall(
            opened(),
            ANSWERED,
            folder=folder,
            record_flights=True,
            direction="outbound",
            opening={"name": "Asha"},
            **settings,
        )
        assert call.run().errors == ()
    return flight_files(folder / "recordings", SID)


@pytest.mark.parametrize("voicemail", [None, "hang_up", "leave_message"])
def test_a_call_that_we_placed_is_decided_the_same_drafts_included(
    tmp_path: Path, voicemail: str | None
) -> None:
    files = placed(tmp_path, voicemail=voicemail, voicemail_message="Ring us back.")
    flight = read_flight(files[0])
    assert {"draft", "words"} <= {line.kind for line in flight}
    assert "Hello Asha." in str([line.data for line in flight if line.kind == "bot"])
    again = replay(files, opened())
    assert again.first_difference is None
    assert len(again.then) > 8


def test_a_call_of_three_minutes_is_held_again_to_its_end(tmp_path: Path) -> None:
    """A client holds some hundreds of messages that nobody reads, and no more."""
    script: list[Act] = [*(Says(20.0 * n, "Stop, go on.") for n in range(1, 10)), HangsUp(185.0)]
    patient = {"record_flights": True, "silence_secs": 30.0}
    assert VirtualCall(opened(), script, folder=tmp_path, **patient).run().errors == ()
    again = replay(flight_files(tmp_path / "recordings", SID), opened())
    assert again.first_difference is None
    assert [d.what for d in again.now if d.kind == "caller"] == ["Stop, go on."] * 9


def telling_the_time() -> Graph:
    """A graph that tells the time whenever it is asked."""

    async def tell(_state: Opened) -> Opened:
        return {"messages": [AIMessage(f"It is {datetime.now(UTC):%d %B %Y, %H:%M}.")]}

    graph = StateGraph(Opened)
    graph.add_node("tell", tell)
    graph.add_edge(START, "tell")
    return graph.compile()


def test_a_call_is_held_again_at_the_time_of_day_at_which_it_was(tmp_path: Path) -> None:
    script: list[Act] = [Drops(4.0), Says(20.0, "And now?"), HangsUp(24.0)]
    patient = {"record_flights": True, "silence_secs": 30.0}
    call = VirtualCall(telling_the_time(), script, folder=tmp_path, **patient)
    assert call.run().errors == ()
    files = flight_files(tmp_path / "recordings", SID)
    assert len(files) == 2
    for file, at in zip(
        files, ("2031-05-06T23:59:30+00:00", "2031-05-06T23:59:55+00:00"), strict=True
    ):
        first, *others = file.read_text().splitlines()
        file.write_text("\n".join([json.dumps(json.loads(first) | {"at": at}), *others]))
    told = [d.what for d in replay(files, telling_the_time()).now if d.kind == "bot"]
    assert told[1] == "It is 06 May 2031, 23:59."
    assert told[-1] == "It is 07 May 2031, 00:00."


def test_tools_of_a_call_that_is_held_again_act_on_nothing_of_ours_and_reach_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a replay books once more, in the records of the day."""

    async def look(_state: Opened, config: RunnableConfig) -> Opened:
        desk = await desk_of(config)
        ours = desk.settings.data_dir == get_settings().data_dir
        try:
            await desk.outside.fetch("GET", "https://93.184.215.14/")
        except NotFetched:
            return {"messages": [AIMessage(f"Ours: {ours}. Nobody was reached.")]}
        return {"messages": [AIMessage("Somebody was reached.")]}

    graph = StateGraph(Opened)
    graph.add_node("look", look)
    graph.add_edge(START, "look")
    files = recorded(tmp_path, [HangsUp(4.0)])
    now = replay(files, graph.compile()).now
    assert "Ours: False. Nobody was reached." in [decision.what for decision in now]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("without", ["draft", "direction", "opening"])
def test_without_what_a_flight_keeps_something_else_would_be_decided(
    tmp_path: Path, without: str
) -> None:
    (file,) = placed(tmp_path, voicemail="leave_message")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[0].pop(without, None)
    kept = [line for line in lines if line["kind"] != without]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in kept))
    assert replay([file], opened()).first_difference is not None


def test_the_first_decision_that_differs_is_shown(tmp_path: Path) -> None:
    files = recorded(tmp_path, BARGED)
    difference = replay(files, interview((LONG, "Where do you live?", LAST))).first_difference
    assert difference is not None
    then, now = difference
    assert then is not None
    assert now is not None
    assert (then.kind, then.what) == ("bot", SECOND)
    assert (now.kind, now.what) == ("bot", "Where do you live?")


def test_a_decision_that_comes_much_later_is_another() -> None:
    then = Decision(1, 2.0, "interrupted", "")
    assert then.same_as(replace(then, t=2.2))
    assert not then.same_as(replace(then, t=2.5))
    assert then.same_as(replace(then, t=1.2))  # the machine was busy, in virtual time it is not
    assert not then.same_as(replace(then, t=0.9))
    assert not then.same_as(replace(then, stream=2))


def test_a_call_becomes_a_test_that_passes_until_something_else_is_decided(
    tmp_path: Path,
) -> None:
    graph = tmp_path / "mine.py"
    graph.write_text(
        f"from tests.phone.call_graphs import interview\ngraph = interview({LINES!r})\n"
    )
    files = recorded(tmp_path / "data", BARGED)
    held = replay(files, interview(LINES))
    test = save_test(files, f"{graph}:graph", held, tmp_path / "t" / "test_it.py")

    def outcome() -> int:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert outcome() == 0
    test.write_text(test.read_text().replace(SECOND, "Something else."))
    assert outcome() == 1


def asked_to_save(folder: Path, graph: str, *options: str) -> tuple[int, str, bool]:
    """Exit code and words of `--save-test`, and whether there is a test."""
    (file,) = recorded(folder, BARGED)
    (folder / "graph.py").write_text(graph)
    test = folder / "t" / "test_it.py"
    command = ["replay", str(file), "--graph", f"{folder}/graph.py:graph", "--save-test", str(test)]
    outcome = CliRunner().invoke(cli, [*command, *options])
    return outcome.exit_code, outcome.output, test.exists()


OTHER = f"""from tests.phone.call_graphs import interview
graph = interview({(LONG, "Where do you live?", LAST)!r})
"""
BROKEN = (
    OTHER
    + """
async def broken(state):
    raise RuntimeError("broken")

graph.nodes["ask"].bound = __import__("langchain_core.runnables").runnables.RunnableLambda(broken)
"""
)


def test_a_call_that_differs_becomes_a_test_only_where_that_is_wanted(tmp_path: Path) -> None:
    code, said, saved = asked_to_save(tmp_path / "1", OTHER)
    assert (code, saved) == (1, False)
    assert "No test was written" in said and "Where do you live?" in said and "--all" in said
    code, said, saved = asked_to_save(tmp_path / "2", OTHER, "--although-it-differs")
    assert (code, saved) == (0, True), said


def test_a_call_that_fails_when_it_is_held_again_becomes_no_test(tmp_path: Path) -> None:
    code, said, saved = asked_to_save(tmp_path, BROKEN, "--although-it-differs")
    assert (code, saved) == (1, False)
    assert "The graph failed in a turn (RuntimeError)." in said


def test_what_is_no_flight_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "CA1.flight.jsonl"
    file.write_text("hello\n")
    with pytest.raises(ValueError, match="line 1, cannot be read"):
        read_flight(file)
    file.write_text('{"t": 0, "kind": "start", "format": 99}\n')
    with pytest.raises(ValueError, match="format 99, expected 1"):
        read_flight(file)
    assert GREETING


def test_the_command_says_what_differs(tmp_path: Path) -> None:
    (file,) = recorded(tmp_path, BARGED)
    for lines, code, said in (
        (LINES, 0, "decisions are the same."),
        ((LONG, "Where do you live?", LAST), 1, "now     4.93 s  bot         Where do you live?"),
    ):
        graph = tmp_path / f"graph{code}.py"
        graph.write_text(
            f"from tests.phone.call_graphs import interview\ngraph = interview({lines!r})\n"
        )
        outcome = CliRunner().invoke(cli, ["replay", str(file), "--graph", f"{graph}:graph"])
        assert (outcome.exit_code, said in outcome.output) == (code, True), outcome.output


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(cli, ["replay", "CA404"])
    assert outcome.exit_code == 2
    assert "There is no" in outcome.output
    assert "DIALGRAPH_RECORD_FLIGHTS" in outcome.output
