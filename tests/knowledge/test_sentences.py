"""What is read out without a model, on the labelled questions: right, wrong, and where none is."""

import re
from pathlib import Path

import pytest

from graphs.sdr.responder import extract
from tests.sdr import conversation
from tools.knowledge.evaluation import Labelled, read_questions

QUESTIONS = Path(__file__).parent / "questions"


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def right(question: Labelled, said: str) -> bool:
    return plain(question.answer or "") in plain(said)


@pytest.mark.parametrize(
    ("name", "least_right", "most_wrong", "most_false"),
    [("lanternfield", 34, 9, 12), ("lanternfield_held_out", 54, 9, 10)],
)
async def test_the_sentence_that_answers_is_read_out(
    tmp_path: Path, name: str, least_right: int, most_wrong: int, most_false: int
) -> None:
    """Floors under what docs/sdr.md tells, of about seventy questions with an answer a set."""
    async with conversation(tmp_path) as talk:
        said = [
            (one, " ".join(extract(one.question, found)))
            for one in read_questions(QUESTIONS / f"{name}.yaml")
            for found in [await talk.desk.knowledge.search("lanternfield", one.question)]
        ]
    answered = [(one, text) for one, text in said if text]
    assert sum(bool(one.answer) and right(one, text) for one, text in said) >= least_right
    assert sum(bool(one.answer) and not right(one, text) for one, text in answered) <= most_wrong
    assert sum(not one.answer for one, _ in answered) <= most_false
