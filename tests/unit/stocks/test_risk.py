"""Risk disposes: no order is larger than a limit allows, and every cut is on record."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.stocks.risk import Book, Conviction, Limits, Price, dispose, enlarge, reduce

NOW = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
MILLION = Decimal(1_000_000)


def book(**changes: object) -> Book:
    whole = {
        "equity": MILLION,
        "cash": MILLION,
        "last_close_equity": MILLION,
        "highest_equity": MILLION,
    }
    return Book(**{**whole, **changes})  # type: ignore[arg-type]


def price(ask: str = "100", **changes: object) -> Price:
    usual = {"ask": Decimal(ask), "bid": Decimal(ask), "at": NOW, "turnover": Decimal(10**9)}
    return Price(**{**usual, **changes})  # type: ignore[arg-type]


def one(symbol: str, probability: float = 0.7) -> Conviction:
    return Conviction(symbol, probability)


money = st.decimals(0, 10**7, places=2)
convictions = st.lists(
    st.builds(Conviction, st.sampled_from("ABCDEF"), st.floats(0.01, 0.99)),
    max_size=6,
    unique_by=lambda c: c.symbol,
)
quotes = st.dictionaries(
    st.sampled_from("ABCDEF"),
    st.builds(
        Price,
        ask=st.decimals(0, 5000, places=2),
        bid=st.decimals(0, 5000, places=2),
        at=st.timedeltas(timedelta(0), timedelta(minutes=3)).map(lambda ago: NOW - ago),
        turnover=st.decimals(0, 10**9, places=0),
    ),
)
books = st.builds(
    Book,
    equity=st.decimals(1, 10**7, places=2),
    cash=money,
    last_close_equity=money,
    highest_equity=money,
    shares=st.dictionaries(st.sampled_from("ABCDEF"), st.decimals(0, 1000, places=0)),
    pending=st.dictionaries(st.sampled_from("ABCDEF"), money),
)


@given(convictions, books, quotes)
def test_no_order_goes_beyond_any_limit(
    wanted: list[Conviction], held: Book, market: dict[str, Price]
) -> None:
    limits = Limits()
    found = dispose(wanted, held, market, limits, now=NOW)
    bought = [sized for sized in found if sized.shares > 0]
    assert len(bought) <= limits.picks
    assert sum((sized.amount for sized in bought), Decimal(0)) <= max(held.cash - held.reserved, 0)
    for sized in bought:
        quote = market[sized.symbol]
        owned = held.shares.get(sized.symbol, Decimal(0)) * quote.ask
        owned += held.pending.get(sized.symbol, Decimal(0))
        assert owned + sized.amount <= limits.per_name_fraction * held.equity
        assert sized.amount <= limits.volume_fraction * quote.turnover
        assert sized.shares == sized.shares.to_integral_value()
        assert sized.probability is not None and sized.probability >= limits.least_probability


@given(convictions, books, quotes)
def test_what_was_not_bought_says_why(
    wanted: list[Conviction], held: Book, market: dict[str, Price]
) -> None:
    for sized in dispose(wanted, held, market, Limits(), now=NOW):
        assert sized.shares > 0 or (sized.cuts and sized.cuts[-1].why)


@given(convictions, books, quotes)
def test_nothing_is_bought_while_trading_is_halted(
    wanted: list[Conviction], held: Book, market: dict[str, Price]
) -> None:
    found = dispose(wanted, held, market, Limits(), now=NOW, halted="asked by its owner")
    assert all(s.shares == 0 and s.cuts[0].rule == "kill_switch" for s in found)


@pytest.mark.parametrize(
    ("rule", "held", "market"),
    [
        ("no_price", book(), {}),
        ("stale_price", book(), {"A": price(at=NOW - timedelta(minutes=2))}),
        ("cheap", book(), {"A": price("4.99")}),
        ("illiquid", book(), {"A": price(turnover=Decimal(4_000_000))}),
        ("daily_loss", book(last_close_equity=MILLION * 2), {"A": price()}),
        ("drawdown", book(highest_equity=MILLION * 2), {"A": price()}),
        ("cooldown", book(sold_at={"A": NOW - timedelta(days=1)}), {"A": price()}),
        ("per_name", book(shares={"A": Decimal(1000)}), {"A": price()}),
        ("cash", book(cash=Decimal(0)), {"A": price()}),
        ("cash", book(pending={"B": MILLION / 2}, cash=MILLION / 2), {"A": price()}),
        ("gross", book(pending={"B": MILLION}, cash=MILLION * 9), {"A": price()}),
        ("per_name", book(pending={"A": MILLION / 10}, cash=MILLION * 9), {"A": price()}),
        ("smallest", book(), {"A": price("2000000")}),
        ("gross", book(shares={"B": Decimal(1)}), {"A": price()}),
    ],
)
def test_each_rule_prevents_what_it_is_for(rule: str, held: Book, market: dict[str, Price]) -> None:
    (sized,) = dispose([one("A")], held, market, Limits(), now=NOW)
    assert sized.shares == 0
    assert rule in {cut.rule for cut in sized.cuts}


@pytest.mark.parametrize(("voters", "shares"), [(1.49, 0), (1.5, 1000)])
def test_what_one_voter_believes_is_not_bought_however_often_it_is_said(
    voters: float, shares: int
) -> None:
    (sized,) = dispose([Conviction("A", 0.9, voters)], book(), {"A": price()}, Limits(), now=NOW)
    assert sized.shares == shares
    assert sized.shares or sized.cuts[-1].why == (
        "It is the word of 1.49 independent voters; you ask for 1.5."
    )


def test_a_position_without_a_price_counts_as_all_there_is() -> None:
    held = book(shares={"B": Decimal(1)})
    (sized,) = dispose([one("A")], held, {"A": price()}, Limits(), now=NOW)
    assert sized.shares == 0


def test_the_most_probable_come_first_and_three_are_enough() -> None:
    wanted = [one("A", 0.55), one("B", 0.6), one("C", 0.58), one("D", 0.62)]
    found = dispose(wanted, book(), {s: price() for s in "ABCD"}, Limits(), now=NOW)
    assert [sized.symbol for sized in found] == ["D", "B", "C"]


def test_one_that_may_not_be_bought_makes_room_for_the_next() -> None:
    wanted = [one("A", 0.7), one("B", 0.6)]
    found = dispose(wanted, book(), {"B": price()}, Limits(picks=1), now=NOW)
    assert [(sized.symbol, sized.shares > 0) for sized in found] == [("A", False), ("B", True)]


def test_half_a_position_is_half_of_it() -> None:
    sized = reduce("A", Decimal("0.5"), book(shares={"A": Decimal(101)}), price(), now=NOW)
    assert (sized.side, sized.shares) == ("sell", Decimal(50))


def test_all_of_a_position_is_all_of_it_with_its_fractions() -> None:
    sized = reduce("A", Decimal(1), book(shares={"A": Decimal("10.5")}), price(), now=NOW)
    assert sized.shares == Decimal("10.5")


@pytest.mark.parametrize("fraction", ["0", "1.01", "50", "-0.5"])
def test_a_percentage_is_not_taken_for_a_fraction(fraction: str) -> None:
    with pytest.raises(ValueError, match="fraction"):
        reduce("A", Decimal(fraction), book(shares={"A": Decimal(10)}), price(), now=NOW)


def test_what_is_not_held_is_not_sold_short() -> None:
    assert reduce("A", Decimal(1), book(), price(), now=NOW).shares == 0


def test_without_equity_there_is_nothing_to_size() -> None:
    with pytest.raises(ValueError, match="equity"):
        dispose([one("A")], book(equity=Decimal(0)), {}, Limits(), now=NOW)


def test_a_stake_is_what_is_to_be_held_however_many_runs_propose_it() -> None:
    market, limits = {"A": price()}, Limits()
    (first,) = dispose([one("A", 0.6)], book(), market, limits, now=NOW)
    assert first.shares > 0
    for again in (book(shares={"A": first.shares}), book(pending={"A": first.amount})):
        (second,) = dispose([one("A", 0.6)], again, market, limits, now=NOW)
        assert second.shares == 0
        assert "held or asked for" in (second.why_not or "")
    (rest,) = dispose(
        [one("A", 0.6)], book(shares={"A": first.shares - 10}), market, limits, now=NOW
    )
    assert rest.shares == 10
    full = book(shares={"A": first.shares})  # its owner may want more, within the limits
    assert enlarge("A", Decimal(5000), full, market, limits, now=NOW).shares == 50
