"""Whatever callers say: an answer is right, or it is asked again."""

from collections.abc import Callable
from typing import Any

import pytest

from graphs.eligibility.cities import Cities
from graphs.eligibility.employment import parse_employment
from graphs.eligibility.readings import Reading
from graphs.eligibility.utterance import load_lexicon
from graphs.eligibility.yes_no import parse_yes_no
from tests.unit.phrases import phrases, shouted

SAID: dict[str, Any] = phrases("open_world")
CITIES = Cities.from_config(load_lexicon("cities"))
PARSERS: dict[str, Callable[[str], Any]] = {
    "city": CITIES.parse,
    "employment": parse_employment,
    "yes_no": parse_yes_no,
}
MEANINGS = [
    pytest.param(fact, part, meaning, phrase, id=f"{fact} {meaning}: {phrase}")
    for fact, parts in SAID.items()
    for part in ("read", "careful")
    for meaning, said in parts[part].items()
    for phrase in said
]
ASKED = [(fact, phrase) for fact, parts in SAID.items() for phrase in parts["asked"]]


def read(fact: str, phrase: str) -> str | None:
    answer = PARSERS[fact](phrase)
    if not isinstance(answer, Reading):
        return None
    if isinstance(answer.value, bool):
        return "yes" if answer.value else "no"
    return str(getattr(answer.value, "id", answer.value))


@pytest.mark.parametrize(("fact", "part", "meaning", "phrase"), MEANINGS)
def test_an_answer_is_read_right_or_asked_again(
    fact: str, part: str, meaning: str, phrase: str
) -> None:
    allowed = {meaning} if part == "read" else {meaning, None}
    assert read(fact, phrase) in allowed
    assert read(fact, shouted(phrase)) in allowed


@pytest.mark.parametrize(("fact", "phrase"), ASKED)
def test_what_is_no_answer_is_never_taken_for_one(fact: str, phrase: str) -> None:
    assert read(fact, phrase) is None
    assert read(fact, shouted(phrase)) is None
