"""A closed world: a sum is the caller's salary only when everything beside it is understood."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.eligibility.amounts import UnclearAmount, parse_amount
from graphs.eligibility.readings import Reading
from graphs.eligibility.state import Salary
from tests.unit.interview import at_city, at_salary

SAID: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("salaries.yaml").read_text(encoding="utf-8")
)
PLAIN = ["so", "my", "salary", "is", "40000", "rupees", "a", "month", "sir"]
STRANGE = st.text("bcdfghjlmnpqrstvwxz", min_size=5, max_size=12)
"""Words of no language."""


@pytest.mark.parametrize(("said", "rupees"), SAID["taken"].items())
def test_a_statement_of_ones_own_salary_is_taken(said: str, rupees: float) -> None:
    heard = parse_amount(said)
    assert isinstance(heard, Reading), heard
    assert float(heard.value.monthly) == pytest.approx(rupees)


@pytest.mark.parametrize(("said", "rupees"), SAID["read_back"].items())
def test_the_likely_salary_among_other_things_is_read_back(said: str, rupees: int) -> None:
    heard = parse_amount(said)
    assert isinstance(heard, UnclearAmount), heard
    assert heard.read_back is not None
    assert heard.read_back.monthly == rupees
    assert heard.ends is None


@pytest.mark.parametrize("said", SAID["asked"])
def test_any_other_money_is_never_taken_and_decides_nothing(said: str) -> None:
    heard = parse_amount(said)
    assert heard is None or isinstance(heard, UnclearAmount), heard
    assert heard is None or heard.ends is None


@pytest.mark.parametrize("said", SAID["bounded"])
def test_where_ones_own_salary_lies_is_understood(said: str) -> None:
    heard = parse_amount(said)
    assert isinstance(heard, UnclearAmount), heard
    assert heard.ends is not None


def test_the_table_has_phrases_of_every_kind() -> None:
    assert len(SAID["taken"]) > 150
    assert len(SAID["asked"]) > 300


@settings(deadline=None)
@given(STRANGE, st.integers(0, len(PLAIN)))
def test_one_word_that_is_not_understood_is_enough_to_ask(strange: str, at: int) -> None:
    heard = parse_amount(" ".join([*PLAIN[:at], strange, *PLAIN[at:]]))
    assert isinstance(heard, UnclearAmount), heard
    assert heard.ends is None


@pytest.mark.parametrize("said", ["my rent is 12 thousand", "EMI of 12000", "my wife earns 40000"])
def test_named_other_money_is_not_even_read_back(said: str) -> None:
    heard = parse_amount(said)
    assert isinstance(heard, UnclearAmount)
    assert (heard.reason, heard.read_back) == ("amount.not_income", None)


def test_a_bound_on_other_money_decides_nothing() -> None:
    for said in ("the going rate is above 30 thousand", "flats here are under 10 thousand"):
        assert at_salary().hears(said).state.salary is None


def test_a_doubtful_sum_is_read_back_and_a_yes_confirms_it() -> None:
    talk = at_salary().hears("they promised me 60k")
    assert "own salary now 60,000 rupees a month?" in talk.said
    assert talk.expects == "yes_no"
    assert (talk.state.salary, talk.state.reasks) == (None, 0)
    assert talk.hears("yes").state.salary == Salary(Decimal(60_000), Decimal(60_000))


@pytest.mark.parametrize("answer", ["no", "nahi"])
def test_a_doubtful_sum_that_is_denied_is_asked_again(answer: str) -> None:
    talk = at_salary().hears("my uncle earns 40000", answer)
    assert talk.state.salary is None
    assert talk.expects == "amount"


def test_the_own_salary_said_instead_of_yes_or_no_is_taken() -> None:
    talk = at_salary().hears("my uncle earns 40000", "no, my salary is 30000")
    assert talk.state.salary == Salary(Decimal(30_000), Decimal(30_000))


def test_a_sum_beside_another_answer_leaves_the_salary_known_when_it_is_denied() -> None:
    talk = at_city().hears("I pay 12000 rupees for my room")
    assert talk.expects == "yes_no"
    assert talk.hears("no").state.salary == Salary(Decimal(40_000), Decimal(40_000))


def test_a_correction_in_words_that_are_not_understood_is_read_back() -> None:
    talk = at_city().hears("sorry, my real salary is 20 thousand")
    assert talk.state.salary is None
    assert talk.hears("yes").outcome == ("not_eligible", "salary.below_minimum")
