"""Risk disposes: from what is believed to what may be bought or sold, in code, each cut recorded.

A pure function of the convictions, the book, the market and the limits. It never buys what it has
no price for, and never makes a position larger than asked. With the kill switch set, or after a
loss beyond the limits, only reductions pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from math import inf
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from tools.limits import Limits

__all__ = [
    "Book",
    "Conviction",
    "Cut",
    "Limits",
    "Price",
    "Rule",
    "Side",
    "Sized",
    "dispose",
    "enlarge",
    "reduce",
]

Side = Literal["buy", "sell"]
Rule = Literal[
    "kill_switch",
    "daily_loss",
    "drawdown",
    "cooldown",
    "few_voters",
    "no_price",
    "stale_price",
    "illiquid",
    "cheap",
    "held",
    "per_name",
    "gross",
    "cash",
    "liquidity",
    "smallest",
    "not_held",
]


@dataclass(frozen=True, slots=True)
class Price:
    """What a share costs, and how much of it is traded."""

    ask: Decimal
    bid: Decimal
    at: datetime
    turnover: Decimal
    """Usual turnover of a day, USD."""


@dataclass(frozen=True, slots=True)
class Book:
    """What the account holds."""

    equity: Decimal
    cash: Decimal
    last_close_equity: Decimal
    highest_equity: Decimal
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    """Shares held, by symbol; never negative: nothing is sold short."""
    pending: Mapping[str, Decimal] = field(default_factory=dict)
    """What open orders to buy, and proposals that wait for a yes, may still take, USD by symbol."""
    sold_at: Mapping[str, datetime] = field(default_factory=dict)
    """When each symbol was last sold."""

    @property
    def reserved(self) -> Decimal:
        """Cash that may still be taken, USD."""
        return sum(self.pending.values(), Decimal(0))


@dataclass(frozen=True, slots=True)
class Conviction:
    """What is believed of a symbol: how likely it beats the benchmark."""

    symbol: str
    probability: float
    voters: float = inf
    """How many independent voters that is of: `Consensus.effective_voters`."""


class Cut(BaseModel):
    """A rule that made an order smaller, or prevented it."""

    model_config = ConfigDict(frozen=True)

    rule: Rule
    before: Decimal
    """USD."""
    after: Decimal
    """USD; nothing is left at 0."""
    why: str


class Sized(BaseModel):
    """What may be bought of a symbol, after all limits; `shares` is 0 where nothing may."""

    model_config = ConfigDict(frozen=True)

    symbol: str
    side: Side
    shares: Decimal = Decimal(0)
    limit_price: Decimal | None = None
    probability: float | None = None
    """What was believed; None for a sale that its owner asked for."""
    cuts: tuple[Cut, ...] = ()
    decided_at: AwareDatetime

    @property
    def amount(self) -> Decimal:
        """What it costs at its limit, USD."""
        return self.shares * (self.limit_price or 0)

    @property
    def why_not(self) -> str | None:
        """The cut that left nothing, in words; what was too small was made so by the one before."""
        cuts = [cut for cut in self.cuts if cut.rule != "smallest"] or self.cuts
        return cuts[-1].why if cuts else None


def dispose(
    convictions: Sequence[Conviction],
    book: Book,
    prices: Mapping[str, Price],
    limits: Limits,
    *,
    now: datetime,
    halted: str | None = None,
) -> list[Sized]:
    """Size what is believed in most, the most probable first.

    Args:
        convictions: of the symbols that have a consensus; a symbol comes once.
        book: the account as the broker has it.
        prices: by symbol; where one is missing nothing is done.
        limits: what may be risked.
        now: time of the decision, UTC.
        halted: why the kill switch is set; None when it is not.

    Returns:
        One item for each conviction above `limits.least_probability`, `limits.picks` of them at
        most with shares, and with every cut that was made.

    Raises:
        ValueError: a symbol comes twice, or the account's equity is not positive.
    """
    symbols = [one.symbol for one in convictions]
    if len(set(symbols)) != len(symbols):
        raise ValueError("A symbol comes twice; expected one conviction for each.")
    if book.equity <= 0:
        raise ValueError(f"The account's equity is {book.equity} USD; expected more than 0.")
    ranked = sorted(convictions, key=lambda one: (-one.probability, one.symbol))
    left = _left(book, prices, limits)
    found: list[Sized] = []
    for one in ranked:
        if one.probability < limits.least_probability or _bought(found) >= limits.picks:
            break
        sized = _buy(one, book, prices.get(one.symbol), limits, left, now, halted)
        left = _Left(left.cash - sized.amount, left.gross - sized.amount)
        found.append(sized)
    return found


def reduce(
    symbol: str, fraction: Decimal, book: Book, price: Price | None, *, now: datetime
) -> Sized:
    """Size the sale of a share of a position; allowed also while buying is halted.

    Args:
        symbol: what is sold.
        fraction: of the position, over 0 and at most 1; whole shares unless all is sold.
        book: the account.
        price: of the share now.
        now: time of the decision, UTC.

    Raises:
        ValueError: the fraction is not within its bounds.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"The fraction sold is {fraction}; expected more than 0 and at most 1.")
    held = book.shares.get(symbol, Decimal(0))
    if held <= 0:
        return _nothing(symbol, "sell", None, "not_held", Decimal(0), "Nothing of it is held.", now)
    if price is None or price.bid <= 0:
        return _nothing(symbol, "sell", None, "no_price", Decimal(0), "It has no price.", now)
    part = held * fraction
    shares = held if fraction == 1 else part.to_integral_value(ROUND_DOWN) or part
    return Sized(
        symbol=symbol,
        side="sell",
        shares=shares,
        limit_price=price.bid,
        decided_at=now,
    )


def enlarge(
    symbol: str,
    amount: Decimal,
    book: Book,
    prices: Mapping[str, Price],
    limits: Limits,
    *,
    now: datetime,
    halted: str | None = None,
) -> Sized:
    """Size a purchase that its owner asks for, within the same limits as any other.

    Args:
        symbol: what is bought.
        amount: for how much, USD, at most.
        book: the account.
        prices: of the symbol, and of what is held.
        limits: what may be risked.
        now: time of the decision, UTC.
        halted: why the kill switch is set; None when it is not.

    Raises:
        ValueError: the amount is not positive.
    """
    if amount <= 0:
        raise ValueError(f"The amount is {amount} USD; expected more than 0.")
    left = _left(book, prices, limits)
    price = prices.get(symbol)
    if forbidden := _forbidden(symbol, book, price, limits, now, halted):
        return _nothing(symbol, "buy", None, forbidden[0], amount, forbidden[1], now)
    assert price is not None  # noqa: S101 - what has no price is forbidden
    return _bounded(symbol, None, amount, book, price, limits, left, now)


@dataclass(frozen=True, slots=True)
class _Left:
    cash: Decimal
    gross: Decimal


def _left(book: Book, prices: Mapping[str, Price], limits: Limits) -> _Left:
    """Return what may be added to all that is held, ordered and proposed."""
    gross = sum((_held(book, prices, symbol) for symbol in book.shares), book.reserved)
    return _Left(book.cash - book.reserved, limits.gross_fraction * book.equity - gross)


def _buy(
    one: Conviction,
    book: Book,
    price: Price | None,
    limits: Limits,
    left: _Left,
    now: datetime,
    halted: str | None,
) -> Sized:
    forbidden = _forbidden(one.symbol, book, price, limits, now, halted) or _alone(one, limits)
    if forbidden:
        rule, why = forbidden
        return _nothing(one.symbol, "buy", one.probability, rule, book.equity, why, now)
    assert price is not None  # noqa: S101 - what has no price is forbidden
    edge = Decimal(str(2 * one.probability - 1))
    stake = limits.kelly_fraction * edge * book.equity
    return _bounded(one.symbol, one.probability, stake, book, price, limits, left, now)


def _bounded(
    symbol: str,
    probability: float | None,
    amount: Decimal,
    book: Book,
    price: Price,
    limits: Limits,
    left: _Left,
    now: datetime,
) -> Sized:
    """Cut an amount to every bound, and return the whole shares that are left of it."""
    cuts: list[Cut] = []
    held = book.shares.get(symbol, Decimal(0)) * price.ask + book.pending.get(symbol, Decimal(0))
    bounds: list[tuple[Rule, Decimal, str]] = [
        ("per_name", limits.per_name_fraction * book.equity - held, "of one symbol"),
        ("gross", left.gross, "in all positions"),
        ("cash", left.cash, "in cash"),
        ("liquidity", limits.volume_fraction * price.turnover, "of the day's usual turnover"),
    ]
    if probability is not None:  # a stake is what is to be held of it in all, not at each run
        more = f"on top of {held:.2f} USD that are held or asked for"
        bounds.append(("held", amount - held, more))
    for rule, most, of in bounds:
        most = max(most, Decimal(0))
        if amount > most:
            why = f"At most {most:.2f} USD {of}."
            cuts.append(Cut(rule=rule, before=amount, after=most, why=why))
            amount = most
    shares = (amount / price.ask).to_integral_value(ROUND_DOWN)
    if shares * price.ask < limits.least_order:
        why = f"Orders under {limits.least_order} USD are not placed."
        cuts.append(Cut(rule="smallest", before=amount, after=Decimal(0), why=why))
        shares = Decimal(0)
    return Sized(
        symbol=symbol,
        side="buy",
        shares=shares,
        limit_price=price.ask,
        probability=probability,
        cuts=tuple(cuts),
        decided_at=now,
    )


def _forbidden(
    symbol: str,
    book: Book,
    price: Price | None,
    limits: Limits,
    now: datetime,
    halted: str | None,
) -> tuple[Rule, str] | None:
    """Return the first rule by which nothing of a symbol is bought, and why."""
    lost = 1 - book.equity / book.last_close_equity if book.last_close_equity > 0 else Decimal(0)
    fallen = 1 - book.equity / book.highest_equity if book.highest_equity > 0 else Decimal(0)
    sold = book.sold_at.get(symbol)
    if halted:
        return "kill_switch", f"Trading is halted: {halted}"
    if lost >= limits.daily_loss_fraction:
        return "daily_loss", f"The account lost {lost * 100:.1f} % since the last close."
    if fallen >= limits.drawdown_fraction:
        return "drawdown", f"The account fell {fallen * 100:.1f} % from its highest."
    if sold and now - sold < timedelta(days=limits.cooldown_days):
        return "cooldown", f"It was sold on {sold:%Y-%m-%d}."
    if price is None or price.ask <= 0 or price.bid <= 0:
        return "no_price", "It has no price."
    age = (now - price.at).total_seconds()
    if age > limits.quote_age_secs:
        return "stale_price", f"Its price is {age:.0f} seconds old."
    if price.ask < limits.least_price:
        return "cheap", f"It costs less than {limits.least_price} USD."
    if price.turnover < limits.least_turnover:
        return "illiquid", f"It trades for less than {limits.least_turnover} USD a day."
    return None


def _alone(one: Conviction, limits: Limits) -> tuple[Rule, str] | None:
    """Forbid what a single voter believes, or several that say the same: that is no consensus."""
    if one.voters >= limits.least_voters:
        return None
    said, least = f"{one.voters:.2f}", f"{limits.least_voters:g}"
    return "few_voters", f"It is the word of {said} independent voters; you ask for {least}."


def _nothing(
    symbol: str,
    side: Side,
    probability: float | None,
    rule: Rule,
    before: Decimal,
    why: str,
    now: datetime,
) -> Sized:
    cut = Cut(rule=rule, before=before, after=Decimal(0), why=why)
    return Sized(symbol=symbol, side=side, probability=probability, cuts=(cut,), decided_at=now)


def _held(book: Book, prices: Mapping[str, Price], symbol: str) -> Decimal:
    """Return what a position is worth; all there is where it has no price, so nothing is added."""
    price = prices.get(symbol)
    return book.shares[symbol] * price.ask if price else book.equity


def _bought(found: Sequence[Sized]) -> int:
    return sum(one.shares > 0 for one in found)
