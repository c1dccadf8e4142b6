"""Trading is exactly once: through lost answers, crashes at every step, faults of the broker."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import open_database
from store.intents import Intent, IntentConflict, Intents, Terms, intent_id
from store.journal import Journal
from tests.stocks.conftest import MORNING, Running
from tools.broker import AlpacaAccount, Broker, NoQuote, TradingHalted, WrongAccount
from tools.broker.broker import Guard
from tools.exchange.account import Exchange


@dataclass
class Clock:
    now: datetime = MORNING

    def __call__(self) -> datetime:
        return self.now

    def later(self, secs: float) -> None:
        self.now += timedelta(seconds=secs)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with open_database(tmp_path) as engine:
        yield engine


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(running: Running) -> AlpacaAccount:
    return AlpacaAccount("key", "secret", url=running.url)


@pytest.fixture
def broker(engine: AsyncEngine, account: AlpacaAccount, clock: Clock) -> Broker:
    return Broker(account, Intents(engine), Journal(engine), now=clock)


def buy(qty: str = "10", price: str = "500", symbol: str = "AAPL", side: str = "buy") -> Terms:
    return Terms(
        symbol=symbol,
        side=side,  # type: ignore[arg-type]
        qty=Decimal(qty),
        limit_price=Decimal(price),
        expires_at=MORNING + timedelta(minutes=10),
    )


async def held(account: AlpacaAccount) -> dict[str, Decimal]:
    return {one.symbol: one.qty for one in await account.positions()}


async def test_an_approved_decision_is_bought(broker: Broker, account: AlpacaAccount) -> None:
    intent = await broker.place(buy(), "approval-1")
    assert (await broker.follow(intent)).state == "filled"
    assert await held(account) == {"AAPL": 10}
    assert (await broker.reconcile()).mismatches == ()


async def test_the_same_approval_buys_once_however_often_it_is_carried_out(
    broker: Broker, account: AlpacaAccount, running: Running
) -> None:
    for _ in range(3):
        await broker.place(buy(), "approval-1")
    await broker.place(buy("10.0", "500.00"), "approval-1")
    assert await held(account) == {"AAPL": 10}
    assert len(running.exchange.orders) == 1


async def test_another_approval_of_the_same_terms_is_another_order(
    broker: Broker, account: AlpacaAccount
) -> None:
    await broker.place(buy(), "approval-1")
    await broker.place(buy(), "approval-2")
    assert await held(account) == {"AAPL": 20}


@pytest.mark.parametrize(
    "fault",
    ["504_after", "504_before", "drop_after", "drop_before", "html_502", "malformed", "429"],
)
async def test_a_lost_answer_never_makes_two_orders_nor_none(
    broker: Broker, account: AlpacaAccount, running: Running, clock: Clock, fault: str
) -> None:
    running.fault(fault)
    await broker.place(buy(), "approval-1")
    clock.later(31)
    await broker.reconcile()
    report = await broker.reconcile()
    assert report.mismatches == () and report.unsure == ()
    assert await held(account) == {"AAPL": 10}
    assert len(running.exchange.orders) == 1


async def test_nobody_is_asked_again_while_the_order_may_still_be_on_its_way(
    broker: Broker, running: Running, clock: Clock
) -> None:
    running.fault("504_before")
    intent = await broker.place(buy(), "approval-1")
    assert intent.state == "unknown"
    clock.later(29)
    await broker.reconcile()
    assert running.exchange.orders == {}
    clock.later(2)
    await broker.reconcile()
    assert len(running.exchange.orders) == 1


async def test_what_expired_before_it_arrived_is_not_sent_any_more(
    broker: Broker, running: Running, clock: Clock
) -> None:
    running.fault("504_before")
    intent = await broker.place(buy(), "approval-1")
    clock.later(601)
    await broker.reconcile()
    after = await broker.intents.get(intent.id)
    assert after and after.state == "expired"
    assert running.exchange.orders == {}


async def test_a_refusal_is_a_state_with_the_brokers_words(broker: Broker) -> None:
    intent = await broker.place(buy(qty="100000"), "approval-1")
    assert intent.state == "rejected"
    assert "insufficient buying power" in (intent.problem or "")


async def test_a_page_instead_of_an_answer_is_no_refusal(
    broker: Broker, running: Running, clock: Clock
) -> None:
    running.fault("html_401")
    intent = await broker.place(buy(), "approval-1")
    assert intent.state == "unknown"
    clock.later(31)
    assert (await broker.follow(intent)).state == "accepted"


async def test_half_an_order_is_half_an_order_until_the_rest_comes(
    broker: Broker, running: Running
) -> None:
    running.fault("partial")
    intent = await broker.follow(await broker.place(buy(), "approval-1"))
    assert (intent.state, intent.filled_qty) == ("partially_filled", 5)
    assert (await broker.reconcile()).mismatches == ()
    running.later(60)
    assert (await broker.follow(intent)).state == "filled"


async def test_a_cancel_that_comes_too_late_says_that_it_was_filled(
    broker: Broker, account: AlpacaAccount, running: Running
) -> None:
    intent = await broker.place(buy(price="10"), "approval-1")
    assert intent.state == "accepted"
    running.fault("cancel_race", on="DELETE /v2/orders")
    after = await broker.cancel(intent.id)
    assert after.state == "filled"
    assert await held(account) == {"AAPL": 10}
    assert (await broker.reconcile()).mismatches == ()


async def test_on_recorded_prices_a_decision_expires_by_the_clock_of_the_person(
    broker: Broker, clock: Clock
) -> None:
    """The market's time is of the past there, and would let no decision expire."""
    broker.clock = lambda: MORNING + timedelta(minutes=10)
    intent = await broker.place(buy(), "approval-1")
    assert (intent.state, intent.problem) == ("expired", "It expired before it was sent.")


async def test_an_order_is_cancelled_when_its_decision_has_expired(
    broker: Broker, clock: Clock
) -> None:
    intent = await broker.place(buy(price="10"), "approval-1")
    clock.later(601)
    await broker.reconcile()
    after = await broker.intents.get(intent.id)
    assert after and after.state == "canceled"


async def test_an_order_that_is_not_ours_halts_buying_until_a_person_has_looked(
    broker: Broker, account: AlpacaAccount, engine: AsyncEngine, clock: Clock
) -> None:
    await broker.reconcile()
    other = Intent(
        id="somebody-else",
        terms=buy(),
        approved_by="?",
        created_at=MORNING,
        updated_at=MORNING,
    )
    await account.submit(other)
    report = await broker.reconcile()
    assert any("AAPL" in mismatch for mismatch in report.mismatches)
    with pytest.raises(TradingHalted, match="AAPL"):
        await broker.place(buy(symbol="MSFT"), "approval-1")
    restarted = Broker(account, Intents(engine), Journal(engine), now=clock)
    assert await restarted.halted()
    await restarted.adopt("the owner")
    assert (await restarted.reconcile()).mismatches == ()
    assert await restarted.halted() is None


async def test_selling_is_possible_while_buying_is_halted(
    broker: Broker, account: AlpacaAccount
) -> None:
    await broker.place(buy(), "approval-1")
    await broker.halt("asked by its owner")
    with pytest.raises(TradingHalted, match="asked by its owner"):
        await broker.place(buy(), "approval-2")
    await broker.place(buy(price="1", side="sell"), "approval-3")
    assert await held(account) == {}


@pytest.mark.parametrize("guard", [Guard(live=True), Guard(live=True, account="123456789")])
async def test_real_money_needs_the_account_to_be_named(broker: Broker, guard: Guard) -> None:
    broker.guard = guard
    with pytest.raises(WrongAccount):
        await broker.place(buy(), "approval-1")


async def test_paper_trading_does_not_touch_an_account_with_real_money(
    broker: Broker, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.broker.broker.PAPER", "XX")
    with pytest.raises(WrongAccount, match="real money"):
        await broker.place(buy(), "approval-1")
    assert running.exchange.orders == {}


async def test_a_missing_quote_is_an_error_and_not_a_price(account: AlpacaAccount) -> None:
    with pytest.raises(NoQuote, match="NOPE"):
        await account.quote("NOPE")


async def test_percent_is_percent(broker: Broker, account: AlpacaAccount, running: Running) -> None:
    await broker.place(buy(), "approval-1")
    running.later(86_400)
    (position,) = await account.positions()
    bought = position.average_price
    assert position.gain_pct == pytest.approx(
        (position.price / bought - 1) * 100, abs=Decimal("0.001")
    )


async def test_everything_is_in_the_journal_once(broker: Broker) -> None:
    intent = await broker.place(buy(), "approval-1")
    await broker.follow(intent)
    await broker.place(buy(), "approval-1")
    rows = [(row.kind, row.body.get("state")) async for row in broker.journal.entries()]
    assert rows == [
        ("baseline", None),
        ("intent", "planned"),
        ("order", "accepted"),
        ("order", "filled"),
    ]
    assert await broker.journal.verify() == 4


async def test_news_that_comes_late_changes_nothing(broker: Broker) -> None:
    early = await broker.place(buy(), "approval-1")
    final = await broker.follow(early)
    assert (await broker.intents.save(early)).state == "filled" == final.state


async def test_an_id_stands_for_its_terms(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    await broker.intents.plan(buy(), "approval-1", MORNING)
    monkeypatch.setattr("store.intents.intent_id", lambda *_: intent_id(buy(), "approval-1"))
    with pytest.raises(IntentConflict):
        await broker.intents.plan(buy("11"), "approval-2", MORNING)


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Dying:
    """Stands before something and dies before, or after, its n-th call."""

    inner: Any
    deaths: list[int]
    calls: list[int] = field(default_factory=lambda: [0])

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.inner, name)
        if not callable(real) or name == "entries":
            return real

        async def call(*args: Any, **kwargs: Any) -> Any:
            for moment in ("before", "after"):
                if moment == "after":
                    result = await real(*args, **kwargs)
                self.calls[0] += 1
                if self.calls[0] in self.deaths:
                    raise Crash
            return result

        return call


@pytest.mark.parametrize("fault", [None, "504_after", "drop_before", "partial"])
async def test_a_crash_at_any_step_makes_neither_two_orders_nor_none(
    engine: AsyncEngine, account: AlpacaAccount, running: Running, fault: str | None
) -> None:
    """Dies at each step in turn, restarts, and looks at the broker's book and ours."""
    bought, step, clock = Decimal(0), 0, Clock()
    while True:
        step += 1
        calls = [0]
        dying = [
            Dying(inner, [step], calls) for inner in (account, Intents(engine), Journal(engine))
        ]
        running.mended()
        if fault:
            running.fault(fault)
        broker = Broker(*dying, now=clock)  # type: ignore[arg-type]
        approval, crashed = f"approval-{step}", False
        try:
            await broker.follow(await broker.place(terms := buy("2"), approval))
        except Crash:
            crashed = True
        restarted = Broker(account, Intents(engine), Journal(engine), now=clock)
        await restarted.reconcile()
        await restarted.place(terms, approval)  # as a graph does that goes on from its checkpoint
        for _ in range(3):  # the fault may hit after the restart only
            clock.later(31)
            await restarted.reconcile()
        running.exchange.advance(running.exchange.now)
        report = await restarted.reconcile()
        bought += 2
        assert report.mismatches == (), (step, report)
        assert await restarted.halted() is None, step
        assert await held(account) == {"AAPL": bought}, step
        assert len(running.exchange.orders) == step
        clock.now = MORNING
        if not crashed:
            break
    assert step > 15
    assert isinstance(await Journal(engine).verify(), int)


async def test_what_is_not_held_is_not_sold_though_the_account_may_sell_short(
    broker: Broker, account: AlpacaAccount, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sell All, asked for and approved twice, would else end short."""
    monkeypatch.setattr(exchange, "_owned", lambda *_: None)
    await broker.place(buy("3"), "approval-1")
    first = await broker.place(buy("3", price="10000", side="sell"), "approval-2")
    assert first.state == "accepted"  # nobody pays that, so it stays open
    second = await broker.place(buy("1", price="1", side="sell"), "approval-3")
    assert second.state == "rejected" and "nothing is sold that is not held" in str(second.problem)
    await broker.cancel(first.id)
    all_of_it = [broker.place(buy("3", price="1", side="sell"), f"approval-{n}") for n in (4, 5)]
    await asyncio.gather(*all_of_it)
    await broker.place(buy("1", price="1", side="sell"), "approval-6")
    assert (await held(account)).get("AAPL", 0) >= 0
    assert (await broker.reconcile()).mismatches == ()


async def test_a_part_that_was_sold_is_not_counted_twice(
    broker: Broker, account: AlpacaAccount, running: Running
) -> None:
    await broker.place(buy("10"), "approval-1")
    running.fault("partial")
    half = await broker.place(buy("6", price="1", side="sell"), "approval-2")
    assert half.filled_qty < 6
    rest = await broker.place(buy("4", price="1", side="sell"), "approval-3")
    assert rest.state == "filled" or (await broker.follow(rest)).state == "filled"


async def test_a_sale_whose_position_nobody_tells_is_tried_again_and_not_lost(
    broker: Broker, account: AlpacaAccount, running: Running, clock: Clock
) -> None:
    await broker.place(buy(), "approval-1")
    running.fault("504_before", on="GET /v2/positions")
    sale = await broker.place(buy(price="1", side="sell"), "approval-2")
    assert sale.state == "unknown" and len(running.exchange.orders) == 1
    clock.later(31)
    await broker.reconcile()
    assert await held(account) == {}
