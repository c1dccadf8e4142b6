"""The replay decides on a close, fills on the next session, and keeps its book to the cent."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.stocks.analysts.quant import YEAR
from graphs.stocks.replay.account import Account, Costs, Order, after_split
from graphs.stocks.replay.backtest import HOLDING, backtest, journal_lines, rows
from graphs.stocks.replay.history import SESSIONS, History, five
from graphs.stocks.replay.ledger import Ledger, Stated
from graphs.stocks.replay.measures import falls_of, measure
from graphs.stocks.replay.policies import ByConsensus, EqualHolding
from graphs.stocks.replay.replay import Moment, Rules, replay
from graphs.stocks.risk import Limits
from graphs.stocks.walk_forward import Panel, walk
from tools.market.bars import Action, Series

FREE = Costs(Decimal(0), Decimal(0))
EAGER = Limits.model_validate({"least_probability": 0.501, "least_order": 0})
RULES = Rules(limits=EAGER)


def made(sessions: int = 3 * YEAR, symbols: int = 4, seed: int = 0) -> History:
    rng = np.random.default_rng(seed)
    days = np.datetime64("2001-01-01") + np.arange(sessions)
    closes = 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.02, (sessions, symbols)), axis=0))
    opens = closes * np.exp(rng.normal(0, 0.005, closes.shape))
    many = np.full(sessions, 1e7)
    series = {
        name: Series(
            name, "made", days, opens[:, n], closes[:, n], closes[:, n], closes[:, n], many
        )
        for n, name in enumerate("ABCDEFGH"[:symbols])
    }
    return History("made", series, days, closes.mean(axis=1))


def changed_after(history: History, session: int) -> History:
    """Return another future: all prices of later are multiplied."""
    factor = np.where(np.arange(len(history)) > session, 3.0, 1.0)
    series = {
        symbol: replace(one, open=one.open * factor**n, close=one.close * factor**n)
        for n, (symbol, one) in enumerate(history.series.items())
    }
    return replace(history, series=series, index=history.index / factor)


@dataclass
class Watching:
    """Orders one share of A on the first decision, and keeps what it was shown."""

    moments: list[Moment] = field(default_factory=list)

    def decide(self, moment: Moment) -> Sequence[Order]:
        self.moments.append(moment)
        return [Order("A", "buy", Decimal(10), moment.day)] if len(self.moments) == 1 else []


@pytest.mark.parametrize("cut", [SESSIONS, SESSIONS + 21 * 3, SESSIONS + 21 * 9 + 5])
def test_another_future_changes_no_decision_and_no_fill_before_it(cut: int) -> None:
    history, ours, other = made(), ByConsensus(RULES), ByConsensus(RULES)
    before = replay(history, ours, RULES)
    after = replay(changed_after(history, cut), other, RULES)
    day = history.days[cut].astype(object)
    known, also = (
        [(d.day, d.answers, d.consensus, d.sized, d.orders) for d in policy.decided]
        for policy in (ours, other)
    )
    until = sum(decided.day <= day for decided in ours.decided)
    assert known[:until] == also[:until]
    assert [f for f in before.fills if f.day <= day] == [f for f in after.fills if f.day <= day]
    assert known[until:] != also[until:]


def test_who_decides_is_shown_nothing_of_later() -> None:
    policy = Watching()
    replay(made(), policy, RULES)
    for moment in policy.moments:
        assert all(one.days[-1] <= moment.known.days[-1] for one in moment.known.series.values())
        assert len(moment.known.index) == len(moment.known.days) == moment.session + 1


@pytest.mark.parametrize("at", ["open", "close"])
def test_what_is_decided_on_a_close_is_filled_on_the_next_session(at: str) -> None:
    history, policy = made(), Watching()
    rules = Rules(fill_at=at, costs=Costs(Decimal("0.01"), Decimal("0.001")))  # type: ignore[arg-type]
    done = replay(history, policy, rules)
    (fill,) = done.fills
    assert fill.day == history.days[SESSIONS].astype(object)
    quoted = getattr(history.series["A"], at)[SESSIONS]
    assert float(fill.price or 0) == pytest.approx(quoted * 1.01)
    assert fill.fee == 10 * (fill.price or 0) * Decimal("0.001")
    assert float(done.paid) == pytest.approx(10 * quoted * (0.01 + 0.00101))


def test_a_split_changes_no_worth_and_an_order_over_it_is_of_as_many_shares() -> None:
    account = Account(Decimal(1000), FREE, {"A": Decimal(10)})
    split = Action(date(2005, 2, 28), "split", 1.9996)
    assert account.worth({"A": Decimal(90)}) == 1900
    account.apply("A", split, Decimal(90))
    assert account.shares == {"A": Decimal(20)} and account.worth({"A": Decimal(45)}) == 1900
    order = Order("A", "sell", Decimal(10), date(2005, 2, 25))
    assert after_split(order, split).shares == 20
    assert account.apply("B", split, Decimal(90)) is None


def test_a_dividend_is_paid_for_what_was_held() -> None:
    account = Account(Decimal(0), FREE, {"A": Decimal(100)})
    came = account.apply("A", Action(date(2004, 11, 15), "dividend", 30 / 27), Decimal(30))
    assert came is not None and came.cash == Decimal("300.00") == account.cash


def test_a_share_that_is_held_through_its_splits_and_dividends_earns_what_its_owner_earned() -> (
    None
):
    whole = five()
    one = replace(whole, series={"MSFT": whole.series["MSFT"]})
    rules = Rules(horizon=100_000, costs=FREE, fill_at="close", cash=Decimal(10**9))

    class Once:
        def decide(self, moment: Moment) -> Sequence[Order]:
            return [Order("MSFT", "buy", Decimal(10**6), moment.day)]

    done = replay(one, Once(), replace(rules, horizon=1500))
    bought = next(fill for fill in done.fills if fill.shares)
    raw = one.series["MSFT"].close
    ends = float(done.equity[-1]) - 10**9
    assert {came.kind for came in done.happened} == {"split", "dividend"}
    splits = [came for came in done.happened if came.kind == "split"]
    dividends = sum(float(came.cash) for came in done.happened)
    shares = 10**6 * 2 * len(splits) + sum(float(f.shares) for f in done.fills[1:])
    paid = sum(float(f.shares * (f.price or 0)) for f in done.fills)
    assert ends == pytest.approx(shares * raw[-1] + dividends - paid, rel=1e-6)
    assert bought.day == one.days[SESSIONS].astype(object)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("AB"),
            st.sampled_from(["buy", "sell"]),
            st.integers(1, 300),
            st.integers(1, 200),
        ),
        max_size=12,
    )
)
def test_nothing_is_bought_on_credit_nor_sold_short_and_no_money_is_made_of_nothing(
    steps: list[tuple[str, str, int, int]],
) -> None:
    account, day = Account(Decimal(10_000)), date(2001, 1, 1)
    for symbol, side, shares, price in steps:
        before = account.worth({s: Decimal(price) for s in account.shares})
        paid = account.paid
        order = Order(symbol, side, Decimal(shares), day)  # type: ignore[arg-type]
        fill = account.fill(order, day, Decimal(price))
        assert account.cash >= 0 and all(n > 0 for n in account.shares.values())
        assert fill.shares <= shares and bool(fill.note) == (fill.shares < shares)
        worth = account.worth({s: Decimal(price) for s in account.shares})
        assert abs(before - worth - (account.paid - paid)) < Decimal("1e-15")


def test_what_did_not_trade_is_not_filled() -> None:
    account, day = Account(Decimal(1000)), date(2001, 1, 1)
    fill = account.fill(Order("A", "buy", Decimal(1), day), day, None)
    assert not fill.shares and fill.note and account.cash == 1000


def test_a_grade_is_given_when_it_is_due_and_not_before() -> None:
    ledger, asked = Ledger(["momentum"]), []
    ledger.state([Stated("momentum", 0, day, day + 22, 0.6, 0.55, 0.5) for day in (0, 21, 42)])

    def outcome(one: Stated) -> bool:
        asked.append(one.day)
        return True

    ledger.grade(21, outcome)
    assert asked == [] and len(ledger.records()["momentum"]) == 0
    ledger.grade(43, outcome)
    ledger.grade(43, outcome)
    assert asked == [0, 21] and len(ledger.records()["momentum"]) == 2
    assert ledger.base_rate() == pytest.approx(12 / 22)


def test_the_replay_believes_what_the_walk_through_the_same_history_believes() -> None:
    history, policy = made(5 * YEAR, 5, 3), ByConsensus(RULES)
    replay(history, policy, RULES)
    symbols, closes = history.closes(len(history))
    walked = walk(Panel(symbols, history.days, closes, history.index), RULES.horizon)
    said = walked.ways["earned weights"].probability.reshape(-1, 5)
    ours = np.array([[d.consensus[s].probability for s in symbols] for d in policy.decided])
    np.testing.assert_allclose(ours[: len(said)], said, atol=1e-12)


def test_costs_are_paid() -> None:
    history = made()
    dear, free = (
        replay(history, EqualHolding(rules), rules) for rules in (RULES, replace(RULES, costs=FREE))
    )
    assert dear.equity[-1] < free.equity[-1] and free.paid == 0 < dear.paid


def test_intervals_hold_what_they_are_of_and_like_is_compared_with_like() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(0.0003, 0.01, 2000)
    ways = {"holding": base, "same": base, "better": base + 0.001, "noise": base[::-1]}
    found = measure(ways, "holding")
    assert found["same"].over == 0 and found["same"].over_interval == (0, 0)
    better = found["better"].over_interval
    assert better is not None and better[0] > 0.2
    assert found["better"].over == pytest.approx(0.252, rel=0.01)
    for one in found.values():
        assert one.yearly_interval[0] < one.yearly < one.yearly_interval[1]
        assert one.sharpe_interval[0] < one.sharpe < one.sharpe_interval[1]
    with pytest.raises(ValueError, match="compared"):
        measure({"holding": base, "other": base[1:]}, "holding")


def test_the_deepest_fall_counts_from_the_highest_so_far() -> None:
    falls = falls_of(np.array([0.1, -0.5, 1.0, -0.1]))
    np.testing.assert_allclose(falls, [0, 0, -0.5, 0, -0.1])


def test_every_decision_fill_and_statement_is_told() -> None:
    done = backtest(made(), replace(RULES, cash=Decimal(1_000_000)))
    kinds = [line.split('"kind": "')[1].split('"')[0] for line in journal_lines(done)]
    assert kinds.count("decision") == len(done.decided)
    assert kinds.count("fill") == len(done.account.fills) > 0
    assert [row[0] for row in rows(done)] == list(done.measures)
    assert done.measures[HOLDING].over is None
    said = " ".join(done.statements())
    assert "Costs: half a spread of 0.05 %" in said and "does not show that anything" in said


def test_a_history_that_is_too_short_or_has_no_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        replay(made(SESSIONS + 21), Watching(), RULES)
    history = made()
    closed = {s: replace(one, open=one.open * np.nan) for s, one in history.series.items()}
    with pytest.raises(ValueError, match="fill at the close"):
        replay(replace(history, series=closed), Watching(), RULES)


def test_a_part_of_a_history_holds_nothing_outside_it() -> None:
    part = five().between(date(2004, 1, 1), date(2006, 12, 31))
    assert "FB" not in part.series and len(part.series["GOOG"]) < len(part)
    for one in part.series.values():
        assert one.days[0] >= np.datetime64("2004-01-01")
        assert one.days[-1] <= np.datetime64("2006-12-31")
        assert all(date(2004, 1, 1) <= a.day <= date(2006, 12, 31) for a in one.actions)
    with pytest.raises(ValueError, match="No session"):
        five().between(date(2014, 1, 1), None)
