"""Real graphs, interrupted and resumed by the answers to their questions."""

import doctest
import operator
from pathlib import Path
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import is_invalid_resume
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field, ValidationError
from typing_extensions import TypedDict

from graphs.questions import Asking, Resume, Say, WrongAnswer, given

CONFIG: Any = {"configurable": {"thread_id": "t"}}


class State(TypedDict):
    heard: Annotated[list[Any], operator.add]


class Booking(BaseModel):
    seats: int = Field(ge=1, le=8, description="How many seats?")
    window: bool = Field(description="By the window?")
    note: str = ""


def graph_of(**nodes: Any) -> Any:
    """A graph whose nodes run side by side."""
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
        builder.add_edge(name, END)
    return builder.compile(checkpointer=InMemorySaver())


def asker(value: Any, **options: Any) -> Any:
    def ask(_state: State) -> dict[str, Any]:
        answer = interrupt(value, **options)
        return {"heard": [answer.model_dump() if isinstance(answer, BaseModel) else answer]}

    return ask


def converse(graph: Any, *lines: str) -> list[Any]:
    """Run a graph, answer what it asks with the lines, and return what its nodes heard."""
    graph.invoke({"heard": []}, CONFIG)
    asking, _ = Asking.of(graph.get_state(CONFIG).interrupts).first()
    for line in lines:
        asking, step = asking.hear(line, "speech")
        if isinstance(step, Resume):
            graph.invoke(Command(resume={step.interrupt_id: step.value}), CONFIG)
            asking, _ = asking.now(graph.get_state(CONFIG).interrupts).first()
    assert not graph.get_state(CONFIG).interrupts, "something is still open"
    return list(graph.get_state(CONFIG).values["heard"])


def test_a_graph_goes_on_with_what_was_said() -> None:
    graph = graph_of(ask=asker({"question": "Your PIN?", "kind": "digits", "digits": 4}))
    assert converse(graph, "banana", "four five double six", "no, 4 5 6 7", "yes") == ["4567"]


def test_parallel_interrupts_are_each_answered_by_their_own_id() -> None:
    graph = graph_of(
        name=asker("What is your name?"),
        leave=asker("Do you approve this action?"),
        size=asker({"question": "Which size?", "choices": ["small", "large"]}),
    )
    graph.invoke({"heard": []}, CONFIG)
    answers = {"name": "Asha", "leave": "no", "size": "the second one"}
    expected = []
    asking, said = Asking.of(graph.get_state(CONFIG).interrupts).first()
    while said is not None:
        topic = next(key for key in ("name", "action", "size") if key in said.text)
        asking, step = asking.hear(answers["leave" if topic == "action" else topic], "speech")
        assert isinstance(step, Resume)
        expected.append(step.value)
        graph.invoke(Command(resume={step.interrupt_id: step.value}), CONFIG)
        asking, said = asking.now(graph.get_state(CONFIG).interrupts).first()
    assert len(expected) == 3
    assert sorted(map(str, graph.get_state(CONFIG).values["heard"])) == ["Asha", "False", "large"]


def test_a_model_as_response_schema_is_asked_property_by_property() -> None:
    graph = graph_of(ask=asker("Let us book.", response_schema=Booking))
    assert converse(graph, "nine", "three", "yes") == [Booking(seats=3, window=True).model_dump()]


def test_an_answer_that_the_graph_refuses_can_be_given_again() -> None:
    class Day(BaseModel):
        day: str = Field(json_schema_extra={"format": "date"})

        def model_post_init(self, _context: Any) -> None:
            if self.day.lower() == "sunday":
                raise ValueError("We are closed on Sundays.")

    graph = graph_of(ask=asker("Which day?", response_schema=Day))
    graph.invoke({"heard": []}, CONFIG)
    before, _ = Asking.of(graph.get_state(CONFIG).interrupts).first()
    _, step = before.hear("Sunday", "speech")
    assert isinstance(step, Resume)
    with pytest.raises(ValidationError) as refusal:
        graph.invoke(Command(resume={step.interrupt_id: step.value}), CONFIG)
    assert is_invalid_resume(refusal.value)
    asking, said = before.refused()
    assert isinstance(said, Say)
    _, step = asking.hear("Monday", "speech")
    assert isinstance(step, Resume)
    graph.invoke(Command(resume={step.interrupt_id: step.value}), CONFIG)
    assert graph.get_state(CONFIG).values["heard"] == [{"day": "Monday"}]


def test_a_call_back_asks_what_is_still_open() -> None:
    graph = graph_of(ask=asker("What is your name?"))
    graph.invoke({"heard": []}, CONFIG)
    _, said = Asking.of(graph.get_state(CONFIG).interrupts, "hi").first()
    assert said is not None
    assert said.text == "What is your name?"


def test_a_program_answers_with_json_by_id() -> None:
    graph = graph_of(ask=asker("Let us book.", response_schema=Booking), name=asker("Your name?"))
    graph.invoke({"heard": []}, CONFIG)
    opened = graph.get_state(CONFIG).interrupts
    booking = next(one for one in opened if one.response_schema)
    with pytest.raises(WrongAnswer, match="seats: minimum, expected 1"):
        given(opened, {booking.id: {"seats": 0, "window": True}})
    with pytest.raises(WrongAnswer, match="No question 'other' is open"):
        given(opened, {"other": 1})
    graph.invoke(Command(resume=given(opened, {booking.id: {"seats": 2, "window": False}})), CONFIG)
    assert [one.value for one in graph.get_state(CONFIG).interrupts] == ["Your name?"]


def test_the_examples_of_the_document_are_true() -> None:
    document = Path(__file__).parent.parent.parent / "docs" / "questions.md"
    found = doctest.testfile(str(document), module_relative=False)
    assert found.attempted > 5
    assert not found.failed
