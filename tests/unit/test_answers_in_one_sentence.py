"""Several answers in one sentence: each parser takes its own and leaves the others alone."""

import pytest

from graphs.eligibility.cities import Cities
from graphs.eligibility.employment import parse_employment
from graphs.eligibility.readings import Reading
from graphs.eligibility.requests import parse_request
from graphs.eligibility.utterance import load_lexicon

CITIES = Cities.from_config(load_lexicon("cities"))


@pytest.mark.parametrize(
    ("sentence", "employment", "city"),
    [
        ("I am salaried, I earn forty thousand and I live in Mumbai.", "salaried", "mumbai"),
        ("haan main naukri karta hoon pachaas hazaar Delhi mein rehta hoon", "salaried", "delhi"),
        ("I am not salaried, I am a student in Delhi", "student", "delhi"),
        ("I work in a company in Mumbai and live in Thane", "salaried", "thane"),
        ("मैं नौकरी करता हूँ और मुंबई में रहता हूँ", "salaried", "mumbai"),
        ("retired, and I live in Pune", "retired", "pune"),
        ("salaried. Forty thousand. Bengaluru.", "salaried", "bangalore"),
    ],
)
def test_a_sentence_gives_employment_and_city(sentence: str, employment: str, city: str) -> None:
    earns, lives = parse_employment(sentence), CITIES.parse(sentence)
    assert isinstance(earns, Reading)
    assert isinstance(lives, Reading)
    assert (earns.value, lives.value.id) == (employment, city)
    assert parse_request(sentence) is None


def test_an_opt_out_is_heard_beside_an_answer() -> None:
    sentence = "I am salaried in a bank but please don't call me again."
    request, earns = parse_request(sentence), parse_employment(sentence)
    assert request is not None
    assert isinstance(earns, Reading)
    assert (request.value, earns.value) == ("do_not_call", "salaried")
