"""Words that may stand beside an answer: they change nothing, so they answer nothing."""

import pytest

from graphs.eligibility.amounts import parse_amount
from graphs.eligibility.cities import Cities
from graphs.eligibility.employment import parse_employment
from graphs.eligibility.readings import Reading
from graphs.eligibility.utterance import TRANSPARENT, load_lexicon, uncovered, words
from graphs.eligibility.yes_no import parse_yes_no

CITIES = Cities.from_config(load_lexicon("cities"))


def phrases() -> list[str]:
    """Every phrase of the lexicon that is written without a choice."""
    listed = load_lexicon("transparent")["transparent"].values()
    return [phrase for kind in listed for phrase in kind if "(" not in phrase]


@pytest.mark.parametrize("phrase", phrases())
def test_a_transparent_phrase_is_no_fact(phrase: str) -> None:
    for read in (parse_employment, CITIES.parse, parse_amount):
        assert not isinstance(read(phrase), Reading)


@pytest.mark.parametrize(
    "word",
    ["is", "if", "was", "will", "not", "no", "nahi", "only", "but", "or", "you", "he", "maybe"],
)
def test_what_may_overturn_an_answer_is_not_transparent(word: str) -> None:
    heard = words(word)
    assert uncovered(heard, TRANSPARENT.scan(heard)) == [0]


def test_a_yes_among_them_says_nothing_else_than_yes() -> None:
    for phrase in phrases():
        answer = parse_yes_no(phrase)
        assert not isinstance(answer, Reading) or answer.value
