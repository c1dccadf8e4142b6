"""What holds of every utterance."""

from decimal import Decimal

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from num2words import num2words
from num_to_words import num_to_word

from graphs.eligibility.amounts import lexicon, parse_amount
from graphs.eligibility.readings import Reading

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORDS = sorted({*lexicon.LEXICON.words} | {" ".join(parts) for parts in lexicon.LEXICON.phrases})
FIGURES = ["25", "000", "1,50,000", "2,5", "0", "7.5", "40000", "२५", "20", "5000", "9876543210"]
SIGNS = [",", ".", "-", "/-", "₹", "+", "%", "?", "\u200d", "k", "l", "½", "²"]
word_salad = st.lists(st.sampled_from(WORDS + FIGURES + SIGNS), max_size=14).map(" ".join)

incomes = st.integers(min_value=1_000, max_value=10_000_000)


def indian_grouping(number: int) -> str:
    """12,34,567: groups of two above the last three digits."""
    head, tail = divmod(number, 1000)
    if not head:
        return str(tail)
    groups = []
    while head:
        head, group = divmod(head, 100)
        groups.append(f"{group:02d}" if head else str(group))
    return ",".join([*reversed(groups), f"{tail:03d}"])


def assert_well_formed(text: str) -> None:
    heard = parse_amount(text)
    if heard is None:
        return
    start, end = heard.span
    assert 0 <= start < end <= len(text)
    assert text[start:end].strip()
    assert all(rule.startswith("amount.") for rule in heard.rules)
    if isinstance(heard, Reading):
        assert 0 <= heard.value.monthly <= lexicon.LEXICON.most_a_month
        assert heard.rules
    elif heard.ends is not None:
        assert 0 <= heard.ends[0] <= heard.ends[1]


@unhurried
@given(st.text(max_size=60))
@example("İ 25 thousand")
@example("9" * 5000)
@example("9" * 5000 + " lakh")
@example("0." + "9" * 5000 + " lakh")
@example("five " * 5000)
@example("double " * 5000 + "five")
@example("twenty " * 5000)
@example("ek lakh aur " * 2000)
@example("not " * 2000 + "20 or " * 2000)
@example("²³ ½ lakh")
def test_no_text_makes_it_fail(text: str) -> None:
    assert_well_formed(text)


@unhurried
@given(word_salad)
def test_no_order_of_its_own_words_makes_it_fail(text: str) -> None:
    assert_well_formed(text)


@unhurried
@given(incomes)
def test_grouped_figures_are_their_number(number: int) -> None:
    for figures in (indian_grouping(number), f"{number:,}"):
        heard = parse_amount(figures)
        assert isinstance(heard, Reading)
        assert heard.value.rupees == number


@unhurried
@given(incomes)
def test_plain_figures_are_their_number_unless_a_year_or_a_pin_code(number: int) -> None:
    assume(not 1950 <= number < 2100)
    assume(len(str(number)) != 6 or number % 500 == 0)
    heard = parse_amount(str(number))
    assert isinstance(heard, Reading)
    assert heard.value.rupees == number


POLITE = [
    *("{}", "sir, {}", "{} sir", "haan ji, {}.", "my salary is {}", "{} hai ji", "Yes. {}!"),
    *("I earn {}", "meri salary {} hai", "  {}  ", "umm, {}", "main {} kamata hoon"),
]


@unhurried
@given(incomes, st.sampled_from(POLITE), st.sampled_from([str.upper, str.lower, str.title]))
def test_case_punctuation_and_courtesy_change_nothing(number, polite, cased) -> None:  # type: ignore[no-untyped-def]
    words = str(num2words(number, lang="en_IN")) + " rupees"
    heard = parse_amount(polite.format(cased(words)))
    assert isinstance(heard, Reading)
    assert heard.value.rupees == number


# A grammar of our own: what is said, and what it means.

thousand = st.sampled_from(["thousand", "hazaar", "hajar", "hazar", "हज़ार", "हजार"])
lakh = st.sampled_from(["lakh", "lac", "lakhs", "लाख"])
currency = st.sampled_from(["", " rupees", " rupaye", " रुपये", " rs"])
hedge = st.sampled_from(["", "around ", "lagbhag ", "kareeb ", "लगभग "])
period = st.sampled_from(
    [("", None), (" per month", "month"), (" mahina", "month"), (" per annum", "year"),
     (" salana", "year"), (" हर महीने", "month"), (" सालाना", "year")]
)  # fmt: skip
speller = st.sampled_from(
    [str, lambda n: str(num2words(n, lang="en_IN")), lambda n: num_to_word(n, lang="hi")]
)


@st.composite
def phrases(draw: st.DrawFn) -> tuple[str, Decimal, str | None, bool]:
    """A phrase of the grammar with its rupees, period, and whether it is hedged."""
    spell = draw(speller)
    lakhs, thousands = draw(st.integers(0, 99)), draw(st.integers(0, 99))
    hundreds = draw(st.integers(0, 9))
    parts = []
    if lakhs:
        parts.append(f"{spell(lakhs)} {draw(lakh)}")
    if thousands:
        parts.append(f"{spell(thousands)} {draw(thousand)}")
    if hundreds:
        parts.append(f"{spell(hundreds)} {draw(st.sampled_from(['hundred', 'sau', 'सौ']))}")
    assume(parts)
    said_period, meant = draw(period)
    hedged = draw(hedge)
    text = hedged + " ".join(parts) + draw(currency) + said_period
    return text, Decimal(lakhs * 100_000 + thousands * 1000 + hundreds * 100), meant, bool(hedged)


@unhurried
@given(phrases())
def test_a_phrase_of_the_grammar_means_what_it_was_made_from(phrase) -> None:  # type: ignore[no-untyped-def]
    text, expected, meant, hedged = phrase
    heard = parse_amount(text)
    assert isinstance(heard, Reading), text
    assert (heard.value.rupees, heard.value.period) == (expected, meant)
    assert heard.value.approximate == hedged
