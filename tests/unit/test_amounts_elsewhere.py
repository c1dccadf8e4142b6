"""Money that is not the caller's monthly salary: it is asked again and never decided on."""

import pytest

from graphs.eligibility.amounts import UnclearAmount, parse_amount
from graphs.eligibility.readings import Reading


def reason(said: str) -> str:
    heard = parse_amount(said)
    assert isinstance(heard, UnclearAmount), heard
    return heard.reason


@pytest.mark.parametrize(
    "said",
    [
        *("salary increased by 30000", "my salary went up by 5000", "they raised it by 8000"),
        *("salary grew 5000", "salary dropped by 10000", "salary badh gayi 5000"),
        *("5000 badhi hai salary", "salary mein 10000 ki badhotri", "सैलरी 5000 बढ़ी"),
        *("I got a raise of 10 thousand", "10000 increase hua", "5000 cut hota hai"),
        *("3000 PF deduct hota hai", "after promotion 50000", "confirm hone ke baad 50000"),
    ],
)
def test_a_change_of_the_salary_is_not_the_salary(said: str) -> None:
    assert reason(said) == "amount.not_income"


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
    [
        *("rent income 40000", "rental 40000", "kiraye ki aamdani 40000", "किराया आता है 40000"),
        *("interest income 40000", "byaj milta hai 40000", "ब्याज मिलता है 40000"),
        *("meri pension 40000 hai", "I get pension of 40000", "salary nahi 40000 pension"),
        *("commission milta hai 40000", "bonus I get 50000", "mujhe bonus milta hai 50000"),
        *("bonus milta hai 50000 saal mein", "incentive milta hai 15000", "overtime 10000"),
        *("side income 20000", "freelancing income 40000", "business income 40000"),
        *("tuition income 15000", "agriculture income 40000", "profit 40000", "dividend 40000"),
        *("HRA 10000", "allowance 10000", "variable pay 20000", "severance 2 lakh"),
        *("gift 40000", "scholarship 10000", "after EMI I get 40000", "season mein 40000"),
    ],
)
def test_other_income_is_no_salary(said: str) -> None:
    assert reason(said) == "amount.not_income"


@pytest.mark.parametrize(
    "said",
    [
        *("ghar ki aamdani 40000", "ghar mein 40000 aata hai", "घर की आमदनी 40000 है"),
        *("family ki income 40000", "family earns 40000", "we earn 40000", "sab mila ke 40000"),
        *("my dad earns 40000", "my brother earns 40000", "mera bhai 40000 kamata hai"),
        *("bete ki salary 40000", "पापा की सैलरी 40000", "my spouse earns 40000"),
        *("he earns 40000", "her salary is 40000", "uski salary 40000", "my kids earn 40000"),
        *("pati bhejte hain 10000", "my tenants pay 10000"),
    ],
)
def test_what_others_earn_is_not_the_callers(said: str) -> None:
    assert reason(said) == "amount.not_income"


@pytest.mark.parametrize(
    "said",
    [
        *("I wish 40000", "40000 would be nice", "I hope 40000", "kaash 40000 hoti"),
        *("काश 40000 मिलते", "40000 hoti to accha hota", "I deserve 40000", "should be 40000"),
        *("40000 mil jaye", "I will get 40000", "40000 milegi", "40000 मिलेगा", "tomorrow 50000"),
        *("going to get 40000", "offer is 40000", "they promised 40000", "looking for 50000"),
        *("I could earn 40000", "from April 50000", "when I get 40000", "jab 40000 milega"),
        *("unless 40000", "it depends 40000", "sometimes 40000", "kabhi kabhi 40000"),
        *("maan lo 50000", "assume 50000", "for example 50000", "I had 40000"),
        *("I earned 40000", "purani salary 40000", "pichli company mein 40000"),
    ],
)
def test_a_wish_a_condition_or_the_past_is_not_what_is_earned(said: str) -> None:
    assert reason(said) == "amount.not_income"


@pytest.mark.parametrize(
    "said",
    [
        *("is 40000 ok", "is my salary 40000", "does 40000 qualify", "would 40000 work"),
        *("40000 chalega", "40000 चलेगा", "how about 40000", "can I apply with 40000"),
        *("did you say 40000", "aapne 40000 bola", "40000 kaun deta hai", "40000 kab milega"),
        *("40000 hona zaroori hai", "give me 5 lakh", "5 lakh lena hai", "can you give 5 lakh"),
    ],
)
def test_a_question_or_a_request_states_no_salary(said: str) -> None:
    assert reason(said) == "amount.not_income"


@pytest.mark.parametrize(
    "said",
    [
        *("40000 in bank", "bank mein 40000 hai", "बैंक में 40000 हैं", "40000 in FD"),
        *("mere paas 40000 hai", "I have 40000 with me", "I have 40000 left", "40000 jama hai"),
        *("I save 40000", "40000 bachta hai", "wallet mein 40000", "net worth 5 lakh"),
        *("I owe 40000", "40000 due hai", "kisht 4000 jaati hai", "overdraft 1 lakh"),
        *("I pay 40000 a month", "main 40000 bharta hoon", "ghar bhejta hoon 10000"),
        *("20000 lag jate hain", "phone liya 40000 ka", "I borrowed 40000", "bill 4000"),
    ],
)
def test_what_is_owned_owed_or_paid_is_no_salary(said: str) -> None:
    assert reason(said) == "amount.not_income"


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


@pytest.mark.parametrize(
    "said",
    [
        *("they give me 40000", "company 40000 deti hai", "woh log 40000 dete hain"),
        *("that would be 40000", "it will be 40000", "I would say 40000", "maine bola 40000"),
        *(
            "bhai 40000 hai",
            "arre 40 hazaar",
            "beta 40000",
            "main apne office mein 40000 kamata hoon",
        ),
        *("main bank mein kaam karta hoon, salary 40000", "40000 by bank transfer"),
        *("my salary is 40000 and my wife is a teacher", "I live on rent, my salary is 40000"),
        *("my father is retired, I earn 40000", "40000 take home after all deductions"),
        *("40000 haath mein aata hai", "as per salary slip 40000", "I have a salary of 40000"),
    ],
)
def test_a_salary_in_plain_words_stays_a_salary(said: str) -> None:
    heard = parse_amount(said)
    assert isinstance(heard, Reading), heard
    assert heard.value.rupees == 40_000


@pytest.mark.parametrize(
    "said",
    [
        *("my wife and I earn 80000", "both of us 80000", "my boss gets 90000"),
        *("I'd prefer 50000", "aiming for 40000", "what is 40000", "40000 kaise"),
        *("second job 40000", "internship 40000", "part time 20000", "40000 bi-monthly"),
        *("I am self employed 40000", "gold 40000", "lost 5000", "maid ko 4000"),
    ],
)
def test_money_of_others_hopes_and_side_jobs_is_asked_again(said: str) -> None:
    assert reason(said) == "amount.not_income"
