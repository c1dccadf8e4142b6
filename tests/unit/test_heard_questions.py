"""A yes counts for a question whose substance was heard; what nobody heard of an effect is told."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Interrupt

from graphs.eligibility.certificate import entry
from graphs.eligibility.graph import build
from graphs.eligibility.state import Event
from graphs.eligibility.step import step
from graphs.messages import UNTOLD, as_heard, asks_in, cut, was_heard
from graphs.questions import Asking, Resume, Say
from tests.unit.interview import AT, RULES, Talk, at_salary

BOOK = "I would book the demo on Monday at nine. Shall I book it?"


@pytest.mark.parametrize(
    ("heard", "question", "enough"),
    [
        (BOOK, BOOK, True),
        ("Fine. I would book the demo on Monday at nine. Shall", BOOK, True),
        ("I would book the demo on Monday at", BOOK, True),
        ("I would book the demo on", BOOK, False),
        ("", BOOK, False),
        ("Shall I book", "Shall I book it?", True),
        ("Shall I", "Shall I book it?", False),
        ("Buy 12 shares. Sell", "Buy 12 shares. Sell 5 shares.", False),
    ],
)
def test_the_substance_of_a_question_is_all_but_what_asks_for_the_yes(
    heard: str, question: str, enough: bool
) -> None:
    assert asks_in(heard, question) is enough
    assert was_heard([AIMessage(heard), HumanMessage(question)], question) is enough


def asking(value: object) -> Asking:
    return Asking.of([Interrupt(value, id="i")])


@pytest.mark.parametrize("said", ["yes", "please go ahead"])
def test_a_yes_to_what_was_not_heard_is_asked_again_and_a_no_counts(said: str) -> None:
    open_, step_ = asking({"question": "Shall I book it?", "kind": "yes_no"}).hear(
        said, "speech", unheard=True
    )
    assert isinstance(step_, Say) and "Shall I book it?" in step_.text
    assert open_.hear(said, "speech")[1] == Resume("i", True)
    assert open_.hear("no", "speech", unheard=True)[1] == Resume("i", False)


def test_a_yes_to_a_value_whose_read_back_was_not_heard_is_read_back_again() -> None:
    pin, _ = asking({"question": "Your PIN?", "kind": "digits", "digits": 4}).hear(
        "4 5 6 6", "speech"
    )
    pin, again = pin.hear("yes", "speech", unheard=True)
    assert isinstance(again, Say) and "4 5 6 6" in again.text
    assert pin.hear("yes", "speech")[1] == Resume("i", "4566")


def test_an_answer_with_a_substance_of_its_own_needs_no_question() -> None:
    sizes = asking({"question": "Which size?", "choices": ["small", "large"]})
    assert sizes.hear("large", "speech", unheard=True)[1] == Resume("i", "large")


def test_a_salary_is_not_confirmed_by_a_yes_to_a_question_nobody_heard() -> None:
    talk = at_salary().hears("25")
    assert talk.state.confirm
    unheard = Event("said", AT, "yes", "speech", unheard=True)
    assert talk.hears(unheard).state.salary is None
    assert "25,000 rupees a month?" in talk.said
    assert talk.hears("yes").state.salary is not None


def test_that_it_was_not_heard_is_in_the_certificate() -> None:
    talk: Talk = at_salary().hears("25")
    unheard = Event("said", AT, "yes", "speech", unheard=True)
    after, actions = step(talk.state, unheard, RULES)
    kept = entry([], unheard, after, actions, RULES)["event"]
    assert Event.from_json(kept, AT) == unheard
    assert "unheard" not in Event("said", AT, "yes", "speech").to_json()


@pytest.mark.parametrize(("heard", "counts"), [("Is your", False), (None, True)])
async def test_the_interview_asks_again_when_its_read_back_was_cut_short(
    heard: str | None, counts: bool
) -> None:
    graph = build(lambda: AT).copy(update={"checkpointer": InMemorySaver()})
    config: Any = {"configurable": {"thread_id": "t"}}
    for text in (None, "Yes, I am salaried", "25"):
        said = [HumanMessage(text)] if text else []
        values = await graph.ainvoke({"messages": said}, config)
    if heard is not None:
        short = cut(values["messages"][-1], heard)
        await graph.aupdate_state(config, {"messages": [short]}, as_node="salary")
    after = await graph.ainvoke({"messages": [HumanMessage("yes")]}, config)
    assert (after["confirm"] is None) is counts
    assert (after["facts"]["salary"] is not None) is counts


def test_a_result_after_which_nothing_was_heard_is_marked_untold() -> None:
    call = AIMessage("", tool_calls=[{"name": "pay", "args": {}, "id": "c"}], id="a")
    paid, told = ToolMessage("paid", tool_call_id="c"), AIMessage("It is paid.", id="b")
    thread = [HumanMessage("Pay."), call, paid, told]
    _, _, result = as_heard(thread, {"b": told}, {"b": ""}, acted={"c"})
    assert result.additional_kwargs[UNTOLD]
    *_, result, heard = as_heard(thread, {"b": told}, {"b": "It is"}, acted={"c"})
    assert heard.text == "It is" and UNTOLD not in result.additional_kwargs
    assert as_heard(thread, {"b": told}, {"b": ""}, final=False, acted={"c"})[2] == paid
