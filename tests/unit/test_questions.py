"""What `interrupt()` asks, and what an answer to it means: right, or not understood."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langgraph.types import Interrupt

from graphs.questions import Answer, NotUnderstood, Onward, Question
from graphs.questions.schema import Unsupported, problem

PIN = {"question": "What is your PIN?", "kind": "digits", "digits": 4}
PEOPLE = {"question": "How many people?", "kind": "number"}
SUM = {"question": "How much shall I transfer?", "kind": "amount"}
SIZE = {
    "question": "Which size?",
    "choices": [
        "small",
        "medium",
        {"value": "L", "label": {"en": "large", "hi": "बड़ा"}, "aliases": ["big"]},
    ],
}
ACCOUNT = {"question": "Which account?", "choices": ["Savings account", "Current account"]}
RATING = {"question": "How was it?", "choices": ["5", "3", "1"]}
LEAVE = "Do you approve this action?"


def question(value: Any, schema: Any = None) -> Question:
    return Question.of(Interrupt(value, id="i", response_schema=schema))


def heard(value: Any, text: str, source: Any = "speech", schema: Any = None) -> Any:
    answer = question(value, schema).hear(text, source)
    return answer.value if isinstance(answer, Answer) else None


@pytest.mark.parametrize(
    ("asked", "said", "meant", "back"),
    [
        ("How many dollars?", "$1,250.50", 1250.5, "1,250.50 dollars"),
        ("How many dollars?", "forty dollars and fifty cents", 40.5, "40.50 dollars"),
        ("How many dollars?", "a hundred bucks", 100, "100 dollars"),
        ("How many dollars?", "forty rupees", None, ""),
        ("How many dollars?", "forty dollars or fifty dollars", None, ""),
        ("Wie viel € zahlen Sie?", "40", 40, "40 euros"),
        ("Dollars or euros?", "forty rupees", 40, "40 rupees"),
        ("How much?", "$40", None, ""),
    ],
)
def test_a_sum_is_of_the_money_that_was_asked_for(
    asked: str, said: str, meant: Any, back: str
) -> None:
    """Forty rupees were taken for forty dollars, and dollars read back as rupees."""
    value = {"question": asked, "kind": "amount"}
    assert heard(value, said) == meant
    if meant is not None:
        assert question(value).part.kind.said(meant, "en") == back


def test_a_currency_that_is_declared_is_read_back_by_its_name_or_its_code() -> None:
    for code, said, back in (("USD", "$40", "40 dollars"), ("JPY", "40 jpy", "40 JPY")):
        value = {"question": "How much?", "kind": "amount", "currency": code}
        assert heard(value, said) == 40
        assert question(value).part.kind.said(40, "en") == back
    assert question(SUM).hear("$40", "speech") == NotUnderstood("in_INR")


@pytest.mark.parametrize(
    ("value", "said", "meant"),
    [
        (LEAVE, "yes", True),
        (LEAVE, "approved", True),
        (LEAVE, "Please go ahead.", True),
        (LEAVE, "haan ji", True),
        (LEAVE, "no", False),
        (LEAVE, "reject it", False),
        (LEAVE, "Don't.", False),
        (LEAVE, "nahi", False),
        ("Shall I proceed? (yes/no)", "yeah", "yes"),
        ("Shall I proceed? (yes/no)", "nope", "no"),
        ("Ship it? [y/n]", "yes", "y"),
        ("What is your name?", " Asha Rao ", "Asha Rao"),
        (PIN, "four five double six", "4566"),
        (PIN, "one two three four", "1234"),
        (PIN, "forty five sixty six", "4566"),
        (PIN, "my PIN is 45 66", "4566"),
        (PIN, "4-5-6-6.", "4566"),
        (PIN, "oh five double six", "0566"),
        (PIN, "one two to for", "1224"),
        (PIN, "triple seven five", "7775"),
        (PIN, "do teen char paanch", "2345"),
        (PIN, "चार पाँच छह सात", "4567"),
        (PIN, "४५६६", "4566"),
        (PIN, "four five six six, no, four five six seven", "4567"),
        (PEOPLE, "four people", 4),
        (PEOPLE, "four of us", 4),
        (PEOPLE, "chaar", 4),
        (PEOPLE, "एक", 1),
        (PEOPLE, "minus five", -5),
        (PEOPLE, "2.5", 2.5),
        (SUM, "dedh lakh", 150_000),
        (SUM, "forty thousand rupees", 40_000),
        (SUM, "500", 500),
        (SIZE, "the second one", "medium"),
        (SIZE, "number three", "L"),
        (SIZE, "give me the big one please", "L"),
        (SIZE, "बड़ा", "L"),
        (SIZE, "midium", "medium"),
        (SIZE, "last one", "L"),
        (ACCOUNT, "savings", "Savings account"),
        (ACCOUNT, "the current account", "Current account"),
        (RATING, "three", "3"),
        (RATING, "the first one", "5"),
    ],
)
def test_an_answer_is_read_as_it_is_meant(value: Any, said: str, meant: Any) -> None:
    assert heard(value, said) == meant


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (LEAVE, "yes and no"),
        (LEAVE, "yes, cancel"),
        (LEAVE, "maybe"),
        (LEAVE, "what?"),
        ("Shall I go ahead and cancel your order?", "cancel"),
        ("What is your name?", "umm"),
        (PIN, "four five six"),
        (PIN, "1234 and 5"),
        (PIN, "not 4566"),
        (PIN, "four thousand five hundred sixty six"),
        (PIN, "45.66"),
        (PEOPLE, "about four"),
        (PEOPLE, "not four"),
        (PEOPLE, "four or five"),
        (PEOPLE, "in two minutes"),
        (SUM, "around five hundred"),
        (SUM, "five thousand a month"),
        (SUM, "fifty dollars"),
        (SUM, "minus five"),
        (SIZE, "small or medium"),
        (SIZE, "not the small one"),
        (SIZE, "small and big"),
        (SIZE, "the fourth"),
        (SIZE, "is the small one cheaper?"),
        (ACCOUNT, "account"),
        (ACCOUNT, "the savings or the current"),
        (RATING, "two"),
        (SIZE, ""),
        ({"rows": [1, 2]}, "umm"),
    ],
)
def test_what_is_not_sure_is_not_understood(value: Any, said: str) -> None:
    assert isinstance(question(value).hear(said, "speech"), NotUnderstood)


@pytest.mark.parametrize(
    ("value", "keys", "meant"),
    [
        (LEAVE, "1", True),
        (LEAVE, "2", False),
        (LEAVE, "3", None),
        (PIN, "0566", "0566"),
        (PIN, "056", None),
        (PEOPLE, "12", 12),
        (SUM, "5000", 5000),
        (SIZE, "3", "L"),
        (SIZE, "4", None),
        (RATING, "3", "3"),
        (RATING, "2", None),
        ("What is your name?", "1", None),
    ],
)
def test_keys_answer_too(value: Any, keys: str, meant: Any) -> None:
    assert heard(value, keys, "keys") == meant


def test_a_homophone_counts_only_where_it_was_spoken() -> None:
    assert heard(PIN, "one two to for", "text") is None


def test_a_number_of_digits_too_few_says_how_many_there_are() -> None:
    assert question(PIN).hear("four five six", "speech") == NotUnderstood("digits", 4)


# What is said


@pytest.mark.parametrize(
    "value",
    [
        {"llm_output": {"secret": "s3cr3t"}, "rows": ["s3cr3t"]},
        ["s3cr3t", {"s3cr3t": 1}],
        {"action_requests": [{"name": "pay", "args": {"api_key": "s3cr3t"}}]},
        {"action_requests": [{"name": "pay", "args": {"body": {"s3cr3t": 1}}}]},
        {"action_requests": [{"name": "pay", "args": {}, "description": "Args: {'s3cr3t': 1}"}]},
        {"action_requests": [{"name": "pay", "args": {"to": "https://s3cr3t"}}]},
    ],
)
def test_structured_data_is_never_spoken(value: Any) -> None:
    asked = question(value)
    for language in ("en", "hi"):
        assert "s3cr3t" not in asked.text(language)
        assert not set("{}[]<>") & set(asked.text(language))


def test_a_sentence_in_structured_data_is_spoken() -> None:
    assert question({"message": "Is the draft good?", "draft": {"a": 1}}).text() == (
        "Is the draft good?"
    )


def test_a_question_is_asked_in_the_callers_language() -> None:
    asked = question({"question": {"en": "Which one?", "hi": "कौन सा?"}, "choices": ["A", "B"]})
    assert asked.text("hi-IN").startswith("कौन सा?")
    assert asked.text("fr").startswith("Which one? You can say: A or B.")


def test_a_sentence_left_open_is_ended_before_the_next() -> None:
    assert question({"question": "Pick a plan", "options": ["Basic", "Pro"]}).text() == (
        "Pick a plan. You can say: Basic or Pro."
    )


def test_choices_that_the_question_names_are_not_read_again() -> None:
    assert question({"question": "Tea or coffee?", "choices": ["tea", "coffee"]}).text() == (
        "Tea or coffee?"
    )


# Other people's shapes


def _review(*names: str, allowed: tuple[str, ...] = ("approve", "edit", "reject")) -> Any:
    return {
        "action_requests": [{"name": name, "args": {"to": "Asha"}} for name in names],
        "review_configs": [
            {"action_name": name, "allowed_decisions": list(allowed)} for name in names
        ],
    }


def test_an_approval_of_a_tool_is_asked_with_its_plain_arguments() -> None:
    assert question(_review("send_email")).text() == "Shall I go ahead with send email, to: Asha?"
    assert heard(_review("send_email"), "approve") == {"decisions": [{"type": "approve"}]}
    assert heard(_review("send_email"), "no") == {"decisions": [{"type": "reject"}]}


def test_several_actions_are_decided_one_by_one_in_their_order() -> None:
    first = question(_review("send_email", "delete_file")).hear("yes", "speech")
    assert isinstance(first, Onward)
    assert "delete file" in first.question.text()
    assert first.question.hear("no", "speech") == Answer(
        {"decisions": [{"type": "approve"}, {"type": "reject"}]}
    )


def test_a_tool_that_asks_the_user_takes_words() -> None:
    assert heard(_review("ask", allowed=("respond",)), "in Pune") == {
        "decisions": [{"type": "respond", "message": "in Pune"}]
    }


def test_an_action_that_may_only_be_edited_is_left_to_a_form() -> None:
    assert question(_review("ask", allowed=("edit",))).is_form


def test_a_single_tool_approval_is_answered_with_one_decision() -> None:
    value = {"type": "tool_approval", "tool_call_id": "1", "name": "pay", "args": {}}
    schema = {
        "oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/E"}],
        "$defs": {
            "A": {"type": "object", "properties": {"type": {"const": "approve"}}},
            "E": {"type": "object", "properties": {"type": {"const": "edit"}}},
        },
    }
    assert heard(value, "yes", schema=schema) == {"type": "approve"}
    assert heard(value, "no", schema=schema) is None


@pytest.mark.parametrize("listed", [True, False])
def test_the_older_inbox_takes_a_list_of_responses(listed: bool) -> None:
    request = {
        "action_request": {"action": "run_command", "args": {"command": "ls"}},
        "config": {"allow_accept": True, "allow_ignore": True},
    }
    value = [request] if listed else request
    assert heard(value, "accept") == [{"type": "accept", "args": None}]
    assert heard(value, "no") == [{"type": "ignore", "args": None}]


# Response schemas

SCHEMAS: list[tuple[Any, str, Any]] = [
    ({"type": "boolean"}, "haan", True),
    ({"type": "integer", "minimum": 1}, "twelve", 12),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "two", 2),
    ({"enum": ["in_progress", "done"]}, "in progress", "in_progress"),
    ({"enum": [True, False]}, "no", False),
    ({"oneOf": [{"const": 1, "title": "Fast"}, {"const": 2, "title": "Slow"}]}, "slow", 2),
    ({"type": "string", "pattern": r"^\d{6}$"}, "four double zero double zero one", "400001"),
    ({"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}$"}, "a b 1 2", "AB12"),
    ({"type": "string", "maxLength": 5}, "Asha", "Asha"),
    ({"$ref": "#/$defs/N", "$defs": {"N": {"type": "number"}}}, "1.5", 1.5),
    (
        {"type": "object", "properties": {"kind": {"const": "a"}, "ok": {"type": "boolean"}}},
        "yes",
        {"kind": "a", "ok": True},
    ),
]


@pytest.mark.parametrize(("schema", "said", "meant"), SCHEMAS)
def test_a_response_schema_decides_what_an_answer_is(schema: Any, said: str, meant: Any) -> None:
    assert heard("Well?", said, schema=schema) == meant


@pytest.mark.parametrize(
    ("schema", "said", "reason", "limit"),
    [
        ({"type": "integer", "minimum": 18}, "seven", "minimum", 18),
        ({"type": "integer"}, "2.5", "integer", "integer"),
        ({"type": "string", "maxLength": 3}, "Asha", "maxLength", 3),
        ({"type": "string", "unheardOf": 1}, "Asha", "unsupported", None),
    ],
)
def test_a_value_that_breaks_the_schema_says_how(
    schema: Any, said: str, reason: str, limit: Any
) -> None:
    assert question("Well?", schema).hear(said, "speech") == NotUnderstood(reason, limit)


def test_a_list_is_typed_as_json_and_never_spoken() -> None:
    asked = question("Which rooms?", {"type": "array", "items": {"type": "integer"}})
    assert asked.is_form
    assert asked.hear("[1, 2]", "text") == Answer([1, 2])
    assert isinstance(asked.hear('["a"]', "text"), NotUnderstood)
    assert isinstance(asked.hear("[1, 2]", "speech"), NotUnderstood)


WORDS = (
    *("yes", "no", "approve", "haan", "nahi", "one", "two", "double", "six", "four", "45", "66"),
    *("7", "2.5", "thousand", "lakh", "small", "medium", "large", "the", "not", "or", "first"),
    *("second", "Asha", "umm", "please", "sorry", "minus", "half", "zero", "fast", "slow", "a"),
)
PHRASES = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)


@given(st.sampled_from([schema for schema, _, _ in SCHEMAS]), PHRASES | st.text(max_size=12))
def test_an_accepted_answer_satisfies_its_schema(schema: Any, said: str) -> None:
    for source in ("speech", "keys", "text"):
        answer = question("Well?", schema).hear(said, source)  # type: ignore[arg-type]
        if isinstance(answer, Answer):
            assert jsonschema_rs.is_valid(schema, answer.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 2.0, "", "a", "ab"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=5,
)
KEYWORDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            [
                "null",
                "boolean",
                "integer",
                "number",
                "string",
                "array",
                "object",
                ["string", "null"],
            ]
        ),
        "enum": st.lists(JSON, min_size=1, max_size=3),
        "const": JSON,
        "minimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "pattern": st.just("^a"),
        "required": st.just(["a"]),
    },
)
DOCUMENTS = st.recursive(
    KEYWORDS,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "additionalProperties": inner | st.booleans(),
        },
    ),
    max_leaves=4,
)


@given(DOCUMENTS, JSON)
def test_a_schema_is_checked_as_another_implementation_checks_it(schema: Any, value: Any) -> None:
    assert (problem(value, schema) is None) == jsonschema_rs.is_valid(schema, value)


def test_a_schema_that_refers_in_a_circle_is_unsupported() -> None:
    with pytest.raises(Unsupported):
        problem(1, {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}})


# Digits

SPOKEN = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
HINDI = ["शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ"]


@given(st.text("0123456789", min_size=3, max_size=8), st.sampled_from([SPOKEN, HINDI]))
def test_digits_said_one_by_one_come_back_to_the_digit(digits: str, names: list[str]) -> None:
    asked = {"question": "The number?", "kind": "digits", "digits": [3, 8]}
    assert heard(asked, " ".join(names[int(digit)] for digit in digits)) == digits
    assert heard(asked, digits, "keys") == digits


@example("²", PIN)
@example("①", SIZE)
@given(st.text(max_size=30), st.sampled_from([LEAVE, PIN, PEOPLE, SUM, SIZE, ACCOUNT, "Name?"]))
def test_no_text_makes_it_raise(text: str, value: Any) -> None:
    for source in ("speech", "keys", "text"):
        answer = question(value).hear(text, source)  # type: ignore[arg-type]
        if isinstance(answer, Answer):
            json.dumps(answer.value)
