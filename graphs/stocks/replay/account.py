"""The account of a replay: cash and shares through fills, splits and dividends, in Decimal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Literal

from graphs.stocks.risk import Side, Sized
from tools.market.bars import Action

CENT = Decimal("0.01")
_FINEST_SPLIT = 50
"""Denominator of a split at most: vendors' factors are 1.9999 for 2."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading costs, as fractions of the amount: 0.0005 is five hundredths of a percent."""

    half_spread: Decimal = Decimal("0.0005")
    fee: Decimal = Decimal("0.0001")

    def price(self, side: Side, quoted: Decimal) -> Decimal:
        """Return what a share is bought or sold at when the middle of the quotes is this."""
        return quoted * (1 + self.half_spread if side == "buy" else 1 - self.half_spread)


@dataclass(frozen=True, slots=True)
class Order:
    """What was decided on the close of a session, to be filled on the next."""

    symbol: str
    side: Side
    shares: Decimal
    decided: date


@dataclass(frozen=True, slots=True)
class Fill:
    """What came of an order.

    Attributes:
        order: as it was decided, split since or not.
        day: session on which it was filled or came to nothing.
        shares: filled; 0 where nothing was.
        price: paid or got for a share, half the spread included, USD.
        fee: USD.
        note: why less was filled than was ordered; empty where all was.
    """

    order: Order
    day: date
    shares: Decimal = Decimal(0)
    price: Decimal | None = None
    fee: Decimal = Decimal(0)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """A split or a dividend on what is held."""

    day: date
    symbol: str
    kind: Literal["split", "dividend"]
    ratio: Decimal | None = None
    """Shares for one, of a split."""
    cash: Decimal = Decimal(0)
    """USD that came in."""


@dataclass(slots=True)
class Account:
    """Cash and shares. Nothing is sold that is not held, nothing is bought on credit."""

    cash: Decimal
    costs: Costs = field(default_factory=Costs)
    shares: dict[str, Decimal] = field(default_factory=dict)
    paid: Decimal = Decimal(0)
    """Spread and fees so far, USD."""
    traded: Decimal = Decimal(0)
    """Amounts bought and sold so far, USD."""

    def fill(self, order: Order, day: date, quoted: Decimal | None) -> Fill:
        """Fill an order at a price, or as much of it as there is cash or shares for."""
        if quoted is None:
            return Fill(order, day, note="It did not trade.")
        price = self.costs.price(order.side, quoted)
        held = self.shares.get(order.symbol, Decimal(0))
        if order.side == "sell":
            shares, short = min(order.shares, held), "No more was held."
        else:
            most = (self.cash / (price * (1 + self.costs.fee))).to_integral_value(ROUND_DOWN)
            shares, short = min(order.shares, max(most, Decimal(0))), "There was no more cash."
        if not shares:
            return Fill(order, day, note=short)
        amount = shares * price
        fee = amount * self.costs.fee
        buys = order.side == "buy"
        self.cash += -amount - fee if buys else amount - fee
        self.paid += fee + abs(price - quoted) * shares
        self.traded += amount
        left = held + shares if buys else held - shares
        if left:
            self.shares[order.symbol] = left
        else:
            del self.shares[order.symbol]
        return Fill(order, day, shares, price, fee, "" if shares == order.shares else short)

    def apply(self, symbol: str, action: Action, last_close: Decimal) -> Happened | None:
        """Take what a split or a dividend brings to what is held; None where nothing is held.

        Args:
            symbol: of the share.
            action: that happens before the session opens.
            last_close: of the session before, as it traded; a dividend is a part of it.
        """
        held = self.shares.get(symbol)
        if held is None:
            return None
        if action.kind == "split":
            ratio = split_ratio(action)
            self.shares[symbol] = held * ratio
            return Happened(action.day, symbol, "split", ratio=ratio)
        cash = (held * last_close * (1 - 1 / Decimal(str(action.factor)))).quantize(CENT)
        self.cash += cash
        return Happened(action.day, symbol, "dividend", cash=cash)

    def worth(self, prices: Mapping[str, Decimal]) -> Decimal:
        """Return cash and shares at these prices, USD.

        Raises:
            KeyError: what is held has no price.
        """
        return self.cash + sum((n * prices[s] for s, n in self.shares.items()), Decimal(0))


def split_ratio(action: Action) -> Decimal:
    """Return how many shares come in place of one; vendors' factors are a little off."""
    ratio = Fraction(action.factor).limit_denominator(_FINEST_SPLIT)
    return Decimal(ratio.numerator) / Decimal(ratio.denominator)


def after_split(order: Order, action: Action) -> Order:
    """Return an order that waited over a split: as many shares as they are now."""
    if action.kind != "split":
        return order
    return Order(order.symbol, order.side, order.shares * split_ratio(action), order.decided)


def ordered(sized: Sized, day: date) -> Order:
    """Return what was sized as an order."""
    return Order(sized.symbol, sized.side, sized.shares, day)
