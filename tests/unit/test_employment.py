"""How a caller earns: present claims only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.eligibility.employment import parse_employment
from graphs.eligibility.readings import Reading, Unclear
from tests.unit.phrases import cases, phrases, shouted


def meaning_of(phrase: str) -> str:
    answer = parse_employment(phrase)
    if answer is None:
        return "nothing"
    return "unclear" if isinstance(answer, Unclear) else answer.value


@cases("employment")
def test_a_phrase_is_read_as_it_is_meant(meaning: str, phrase: str) -> None:
    assert meaning_of(phrase) == meaning


@cases("employment")
def test_case_and_punctuation_change_nothing(meaning: str, phrase: str) -> None:
    assert meaning_of(shouted(phrase)) == meaning


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        ("I was salaried", "employment.past"),
        ("I will start a job next month", "employment.context"),
        ("my wife is salaried", "employment.someone_else"),
        ("I am not a student", "employment.negated"),
        ("self employed or salaried", "employment.several"),
        ("both job and business", "employment.both"),
        ("I am a doctor", "employment.profession"),
        ("what if I am self employed", "employment.context"),
        ("part time job", "employment.part_time"),
    ],
)
def test_what_is_unclear_names_its_reason(phrase: str, reason: str) -> None:
    answer = parse_employment(phrase)
    assert isinstance(answer, Unclear)
    assert answer.reason == reason


def test_the_span_points_at_the_claim() -> None:
    phrase = "I was salaried, now I run a shop."
    answer = parse_employment(phrase)
    assert isinstance(answer, Reading)
    assert phrase[slice(*answer.span)] == "run a shop"


def test_a_denied_job_names_the_denial_among_its_rules() -> None:
    answer = parse_employment("I am not salaried")
    assert isinstance(answer, Reading)
    assert answer.rules == ("employment.salaried", "employment.negated")


SAID = sorted({phrase for said in phrases("employment").values() for phrase in said})


@given(st.lists(st.sampled_from(SAID), max_size=4).map(" ".join))
def test_any_mixture_is_read_within_its_own_text(text: str) -> None:
    answer = parse_employment(text)
    if answer is not None:
        first, last = answer.span
        assert 0 <= first < last <= len(text)


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    answer = parse_employment(text)
    assert answer is None or 0 <= answer.span[0] < answer.span[1] <= len(text)


@given(
    st.sampled_from(["I am not", "I was", "my wife is", "what if I am", "maybe", "I will be"]),
    st.sampled_from(["salaried", "a salaried person", "employed"]),
)
def test_a_job_denied_past_foreign_or_future_is_never_salaried(before: str, claim: str) -> None:
    assert meaning_of(f"{before} {claim}") != "salaried"
