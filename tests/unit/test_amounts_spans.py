"""Sums that are no month's pay: additions, pay over other spans, PIN codes."""

import pytest

from graphs.eligibility.amounts import UnclearAmount, parse_amount
from graphs.eligibility.readings import Reading


def reason(said: str) -> str:
    heard = parse_amount(said)
    assert isinstance(heard, UnclearAmount), heard
    return heard.reason


@pytest.mark.parametrize("said", ["plus 5000", "5000 more than before", "5000 extra mila"])
def test_an_addition_has_no_sum(said: str) -> None:
    assert reason(said) in ("amount.malformed", "amount.bound")


@pytest.mark.parametrize(
    "said",
    [
        *("2 months 50 thousand", "do mahine 50 hazaar", "दो महीने 50 हज़ार"),
        *("2 months, 50 thousand", "50 thousand 2 months", "50 thousand for 2 months"),
        *("80000 over two months", "for two months 80 thousand", "2 mahine ki salary 80 hazaar"),
        *("3 weeks 30 thousand", "pandrah din 20000", "ek din 500 rupaye", "one week 10000"),
        *("500 rupaye ghanta", "300 rupees hour", "8 hours 800 rupees", "quarter mein 1 lakh"),
        *("ek order pe 40 rupaye", "piece rate 40 rupees"),
    ],
)
def test_pay_over_a_span_is_not_a_month_of_it(said: str) -> None:
    assert reason(said) == "amount.period"


@pytest.mark.parametrize(
    "said",
    [
        *("umar 30 saal, salary 40 hazaar", "30 saal ka hoon, 40 hazaar", "3 saal se 40 hazaar"),
        *("5 years in this company, 40 thousand", "one month 40 thousand"),
        *("3 years experience and 40 thousand", "main 2 saal se kaam kar raha hoon, 40 hazaar"),
    ],
)
def test_a_span_of_something_else_leaves_the_amount(said: str) -> None:
    heard = parse_amount(said)
    assert isinstance(heard, Reading), heard
    assert heard.value.monthly == 40_000


@pytest.mark.parametrize(
    "said",
    ["400001", "It's 560034", "110001 Delhi", "4 0 0 0 0 1", "four zero zero zero zero one"],
)
def test_six_figures_that_may_be_a_pin_code_are_asked_again(said: str) -> None:
    assert reason(said) == "amount.bare"


@pytest.mark.parametrize(
    "said",
    ["400000", "150000", "100000", "112500", "4,00,001", "400001 rupees", "₹400001",
     "my salary is 400001", "400001 per month", "four lakh and one rupees"],
)  # fmt: skip
def test_six_figures_that_are_round_or_said_to_be_money_are_an_amount(said: str) -> None:
    assert isinstance(parse_amount(said), Reading)
