"""The flight recorder, and calls held again from what it has kept."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app as cli
from settings import Settings
from tests.phone.call_graphs import GREETING, LAST, SECOND, interview
from voice.flight import flight_files, read_flight
from voice.flight_replay import Decision, replay, save_test
from voice.phonelab import Faults
from voice.phonelab.virtual import SID, VirtualCall
from voice.phonelab.virtual_acts import Act, Drops, HangsUp, Presses, Says

LONG = " ".join(f"word{number}" for number in range(40))
LINES = (LONG, SECOND, LAST)
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
    assert not then.same_as(replace(then, stream=2))


def test_a_call_becomes_a_test_that_passes_until_something_else_is_decided(
    tmp_path: Path,
) -> None:
    graph = tmp_path / "mine.py"
    graph.write_text(
        f"from tests.phone.call_graphs import interview\ngraph = interview({LINES!r})\n"
    )
    files = recorded(tmp_path / "data", BARGED)
    test = save_test(files, f"{graph}:graph", interview(LINES), tmp_path / "t" / "test_it.py")

    def outcome() -> int:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert outcome() == 0
    test.write_text(test.read_text().replace(SECOND, "Something else."))
    assert outcome() == 1


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
