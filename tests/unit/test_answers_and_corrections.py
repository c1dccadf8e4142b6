"""Answers that lean on what was asked or known before: one behaviour a test."""

from decimal import Decimal

import pytest

from graphs.eligibility.state import Event, Salary
from tests.unit.interview import AT, RULES, at_city, at_salary, happens, opened


def test_a_wish_for_a_person_wins_over_an_answer_in_the_same_sentence() -> None:
    talk = at_city().hears("Mumbai but call a human")
    assert talk.outcome == ("needs_human", "caller.asked_for_person")


@pytest.mark.parametrize(
    "said", ["I don't need a loan", "not interested", "No, not interested", "mujhe nahi chahiye"]
)
def test_no_interest_in_a_loan_refuses_nobody_and_the_thread_goes_on_later(said: str) -> None:
    talk = opened().hears(said)
    assert talk.outcome == ("in_progress", "caller.not_interested")
    assert talk.closed
    assert talk.state.employment is None
    assert talk.hears("I am salaried").expects == "amount"


def test_an_opt_out_wins_over_no_interest() -> None:
    assert opened().hears("not interested, do not call again").state.outcome == "opted_out"


def test_the_company_of_an_employee_does_not_make_him_its_owner() -> None:
    talk = at_city().hears("my company is Bangalore based")
    assert talk.state.employment == "salaried"
    assert talk.state.question == "city"
    assert at_salary().hears("my company pays me 40 thousand").expects == "city"


def test_a_contradiction_of_what_is_known_is_asked_and_not_guessed() -> None:
    talk = at_city().hears("I live in the business district of Mumbai")
    assert (talk.state.employment, talk.state.city) == ("salaried", None)
    talk = at_city().hears("Mumbai, retired")
    assert talk.state.outcome == "in_progress"
    assert "salary from an employer?" in talk.said
    assert talk.hears("yes").outcome == ("eligible", "rules.passed")


@pytest.mark.parametrize("said", ["I am retired", "retired hoon", "sorry, retired"])
def test_a_plain_statement_or_a_correction_replaces_the_employment_known(said: str) -> None:
    assert at_city().hears(said).outcome == ("not_eligible", "employment.not_salaried")


def test_reopening_with_nothing_new_says_the_same_and_uses_up_no_turn() -> None:
    talk = at_salary().hears(happens("opened"))
    before, said = talk.state, talk.said
    talk.hears(*[happens("opened")] * RULES.limits.turns)
    assert (talk.state, talk.said) == (before, said)


@pytest.mark.parametrize(
    "said", ["yearly", "per year", "saal ka", "no, yearly", "yes, yearly", "सालाना"]
)
def test_a_year_completes_the_sum_that_was_read_back_by_the_month(said: str) -> None:
    talk = at_salary().hears("2 lakh", said)
    assert talk.outcome == ("not_eligible", "salary.below_minimum")


@pytest.mark.parametrize("said", ["monthly", "per month", "mahine ka", "haan, har mahine"])
def test_a_month_confirms_the_sum_that_was_read_back(said: str) -> None:
    talk = at_salary().hears("one lakh", said)
    assert talk.state.salary == Salary(Decimal(100_000), Decimal(100_000))


@pytest.mark.parametrize(
    "said", ["is that yearly", "monthly or yearly", "kya saal ka", "maybe per year"]
)
def test_a_question_or_a_guess_about_the_period_settles_nothing(said: str) -> None:
    talk = at_salary().hears("one lakh", said)
    assert talk.state.salary is None
    assert talk.state.outcome == "in_progress"


def test_reading_a_sum_back_is_no_failed_attempt() -> None:
    assert at_salary().hears("25").state.reasks == 0
    assert at_salary().hears("25", "nahi 35").state.reasks == 0
    assert at_salary().hears("25", "no").state.reasks == 1


def test_the_same_bare_number_for_ever_ends_with_a_person() -> None:
    talk = at_salary().hears("25", "25", "25", "25")
    assert talk.outcome == ("needs_human", "reasks.exhausted")


@pytest.mark.parametrize("said", ["40k and Bombay", "40 thousand and Mumbai", "40000, Mumbai"])
def test_a_bare_city_beside_the_salary_is_the_next_answer(said: str) -> None:
    assert at_salary().hears(said).outcome == ("eligible", "rules.passed")


@pytest.mark.parametrize(
    "said", ["I earn 40k in Pune", "40k from the Mumbai office", "40k Pune se"]
)
def test_a_city_that_may_be_where_the_money_comes_from_is_asked(said: str) -> None:
    talk = at_salary().hears(said)
    assert talk.state.city is None
    assert talk.expects == "city"


def test_a_bare_city_does_not_replace_the_one_that_is_known() -> None:
    talk = opened().hears("I live in Mumbai", "yes", "40k and Pune")
    assert talk.outcome == ("eligible", "rules.passed")


def test_a_pin_code_beside_a_city_is_no_salary() -> None:
    assert at_salary().hears("Mumbai 400001").state.salary is None


@pytest.mark.parametrize(("typed", "employment"), [("1", "salaried"), ("2", "not_salaried")])
def test_a_typed_key_answers_the_yes_or_no_that_offered_it(typed: str, employment: str) -> None:
    talk = opened().hears("purple", Event("said", AT, typed, "chat"))
    assert talk.state.employment == employment


def test_a_typed_key_answers_the_menu_of_cities() -> None:
    talk = at_city().hears("purple", Event("said", AT, "2", "chat"))
    assert talk.outcome == ("eligible", "rules.passed")


def test_a_typed_key_that_was_not_offered_answers_nothing() -> None:
    assert opened().hears(Event("said", AT, "1", "chat")).state.employment is None


def test_salaried_is_explained_without_a_failed_attempt() -> None:
    talk = opened().hears("what does salaried mean?")
    assert "employer pays you" in talk.said
    assert talk.said.endswith("Are you a salaried employee?")
    assert talk.state.reasks == 0
