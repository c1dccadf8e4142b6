"""Requests that interrupt the interview."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.eligibility.readings import Reading
from graphs.eligibility.requests import Request, parse_request
from tests.unit.phrases import cases, phrases, shouted


def meaning_of(phrase: str) -> str:
    request = parse_request(phrase)
    return "none" if request is None else request.value


@cases("requests")
def test_a_phrase_is_read_as_it_is_meant(meaning: str, phrase: str) -> None:
    assert meaning_of(phrase) == meaning


@cases("requests")
def test_case_and_punctuation_change_nothing(meaning: str, phrase: str) -> None:
    assert meaning_of(shouted(phrase)) == meaning


def test_every_request_has_phrases_in_the_table() -> None:
    assert set(get_args(Request)) | {"none"} == set(phrases("requests"))


@given(
    st.sampled_from(phrases("requests")["do_not_call"]),
    st.sampled_from(
        SAID := sorted({phrase for said in phrases("requests").values() for phrase in said})
    ),
)
def test_opting_out_wins_over_whatever_else_is_asked(opt_out: str, other: str) -> None:
    assert meaning_of(f"{other}. Please {opt_out}") in {"do_not_call", "call_later"}


@pytest.mark.parametrize(
    "phrase",
    ["I am busy now, never call me again", "Don't call me tomorrow or ever again"],
)
def test_a_time_does_not_soften_an_opt_out_for_good(phrase: str) -> None:
    assert meaning_of(phrase) == "do_not_call"


def test_the_span_points_at_the_request() -> None:
    phrase = "I am salaried, but please stop calling me."
    request = parse_request(phrase)
    assert isinstance(request, Reading)
    assert phrase[slice(*request.span)] == "stop calling"


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    request = parse_request(text)
    assert request is None or 0 <= request.span[0] < request.span[1] <= len(text)


@given(st.lists(st.sampled_from(SAID), max_size=4).map(" ".join))
def test_any_mixture_is_read_within_its_own_text(text: str) -> None:
    request = parse_request(text)
    assert request is None or 0 <= request.span[0] < request.span[1] <= len(text)
