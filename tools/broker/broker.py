"""The broker: an approved decision is written down, sent once, followed to its end, reconciled.

planned -> sending -> accepted -> partially_filled -> filled
                   -> rejected                     -> canceled, expired
                   -> unknown (nobody answered) -> whatever the broker says when it is asked

The row is there before the order is, and its id is the order's `client_order_id`. What was sent and
not answered is looked up under that id; where the broker has nothing it is sent again under the
same id, of which the broker takes one. So no crash and no lost answer makes two orders of one.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from store.intents import FINAL, Intent, Intents, Terms
from store.journal import Entry, Journal
from tools.broker.alpaca import AlpacaAccount, Duplicate, Placed, Refused, Unsure, utc_now

log = logging.getLogger(__name__)

GRACE: Final = timedelta(seconds=30)
"""Time in which an order that was sent may still arrive."""
PAPER: Final = "PA"
"""How the numbers of paper accounts begin."""


class TradingHalted(RuntimeError):
    """Nothing is bought until the owner has looked; says why."""


class WrongAccount(RuntimeError):
    """The account is not the one that the settings allow to trade on."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a reconciliation has found."""

    at: datetime
    followed: int
    """Intents whose state was read back."""
    mismatches: tuple[str, ...] = ()
    """What the broker has and we do not, or the other way round; a sentence each."""
    unsure: tuple[str, ...] = ()
    """What could not be asked."""


@dataclass(frozen=True, slots=True)
class Guard:
    """On which account may be traded.

    Attributes:
        live: whether with real money.
        account: number of the account; needed for real money.
    """

    live: bool = False
    account: str | None = None


@dataclass(slots=True)
class Broker:
    """Carries out what was approved.

    Attributes:
        account: the broker's side.
        intents: ours.
        journal: where all of it is written.
        guard: the account that may be traded on.
        now: the clock, UTC: that of the market, which is of the past where prices are.
        clock: by which decisions expire, UTC: that of the person; `now` when missing.
    """

    account: AlpacaAccount
    intents: Intents
    journal: Journal
    guard: Guard = field(default_factory=Guard)
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], datetime] | None = None
    _number: str | None = None

    # Carrying out

    async def place(self, terms: Terms, approved_by: str) -> Intent:
        """Carry out a decision, once, and return what is known of it.

        Asked again, also by another process or after a crash, it goes on with the same order.

        Args:
            terms: what was decided.
            approved_by: id of the approval.

        Raises:
            TradingHalted: nothing is bought now.
            WrongAccount: the account is another one.
            Refused, Unsure: the account could not be looked at; nothing was sent.
        """
        await self._check_account()
        if terms.side == "buy" and (reason := await self.halted()):
            raise TradingHalted(f"Trading is halted: {reason}")
        intent = await self.intents.plan(terms, approved_by, self.now())
        if intent.is_final:
            return intent
        await self._note("intent", intent, intent.id)
        if intent.state == "planned" and await self.intents.claim(intent.id, self.now()):
            return await self._send(await self._known(intent.id))
        return await self.follow(await self._known(intent.id))

    async def follow(self, intent: Intent) -> Intent:
        """Ask the broker what became of an intent, and return it."""
        if intent.is_final or intent.state == "planned":
            return intent
        try:
            placed = await self.account.find(intent.id)
        except (Unsure, Refused) as error:
            return await self._became(intent, state=_unsure(intent), problem=str(error))
        if placed is not None:
            return await self._took(intent, placed)
        if intent.order_id is not None:
            problem = "The broker does not know the order any more that it took."
            return await self._became(intent, state="unknown", problem=problem)
        if self.now() - intent.updated_at < GRACE:  # it may still be on its way
            return await self._became(intent, state="unknown", touch=False)
        if self._is_over(intent):
            problem = "It expired before the broker had it."
            return await self._became(intent, state="expired", problem=problem)
        return await self._send(intent)

    async def cancel(self, intent_id: str) -> Intent:
        """Ask for what is left of an order to be cancelled, and return what came of it.

        An order that was filled before is filled: the intent says so.

        Raises:
            LookupError: there is no such intent.
        """
        intent = await self.follow(await self._known(intent_id))
        if intent.is_final or intent.order_id is None:
            return intent
        try:
            await self.account.cancel(intent.order_id)
        except (Refused, Unsure) as error:
            log.info("The cancel of %s was not taken: %s", intent.id, error)
        return await self.follow(intent)

    def _is_over(self, intent: Intent) -> bool:
        """Whether the time of a decision is over."""
        return (self.clock or self.now)() >= intent.terms.expires_at

    async def _send(self, intent: Intent) -> Intent:
        if self._is_over(intent):
            problem = "It expired before it was sent."
            return await self._became(intent, state="expired", problem=problem)
        sending = await self._became(intent, state="sending")
        try:
            if sending.terms.side == "sell" and (short := await self._short_by(sending)):
                if placed := await self.account.find(sending.id):  # it did arrive, and has sold
                    return await self._took(sending, placed)
                return await self._became(sending, state="rejected", problem=short)
        except (Unsure, Refused) as error:  # nothing was sent; it is tried again
            return await self._became(sending, state="unknown", problem=str(error))
        try:
            placed = await self.account.submit(sending)
        except Duplicate:
            return await self.follow(sending)
        except Refused as error:
            return await self._became(sending, state="rejected", problem=str(error))
        except Unsure as error:
            unknown = await self._became(sending, state="unknown", problem=str(error))
            return await self.follow(unknown)
        return await self._took(sending, placed)

    async def _short_by(self, intent: Intent) -> str | None:
        """Say why a sale is not sent: more would be sold than is held and not sold already.

        Accounts may be allowed to sell short; we never do. Of two sales at once each counts the
        other; what the others sell is read before what is held, so that nothing counts as both.
        """
        symbol, sold = intent.terms.symbol, Decimal(0)
        for one in await self.intents.open():
            if (one.terms.symbol, one.terms.side) != (symbol, "sell") or one.state == "planned":
                continue
            if one.id != intent.id:
                sold += await self._left_of(one)
        held = {one.symbol: one.qty for one in await self.account.positions()}
        free = max(held.get(symbol, Decimal(0)) - sold, Decimal(0))
        if intent.terms.qty <= free:
            return None
        return (
            f"{free.normalize():f} of {symbol} can be sold now, and it was to be "
            f"{intent.terms.qty.normalize():f}: nothing is sold that is not held."
        )

    async def _left_of(self, intent: Intent) -> Decimal:
        """Return how much an order may still trade, as the broker has it."""
        placed = await self.account.find(intent.id)
        if placed is None:  # on its way, perhaps
            return intent.terms.qty
        return Decimal(0) if placed.state in FINAL else placed.qty - placed.filled_qty

    async def _took(self, intent: Intent, placed: Placed) -> Intent:
        """Take over what the broker says, if it is about the same decision."""
        terms = intent.terms
        if (placed.symbol, placed.side, placed.qty) != (terms.symbol, terms.side, terms.qty):
            problem = "The broker has another order under this id."
            await self.halt(f"{problem} ({intent.id})")
            return await self._became(intent, state="unknown", problem=problem)
        return await self._became(
            intent,
            state=placed.state,
            order_id=placed.order_id,
            filled_qty=placed.filled_qty,
            average_price=placed.average_price,
            problem=None,
        )

    async def _became(self, intent: Intent, *, touch: bool = True, **changes: Any) -> Intent:
        if touch and changes.get("state") != intent.state:
            changes["updated_at"] = self.now()
        after = await self.intents.save(intent.model_copy(update=changes))
        if (after.state, after.filled_qty) != (intent.state, intent.filled_qty):
            await self._note("order", after, f"{after.id}:{after.state}:{after.filled_qty}")
        return after

    async def _known(self, intent_id: str) -> Intent:
        intent = await self.intents.get(intent_id)
        if intent is None:
            raise LookupError(f"There is no intent {intent_id}.")
        return intent

    async def _note(self, kind: str, intent: Intent, key: str) -> None:
        body = intent.model_dump(mode="json")
        await self.journal.append(kind, body, key=f"{kind}:{key}", at=self.now())

    async def _check_account(self) -> None:
        if self._number is None:
            self._number = (await self.account.standing()).number
        if self.guard.live and self._number != self.guard.account:
            raise WrongAccount(
                f"Real money may be traded on the account {self.guard.account!r} only; the keys "
                "are for another one."
            )
        if not self.guard.live and not self._number.startswith(PAPER):
            raise WrongAccount(
                "The keys are for an account with real money, and trading is set to paper."
            )
        if await self.journal.last("baseline") is None:  # before anything of ours is there
            await self._begin({one.symbol: one.qty for one in await self.account.positions()})

    # The kill switch

    async def halted(self) -> str | None:
        """Return why nothing is bought; None while trading goes on."""
        last = await self.journal.last("halt", "resume")
        return str(last.body["reason"]) if last and last.kind == "halt" else None

    async def halt(self, reason: str) -> None:
        """Buy nothing from now on; what is open stays, and may be sold or cancelled."""
        if await self.halted() is None:
            await self._switch("halt", {"reason": reason})
            log.error("Trading is halted.")

    async def resume(self, by: str) -> None:
        """Go on, on the word of a person."""
        if await self.halted() is not None:
            await self._switch("resume", {"by": by})

    async def _switch(self, kind: str, body: Mapping[str, Any]) -> None:
        at = self.now()
        head = await self.journal.head()
        await self.journal.append(kind, body, key=f"{kind}:{head}", at=at)

    # Reconciliation

    async def reconcile(self) -> Report:
        """Follow what is open, and compare what we hold with what the broker says.

        To be called at the start and then regularly. What has outlasted its decision is cancelled.
        A mismatch halts trading, as only a person can explain it: see `adopt`.
        """
        followed = [await self._attend(intent) for intent in await self.intents.open()]
        try:
            mismatches = await self._mismatches()
            if mismatches:  # an order may have been filled between two questions
                for intent in await self.intents.open():
                    await self.follow(intent)
                mismatches = await self._mismatches()
        except (Unsure, Refused) as error:
            return Report(self.now(), len(followed), unsure=(str(error),))
        if mismatches:
            await self.halt("; ".join(mismatches))
        return Report(self.now(), len(followed), tuple(mismatches))

    async def _attend(self, intent: Intent) -> Intent:
        if intent.order_id is not None and self._is_over(intent):
            return await self.cancel(intent.id)
        return await self.follow(intent)

    async def adopt(self, by: str) -> Mapping[str, Decimal]:
        """Take what the broker holds as what we hold, on the word of a person, and go on."""
        held = {one.symbol: one.qty for one in await self.account.positions()}
        filled = await self.intents.filled()
        base = {
            symbol: held.get(symbol, Decimal(0)) - filled.get(symbol, Decimal(0))
            for symbol in held.keys() | filled.keys()
        }
        body = {"by": by, "shares": {symbol: str(qty) for symbol, qty in base.items() if qty}}
        head = await self.journal.head()
        await self.journal.append("baseline", body, key=f"baseline:{head}", at=self.now())
        await self.resume(by)
        return held

    async def _mismatches(self) -> list[str]:
        foreign = [
            f"an open order for {one.symbol} is not ours ({one.client_order_id})"
            for one in await self.account.open_orders()
            if not await self._ours(one)
        ]
        held = {one.symbol: one.qty for one in await self.account.positions()}
        expected = await self._expected(held)
        different = [
            f"{symbol}: the broker holds {held.get(symbol, Decimal(0))}, we expect "
            f"{expected.get(symbol, Decimal(0))}"
            for symbol in sorted(held.keys() | expected.keys())
            if held.get(symbol, Decimal(0)) != expected.get(symbol, Decimal(0))
        ]
        return foreign + different

    async def _ours(self, placed: Placed) -> bool:
        intent = await self.intents.get(placed.client_order_id)
        return intent is not None and not intent.is_final

    async def _expected(self, held: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """Return the shares that we should hold: those at the beginning, and what was filled."""
        base = await self.journal.last("baseline")
        filled = await self.intents.filled()
        if base is None:
            base = await self._begin(held)
        shares = {symbol: Decimal(qty) for symbol, qty in base.body["shares"].items()}
        for symbol, qty in filled.items():
            shares[symbol] = shares.get(symbol, Decimal(0)) + qty
        return {symbol: qty for symbol, qty in shares.items() if qty}

    async def _begin(self, held: Mapping[str, Decimal]) -> Entry:
        """Note what the account held before we traded on it."""
        body = {"by": "first look", "shares": {s: str(q) for s, q in held.items() if q}}
        return await self.journal.append("baseline", body, key="baseline", at=self.now())


def _unsure(intent: Intent) -> Any:
    """Return the state of an intent that could not be asked after: as it was, or unknown."""
    return "unknown" if intent.order_id is None else intent.state
