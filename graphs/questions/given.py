"""Answers that a program gives as JSON, past all reading of words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from langgraph.types import Interrupt

from graphs.questions.choice import Choice
from graphs.questions.kinds import Digits, Kind, Money, Number, Text, YesNo
from graphs.questions.question import Question
from graphs.questions.schema import Schema, Unsupported, problem

MOST_SHOWN: Final = 80
"""Characters of a value that a reason shows."""


class WrongAnswer(ValueError):
    """A value cannot answer its interrupt; the message names both and what was expected."""


def given(interrupts: Sequence[Interrupt[Any]], resume: Mapping[str, Any]) -> dict[str, Any]:
    """Check the `resume` of a chat request: `{"resume": {"<interrupt id>": <any JSON value>}}`.

    It stands in `POST /api/chat` in the place of `message`. The ids are those of the thread's
    `interrupts`; some may be left open. Values are what `interrupt()` returns: `true`, `"4566"`,
    `{"decisions": [{"type": "approve"}]}`.

    Returns:
        The mapping for `Command(resume=...)`.

    Raises:
        WrongAnswer: nothing is open under an id, or a value is no answer to what was asked.
    """
    questions = {interrupt.id: Question.of(interrupt) for interrupt in interrupts}
    for interrupt_id, value in resume.items():
        if interrupt_id not in questions:
            known = ", ".join(questions) or "none"
            raise WrongAnswer(f"No question {interrupt_id!r} is open. Open are: {known}.")
        if wrong := _wrong(questions[interrupt_id], value):
            asked = questions[interrupt_id].text()
            raise WrongAnswer(
                f"{_shown(value)} is no answer to {interrupt_id!r}, which asks {asked!r}: {wrong}. "
                "The question is still open."
            )
    return dict(resume)


def _wrong(question: Question, value: Any) -> str | None:
    """Why a value is no answer; None when it is one.

    A schema with keywords that are not checked here is left to the graph. So is an object in answer
    to words that declare nothing, and free text: what they ask for was only guessed.
    """
    part = question.part
    guessed = part.known_by == "words" and (isinstance(value, dict) or isinstance(part.kind, Text))
    if part.known_by != "schema" and not guessed:
        schema, expected = _takes(part.kind)
        if problem(value, schema):
            return f"expected {expected}"
    try:
        found = problem(value, question.schema) if question.schema is not None else None
    except Unsupported:
        return None
    if found is None:
        return None
    limit = "" if found.limit is None else f", expected {_shown(found.limit)}"
    return f"it breaks the response schema at {found.at or 'the top'}: {found.keyword}{limit}"


def _takes(kind: Kind) -> tuple[Schema, str]:
    """What a kind of answer is as JSON: its schema, and the same in words."""
    match kind:
        case YesNo(answers):
            values = [*answers.values()]
            return {"enum": values}, " or ".join(map(_shown, values))
        case Digits(least, most, _, words):
            count = f"{most}" if least == most else f"{least} to {most}"
            digits = {"type": "string", "pattern": rf"^[0-9]{{{least},{most}}}\Z"}
            expected = f"a string of {count} digits"
            if words is None:
                return digits, expected
            others, told = _takes(words)
            return {"anyOf": [digits, others]}, f"{expected}, or {told}"
        case Number():
            return {"type": "number"}, "a number"
        case Money():
            return {"type": "number", "minimum": 0}, "a number that is not negative"
        case Choice(options, _, others):
            values = [option.value for option in options]
            listed = f"one of {', '.join(map(_shown, values))}"
            if not others:
                return {"enum": values}, listed
            said = {"required": ["said"], "properties": {"said": {"type": "string"}}}
            return {"anyOf": [{"enum": values}, {"type": "object", **said}]}, (
                f'{listed}, or {{"said": WORDS}}'
            )
        case Text():
            return {"type": "string"}, "a text"
    return {}, "anything"


def _shown(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."
