"""What the owner is told and answered: short, exact, and nothing that the run does not hold."""

from decimal import Decimal
from typing import Any

import pytest

from graphs.stocks.approval import words
from graphs.stocks.approval.answering import UNKNOWN, answer
from graphs.stocks.approval.picks import ordered, picks_of, spelled, terms_of
from store.approvals import Approval, ask
from store.intents import Intent
from tests.stocks.approval import KEY, MORNING, datum, proposed
from tools.approving import Order

PICKS = picks_of(proposed())
TERMS = terms_of(PICKS, MORNING)


def said(question: str, last: str | None = None) -> str:
    return answer(question, PICKS, live=False, expires_at=MORNING, last=last)[0]


def test_it_is_said_first_whose_money_it_is_about() -> None:
    assert words.mode(False) == "This is paper trading."
    assert words.mode(True) == "This is LIVE trading, with real money."


def test_the_read_back_is_symbol_side_quantity_and_limit() -> None:
    assert words.read_back(TERMS, PICKS) == (
        "The exact orders: Buy 12 shares of Apple, A A P L, at $101.00 at most. "
        "Buy 5 shares of Microsoft, M S F T, at $50.50 at most."
    )
    assert spelled("BRK.B") == "B R K dot B"


@pytest.mark.parametrize(
    ("question", "held"),
    [
        ("Why Apple?", "It rose 23.4 % in a year"),
        ("what speaks against Apple", "It swings a lot"),
        ("What are the risks of A A P L?", "It swings a lot"),
        ("Why the second one?", "Momentum. They give no further reason"),
        ("how many shares of Microsoft", "buy 5 shares, $252.50"),
        ("How sure are you about Apple?", "57 % likely to beat the market, between 51 % and 63 %"),
        ("Who voted on Apple?", "Momentum 61 % for it; Low volatility 44 % against it"),
        ("Why only so little Apple, was it capped?", "At most 2000."),
        ("What would change your mind on Apple?", "It falls below its low of a month"),
        ("What was the return over twelve months of Microsoft?", "8.1 %"),
        ("What is the volatility of Apple?", "volatility: 31.2 %, recorded, 2024-01-07"),
        ("Where is the data on Apple from?", "2 data from recorded, the newest of 2024-01-07"),
        ("What is the price of Microsoft?", "$50.50 a share at most"),
        ("Which ones?", "Apple: buy 12 shares, $1,212.00. Microsoft: buy 5 shares"),
        ("Is this real money?", "This is paper trading."),
        ("How long do I have?", "until 15:00 UTC"),
        ("How many shares of Exxon?", "Exxon: nothing. Thin."),
        ("What does low volatility say?", "Low volatility on Apple: 44 %. It swings a lot."),
    ],
)
def test_a_question_is_answered_from_the_evidence(question: str, held: str) -> None:
    assert held in said(question)


@pytest.mark.parametrize(
    "question",
    [
        "What will the weather be tomorrow?",
        "Who is the chief executive of Apple?",
        "blah blah",
        "Does Tesla sell better cars?",
    ],
)
def test_what_the_run_does_not_hold_is_not_invented(question: str) -> None:
    assert said(question) == UNKNOWN


def test_it_means_what_was_talked_of_last() -> None:
    assert "swings" in said("And what is against it?", last="AAPL")
    assert "Microsoft" not in said("And what is against it?", last="AAPL")


def test_every_figure_of_an_answer_is_one_of_the_run() -> None:
    import json
    import re

    held = json.dumps(proposed()) + "1.6 1,212.00 252.50 2024"
    figures = {f.replace(",", "") for f in re.findall(r"\d[\d,]*\.?\d*", held)}
    figures |= {str(round(float(f) * 100)) for f in figures if f.startswith("0.")}
    for question in (
        "why",
        "against",
        "price",
        "how many",
        "odds",
        "who voted",
        "limits",
        "source",
    ):
        told = re.sub(r"\d{4}-\d\d-\d\d", "", said(question))
        for figure in re.findall(r"\d[\d,]*\.?\d*", told):
            plain = figure.replace(",", "").rstrip(".")
            assert plain in figures or plain in {"2", "1"}, (question, figure)


def order(
    state: str, filled: str = "0", price: str | None = None, problem: str | None = None
) -> Any:
    intent = Intent(
        id="i",
        terms=TERMS[0],
        approved_by="a",
        state=state,  # type: ignore[arg-type]
        created_at=MORNING,
        updated_at=MORNING,
        filled_qty=Decimal(filled),
        average_price=Decimal(price) if price else None,
        problem=problem,
    )
    return Order(terms=TERMS[0], intent=intent, problem=problem)


@pytest.mark.parametrize(
    ("became", "text", "outcome"),
    [
        (order("filled", "12", "100.90"), "Apple: bought 12 shares at $100.90.", "filled"),
        (order("partially_filled", "5", "100.90"), "5 of 12 shares at $100.90", "partly_filled"),
        (order("accepted"), "the order is placed, and open", "open"),
        (order("rejected", problem="No money."), "Apple: rejected. No money.", "rejected"),
        (order("canceled"), "bought nothing; the order is over", "rejected"),
        (order("canceled", "4", "100"), "4 of 12 shares", "partly_filled"),
        (order("unknown"), "nothing is ordered twice", "unknown"),
        (Order(terms=TERMS[0], problem="Trading is halted."), "Trading is halted.", "not_sent"),
    ],
)
def test_what_became_of_an_order_is_said(became: Any, text: str, outcome: str) -> None:
    assert text in words.settlement([became], PICKS)
    assert words.outcome([became]) == outcome


def refused(**update: Any) -> Approval:
    prices = {one.symbol: one.limit_price for one in TERMS}
    open_ = ask("r", TERMS, prices, key=KEY, now=MORNING)
    return open_.model_copy(update=update)


@pytest.mark.parametrize(
    ("approval", "text"),
    [
        (refused(state="declined", channel="phone"), "You said no."),
        (refused(state="declined", channel="slack"), "It was declined in Slack."),
        (refused(state="expired", reason="Nobody answered in time."), "Nobody answered in time."),
        (refused(state="refused", reason="AAPL moved 2.00 %."), "AAPL moved 2.00 %."),
    ],
)
def test_why_nothing_was_traded_is_said(approval: Approval, text: str) -> None:
    assert words.came_to_nothing(approval) == f"{text} Nothing was bought or sold."


def test_only_what_has_shares_is_ordered() -> None:
    assert [pick.symbol for pick in ordered(PICKS)] == ["AAPL", "MSFT"]
    assert [(one.symbol, one.qty, one.limit_price) for one in TERMS] == [
        ("AAPL", Decimal(12), Decimal("101.00")),
        ("MSFT", Decimal(5), Decimal("50.50")),
    ]


def of_a_run_without_orders(question: str) -> str:
    state = proposed()
    for one in state["sized"]:
        one["shares"] = "0"
        one["probability"] -= 0.05 * (one["symbol"] != "AAPL")
    state["evidence"].append(datum("AAPL", "close", "99.5", "USD").model_dump(mode="json"))
    state["evidence"].append(datum("AAPL", "price change", "1.5", "USD").model_dump(mode="json"))
    return answer(question, picks_of(state), live=False)[0]


@pytest.mark.parametrize(
    ("question", "held"),
    [
        ("How do the analysts vote?", "Momentum 61 % for it"),
        ("How sure are you?", "Apple: 57 % likely"),
        ("Who is against?", "It swings a lot"),
        ("Where do you have that from?", "data from recorded"),
        ("Why?", "Exxon: nothing. Thin."),
        ("What is the price of Apple?", "close: 99.5 USD"),
        ("What is the price change of Apple?", "price change: 1.5 USD"),
    ],
)
def test_a_run_that_proposes_nothing_can_be_asked_about_too(question: str, held: str) -> None:
    assert held in of_a_run_without_orders(question)


def test_analysts_without_an_opinion_are_told_by_why() -> None:
    state = proposed()
    common = {"family": "x", "symbol": "AAPL", "as_of": MORNING.isoformat(), "model": "m"}
    state["answers"] += [
        {"analyst": "claude", "state": "failure", "problem": "The budget is spent.", **common},
        {"analyst": "grok", "state": "parse_failure", "problem": "?", "raw": "BUY", **common},
    ]
    picks = picks_of(state)
    told = answer("Who voted on Apple?", picks, live=False)[0]
    assert "1 could not be understood; 1 could not be asked" in told
    assert "The budget is spent." in answer("What does Claude think?", picks, live=False)[0]
    assert "BUY" not in answer("What does Grok think?", picks, live=False)[0]
