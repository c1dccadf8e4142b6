"""How long a caller who pauses is waited for, in calls in virtual time."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph

from graphs.threads import Graph
from tests.phone.call_graphs import State
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import Says
from voice.phonelab.virtual_speech import SECS_PER_LETTER

ASKS_AT = 4.0
"""When the caller begins; the question is over by then."""


def asking(expects: dict[str, Any]) -> Graph:
    """A graph that asks one question and thanks for the answer."""

    async def ask(state: State) -> State:
        asked = state.get("asked", 0)
        text = "Thank you. Goodbye." if asked else "What is it, please?"
        return {
            "messages": [AIMessage(text)],
            "asked": asked + 1,
            "done": asked > 0,
            "expects": {} if asked else expects,
        }

    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile()


def answering(expects: dict[str, Any], *parts: str, pause: float = 0.9) -> Result:
    """A caller who says an answer in parts, with pauses between them."""
    script, at = [], ASKS_AT
    for part in parts:
        script.append(Says(at, part))
        at += len(part) * SECS_PER_LETTER + pause
    return VirtualCall(asking(expects), script).run()


def answers(result: Result) -> list[str]:
    return [said.text for said in result.record.transcript if said.role == "caller"]


def waited_secs(result: Result) -> float:
    """From the caller's last sound to the end of the turn."""
    (turn,) = result.record.latency
    return turn.endpoint_ms / 1000


def test_a_pause_in_the_middle_of_an_amount_that_sounds_finished_is_waited_out() -> None:
    result = answering({"kind": "amount"}, "twenty five thousand", "five hundred")
    assert answers(result) == ["twenty five thousand five hundred"]


def test_the_same_pause_after_a_word_to_no_question_ends_the_turn() -> None:
    """So that it is the amount that is waited for, and not everything."""
    result = answering({}, "twenty five thousand", "five hundred")
    assert answers(result)[0] == "twenty five thousand"


def test_an_amount_with_its_currency_is_answered_at_once() -> None:
    result = answering({"kind": "amount"}, "twenty five thousand rupees")
    assert waited_secs(result) < 0.5


@pytest.mark.parametrize("said", ["Yes.", "Yes..."])
def test_a_yes_is_answered_at_once_however_it_sounds(said: str) -> None:
    result = answering({"kind": "yes_no"}, said)
    assert answers(result) == [said]
    assert waited_secs(result) < 0.5


def test_what_sounds_unfinished_is_waited_for_by_what_was_asked() -> None:
    waited = {
        kind: waited_secs(answering({"kind": kind}, "Well..."))
        for kind in ("yes_no", "choice", "city", "text", "digits")
    }
    assert list(waited) == sorted(waited, key=lambda kind: (waited[kind], kind == "digits"))
    assert waited["yes_no"] < 1.2 < waited["city"] < 2.0 < waited["text"]


def test_digits_said_in_groups_are_one_answer_and_the_last_of_them_ends_it() -> None:
    result = answering({"kind": "digits", "digits": 6}, "three seven", "eight four", "five nine")
    assert answers(result) == ["three seven eight four five nine"]
    assert waited_secs(result) < 0.5


def test_too_few_digits_are_an_answer_once_the_caller_stays_silent() -> None:
    result = answering({"kind": "digits", "digits": 6}, "one two three")
    assert answers(result) == ["one two three"]
    assert 1.3 < waited_secs(result) < 1.8
