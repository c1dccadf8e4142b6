"""Answers that a program gives as JSON, past all reading of words."""

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.types import Interrupt

from graphs.questions.question import Question


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
        WrongAnswer: nothing is open under an id, or a value breaks the response schema.
    """
    questions = {interrupt.id: Question.of(interrupt) for interrupt in interrupts}
    for interrupt_id, value in resume.items():
        if interrupt_id not in questions:
            known = ", ".join(questions) or "none"
            raise WrongAnswer(f"No question {interrupt_id!r} is open. Open are: {known}.")
        if wrong := questions[interrupt_id].check(value):
            raise WrongAnswer(
                f"The answer to {interrupt_id!r} breaks its response schema: {wrong.reason}"
                + (f", expected {wrong.limit!r}." if wrong.limit is not None else ".")
            )
    return dict(resume)
