"""Orders: what is asked, what is refused in Alpaca's words, and what an order is now."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

Side = Literal["buy", "sell"]
Kind = Literal["market", "limit", "stop", "stop_limit"]
Force = Literal["day", "gtc", "ioc", "fok", "opg", "cls"]
Status = Literal[
    "accepted",
    "new",
    "partially_filled",
    "filled",
    "canceled",
    "expired",
    "replaced",
    "pending_cancel",
    "rejected",
]
OPEN: Final = frozenset({"accepted", "new", "partially_filled", "pending_cancel"})
LONGEST_CLIENT_ID: Final = 128


class Refused(Exception):
    """The exchange does not do what was asked.

    Attributes:
        status: of the HTTP answer.
        code: Alpaca's.
        message: for a person.
        more: further keys of the body.
    """

    def __init__(self, status: int, code: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        return {"code": self.code, "message": self.message, **self.more}


class Request(BaseModel):
    """The body of `POST /v2/orders`, as far as it is understood here."""

    model_config = ConfigDict(extra="allow")

    symbol: str = ""
    qty: Decimal | None = None
    notional: Decimal | None = None
    side: Side = "buy"
    type: Kind = "market"
    time_in_force: Force = "day"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    extended_hours: bool = False
    client_order_id: str | None = None
    order_class: str = ""


@dataclass(slots=True)
class Order:
    """An order and what became of it; quantities in shares, prices in USD."""

    request: Request
    client_order_id: str
    asset_id: str
    created_at: datetime
    expires_at: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: Status = "accepted"
    filled: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    """USD for all that was filled."""
    updated_at: datetime | None = None
    filled_at: datetime | None = None
    canceled_at: datetime | None = None
    expired_at: datetime | None = None
    replaced_at: datetime | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    triggered: bool = False
    """Whether the price has reached the stop."""
    most_now: Decimal | None = None
    """Most that is filled before the next step; a fault sets it."""

    @property
    def is_open(self) -> bool:
        """Whether more of it may be filled."""
        return self.status in OPEN

    @property
    def average(self) -> Decimal | None:
        """Average price of what was filled."""
        return (self.paid / self.filled).quantize(Decimal("0.000001")) if self.filled else None

    def left(self, price: Decimal) -> Decimal:
        """Return how many shares are still wanted at a price."""
        if self.request.qty is not None:
            return self.request.qty - self.filled
        wanted = (self.request.notional or Decimal(0)) - self.paid
        return (wanted / price).quantize(Decimal("0.000000001"))

    def marketable(self, bid: Decimal, ask: Decimal, last: Decimal) -> Decimal | None:
        """Return the price at which it is filled now; None where it waits."""
        asked, buying = self.request, self.request.side == "buy"
        if asked.stop_price is not None and not self.triggered:
            self.triggered = last >= asked.stop_price if buying else last <= asked.stop_price
            if not self.triggered:
                return None
        price = ask if buying else bid
        if price <= 0:
            return None
        if asked.limit_price is None:
            return price
        return (
            price
            if (price <= asked.limit_price if buying else price >= asked.limit_price)
            else None
        )


def check(asked: Request, *, tradable: bool) -> None:
    """Check what an order says by itself.

    Raises:
        Refused: it breaks one of Alpaca's rules, or is of a kind that is not traded here.
    """
    if not tradable:
        raise Refused(422, 42210000, f"asset {asked.symbol!r} not found")
    if asked.order_class not in ("", "simple"):
        raise Refused(422, 42210000, f"order class {asked.order_class!r} is not traded here")
    if (asked.qty is None) == (asked.notional is None):
        raise Refused(422, 40010001, "qty or notional is required, and only one of them")
    if asked.client_order_id is not None and len(asked.client_order_id) > LONGEST_CLIENT_ID:
        raise Refused(
            422, 40010001, f"client_order_id must be at most {LONGEST_CLIENT_ID} characters"
        )
    _check_amount(asked)
    _check_prices(asked)
    if asked.extended_hours and (
        asked.type != "limit" or asked.time_in_force not in ("day", "gtc")
    ):
        raise Refused(422, 42210000, "extended hours orders must be DAY or GTC limit orders")
    if asked.time_in_force in ("opg", "cls"):
        raise Refused(422, 42210000, f"time in force {asked.time_in_force} is not traded here")


def _check_amount(asked: Request) -> None:
    if asked.notional is not None:
        if not asked.notional.is_finite() or asked.notional < 1:
            raise Refused(422, 40010001, "notional must be >= 1.00")
        if asked.type != "market" or asked.time_in_force != "day":
            raise Refused(422, 42210000, "notional orders must be DAY market orders")
    if asked.qty is not None:
        if not asked.qty.is_finite() or asked.qty <= 0:
            raise Refused(422, 40010001, "qty must be > 0")
        if asked.qty != asked.qty.to_integral_value() and asked.time_in_force != "day":
            raise Refused(422, 42210000, "fractional orders must be DAY orders")


def _check_prices(asked: Request) -> None:
    needs = {
        "limit": ["limit_price"],
        "stop": ["stop_price"],
        "stop_limit": ["limit_price", "stop_price"],
    }
    for name in ("limit_price", "stop_price"):
        price: Decimal | None = getattr(asked, name)
        needed = name in needs.get(asked.type, [])
        if needed != (price is not None):
            word = "required" if needed else "not allowed"
            raise Refused(422, 40010001, f"{name} is {word} for {asked.type} orders")
        if price is not None and not _on_grid(price):
            raise Refused(
                422,
                42210000,
                f"invalid {name} {price}. sub-penny increment does not fulfill minimum pricing "
                "criteria",
            )


def _on_grid(price: Decimal) -> bool:
    if not price.is_finite() or price <= 0:
        return False
    try:
        return price == price.quantize(Decimal("0.01") if price >= 1 else Decimal("0.0001"))
    except InvalidOperation:
        return False
