"""What is understood of an amount, item by item of the grammar."""

from decimal import Decimal

import pytest

from graphs.eligibility.amounts import Amount, UnclearAmount, parse_amount
from graphs.eligibility.readings import Reading


def read(text: str) -> Reading[Amount]:
    heard = parse_amount(text)
    assert isinstance(heard, Reading), heard
    return heard


def unclear(text: str) -> UnclearAmount:
    heard = parse_amount(text)
    assert isinstance(heard, UnclearAmount), heard
    return heard


def rupees(text: str) -> Decimal:
    return read(text).value.rupees


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1,50,000", 150_000),
        ("150,000", 150_000),
        ("10,00,000", 1_000_000),
        ("1,000,000", 1_000_000),
        ("25,000.00", 25_000),
        ("२५,०००", 25_000),
        ("25k", 25_000),
        ("25 K", 25_000),
        ("1.25L", 125_000),
        ("0.5 lakh", 50_000),
        (".5 lakh", 50_000),
        ("25 thousand 500", 25_500),
        ("1 lakh 20,000", 120_000),
        ("40,000,", 40_000),
    ],
)
def test_figures_follow_indian_and_western_custom(said: str, expected: int) -> None:
    assert rupees(said) == expected


@pytest.mark.parametrize(
    "said", ["25,0000", "20,5000", "2,50,00", "25.000", "1.2.3", "025,000", "2,3 lakh"]
)
def test_figures_of_no_custom_are_malformed(said: str) -> None:
    assert unclear(said).reason == "amount.malformed"


@pytest.mark.parametrize(
    "said",
    [
        "₹40,000",
        "Rs. 40,000.",
        "Rs.40,000",
        "Rs 40000/-",
        "INR 40k",
        "40,000rs",
        "rupees forty thousand only",
        "40 hazaar rupaye",
        "चालीस हज़ार रुपये",
        "40,000 bucks",
    ],
)
def test_every_spelling_of_the_rupee_belongs_to_the_amount(said: str) -> None:
    heard = read(said)
    assert heard.value == Amount(Decimal(40_000), None, approximate=False)
    assert "amount.currency" in heard.rules


def test_other_money_is_asked_again() -> None:
    assert unclear("$40,000").reason == "amount.currency"
    assert unclear("2000 dollars a month").reason == "amount.currency"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("forty-five thousand five hundred and fifty", 45_550),
        ("one lakh, twenty thousand and twenty-five", 120_025),
        ("two hundred thousand", 200_000),
        ("one and a half lakh", 150_000),
        ("half a million", 500_000),
        ("a lakh", 100_000),
        ("twenty five hundred", 2_500),
        ("one point two five lakh", 125_000),
        ("do lakh fifty thousand", 250_000),
        ("25 hazaar", 25_000),
        ("ek lakh bees hazaar", 120_000),
        ("char hazaar char sau chawalis", 4_444),
        ("paanch so rupaye", 500),
        ("पच्चीस हज़ार पाँच सौ", 25_500),
        ("ट्वेंटी फाइव थाउजेंड", 25_000),
        ("१.५ लाख", 150_000),
    ],
)
def test_words_of_both_languages_compose(said: str, expected: int) -> None:
    assert rupees(said) == expected


@pytest.mark.parametrize(
    ("said", "expected", "rule"),
    [
        ("sava lakh", 125_000, "amount.sava"),
        ("sawa do lakh", 225_000, "amount.sava"),
        ("dedh lakh", 150_000, "amount.dedh"),
        ("dedh sau", 150, "amount.dedh"),
        ("adhai lakh", 250_000, "amount.dhai"),
        ("saadhe teen hazaar", 3_500, "amount.saadhe"),
        ("saadhe pachees hazaar", 25_500, "amount.saadhe"),
        ("paune do lakh", 175_000, "amount.paune"),
        ("aadha lakh", 50_000, "amount.half"),
        ("साढ़े चार लाख", 450_000, "amount.saadhe"),
    ],
)
def test_the_fractions_of_hindi_keep_their_part(said: str, expected: int, rule: str) -> None:
    heard = read(said)
    assert heard.value.rupees == expected
    assert rule in heard.rules


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("two five zero zero zero", 25_000),
        ("two, five, zero, zero, zero", 25_000),
        ("two five triple zero", 25_000),
        ("four oh oh oh oh", 40_000),
        ("three double five double zero", 35_500),
        ("do paanch zero zero zero", 25_000),
        ("दो पाँच शून्य शून्य शून्य", 25_000),
        ("twenty five triple zero", 25_000),
        ("double five thousand", 55_000),
    ],
)
def test_digits_said_one_by_one_are_joined(said: str, expected: int) -> None:
    heard = read(said)
    assert heard.value.rupees == expected
    assert "amount.digit_by_digit" in heard.rules


@pytest.mark.parametrize("said", ["20 5000", "20 5 thousand", "25, 000", "25 000"])
def test_what_a_recogniser_split_is_put_together(said: str) -> None:
    heard = read(said)
    assert heard.value.rupees == 25_000
    assert "amount.split" in heard.rules


@pytest.mark.parametrize(
    ("said", "period", "monthly"),
    [
        ("12 LPA", "year", 100_000),
        ("CTC 6 lakh", "year", 50_000),
        ("3 lakh per annum", "year", 25_000),
        ("saal ka teen lakh", "year", 25_000),
        ("छह लाख प्रति वर्ष", "year", 50_000),
        ("छः लाख पर एनम", "year", 50_000),
        ("my annual income is 7,20,000", "year", 60_000),
        ("40 thousand a month", "month", 40_000),
        ("40,000/month", "month", 40_000),
        ("40 hazaar mahina", "month", 40_000),
        ("har mahine 40 hazaar", "month", 40_000),
        ("45000 p.m.", "month", 45_000),
        ("40 thousand", None, 40_000),
    ],
)
def test_the_period_is_the_one_that_was_said(said: str, period: str, monthly: int) -> None:
    amount = read(said).value
    assert (amount.period, amount.monthly) == (period, monthly)


@pytest.mark.parametrize(
    "said",
    [
        "500 rupees per day",
        "roz ke 800 rupaye",
        "5 thousand a week",
        "one lakh every quarter",
        "teen mahine mein ek lakh",
        "40 thousand in two months",
        "40 thousand twice a month",
        "20 thousand each from 2 jobs",
        "12 lakh package",
        "40 thousand per month per annum",
        "40 thousand, yearly I get a bonus",
        "my salary is 40 thousand, CTC nahi pata",
        "I pay annual fees, salary 40 thousand",
    ],
)
def test_pay_by_any_other_period_is_asked_again(said: str) -> None:
    assert unclear(said).reason == "amount.period"


@pytest.mark.parametrize(
    "said",
    [
        "40 thousand for the last 2 years",
        "10 saal ka experience hai, 40 hazaar salary",
    ],
)
def test_a_year_that_is_not_the_period_divides_nothing(said: str) -> None:
    assert read(said).value.monthly == 40_000


@pytest.mark.parametrize(
    "said",
    [
        "around 40 thousand",
        "lagbhag 40 hazaar",
        "40 hazaar ke aas paas",
        "forty thousand or so",
        "~40k",
        "करीब चालीस हज़ार",
        "I'm not sure, maybe 40 thousand",
    ],
)
def test_a_hedge_makes_the_amount_approximate(said: str) -> None:
    heard = read(said + " rupees")
    assert heard.value.approximate
    assert heard.value.rupees == 40_000


@pytest.mark.parametrize("said", ["25", "fifty", "pachees", "पच्चीस", "150", "dedh", "25 per month"])
def test_a_bare_number_is_never_taken_times_a_thousand(said: str) -> None:
    assert unclear(said).reason == "amount.bare"


@pytest.mark.parametrize("said", ["zero", "zero rupees", "My income is zero.", "शून्य रुपये"])
def test_zero_needs_no_scale(said: str) -> None:
    assert rupees(said) == 0


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [
        ("20 to 30 thousand", 20_000, 30_000),
        ("between 20 and 30 thousand", 20_000, 30_000),
        ("bees se tees hazaar", 20_000, 30_000),
        ("20-25k", 20_000, 25_000),
        ("₹20,000-₹30,000", 20_000, 30_000),
        ("bees pachees hazaar", 20_000, 25_000),
        ("do teen lakh", 200_000, 300_000),
        ("dedh do lakh", 150_000, 200_000),
        ("3 to 6 lakh per annum", 25_000, 50_000),
        ("50 thousand to 1 lakh", 50_000, 100_000),
    ],
)
def test_a_range_shows_its_ends_a_month(said: str, low: int, high: int) -> None:
    heard = unclear(said)
    assert heard.reason == "amount.range"
    assert heard.ends == (low, high)


@pytest.mark.parametrize("said", ["20 or 25 thousand", "bees ya pachees hazaar", "20k/25k"])
def test_alternatives_show_their_ends(said: str) -> None:
    heard = unclear(said)
    assert heard.reason == "amount.alternatives"
    assert heard.ends == (20_000, 25_000)


@pytest.mark.parametrize("said", ["9 to 5 and I earn 40 thousand", "bees, tees, chalees hazaar"])
def test_ends_are_withheld_where_they_would_be_guessed(said: str) -> None:
    assert unclear(said).ends is None


@pytest.mark.parametrize(
    "said",
    [
        "twenty twenty five thousand",
        "twenty thousand five thousand",
        "two five thousand",
        "twenty to thousand",
        "2025 thousand",
        "saadhe hazaar",
        "few thousand",
        "thousands of rupees",
        "at hazaar",
        "point five lakh",
        "dedh lakh paanch hazaar",
        "half of 40 thousand",
        "two lakh and a half",
        "for 5 thousand",
    ],
)
def test_what_no_grammar_allows_is_malformed(said: str) -> None:
    assert unclear(said).reason == "amount.malformed"


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [
        ("ek lakh bees", 100_020, 120_000),
        ("one lakh twenty", 100_020, 120_000),
        ("forty thousand five", 40_005, 40_500),
    ],
)
def test_one_lakh_twenty_may_leave_out_a_scale(said: str, low: int, high: int) -> None:
    heard = unclear(said)
    assert heard.reason == "amount.elliptic"
    assert heard.ends == (low, high)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("25 nahi, 30 hazaar", 30_000),
        ("twenty no thirty thousand", 30_000),
        ("sorry, 40 thousand", 40_000),
        ("20 thousand I mean 25 thousand", 25_000),
        ("nahi 30 hazaar", 30_000),
        ("not 20, 25 thousand", 25_000),
        ("it's 25 thousand, not 20 thousand", 25_000),
        ("20 to 25, no, 30 thousand", 30_000),
        ("पच्चीस नहीं, तीस हजार", 30_000),
        ("40 nahi 50 hazaar nahi 60 hazaar", 60_000),
    ],
)
def test_the_last_correction_counts(said: str, expected: int) -> None:
    assert rupees(said) == expected


def test_a_correction_to_a_bare_number_inherits_no_scale() -> None:
    assert unclear("40 thousand, sorry, 50").reason == "amount.bare"


@pytest.mark.parametrize(
    "said",
    [
        "not 25 thousand",
        "I don't earn 40 thousand",
        "pachees hazaar nahi",
        "25 hazaar nahi hai",
        "40 hazaar nahi milte",
        "forty thousand, no",
        "not 20 or 25 thousand",
        "तीस हज़ार नहीं",
    ],
)
def test_a_denied_amount_is_no_amount(said: str) -> None:
    assert unclear(said).reason == "amount.negated"


@pytest.mark.parametrize("said", ["-25000", "minus twenty thousand", "₹-500"])
def test_a_negative_amount_is_asked_again(said: str) -> None:
    assert unclear(said).reason == "amount.negative"


@pytest.mark.parametrize(
    "said",
    ["more than 30 thousand", "30 hazaar se zyada", "kam se kam 30 hazaar", "30k+",
     "not less than 30 thousand", "30,000 and above", "तीस हज़ार से ज़्यादा"],
)  # fmt: skip
def test_a_lower_bound_is_open_above(said: str) -> None:
    heard = unclear(said)
    assert heard.reason == "amount.bound"
    assert heard.ends == (Decimal(30_000), Decimal("Infinity"))


@pytest.mark.parametrize(
    "said",
    ["less than 30 thousand", "30 hazaar se kam", "upto 30 thousand", "30 hazaar tak",
     "not more than 30 thousand", "under 30,000", "max 30k", "3.6 lakh per annum maximum"],
)  # fmt: skip
def test_an_upper_bound_is_open_below(said: str) -> None:
    heard = unclear(said)
    assert heard.reason == "amount.bound"
    assert heard.ends == (0, 30_000)


def test_a_bound_that_is_denied_or_vague_has_no_ends() -> None:
    assert unclear("30 hazaar se kam nahi").ends is None
    assert unclear("thoda kam 30 hazaar").ends is None


@pytest.mark.parametrize(
    "said",
    ["I want a loan of 5 lakh", "my rent is 10 thousand", "I pay 5 thousand EMI",
     "my wife earns 40 thousand", "50 percent of 40 thousand"],
)  # fmt: skip
def test_money_that_is_not_the_callers_income_is_asked_again(said: str) -> None:
    assert unclear(said).reason == "amount.not_income"


def test_two_amounts_are_never_reduced_to_one() -> None:
    assert unclear("salary 40 thousand and rent 10 thousand").reason == "amount.alternatives"
    assert unclear("20 thousand plus 20 thousand").reason == "amount.alternatives"
    assert unclear("I earn 30 and my wife 40 thousand").reason == "amount.alternatives"


def test_an_amount_said_twice_is_one_amount() -> None:
    assert rupees("forty thousand, 40,000 rupees") == 40_000
    assert rupees("forty, um, forty thousand") == 40_000


@pytest.mark.parametrize("said", ["two crores a month", "5 crore", "99999999", "2 arab saal ka"])
def test_more_than_a_crore_a_month_is_implausible(said: str) -> None:
    assert unclear(said).reason == "amount.implausible"


@pytest.mark.parametrize(
    "said",
    ["I am 25 years old", "for 2 years", "do bachche hain", "my number is 98765 43210",
     "pin code 400001", "since 2019", "1st of May", "12/05/2020", "10:30", "at 5 pm", "50%",
     "nine eight seven six five four three two one zero", "paanch baje", "तीस साल"],
)  # fmt: skip
def test_numbers_that_count_something_else_are_no_amount(said: str) -> None:
    assert parse_amount(said) is None


@pytest.mark.parametrize(
    "said",
    ["what do you do", "I sat for so long", "teen", "wife ke saath", "no one", "ek minute",
     "to be or not to be", "oh", "char", "मुझे बात करने दो", "a lot", "double trouble"],
)  # fmt: skip
def test_words_that_only_look_like_numbers_are_no_amount(said: str) -> None:
    assert parse_amount(said) is None


@pytest.mark.parametrize(
    "said",
    ["I do earn 40 thousand", "main ek company mein 40 hazaar kamata hoon",
     "I am 25 years old and earn 40 thousand", "forty thousand two kids",
     "I have 2 kids and make 40,000", "since 2019 I get 40 thousand"],
)  # fmt: skip
def test_other_numbers_do_not_touch_the_amount(said: str) -> None:
    assert rupees(said) == 40_000


def test_the_span_is_the_evidence_in_the_original_text() -> None:
    said = "Well, I get ₹ 40,000 per month, sir."
    start, end = read(said).span
    assert said[start:end] == "₹ 40,000 per month"


def test_rules_are_named_in_the_order_they_applied() -> None:
    assert read("dedh lakh rupaye salana").rules == (
        "amount.dedh",
        "amount.lakh",
        "amount.currency",
        "amount.per_year",
    )
