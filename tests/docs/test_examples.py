"""The examples of the pages are what is said of them: they are loaded and rung in virtual time."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from graphs.catalogue import load_graph
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import Act, Dies, HangsUp, Says

DOCS = Path(__file__).parent.parent.parent / "docs"
EXAMPLES = {file.name: file.read_text() for file in sorted((DOCS / "examples").glob("*.py"))}


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def ring(example: str, *script: Act, **options: Any) -> Result:
    return VirtualCall(load_graph(f"{DOCS}/examples/{example}:graph"), script, **options).run()


def played(result: Result) -> str:
    return " ".join(word.text for word in result.played)


def texts(result: Result) -> list[tuple[str, str]]:
    return [(message.type, str(message.text)) for message in result.messages]


@pytest.fixture
def clinic() -> Any:
    """The module of the clinic, whose world is empty."""
    graph = load_graph(f"{DOCS}/examples/clinic.py:graph")
    module: Any = next(m for m in sys.modules.values() if vars(m).get("graph") is graph)
    return module


@pytest.mark.parametrize("page", ["your-own-graph.md", "contract.md", "webhooks.md"])
def test_a_block_of_the_pages_is_part_of_an_example_or_a_test_that_passes(page: str) -> None:
    assert blocks(page)
    for block in blocks(page):
        if "def test_" not in block:
            assert any(block in example for example in EXAMPLES.values()), block
            continue
        here: dict[str, Any] = {}
        exec(block.replace("docs/examples", f"{DOCS}/examples"), here)  # noqa: S102 - our own page
        (test,) = [value for name, value in here.items() if name.startswith("test_")]
        test()


def test_ten_lines_are_ten_lines() -> None:
    assert len([line for line in EXAMPLES["mine.py"].splitlines() if line.strip()]) == 10


def test_a_graph_of_ones_own_is_rung_and_heard_to_the_word() -> None:
    result = ring("mine.py", Says(4.0, "Good morning."), HangsUp(9.0))
    assert played(result) == "Hello. Say something. You said: Good morning."
    assert texts(result)[1:] == [
        ("human", "Good morning."),
        ("ai", "You said: Good morning."),
    ]
    assert (result.errors, result.left_over) == ((), ())


def test_what_was_cut_short_is_on_the_thread_as_far_as_it_was_heard() -> None:
    long = "Good morning everybody in the house, how are you all today?"
    result = ring("mine.py", Says(4.0, long), Says(11.5, "Stop, stop!"), HangsUp(20.0))
    cut: BaseMessage = result.messages[2]
    assert cut.additional_kwargs["interrupted"]
    assert str(cut.text) in played(result)
    assert 0 < len(str(cut.text)) < len(f"You said: {long}")


def test_silence_and_a_hang_up_reach_a_graph_that_takes_events() -> None:
    result = ring("table.py", HangsUp(17.0))
    assert played(result) == "For how many people? For how many people?"
    assert result.values["outcome"] == "left"
    assert "event" not in result.values


def test_each_declaration_of_the_contract_holds_on_a_call(clinic: Any) -> None:
    script = [Says(4.0, "Monday."), Says(16.0, "Yes."), Says(22.5, "Stop, stop!")]
    result = VirtualCall(clinic.graph, script).run()
    assert played(result).startswith(
        "This is the clinic. For which day? I am looking into the calendar. "
        "I have nine o'clock. Shall I book it? One moment, please. "
        "Please bring your card. Come ten minutes early. Your number is four five six."
    )
    assert ("ai", "Not urgent.") in texts(result)
    assert [*clinic.calendar.values()] == ["nine"]
    assert [*clinic.texts.values()] == ["See you at the clinic."]
    assert len({*clinic.calendar, *clinic.texts, *clinic.asked}) == 2
    assert result.errors == result.left_over == ()
    assert texts(result)[9] == ("human", "Stop, stop!")  # taken, but only after the last word


def test_who_goes_on_before_a_word_of_the_answer_is_answered_once(clinic: Any) -> None:
    script = [Says(4.0, "Monday."), Says(5.2, "No, Tuesday."), HangsUp(16.0)]
    result = VirtualCall(clinic.graph, script).run()
    assert [text for kind, text in texts(result) if kind == "human"] == ["Monday. No, Tuesday."]
    assert [text for kind, text in texts(result) if kind == "tool"] == ["nine"]
    assert [question.value["kind"] for question in result.interrupts] == ["yes_no"]
    assert (clinic.asked, clinic.calendar) == ([], {})


def test_a_process_that_died_in_a_tool_asks_again_with_the_same_key(clinic: Any) -> None:
    result = VirtualCall(clinic.graph, [Says(4.0, "Monday."), Says(16.0, "Yes."), Dies(17.0)]).run()
    assert len(clinic.asked) == 2
    assert [*clinic.calendar] == [*{*clinic.asked}]
    assert texts(result)[-1] == ("tool", "booked nine")
