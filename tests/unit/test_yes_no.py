"""Yes and no: right, or unclear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.yes_no import parse_yes_no
from tests.unit.phrases import cases, phrases, shouted


def meaning_of(phrase: str) -> str:
    answer = parse_yes_no(phrase)
    if answer is None:
        return "nothing"
    if isinstance(answer, Unclear):
        return "unclear"
    return "yes" if answer.value else "no"


@cases("yes_no")
def test_a_phrase_is_read_as_it_is_meant(meaning: str, phrase: str) -> None:
    assert meaning_of(phrase) == meaning


@cases("yes_no")
def test_case_and_punctuation_change_nothing(meaning: str, phrase: str) -> None:
    assert meaning_of(shouted(phrase)) == meaning


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        ("haan nahi", "yes_no.conflict"),
        ("no, I am salaried", "yes_no.conflict"),
        ("no, Mumbai", "yes_no.no_then_statement"),
        ("pata nahi", "yes_no.dont_know"),
        ("I don't know", "yes_no.dont_know"),
        ("maybe", "yes_no.hedged"),
        ("hmm", "yes_no.backchannel"),
        ("koi baat nahi", "yes_no.koi_baat_nahi"),
        ("hai na?", "yes_no.tag_question"),
        ("samajh nahi aaya", "yes_no.not_understood"),
        ("yes, but", "yes_no.conditional"),
    ],
)
def test_what_is_unclear_names_its_reason(phrase: str, reason: str) -> None:
    answer = parse_yes_no(phrase)
    assert isinstance(answer, Unclear)
    assert answer.reason == reason


@pytest.mark.parametrize(
    ("phrase", "rule"),
    [
        ("kyun nahi", "yes_no.kyun_nahi"),
        ("क्यों नहीं", "yes_no.kyun_nahi"),
        ("no problem", "yes_no.no_problem"),
        ("nahi nahi, haan", "yes_no.correction"),
        ("ji nahi", "yes_no.nahi"),
    ],
)
def test_a_reading_names_its_rules(phrase: str, rule: str) -> None:
    answer = parse_yes_no(phrase)
    assert isinstance(answer, Reading)
    assert rule in answer.rules


def test_the_span_points_at_the_deciding_words() -> None:
    phrase = "umm, nahi nahi, haan ji."
    answer = parse_yes_no(phrase)
    assert isinstance(answer, Reading)
    assert phrase[slice(*answer.span)] == "haan ji"


SAID = sorted({phrase for said in phrases("yes_no").values() for phrase in said})


@given(st.lists(st.sampled_from(SAID), max_size=4).map(" ".join))
def test_any_mixture_is_read_within_its_own_text(text: str) -> None:
    answer = parse_yes_no(text)
    if answer is not None:
        first, last = answer.span
        assert 0 <= first < last <= len(text)


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    answer = parse_yes_no(text)
    assert answer is None or 0 <= answer.span[0] < answer.span[1] <= len(text)


@given(
    st.sampled_from(phrases("yes_no")["yes"]),
    st.sampled_from(["nahi", "no", "नहीं", "pata nahi", "maybe"]),
)
def test_a_yes_followed_by_a_no_or_a_doubt_is_never_a_yes(yes: str, doubt: str) -> None:
    assert meaning_of(f"{yes} {doubt}") != "yes"
