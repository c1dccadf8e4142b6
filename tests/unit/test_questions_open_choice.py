"""A choice in whose place other words may be said, and who comes back to a question."""

from typing import Any

import pytest
from langgraph.types import Interrupt

from graphs.questions import Answer, Asking, Question, Resume, Say
from graphs.questions.kinds import NotUnderstood, Source
from graphs.stocks.approval.nodes import CHOICES

OPEN = {"question": "Shall I?", "kind": "choice", "choices": CHOICES, "others": True}
CODE = {"question": "The code?", "kind": "digits", "digits": 6, "confirm": "speech"}


def question(value: Any) -> Question:
    return Question.of(Interrupt(value, id="i"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Yes.", "approve"),
        ("yes please", "approve"),
        ("Yes, I approve.", "approve"),
        ("No, thank you.", "decline"),
        ("don't buy", "decline"),
        ("repeat that please", "again"),
        ("hear it again", "again"),
    ],
)
def test_a_choice_that_is_said_plainly_is_one(text: str, value: str) -> None:
    assert question(OPEN).hear(text, "speech") == Answer(value)


@pytest.mark.parametrize(
    "text",
    [
        "Why Apple?",
        "yes, why Apple",
        "no, what about Microsoft",
        "why not approve it",
        "what happens if I approve",
        "would you approve that?",
        "the second one",
        "one",
    ],
)
def test_what_could_be_something_else_is_no_choice(text: str) -> None:
    assert question(OPEN).hear(text, "speech") == Answer({"said": text})


@pytest.mark.parametrize(("key", "value"), [("1", "approve"), ("2", "decline"), ("9", "again")])
def test_keys_are_those_that_the_choices_are_called_by(key: str, value: str) -> None:
    assert question(OPEN).hear(key, "keys") == Answer(value)


@pytest.mark.parametrize(("text", "source"), [("5", "keys"), ("um", "speech"), ("", "speech")])
def test_a_noise_and_another_key_are_nothing(text: str, source: Any) -> None:
    assert isinstance(question(OPEN).hear(text, source), NotUnderstood)


def test_who_wants_to_go_is_not_taken_for_a_question() -> None:
    asking, _ = Asking.of([Interrupt(OPEN, id="i")]).first()
    _, step = asking.hear("goodbye", "speech")
    assert isinstance(step, Say) and step.kept
    _, step = asking.hear("Why Apple?", "speech")
    assert step == Resume("i", {"said": "Why Apple?"})


def test_a_code_is_read_back_where_it_was_spoken_only() -> None:
    asking, _ = Asking.of([Interrupt(CODE, id="i")]).first()
    assert asking.hear("123456", "keys")[1] == Resume("i", "123456")
    _, said = asking.hear("one two three four five six", "speech")
    assert isinstance(said, Say) and "1 2 3 4 5 6" in said.text


def test_who_comes_back_is_told_first_what_it_is_about() -> None:
    asked = {**OPEN, "before": "Two orders."}
    asking = Asking.of([Interrupt(asked, id="i")])
    fresh, anew = asking.first()[1], asking.first(anew=True)[1]
    assert fresh and anew
    assert not fresh.text.startswith("Two orders.")
    assert anew.text == f"Two orders. {fresh.text}"


CODE_OR_WORDS = {
    **OPEN,
    "question": "Your code?",
    "kind": "digits",
    "digits": 6,
    "confirm": "speech",
}


@pytest.mark.parametrize(
    ("text", "source", "value"),
    [
        ("123456", "keys", "123456"),
        ("one two three four five six", "text", "123456"),
        ("no", "text", "decline"),
        ("What does it cost?", "text", {"said": "What does it cost?"}),
    ],
)
def test_beside_digits_words_may_be_an_answer(text: str, source: Source, value: Any) -> None:
    heard = question(CODE_OR_WORDS).hear(text, source)
    assert heard == Answer(value)


@pytest.mark.parametrize(("text", "source"), [("12345", "text"), ("2", "keys"), ("umm", "speech")])
def test_too_few_digits_are_no_words(text: str, source: Source) -> None:
    heard = question(CODE_OR_WORDS).hear(text, source)
    assert isinstance(heard, NotUnderstood)


def test_words_in_the_place_of_digits_are_not_read_back() -> None:
    asking, _ = Asking.of([Interrupt(CODE_OR_WORDS, id="a1")]).first()
    assert asking.hear("no", "speech")[1] == Resume("a1", "decline")
    _, step = asking.hear("one two three four five six", "speech")
    assert isinstance(step, Say) and "1 2 3 4 5 6" in step.text
