"""What a program may give as the answer to a question, as JSON, and what it is told else."""

from typing import Any

import pytest
from langgraph.types import Interrupt

from graphs.questions import WrongAnswer, given

SEATS = {
    "type": "object",
    "required": ["seats", "day"],
    "properties": {"seats": {"type": "integer", "maximum": 8}, "day": {"type": "string"}},
}
ACTION = {"name": "send_email", "args": {}, "description": "Send it."}
REVIEW = {
    "action_requests": [ACTION],
    "review_configs": [{"action_name": "send_email", "allowed_decisions": ["approve", "edit"]}],
}
EDIT = {"type": "edit", "edited_action": {"name": "send_email", "args": {"to": "ben"}}}
SIZES = {"question": "Which size?", "choices": ["small", {"value": "L", "label": "large"}]}
QUESTIONS: dict[str, Any] = {
    "yes_no": {"question": "Shall I book it?", "kind": "yes_no"},
    "leave": "Do you approve this action?",
    "spelled": "Ship it? [y/n]",
    "pin": {"question": "Your PIN?", "kind": "digits", "digits": 4},
    "code": {"question": "Your code?", "kind": "digits", "digits": [4, 6]},
    "worded": {"question": "Your code?", "kind": "digits", "digits": 4, "choices": ["none"]},
    "number": {"question": "How many?", "kind": "number"},
    "amount": {"question": "How much?", "kind": "amount"},
    "size": SIZES,
    "open_size": SIZES | {"others": True},
    "text": {"question": "Your name?", "kind": "text"},
    "free": "What is your name?",
    "booking": "Let us book.",
    "review": REVIEW,
    "inbox": [{"action_request": {"action": "send", "args": {}}, "config": {"allow_accept": True}}],
}


WRONG: list[tuple[str, Any, str]] = [
    ("yes_no", "no", "true or false"),
    ("yes_no", 1, "true or false"),
    ("yes_no", None, "true or false"),
    ("leave", "no", "true or false"),
    ("spelled", "maybe", '"y", "n"'),
    ("pin", 4566, "a string of 4 digits"),
    ("pin", "456", "a string of 4 digits"),
    ("pin", "4566\n", "a string of 4 digits"),
    ("code", "4566123", "a string of 4 to 6 digits"),
    ("worded", "47", 'a string of 4 digits, or one of "none"'),
    ("number", "four", "a number"),
    ("number", True, "a number"),
    ("amount", -1, "a number that is not negative"),
    ("size", "large", '"small", "L"'),
    ("open_size", "large", '{"said": WORDS}'),
    ("text", 7, "a text"),
    ("booking", {"seats": 9, "day": "monday"}, "seats: maximum, expected 8"),
    ("booking", {"seats": 2}, "required"),
    ("review", {"decisions": [{"type": "reject"}]}, "decisions[0].type"),
    ("review", {"decisions": []}, "decisions: minItems"),
    ("review", True, "type"),
    ("inbox", [{"type": "ignore"}], "[0].type"),
]
RIGHT: list[tuple[str, Any]] = [
    ("yes_no", False),
    ("leave", True),
    ("leave", {"type": "edit", "text": "guessed questions leave objects to the graph"}),
    ("spelled", "n"),
    ("pin", "0566"),
    ("code", "456612"),
    ("worded", "4711"),
    ("worded", "none"),
    ("number", 2.5),
    ("amount", 150_000),
    ("size", "L"),
    ("open_size", "small"),
    ("open_size", {"said": "why that one?"}),
    ("text", "Asha"),
    ("free", "Asha"),
    ("free", ["anything", 1]),
    ("booking", {"seats": 2, "day": "monday"}),
    ("review", {"decisions": [{"type": "approve"}]}),
    ("review", {"decisions": [EDIT]}),
    ("inbox", [{"type": "accept", "args": None}]),
]


def opened(name: str) -> list[Interrupt]:
    schema = SEATS if name == "booking" else None
    return [Interrupt(QUESTIONS[name], id="i", response_schema=schema)]


@pytest.mark.parametrize(("name", "value", "reason"), WRONG)
def test_a_value_that_does_not_fit_is_refused_with_what_would(
    name: str, value: Any, reason: str
) -> None:
    with pytest.raises(WrongAnswer) as refused:
        given(opened(name), {"i": value})
    assert reason in str(refused.value)


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_a_value_that_fits_reaches_the_graph_as_it_was_given(name: str, value: Any) -> None:
    assert given(opened(name), {"i": value}) == {"i": value}
