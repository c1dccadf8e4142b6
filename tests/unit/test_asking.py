"""The dialogue about open questions: re-asks, reads back, gives up in time, never guesses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.types import Interrupt

from graphs.events import Expectation
from graphs.questions import Asking, Resume, Say
from graphs.questions.asking import MOST_REASKS

PIN = {"question": "What is your PIN?", "kind": "digits", "digits": 4}
NAME = {"question": "Your name?", "kind": "text"}
REFUND = {"question": "Do you approve the refund of 5,000 rupees?", "kind": "yes_no"}
SIZE = {"question": "Which size?", "choices": ["small", "medium"], "confirm": True}


def begin(*values: Any, language: str = "en") -> Asking:
    interrupts = [Interrupt(value, id=f"i{at}") for at, value in enumerate(values)]
    asking, said = Asking.of(interrupts, language).first()
    assert said is not None
    return asking


def talk(asking: Asking, *lines: str) -> tuple[Asking, Say | Resume]:
    """Say line after line; "#1" is the key 1."""
    step: Any = None
    for line in lines:
        keys = line.startswith("#")
        asking, step = asking.hear(line.removeprefix("#"), "keys" if keys else "speech")
    return asking, step


@pytest.mark.parametrize(
    ("value", "lines", "meant"),
    [
        (PIN, ["4566", "yes"], "4566"),
        (PIN, ["4566", "yes that is right"], "4566"),
        (PIN, ["4566", "haan ji"], "4566"),
        (PIN, ["4566", "yes, 4566"], "4566"),
        (PIN, ["#4566", "#1"], "4566"),
        (PIN, ["4566", "no, 4 5 6 7", "yes"], "4567"),
        (PIN, ["4566", "yes, 4 5 6 7", "yes"], "4567"),
        (PIN, ["4566", "4567", "yes"], "4567"),
        (PIN, ["4566", "#4567", "#1"], "4567"),
        (PIN, ["4566", "no", "4567", "yes"], "4567"),
        (PIN, ["4566", "what?", "", "yes"], "4566"),
        (PIN, ["banana", "repeat please", "one moment", "4566", "yes"], "4566"),
        (SIZE, ["small", "no, the medium one", "yes"], "medium"),
        (SIZE, ["small", "right"], "small"),
        (NAME | {"confirm": True}, ["Asha Rao", "no, Usha Rao", "yes"], "Usha Rao"),
        (NAME | {"confirm": True}, ["Asha Rao", "yes"], "Asha Rao"),
        (NAME, ["repeat", "Asha Rao"], "Asha Rao"),
        (REFUND, ["yes", "yes"], True),
        (REFUND, ["no"], False),
        (REFUND, ["yes", "no"], False),
        ({"question": "Any allergies?", "kind": "yes_no"}, ["yes"], True),
        (REFUND | {"confirm": False}, ["yes"], True),
    ],
)
def test_a_dialogue_ends_with_what_was_meant(value: Any, lines: list[str], meant: Any) -> None:
    asking, step = talk(begin(value), *lines)
    assert step == Resume("i0", meant)
    assert asking.first()[1] is None


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (PIN, ["4566"]),
        (PIN, ["4566", "yes, with a five"]),
        (PIN, ["4566", "no, 4566"]),
        (PIN, ["4566", "maybe"]),
        (PIN, ["4566", "#7"]),
        (REFUND, ["yes"]),
        (REFUND, ["yes", "maybe"]),
        (NAME | {"confirm": True}, ["Asha Rao", "yes, with an h"]),
    ],
)
def test_nothing_is_resumed_while_it_is_not_sure(value: Any, lines: list[str]) -> None:
    assert isinstance(talk(begin(value), *lines)[1], Say)


def test_digits_are_read_back_one_by_one_and_wait_for_yes_or_no() -> None:
    _, step = talk(begin(PIN), "4566")
    assert isinstance(step, Say)
    assert step.text == "I understood 4 5 6 6. Is that right?"
    assert step.expects.get("kind") == "yes_no"


def test_a_question_asked_again_comes_with_a_hint_and_the_limit_broken() -> None:
    _, step = talk(begin(PIN), "four five six")
    assert isinstance(step, Say)
    assert step.text.startswith("It has 4 digits. What is your PIN? Please say the digits one by")
    assert step.expects.get("digits") == 4


def test_the_hint_of_a_choice_names_its_keys() -> None:
    _, step = talk(begin(SIZE), "banana")
    assert isinstance(step, Say)
    assert "1 for small or 2 for medium" in step.text


def test_it_speaks_hindi() -> None:
    _, step = talk(begin(PIN, language="hi-IN"), "banana")
    assert isinstance(step, Say)
    assert "अंक एक-एक करके कहिए" in step.text
    assert step.expects.get("language") == "hi"


@pytest.mark.parametrize("line", ["banana", "", "4566|no"])
def test_a_question_that_is_never_answered_is_kept_open(line: str) -> None:
    asking, step = begin(PIN), None
    for _ in range(2 * MOST_REASKS + 2):
        asking, step = talk(asking, *line.split("|"))
        if isinstance(step, Say) and step.kept:
            break
    assert isinstance(step, Say)
    assert step.kept
    assert "keep this question open" in step.text
    assert asking.now([Interrupt(PIN, id="i0")]).question is None, "it is not asked again here"


def test_a_question_that_was_left_open_is_still_answered_by_who_goes_on_speaking() -> None:
    """The line was silent for 17 seconds, and then hung up."""
    asking, _ = talk(begin(NAME, PIN), "Asha", *["banana"] * (MOST_REASKS + 1))
    assert asking.question is None
    again, step = talk(asking, "melon")
    assert isinstance(step, Say) and step.kept and "keep this question open" in step.text
    assert talk(again, "4566", "yes")[1] == Resume("i1", "4566")
    assert again.hear("", "speech")[1] == Say("", Expectation(), kept=True)


def test_who_wants_a_person_is_not_asked_again() -> None:
    _, step = talk(begin(PIN), "I want to talk to a person")
    assert isinstance(step, Say)
    assert step.kept


def test_a_question_given_up_leads_to_the_next() -> None:
    asking, step = talk(begin(PIN, NAME), "I want to talk to a person")
    assert isinstance(step, Say)
    assert step.text.endswith("Your name?")
    assert not step.kept
    assert talk(asking, "Asha")[1] == Resume("i1", "Asha")


def test_several_questions_are_asked_one_after_another() -> None:
    asking, step = talk(begin(REFUND, NAME), "no")
    assert step == Resume("i0", False)
    asking = asking.now([Interrupt(NAME, id="i1"), Interrupt(PIN, id="i2")])
    asking, said = asking.first()
    assert said is not None
    assert said.text == "Your name?"
    asking, step = talk(asking, "Asha")
    assert step == Resume("i1", "Asha")
    assert asking.first()[1] is not None


def test_an_answer_the_graph_refuses_is_asked_for_again() -> None:
    before = begin({"question": "Which day?", "kind": "text"})
    _, step = before.hear("Sunday", "speech")
    assert step == Resume("i0", "Sunday")
    after, said = before.refused("We are closed on Sundays.")
    assert said.text.startswith("Sorry, that answer was not accepted. We are closed on Sundays.")
    assert talk(after, "Monday")[1] == Resume("i0", "Monday")


def test_what_is_typed_is_not_read_back() -> None:
    assert begin(PIN).hear("4566", "text")[1] == Resume("i0", "4566")
    assert begin(REFUND).hear("yes", "text")[1] == Resume("i0", True)


def test_a_list_is_not_asked_for_by_voice_and_leads_to_the_next_question() -> None:
    rooms = {"question": "Which rooms?", "response_schema": {"type": "array"}}
    interrupts = [Interrupt(rooms, id="i0"), Interrupt(NAME, id="i1")]
    _, said = Asking.of(interrupts).first()
    assert said is not None
    assert said.text.startswith("Which rooms? This answer has to be typed.")
    assert said.text.endswith("Your name?")


LINES = st.sampled_from(
    ("yes", "no", "4566", "no, 4567", "yes, 4 5 6 7", "banana", "repeat please", "one moment")
    + ("", "maybe", "#1", "#2", "#4566")
)


@given(st.sampled_from([PIN, REFUND, SIZE, NAME]), st.lists(LINES, max_size=8))
def test_a_dialogue_always_goes_on_or_ends(value: Any, lines: list[str]) -> None:
    asking = begin(value)
    for line in lines:
        asking, step = talk(asking, line)
        if isinstance(step, Resume) or step.kept:
            return
        assert step.text


@given(st.lists(LINES, max_size=8))
def test_digits_are_never_resumed_without_having_been_confirmed(lines: list[str]) -> None:
    asking, read = begin(PIN), ""
    for line in lines:
        asking, step = talk(asking, line)
        if isinstance(step, Resume):
            assert " ".join(step.value) in read
            assert line in ("yes", "#1", "4566", "no, 4567", "yes, 4 5 6 7", "#4566")
            return
        if step.kept:
            return
        read = step.text
