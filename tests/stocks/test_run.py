"""A run of the stocks graph on recorded prices, without a key and without a network."""

from pathlib import Path

from langchain_core.messages import AIMessage

from graphs.stocks.requests import understand
from tests.stocks.running import owner

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


def test_what_is_wanted_is_understood() -> None:
    known = ("AAPL", "IBM", "MSFT")
    assert understand("", known, ran=False)["kind"] == "greeting"
    assert understand("What should I buy?", known, ran=False)["kind"] == "run"
    assert understand("analyse AAPL and Microsoft", known, ran=False)["symbols"] == ["AAPL", "MSFT"]
    assert understand("Top two please", known, ran=True)["picks"] == 2
    assert understand("why not IBM?", known, ran=True)["kind"] == "question"
    assert understand("Why should I buy IBM?", known, ran=True)["kind"] == "question"
    assert understand("hello", known, ran=False)["kind"] == "greeting"
    assert understand("AAPL", known, ran=False)["kind"] == "run"
