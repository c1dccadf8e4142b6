"""Alpaca by `alpaca-py`, with what that client lacks: deadlines, no blind repeats, plain errors.

The client repeats a POST by itself when it is answered 429 or 504, and waits for ever for an answer
(versions up to 0.44 at least). Here it does neither: what was not answered is `Unsure`, and only
`tools/broker/broker.py` decides what then happens. It runs off the event loop.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import requests
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.models import Clock, Order, PortfolioHistory, Position, TradeAccount
from alpaca.trading.requests import (
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
)
from requests.adapters import HTTPAdapter

from store.intents import Intent, State

TIMEOUT_SECS: Final = 10.0
"""Longest wait for an answer, in seconds."""
MOST_ORDERS: Final = 500
_DUPLICATE: Final = "client_order_id must be unique"
_SURE: Final = frozenset({400, 401, 403, 404, 405, 422})
"""Answers after which nothing has happened."""
_STATES: Final[dict[OrderStatus, State]] = {
    OrderStatus.FILLED: "filled",
    OrderStatus.PARTIALLY_FILLED: "partially_filled",
    OrderStatus.CANCELED: "canceled",
    OrderStatus.DONE_FOR_DAY: "canceled",
    OrderStatus.EXPIRED: "expired",
    OrderStatus.REJECTED: "rejected",
    OrderStatus.REPLACED: "canceled",
}
"""Those after which nothing follows, and a part; all others are `accepted`."""

T = TypeVar("T")


class Refused(Exception):
    """The broker has said no; nothing has happened."""


class Duplicate(Refused):
    """The broker has had an order of that `client_order_id`."""


class Unsure(Exception):
    """There was no answer that tells whether something has happened."""


class NoQuote(LookupError):
    """There is no price to buy or sell at."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as the broker has it."""

    order_id: str
    client_order_id: str
    symbol: str
    side: str
    qty: Decimal
    state: State
    filled_qty: Decimal
    average_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Held:
    """A position as the broker has it."""

    symbol: str
    qty: Decimal
    average_price: Decimal
    price: Decimal
    market_value: Decimal
    gain: Decimal
    """Not realised, USD."""
    gain_pct: Decimal
    """Percent, 12.5 is 12.5 %."""
    today_pct: Decimal
    """Change of the price since the last close, percent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The account as the broker has it, USD."""

    number: str
    equity: Decimal
    last_equity: Decimal
    cash: Decimal
    buying_power: Decimal
    blocked: bool


@dataclass(frozen=True, slots=True)
class Worth:
    """What the account was worth at a time, USD."""

    at: datetime
    equity: Decimal
    gain: Decimal
    """Since the first of them."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The best prices of a share now, USD."""

    bid: Decimal
    ask: Decimal
    at: datetime


class _Deadline(HTTPAdapter):
    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        options["timeout"] = options.get("timeout") or TIMEOUT_SECS
        return super().send(request, **options)


class AlpacaAccount:
    """One account with Alpaca, or with the local exchange.

    Args:
        key: id of the API key.
        secret: its secret.
        paper: whether it is paper trading.
        url: another address than Alpaca's.
        data_url: another address of the market data; `url` if missing.
    """

    def __init__(
        self,
        key: str,
        secret: str,
        *,
        paper: bool = True,
        url: str | None = None,
        data_url: str | None = None,
    ) -> None:
        self._trading = TradingClient(key, secret, paper=paper, url_override=url)
        self._data = StockHistoricalDataClient(key, secret, url_override=data_url or url)
        for client in (self._trading, self._data):
            client._retry = 0
            for scheme in ("https://", "http://"):
                client._session.mount(scheme, _Deadline())

    async def standing(self) -> Standing:
        """Return the account.

        Raises:
            Refused, Unsure: it was not told.
        """
        found = await self._ask(self._trading.get_account)
        assert isinstance(found, TradeAccount)  # noqa: S101 - raw answers are not asked for
        return Standing(
            str(found.account_number),
            _money(found.equity),
            _money(found.last_equity),
            _money(found.cash),
            _money(found.buying_power),
            bool(found.trading_blocked or found.account_blocked or found.trade_suspended_by_user),
        )

    async def positions(self) -> list[Held]:
        """Return what is held.

        Raises:
            Refused, Unsure: it was not told.
        """
        found = await self._ask(self._trading.get_all_positions)
        return [_held(one) for one in found if isinstance(one, Position)]

    async def history(self, period: str = "1A") -> list[Worth]:
        """Return what the account was worth at the end of each day, the oldest first.

        Args:
            period: how far back, a number with D, W, M or A (years).

        Raises:
            Refused, Unsure: it was not told.
        """
        request = GetPortfolioHistoryRequest(period=period, timeframe="1D")
        found = await self._ask(lambda: self._trading.get_portfolio_history(request))
        assert isinstance(found, PortfolioHistory)  # noqa: S101 - raw answers are not asked for
        rows = zip(found.timestamp, found.equity, found.profit_loss, strict=True)
        return [
            Worth(datetime.fromtimestamp(at, UTC), _money(equity), _money(gain))
            for at, equity, gain in rows
            if equity  # days before the account was opened have none
        ]

    async def submit(self, intent: Intent) -> Placed:
        """Place the order of an intent, under its id, once.

        Raises:
            Duplicate: the broker has had it.
            Refused: it is not taken.
            Unsure: nobody knows.
        """
        terms = intent.terms
        request = LimitOrderRequest(
            symbol=terms.symbol,
            qty=float(terms.qty),
            side=OrderSide(terms.side),
            time_in_force=TimeInForce.DAY,
            limit_price=float(terms.limit_price),
            client_order_id=intent.id,
        )
        return _placed(await self._ask(lambda: self._trading.submit_order(request)))

    async def find(self, client_order_id: str) -> Placed | None:
        """Return the order of that `client_order_id`; None where the broker has none.

        Raises:
            Refused, Unsure: it was not told.
        """

        def look() -> Any:
            return self._trading.get_order_by_client_id(client_order_id)

        try:
            return _placed(await self._ask(look))
        except _NotFound:
            return None

    async def open_orders(self) -> list[Placed]:
        """Return the orders of which more may come.

        Raises:
            Refused, Unsure: they were not told.
        """
        request = GetOrdersRequest(status=QueryOrderStatus.OPEN, limit=MOST_ORDERS)
        return [_placed(one) for one in await self._ask(lambda: self._trading.get_orders(request))]

    async def cancel(self, order_id: str) -> None:
        """Ask for an order to be cancelled; what came of it, `find` tells.

        Raises:
            Refused: it is over already.
            Unsure: nobody knows.
        """
        await self._ask(lambda: self._trading.cancel_order_by_id(order_id))

    async def quotes(self, symbols: Sequence[str]) -> dict[str, Spread]:
        """Return the best prices now; symbols without both are missing.

        Raises:
            Refused, Unsure: they were not told.
        """
        request = StockLatestQuoteRequest(symbol_or_symbols=list(symbols))
        found = await self._ask(lambda: self._data.get_stock_latest_quote(request))
        return {
            symbol: Spread(_money(one.bid_price), _money(one.ask_price), one.timestamp)
            for symbol, one in found.items()
            if one.bid_price > 0 and one.ask_price > 0
        }

    async def quote(self, symbol: str) -> Spread:
        """Return the best prices of one symbol.

        Raises:
            NoQuote: there are none.
            Refused, Unsure: they were not told.
        """
        found = await self.quotes([symbol])
        if symbol not in found:
            raise NoQuote(f"There is no price for {symbol} now; nothing is done without one.")
        return found[symbol]

    async def clock(self) -> Clock:
        """Return whether the exchange is open, and when it will be.

        Raises:
            Refused, Unsure: it was not told.
        """
        found = await self._ask(self._trading.get_clock)
        assert isinstance(found, Clock)  # noqa: S101 - raw answers are not asked for
        return found

    async def _ask(self, call: Callable[[], T]) -> T:
        def plainly() -> T:
            with _plain_errors():
                return call()

        try:
            async with asyncio.timeout(2 * TIMEOUT_SECS):
                return await asyncio.to_thread(plainly)
        except TimeoutError as error:
            raise Unsure("The broker did not answer in time.") from error


class _NotFound(Refused):
    pass


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what the client raises into what is known."""
    try:
        yield
    except APIError as error:
        status, message = error.status_code or 0, _message(str(error))
        if status == 404:
            raise _NotFound(message) from error
        if status == 422 and _DUPLICATE in message:
            raise Duplicate(message) from error
        if status in _SURE and message:
            raise Refused(f"The broker refuses: {message} ({status}).") from error
        raise Unsure(f"The broker answered {status or 'nothing'}.") from error
    except (requests.RequestException, ValueError) as error:  # ValueError: an answer cut short
        raise Unsure(f"The broker gave no answer ({type(error).__name__}).") from error


def _message(body: str) -> str:
    """Return the message of an error's body; empty where it is a page and not Alpaca's."""
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    return str(told.get("message", "")) if isinstance(told, dict) else ""


def _placed(order: Any) -> Placed:
    assert isinstance(order, Order)  # noqa: S101 - raw answers are not asked for
    return Placed(
        str(order.id),
        order.client_order_id,
        order.symbol or "",
        order.side.value if order.side else "",
        _money(order.qty),
        _STATES.get(order.status, "accepted"),
        _money(order.filled_qty),
        _money(order.filled_avg_price) if order.filled_avg_price is not None else None,
    )


def _held(position: Position) -> Held:
    return Held(
        position.symbol,
        _money(position.qty),
        _money(position.avg_entry_price),
        _money(position.current_price),
        _money(position.market_value),
        _money(position.unrealized_pl),
        _money(position.unrealized_plpc) * 100,
        _money(position.change_today) * 100,
    )


def _money(value: object) -> Decimal:
    return Decimal(str(value)) if value is not None else Decimal(0)


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)
