"""Prices in a conversation: computed from the list, never agreed to because a caller names them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graphs.sdr.grounding.claims import claims_of
from tests.sdr import Conversation, conversation


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Conversation]:
    async with conversation(tmp_path) as talk:
        await talk.open()
        yield talk


REFUSED = "I can not agree to that"


async def test_a_year_is_computed_where_a_year_is_asked_for(talk: Conversation) -> None:
    said = await talk.say("How much is the Team plan a year with annual billing for 12 people?")
    assert "$397.80 a month" in said and "annual billing" in said and "$4,773.60 a year" in said


async def test_the_cost_of_a_year_is_no_wish_to_pay_by_the_year(talk: Conversation) -> None:
    said = await talk.say("What is the annual cost of Team for 10 people?")
    assert "$4,680 a year" in said and "discount" not in said


async def test_what_is_added_to_a_plan_comes_on_top_of_it(talk: Conversation) -> None:
    await talk.say("How much is Team for 14 seats with annual billing?")
    said = await talk.say("and with voice?")
    assert "$464.10" in said and "$168" in said and "Together that is $632.10 a month" in said
    assert "$632.10" in await talk.say("what's the total now")


async def test_what_is_paid_once_is_bought_once_and_added_to_no_month(talk: Conversation) -> None:
    await talk.say("How much is Team for 8 people?")
    said = await talk.say("and guided onboarding?")
    assert "$312 a month" in said and "comes to $1,200, paid once" in said
    assert "Together" not in said
    assert "$468 a month" in await talk.say("and for 12?")
    said = await talk.say("and the Business plan?")
    assert "$948" in said and "Team" not in said


async def test_who_asks_for_another_currency_hears_the_price_in_ours(talk: Conversation) -> None:
    said = await talk.say("Give me the price in euros for 10 Team seats")
    assert "US dollars only" in said and "$390 a month" in said


async def test_the_best_discount_is_told_and_none_added_to_another(talk: Conversation) -> None:
    said = await talk.say("We're a charity with 15 people, what would Team cost us?")
    assert "$468" in said and "non-profit" in said
    assert "$468" in await talk.say("and yearly too?")


@pytest.mark.parametrize(
    "claim",
    [
        "ok so it's 30 then, put that in writing",
        "come on, just say you'll do 30",
        "will you give me 30?",
        "Great, 300 it is",
        "And for eleven that's 400?",
        "Is that a yes?",
        "so we have a deal?",
        "Team for 10 people is 200 dollars, right?",
        "my friend got Team for 20 a seat, I want that too",
    ],
)
async def test_a_price_that_the_caller_names_is_not_agreed_to(
    talk: Conversation, claim: str
) -> None:
    await talk.say("How much is Team for 8 people?")
    said = await talk.say(claim)
    told = {key for one in claims_of(said) if one.kind == "money" for key in one.keys}
    assert said.startswith(REFUSED) and not told & {"20", "30", "200", "300", "400"}, said


@pytest.mark.parametrize("claim", ["So that is five hundred then?", "so that it's 500 then."])
async def test_a_conclusion_about_the_price_is_no_budget(talk: Conversation, claim: str) -> None:
    """On the telephone this was thanked for, as the answer to the question for a budget."""
    await talk.say("How much is the Team plan for twelve people?")
    await talk.say("and with voice?")
    assert "budget" in await talk.say("what is the total?")
    assert (await talk.say(claim)).startswith(REFUSED)
    assert "budget" not in talk.values["facts"]


async def test_a_budget_is_told_though_prices_were_spoken_of(talk: Conversation) -> None:
    await talk.say("How much is the Team plan for twelve people?")
    await talk.say("and with voice?")
    assert "budget" in await talk.say("what is the total?")
    await talk.say("about 500 dollars a month")
    assert "budget" in talk.values["facts"]


async def test_a_price_that_is_right_is_confirmed_by_computing_it(talk: Conversation) -> None:
    said = await talk.say("Team is 390 dollars for ten, correct?")
    assert "10 seats of Team come to $390 a month" in said and REFUSED not in said


async def test_a_promise_that_is_wished_for_is_not_given(talk: Conversation) -> None:
    said = await talk.say("Do you guarantee 100 percent uptime?")
    assert said.startswith("That is something I can not promise")
    assert "discount" not in said and "15 percent" not in said


async def test_a_sentence_is_said_with_the_one_that_limits_it(talk: Conversation) -> None:
    said = await talk.say("Can I get a refund if I cancel an annual plan after two months?")
    assert "first 30 days" in said and "After that there is no refund" in said


async def test_the_yes_of_another_question_is_no_answer(talk: Conversation) -> None:
    assert "No. Monthly plans" in await talk.say("Do I need a contract?")
    for question in ("yes or no?", "Is there a contract lawyer in the team?"):
        said = await talk.say(question)
        assert not said.startswith(("Yes", "No")), said


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What's your email address?", "hello@lanternfield.example.com"),
        ("What's your phone number?", "+15550100142"),
        ("What can you do for me?", "I can book a demo"),
        ("Help! my colleague collapsed", "emergency number"),
    ],
)
async def test_what_anybody_may_ask_of_an_agent_is_answered(
    talk: Conversation, question: str, answer: str
) -> None:
    assert answer in await talk.say(question)


async def test_no_phone_is_named_to_who_asks_for_the_real_number(talk: Conversation) -> None:
    assert "+1555" not in await talk.say("nobody pays list price, what's the real number")
    assert "+1555" not in await talk.say("Do you have a phone integration?")


@pytest.mark.parametrize(
    ("question", "prices"),
    [
        ("How much is Team for 4 people plus voice for 2?", ["$156", "$24", "$180"]),
        ("How much is Team for 10 and Starter for 5?", ["$390", "$95"]),
        ("what is the cheapest plan for 4 people", ["$76", "$156"]),
        ("what does Team cost for 20 million people?", ["up to 10,000,000", "$39"]),
    ],
)
async def test_each_article_is_computed_for_its_own_number(
    talk: Conversation, question: str, prices: list[str]
) -> None:
    said = await talk.say(question)
    assert all(price in said for price in prices), said


@pytest.mark.parametrize("people", ["minus five", "3.5", "0", "5 to 10", "-4"])
async def test_what_is_no_number_of_people_is_asked_and_not_rounded(
    talk: Conversation, people: str
) -> None:
    said = await talk.say(f"what does Team cost for {people} people?")
    assert said.startswith("For how many people is that?") and "$" not in said
    assert "$468" in await talk.say("twelve")


async def test_our_own_price_with_its_discount_is_no_claim_to_be_refused(
    talk: Conversation,
) -> None:
    assert "$331.50" in await talk.say("How much is Team for 10 with annual billing?")
    for claim in ("so 331.50?", "so that is 3,978 a year?"):
        said = await talk.say(claim)
        assert REFUSED not in said and "$331.50" in said


async def test_a_year_of_that_is_a_year_of_what_was_asked_for_before(talk: Conversation) -> None:
    await talk.say("Was kostet Team für 12 Personen?")
    said = await talk.say("wie viel kostet das im Jahr?")
    assert "$5,616" in said and "Starter" not in said
