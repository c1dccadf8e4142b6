"""The exchange: one cash account, its orders and positions, and what time does to them. Pure.

Nothing here reads a clock: `Exchange.advance` is told the time, and fills what can be filled.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from tools.exchange.orders import Order, Refused, Request, check
from tools.exchange.prices import NEW_YORK, Prices, Quote
from tools.exchange.sessions import Sessions

BUFFER: Final = Decimal("1.025")
"""What a market order to buy is valued at, over the price."""
_ASSETS: Final = uuid.UUID("8f2b6a52-5d7f-4f3c-9f3e-0d4a3b1c2e10")

Happening = Literal["new", "fill", "partial_fill", "canceled", "expired", "replaced"]
Listener = Callable[[Happening, Order, Decimal | None, Decimal | None], None]
"""Is told what happened to an order, with price and number of shares where it was filled."""


@dataclass(slots=True)
class Position:
    """Shares held, more than none."""

    symbol: str
    shares: Decimal
    cost: Decimal
    """USD paid for them."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution."""

    id: str
    order: Order
    shares: Decimal
    price: Decimal
    at: datetime


class Exchange:
    """One account on one exchange.

    Args:
        prices: what is traded, and for how much.
        sessions: when.
        now: time at the start, UTC.
        cash: in the account at the start, USD.
    """

    def __init__(
        self, prices: Prices, sessions: Sessions, now: datetime, cash: Decimal = Decimal(100_000)
    ) -> None:
        self.prices, self.sessions, self.now = prices, sessions, now
        self.cash = cash
        self.orders: dict[str, Order] = {}
        self.positions: dict[str, Position] = {}
        self.fills: list[Fill] = []
        self.equity_at: dict[datetime, Decimal] = {}
        """Equity at the close of each session that was lived through."""
        self.listeners: list[Listener] = []
        self._by_client_id: dict[str, Order] = {}
        self.started_with = cash

    # What is asked

    def submit(self, asked: Request) -> Order:
        """Take an order.

        Raises:
            Refused: as Alpaca does.
        """
        return self._take(asked, None)

    def _take(self, asked: Request, replaced: Order | None) -> Order:
        check(asked, tradable=asked.symbol in self.prices.symbols)
        client_id = asked.client_order_id or str(uuid.uuid4())
        if client_id in self._by_client_id:
            raise Refused(422, 40010001, "client_order_id must be unique")
        self._afford(asked, replaced)
        order = Order(
            asked,
            client_id,
            asset_id(asked.symbol),
            self.now,
            self._expiry(asked),
            replaces=replaced.id if replaced else None,
        )
        self.remember(order)
        self._happened("new", order)
        if self.sessions.is_open(self.now):
            order.status = "new"
        return order

    def remember(self, order: Order) -> None:
        """Know an order by both its ids."""
        self.orders[order.id] = self._by_client_id[order.client_order_id] = order

    def order(self, order_id: str) -> Order:
        """Return an order by the exchange's id.

        Raises:
            Refused: there is none.
        """
        if order_id not in self.orders:
            raise Refused(404, 40410000, f"order not found for {order_id}")
        return self.orders[order_id]

    def by_client_id(self, client_id: str) -> Order:
        """Return an order by the client's id.

        Raises:
            Refused: there is none.
        """
        if client_id not in self._by_client_id:
            raise Refused(404, 40410000, f"order not found for {client_id}")
        return self._by_client_id[client_id]

    def cancel(self, order_id: str) -> None:
        """Cancel what is left of an order.

        Raises:
            Refused: it is over already.
        """
        order = self.order(order_id)
        if not order.is_open:
            raise Refused(422, 42210000, f'order is already in "{order.status}" state')
        order.status, order.canceled_at = "canceled", self.now
        self._happened("canceled", order)

    def replace(self, order_id: str, changes: dict[str, object]) -> Order:
        """Put another order in the place of one.

        Raises:
            Refused: it is over already, or the other one is refused.
        """
        old = self.order(order_id)
        if not old.is_open:
            raise Refused(422, 42210000, f'order is already in "{old.status}" state')
        merged = old.request.model_dump() | {"client_order_id": None} | changes
        new = self._take(Request.model_validate(merged), old)
        old.status, old.replaced_at, old.replaced_by = "replaced", self.now, new.id
        self._happened("replaced", old)
        return new

    def close(self, symbol: str, shares: Decimal | None, percentage: Decimal | None) -> Order:
        """Sell a position, or a part of it.

        Args:
            symbol: what is held.
            shares: how many; None for all, or for a percentage.
            percentage: from 0 to 100, of the shares.

        Raises:
            Refused: there is no such position, or its shares are held by open orders.
        """
        position = self.position(symbol)
        if shares is not None and percentage is not None:
            raise Refused(422, 40010001, "qty and percentage cannot both be given")
        if percentage is not None:
            if not 0 < percentage <= 100:
                raise Refused(422, 40010001, "percentage must be between 0 and 100")
            shares = (position.shares * percentage / 100).quantize(Decimal("0.000000001"))
        asked = Request(symbol=symbol, side="sell", qty=shares or position.shares)
        return self.submit(asked)

    def position(self, symbol: str) -> Position:
        """Return what is held of a symbol.

        Raises:
            Refused: nothing is.
        """
        if symbol not in self.positions:
            raise Refused(404, 40410000, "position does not exist")
        return self.positions[symbol]

    # What it is worth

    def quote(self, symbol: str) -> Quote | None:
        """Return the price of a share now."""
        return self.prices.at(symbol, self.now, *self.sessions.last(self.now))

    def worth(self, position: Position) -> Decimal:
        """Return what a position could be sold for at its last price."""
        quote = self.quote(position.symbol)
        return position.shares * (quote.last if quote else position.cost / position.shares)

    @property
    def equity(self) -> Decimal:
        """What the account is worth."""
        return self.cash + sum((self.worth(p) for p in self.positions.values()), Decimal(0))

    @property
    def last_equity(self) -> Decimal:
        """What it was worth at the last close."""
        return self.equity_at[max(self.equity_at)] if self.equity_at else self.started_with

    @property
    def buying_power(self) -> Decimal:
        """Cash that no open order to buy has a claim on."""
        return self.cash - sum((self._claim(o) for o in self.orders.values()), Decimal(0))

    def available(self, symbol: str) -> Decimal:
        """Return the shares that no open order sells."""
        held = self.positions[symbol].shares if symbol in self.positions else Decimal(0)
        return held - sum(
            (
                o.left(Decimal(1))
                for o in self.orders.values()
                if o.is_open and o.request.side == "sell" and o.request.symbol == symbol
            ),
            Decimal(0),
        )

    # Time

    def advance(self, now: datetime) -> None:
        """Let it be later: fill what can be filled now, and end what has lasted long enough.

        What would have been filled in between is filled at the price of the later moment.

        Raises:
            ValueError: it would be earlier.
        """
        if now < self.now:
            raise ValueError(f"It is {self.now:%Y-%m-%d %H:%M:%S} already.")
        while (close := self.sessions.closes_after(self.now)) <= now:
            self.now = max(close - timedelta(seconds=1), self.now)
            self._fill()
            self.now = close
            self._expire()
            self.equity_at[close] = self.equity
        self.now = now
        self._expire()
        self._fill()

    def _fill(self) -> None:
        if not self.sessions.is_open(self.now):
            return
        for order in list(self.orders.values()):
            if not order.is_open:
                continue
            order.status = "new" if order.status == "accepted" else order.status
            quote = self.quote(order.request.symbol)
            price = order.marketable(quote.bid, quote.ask, quote.last) if quote else None
            if price is not None:
                self._execute(order, price)
            elif order.request.time_in_force in ("ioc", "fok"):
                self.cancel(order.id)

    def _execute(self, order: Order, price: Decimal) -> None:
        wanted = order.left(price)
        shares = min(wanted, order.most_now) if order.most_now is not None else wanted
        order.most_now = None
        buying = order.request.side == "buy"
        if buying and shares * price > self.cash:  # the price ran away from a market order
            shares = (self.cash / price).to_integral_value("ROUND_DOWN")
        if shares <= 0:
            return
        self.fills.append(Fill(str(uuid.uuid4()), order, shares, price, self.now))
        self.cash -= shares * price if buying else -shares * price
        self._hold(order.request.symbol, shares if buying else -shares, price)
        order.filled += shares
        order.paid += shares * price
        whole = order.left(price) <= 0
        order.status = "filled" if whole else "partially_filled"
        order.filled_at = self.now if whole else None
        self._happened("fill" if whole else "partial_fill", order, price, shares)

    def _hold(self, symbol: str, change: Decimal, price: Decimal) -> None:
        position = self.positions.setdefault(symbol, Position(symbol, Decimal(0), Decimal(0)))
        if change < 0:
            position.cost += change * position.cost / position.shares
        else:
            position.cost += change * price
        position.shares += change
        if position.shares <= 0:
            del self.positions[symbol]

    def _expire(self) -> None:
        for order in self.orders.values():
            if order.is_open and self.now >= order.expires_at:
                order.status, order.expired_at = "expired", self.now
                self._happened("expired", order)

    def _expiry(self, asked: Request) -> datetime:
        if asked.time_in_force == "gtc":
            return self.now + timedelta(days=90)
        return self.sessions.closes_after(self.now)

    # What can be afforded

    def _afford(self, asked: Request, replaced: Order | None) -> None:
        free = self._claim(replaced) if replaced else Decimal(0)
        if asked.side == "sell":
            held = replaced.left(Decimal(1)) if replaced else Decimal(0)
            self._owned(asked, held)
        elif (needed := self._cost(asked)) > self.buying_power + free:
            raise Refused(
                403,
                40310000,
                "insufficient buying power",
                buying_power=str(self.buying_power.quantize(Decimal("0.01"))),
                cost_basis=str(needed.quantize(Decimal("0.01"))),
            )
        against = next(
            (
                o
                for o in self.orders.values()
                if o.is_open and o.request.symbol == asked.symbol and o.request.side != asked.side
            ),
            None,
        )
        if against is not None and "market" in (asked.type, against.request.type):
            raise Refused(
                403,
                40310000,
                "potential wash trade detected. use complex orders",
                existing_order_id=against.id,
                reject_reason="opposite side market/stop order exists",
            )

    def _owned(self, asked: Request, freed: Decimal) -> None:
        if asked.symbol not in self.positions:
            raise Refused(403, 40310000, "account is not allowed to short")
        quote = self.quote(asked.symbol)
        wanted = asked.qty or (asked.notional or Decimal(0)) / (quote.bid if quote else Decimal(1))
        available = self.available(asked.symbol) + freed
        if wanted > available:
            held = self.positions[asked.symbol].shares
            raise Refused(
                403,
                40310000,
                f"insufficient qty available for order (requested: {wanted}, available: "
                f"{available})",
                available=str(available),
                existing_qty=str(held),
                held_for_orders=str(held - available),
                symbol=asked.symbol,
            )

    def _cost(self, asked: Request) -> Decimal:
        if asked.notional is not None:
            return asked.notional
        quote = self.quote(asked.symbol)
        price = asked.limit_price or (quote.ask * BUFFER if quote else Decimal(0))
        return (asked.qty or Decimal(0)) * price

    def _claim(self, order: Order) -> Decimal:
        if not order.is_open or order.request.side != "buy":
            return Decimal(0)
        if order.request.notional is not None:
            return order.request.notional - order.paid
        asked = order.request.model_copy(update={"qty": order.left(Decimal(1))})
        return self._cost(asked)

    def _happened(
        self,
        what: Happening,
        order: Order,
        price: Decimal | None = None,
        shares: Decimal | None = None,
    ) -> None:
        order.updated_at = self.now
        for listener in self.listeners:
            listener(what, order, price, shares)


def asset_id(symbol: str) -> str:
    """Return the id under which the exchange knows a symbol; the same everywhere."""
    return str(uuid.uuid5(_ASSETS, symbol))


def trading_day(now: datetime) -> str:
    """Return the day in New York, as the exchange writes it."""
    return now.astimezone(NEW_YORK).date().isoformat()
