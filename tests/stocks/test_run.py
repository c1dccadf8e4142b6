"""A run of the stocks graph on recorded prices, without a key and without a network."""

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from graphs.stocks.holdings import topic_of
from graphs.stocks.requests import understand
from tests.stocks.running import owner
from tools.approving import approving

LOW = {"least_probability": 0.51}


async def test_a_run_without_a_key_ends_in_a_briefing_that_says_all(tmp_path: Path) -> None:
    async with owner(tmp_path, stock_limits=LOW) as someone:
        greeting = await someone.say(None)
        assert "What should I buy?" in greeting or "what should I buy?" in greeting
        said = await someone.say("What should I buy?")
        assert "recorded prices of the past, closes of September 28, 2012" in said
        sized = [one for one in someone.values["sized"] if float(one["shares"]) > 0]
        assert 1 <= len(sized) <= 3
        for one in sized:
            assert f"{one['symbol']}, {one['shares']} share" in said
        assert "by only 2 of 6 analysts" in said  # FB has traded for four months
        assert "others are more likely" in said
        spoken = [m for m in someone.values["messages"] if isinstance(m, AIMessage)]
        assert [m.text for m in spoken] == [
            greeting,
            someone.values["briefing"].partition("paper trading. ")[2],
            "This is paper trading.",
        ]
        assert len(said.split()) < 150
        assert someone.values["outcome"] == "proposed"

        trading = await someone.desk.trading()
        assert isinstance(await trading.journal.verify(), int)
        assert await trading.forecasts.list(symbol="IBM", limit=3)


async def test_a_threshold_that_nothing_passes_is_said_and_nothing_is_proposed(
    tmp_path: Path,
) -> None:
    async with owner(tmp_path, stock_limits={"least_probability": 0.7}) as someone:
        said = await someone.say("Analyse IBM and Apple")
        assert "There is nothing to buy." in said
        assert "IBM and AAPL: less likely than the 70 in 100" in said
        assert someone.values["outcome"] == "nothing_to_buy"


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("What do I hold?", "holdings"),
        ("what is my portfolio worth?", "holdings"),
        ("How many shares do I have?", "holdings"),
        ("Should I sell AAPL?", "sale"),
        ("Please sell half of my Apple", "sale"),
        ("What did you buy?", "orders"),
        ("what became of it?", "orders"),
        ("Was anything bought?", "orders"),
        ("Has it been filled?", "orders"),
        ("approve", "verdict"),
        ("What should I buy?", None),
        ("How long do I have?", None),
        ("What happens if I say nothing?", None),
        ("How many shares?", None),
        ("Who sells most of them?", None),
    ],
)
def test_a_question_about_the_account_is_told_from_one_about_a_run(
    text: str, topic: str | None
) -> None:
    assert topic_of(text) == topic


async def test_the_account_is_told_from_the_broker_and_the_records(tmp_path: Path) -> None:
    async with owner(tmp_path) as someone:
        assert "Nothing is held. The account is worth $100,000.00" in await someone.say(
            "What do I hold?"
        )
        assert "No order has been placed yet." in await someone.say("What did you buy?")
        assert "purchases only" in await someone.say("Should I sell AAPL?")
        assert "run_id" not in someone.values  # none of it has begun a run
        await someone.say("What should I buy?")
        assert "Nothing is held." in await someone.say("what is my portfolio worth?")
        assert "You said no." in await someone.say("decline")
        assert "Nothing waits for your answer. You said no." in await someone.say("yes")

        await someone.say("What should I buy?")
        await someone.say("approve")
        acting = await approving(someone.desk)
        approval = await acting.standing(str(someone.values["approval_id"]))
        await someone.say(acting.code(approval))
        assert "Apple: bought 2 shares at" in await someone.say("What did you buy?")
        assert "You hold 2 shares of Apple, worth $1,3" in await someone.say("What do I hold?")
        assert "held or asked for" in await someone.say("What should I buy?")
        assert "Apple: bought 2 shares" in await someone.say("What became of the order?")


def test_what_is_wanted_is_understood() -> None:
    known = ("AAPL", "IBM", "MSFT")
    assert understand("", known, ran=False)["kind"] == "greeting"
    assert understand("What should I buy?", known, ran=False)["kind"] == "run"
    assert understand("analyse AAPL and Microsoft", known, ran=False)["symbols"] == ["AAPL", "MSFT"]
    assert understand("Top two please", known, ran=True)["picks"] == 2
    assert understand("why not IBM?", known, ran=True)["kind"] == "question"
    assert understand("Why should I buy IBM?", known, ran=True)["kind"] == "question"
    assert understand("hello", known, ran=False)["kind"] == "greeting"
    assert understand("What would you buy?", known, ran=False)["kind"] == "run"
    assert understand("Analyse my portfolio", known, ran=True)["kind"] == "run"
    assert understand("AAPL", known, ran=False)["kind"] == "run"
