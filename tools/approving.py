"""Approving: the owner is asked, the one answer is taken, and what was approved is carried out.

Every way on which an answer comes (telephone, page, API, Slack, e-mail) and every process that goes
on with it uses this. Nothing here happens twice: a run asks once, the first answer wins, and the
broker carries out a decision once however often it is asked to.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from store.approvals import Approval, Approvals, Channel, Verdict, ask, code_of
from store.intents import Intent, Terms
from store.journal import Journal
from store.secrets import MasterKey

if TYPE_CHECKING:  # a second to import: only who trades waits for it
    from tools.broker import AlpacaAccount, Broker
    from tools.desk import Desk

FILL_SECS: Final = 5.0
"""Longest wait for orders to be filled before it is said how they stand, in seconds."""
LOOK_SECS: Final = 0.25


class NotApproved(RuntimeError):
    """It was not approved, so nothing is carried out."""


class Order(BaseModel):
    """What became of one of the terms that were approved."""

    model_config = ConfigDict(frozen=True)

    terms: Terms
    intent: Intent | None = None
    """None where the broker was not asked."""
    problem: str | None = None
    """Why it was not, or what is not known; a sentence."""

    @property
    def state(self) -> str:
        """The intent's; `not_sent` where there is none."""
        return self.intent.state if self.intent else "not_sent"


@dataclass(frozen=True, slots=True)
class Approving:
    """Asks, takes answers, carries out.

    Attributes:
        approvals: what was asked, and answered.
        broker: carries out.
        account: tells prices.
        journal: where all of it is written.
        key: makes the one-time codes.
        open_for: how long an answer is waited for.
        band_pct: how far a price may move until then, in percent.
        clock: tells the time, UTC: that of the person, also where prices are recorded ones.
    """

    approvals: Approvals
    broker: "Broker"
    account: "AlpacaAccount"
    journal: Journal
    key: MasterKey
    open_for: timedelta = timedelta(minutes=15)
    band_pct: Decimal = Decimal(1)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def live(self) -> bool:
        """Whether real money is traded."""
        return self.broker.guard.live

    async def open(
        self, run_id: str, thread: tuple[str, str], orders: Sequence[Terms], briefing: str
    ) -> Approval:
        """Ask for approval, and return what the run has asked; the same where it asked before.

        Args:
            run_id: the run.
            thread: the graph and the conversation in which it is asked.
            orders: what is to be approved, in the order in which it is read out.
            briefing: what the owner is told before.

        Raises:
            ValueError: there is nothing to approve.
        """
        known = await self.approvals.of_run(run_id)
        if known is not None:
            return known
        asked = await asyncio.to_thread(
            ask,
            run_id,
            orders,
            {one.symbol: one.limit_price for one in orders},
            key=self.key,
            now=self.clock(),
            band_pct=self.band_pct,
            graph=thread[0],
            thread_id=thread[1],
            live=self.live,
            briefing=briefing,
        )
        approval, _ = await self.approvals.open(asked)
        await self._note(approval)
        return approval

    async def standing(self, approval_id: str) -> Approval:
        """Return an approval as it stands now; expired where its time is over.

        Raises:
            LookupError: there is no such approval.
        """
        approval = await self.approvals.expire(approval_id, self.clock())
        if approval.state != "open":
            await self._note(approval)
        return approval

    async def answer(
        self, approval_id: str, verdict: Verdict, *, code: str, channel: Channel, by: str
    ) -> Approval:
        """Take an answer, and return the approval as it then stands.

        Args:
            approval_id: the approval.
            verdict: what was said; a yes needs the code.
            code: the one-time code.
            channel: on which way it came.
            by: who, for the record.

        Raises:
            LookupError: there is no such approval.
        """
        before = await self.standing(approval_id)
        if before.state != "open":
            return before
        prices: Mapping[str, Decimal] = {}
        closed: str | None = None
        if verdict == "approve":
            prices, closed = await asyncio.gather(self._prices(before), self._closed())
        after = await self.approvals.answer(
            approval_id,
            verdict,
            code=code,
            channel=channel,
            by=by,
            now=self.clock(),
            prices=prices,
            closed=closed,
        )
        await self._note(after)
        return after

    def code(self, approval: Approval) -> str:
        """Return the one-time code, for a message to the owner."""
        return code_of(approval, self.key)

    async def carry_out(self, approval_id: str) -> list[Order]:
        """Carry out what was approved, each of the terms once, and return how they stand.

        Asked again it goes on with the same orders. One that the broker does not take does not
        hold up the others.

        Raises:
            LookupError: there is no such approval.
            NotApproved: it was not approved.
        """
        approval = await self.approvals.get(approval_id)
        if approval is None:
            raise LookupError(f"There is no approval {approval_id}.")
        if approval.state != "approved":
            raise NotApproved(f"The approval is {approval.state}: nothing is bought or sold.")
        placed = [await self._place(one, approval.id) for one in approval.terms]
        loop = asyncio.get_running_loop()
        until = loop.time() + FILL_SECS
        while any(_may_fill(one) for one in placed) and loop.time() < until:
            await asyncio.sleep(LOOK_SECS)
            placed = [await self._follow(one) for one in placed]
        return placed

    async def _place(self, terms: Terms, approval_id: str) -> Order:
        from tools.broker.alpaca import Refused, Unsure
        from tools.broker.broker import TradingHalted, WrongAccount

        try:
            intent = await self.broker.place(terms, approval_id)
        except (TradingHalted, WrongAccount, Refused, Unsure) as error:
            return Order(terms=terms, problem=str(error))
        return Order(terms=terms, intent=intent, problem=intent.problem)

    async def _follow(self, order: Order) -> Order:
        if order.intent is None or not _may_fill(order):
            return order
        intent = await self.broker.follow(order.intent)
        return Order(terms=order.terms, intent=intent, problem=intent.problem)

    async def _prices(self, approval: Approval) -> Mapping[str, Decimal]:
        """Return what the shares cost now; none where nobody tells, which prevents the trade."""
        from tools.broker.alpaca import Refused, Unsure

        try:
            quotes = await self.account.quotes([one.symbol for one in approval.terms])
        except (Refused, Unsure):
            return {}
        sides = {one.symbol: one.side for one in approval.terms}
        return {s: q.ask if sides[s] == "buy" else q.bid for s, q in quotes.items()}

    async def _closed(self) -> str | None:
        """Say when the exchange opens, where it is closed: an order would outlast its approval."""
        from tools.broker.alpaca import Refused, Unsure

        try:
            clock = await self.account.clock()
        except (Refused, Unsure):
            return None  # who does not tell this tells no price either
        if clock.is_open:
            return None
        return f"The exchange is closed until {clock.next_open.astimezone(UTC):%Y-%m-%d %H:%M} UTC."

    async def _note(self, approval: Approval) -> None:
        body = approval.model_dump(mode="json", exclude={"salt", "code_hash"})
        key = f"approval:{approval.id}:{approval.state}:{approval.wrong_codes}"
        await self.journal.append("approval", body, key=key, at=self.clock())


def _may_fill(order: Order) -> bool:
    """Whether something may still become of an order soon."""
    return order.intent is not None and not order.intent.is_final


async def approving(desk: "Desk") -> Approving:
    """Return what asks and carries out, with what the desk trades with.

    Raises:
        TradingNotConfigured: the settings for trading do not fit together.
    """
    trading, settings = await desk.trading(), desk.settings
    return Approving(
        trading.approvals,
        trading.broker,
        trading.account,
        trading.journal,
        desk.secrets.key,
        timedelta(minutes=settings.approval_minutes),
        settings.price_band_pct,
    )
