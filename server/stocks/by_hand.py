"""Trades that a person asks for: sized by the same limits, approved by the same code, sent once.

asked -> sized by code -> approval with a one-time code -> answered -> carried out by the broker
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from graphs.stocks.account import book_of, prices_of
from graphs.stocks.approval import words
from graphs.stocks.risk import Sized, enlarge, reduce
from store.approvals import Approval
from store.intents import Terms
from tools.approving import Approving
from tools.market.provider import ProviderFailed
from tools.trading import Trading

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,5}(\.[A-Z])?$")]
Action = Literal["buy_more", "sell_half", "sell_all"]
SOLD: Final[Mapping[Action, Decimal]] = {"sell_half": Decimal("0.5"), "sell_all": Decimal(1)}
USUAL_SHARE: Final = Decimal("0.02")
"""Share of the account's equity for which more is bought where no amount is said."""


class Order(BaseModel):
    """What a person wants done."""

    model_config = ConfigDict(extra="forbid")

    symbol: Symbol
    action: Action
    amount_usd: Decimal | None = Field(
        None,
        gt=0,
        le=100_000_000,
        description=f"Of a purchase, at most; {USUAL_SHARE:.0%} of the equity when missing.",
    )


class NotPossible(RuntimeError):
    """Nothing can be asked of the broker, for a reason that is a sentence."""


class KeyTaken(RuntimeError):
    """The key names another order."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """Makes approvals of what a person wants.

    Attributes:
        trading: what is traded with.
        acting: asks, takes answers and carries out.
    """

    trading: Trading
    acting: Approving

    async def propose(self, order: Order, *, by: str, key: str) -> tuple[Approval, Sized | None]:
        """Open the approval of an order; returns it, and how it was sized where it is new.

        Args:
            order: what is wanted.
            by: who asks.
            key: names the request: asked again, it is the same approval.

        Raises:
            KeyTaken: the key names another order.
            NotPossible: nothing can be sold, or bought within the limits.
            Refused, Unsure: the broker does not tell.
        """
        name = hashlib.sha256(f"{by}:{key}".encode()).hexdigest()[:24]
        run_id, body = f"hand-{name}", order.model_dump(mode="json")
        now = self.acting.clock()
        noted = await self.trading.journal.append(
            "asked_by_hand", {"by": by, **body}, key=f"asked_by_hand:{run_id}", at=now
        )
        if noted.body != {"by": by, **body}:
            raise KeyTaken("This Idempotency-Key was used for another order; take a new one.")
        known = await self.trading.approvals.of_run(run_id)
        if known is not None:
            return await self.acting.standing(known.id), None
        sized = await self._sized(order)
        if sized.shares <= 0 or sized.limit_price is None:
            raise NotPossible(" ".join(cut.why for cut in sized.cuts) or "Nothing is to be done.")
        terms = Terms(
            symbol=sized.symbol,
            side=sized.side,
            qty=sized.shares,
            limit_price=sized.limit_price,
            expires_at=now + self.acting.open_for,
        )
        cuts = " ".join(f"Cut: {cut.why}" for cut in sized.cuts)
        text = f"{words.mode(self.acting.live)} {words.read_back([terms])} {cuts}".strip()
        return await self.acting.open(run_id, ("", ""), [terms], text), sized

    async def _sized(self, order: Order) -> Sized:
        trading, now, symbol = self.trading, self.trading.now(), order.symbol
        book, blocked = await book_of(trading, now)
        halted = await trading.broker.halted() or blocked
        buys = order.action == "buy_more"
        turnover = await self._turnover(symbol) if buys else {}
        prices = await prices_of(trading, list({symbol, *book.shares}), turnover)
        if order.action != "buy_more":
            return reduce(symbol, SOLD[order.action], book, prices.get(symbol), now=now)
        amount = order.amount_usd or USUAL_SHARE * book.equity
        return enlarge(symbol, amount, book, prices, trading.limits, now=now, halted=halted)

    async def _turnover(self, symbol: str) -> dict[str, float]:
        """Return how much of a symbol is traded a day; where nobody tells, it is not bought."""
        try:
            series = await self.trading.market.bars([symbol], self.trading.now())
        except ProviderFailed as error:
            raise NotPossible(f"How much of {symbol} is traded is not known: {error}") from error
        found = {name: one.turnover() for name, one in series.items()}
        return {name: usual for name, usual in found.items() if math.isfinite(usual)}
