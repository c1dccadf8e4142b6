"""What the exchange's things look like in Alpaca's JSON: decimals as texts, times in UTC."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tools.exchange.account import Exchange, Fill, Position, asset_id, trading_day
from tools.exchange.orders import Order
from tools.exchange.prices import NEW_YORK, Bar, Quote
from tools.exchange.sessions import Sessions

PLACE = "NASDAQ"
"""Exchange that every symbol is said to be listed on."""


def text(amount: Decimal | None) -> str | None:
    """Write a number without an exponent."""
    return None if amount is None else format(amount.normalize(), "f")


def stamp(moment: datetime | None, zone: ZoneInfo | None = None) -> str | None:
    """Write a time: UTC with `Z`, or with the offset of a zone."""
    if moment is None:
        return None
    if zone:
        return moment.astimezone(zone).isoformat()
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def order(one: Order) -> dict[str, Any]:
    """Write an order."""
    asked = one.request
    intent = "buy_to_open" if asked.side == "buy" else "sell_to_close"
    return {
        "id": one.id,
        "client_order_id": one.client_order_id,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at or one.created_at),
        "submitted_at": stamp(one.created_at),
        "filled_at": stamp(one.filled_at),
        "expired_at": stamp(one.expired_at),
        "expires_at": stamp(one.expires_at),
        "canceled_at": stamp(one.canceled_at),
        "failed_at": None,
        "replaced_at": stamp(one.replaced_at),
        "replaced_by": one.replaced_by,
        "replaces": one.replaces,
        "asset_id": one.asset_id,
        "symbol": asked.symbol,
        "asset_class": "us_equity",
        "notional": text(asked.notional),
        "qty": text(asked.qty),
        "filled_qty": text(one.filled),
        "filled_avg_price": text(one.average),
        "order_class": "",
        "order_type": asked.type,
        "type": asked.type,
        "side": asked.side,
        "position_intent": intent,
        "time_in_force": asked.time_in_force,
        "limit_price": text(asked.limit_price),
        "stop_price": text(asked.stop_price),
        "status": one.status,
        "extended_hours": asked.extended_hours,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
    }


def account(exchange: Exchange, number: str, account_id: str) -> dict[str, Any]:
    """Write the account."""
    invested = exchange.equity - exchange.cash
    return {
        "id": account_id,
        "account_number": number,
        "status": "ACTIVE",
        "currency": "USD",
        "cash": text(exchange.cash.quantize(Decimal("0.01"))),
        "portfolio_value": text(exchange.equity.quantize(Decimal("0.01"))),
        "equity": text(exchange.equity.quantize(Decimal("0.01"))),
        "last_equity": text(exchange.last_equity.quantize(Decimal("0.01"))),
        "long_market_value": text(invested.quantize(Decimal("0.01"))),
        "short_market_value": "0",
        "initial_margin": text(invested.quantize(Decimal("0.01"))),
        "maintenance_margin": "0",
        "last_maintenance_margin": "0",
        "buying_power": text(exchange.buying_power.quantize(Decimal("0.01"))),
        "regt_buying_power": text(exchange.buying_power.quantize(Decimal("0.01"))),
        "non_marginable_buying_power": text(exchange.buying_power.quantize(Decimal("0.01"))),
        "multiplier": "1",
        "shorting_enabled": False,
        "pattern_day_trader": False,
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "created_at": stamp(datetime(2020, 1, 1, tzinfo=UTC)),
    }


def position(exchange: Exchange, held: Position) -> dict[str, Any]:
    """Write a position; fractions are fractions, 0.2 is 20 %."""
    worth = exchange.worth(held)
    price = worth / held.shares
    bars = exchange.prices.bars(
        held.symbol, date.fromisoformat(trading_day(exchange.sessions.last(exchange.now)[0]))
    )
    before = Decimal(str(bars[-2].close)) if len(bars) > 1 else price
    gain, today = worth - held.cost, (price - before) * held.shares
    return {
        "asset_id": asset_id(held.symbol),
        "symbol": held.symbol,
        "exchange": PLACE,
        "asset_class": "us_equity",
        "asset_marginable": False,
        "qty": text(held.shares),
        "qty_available": text(exchange.available(held.symbol)),
        "avg_entry_price": text((held.cost / held.shares).quantize(Decimal("0.000001"))),
        "side": "long",
        "market_value": text(worth.quantize(Decimal("0.000001"))),
        "cost_basis": text(held.cost.quantize(Decimal("0.000001"))),
        "unrealized_pl": text(gain.quantize(Decimal("0.000001"))),
        "unrealized_plpc": text((gain / held.cost).quantize(Decimal("0.000001"))),
        "unrealized_intraday_pl": text(today.quantize(Decimal("0.000001"))),
        "unrealized_intraday_plpc": text((price / before - 1).quantize(Decimal("0.000001"))),
        "current_price": text(price.quantize(Decimal("0.0001"))),
        "lastday_price": text(before),
        "change_today": text((price / before - 1).quantize(Decimal("0.000001"))),
    }


def asset(symbol: str) -> dict[str, Any]:
    """Write what can be traded."""
    return {
        "id": asset_id(symbol),
        "class": "us_equity",
        "exchange": PLACE,
        "symbol": symbol,
        "name": f"{symbol} Common Stock",
        "status": "active",
        "tradable": True,
        "marginable": False,
        "shortable": False,
        "easy_to_borrow": False,
        "borrow_status": "hard_to_borrow",
        "fractionable": True,
    }


def clock(exchange: Exchange) -> dict[str, Any]:
    """Write whether the exchange is open, with New York's offset as Alpaca does."""
    return {
        "timestamp": stamp(exchange.now, NEW_YORK),
        "is_open": exchange.sessions.is_open(exchange.now),
        "next_open": stamp(exchange.sessions.next(exchange.now)[0], NEW_YORK),
        "next_close": stamp(exchange.sessions.closes_after(exchange.now), NEW_YORK),
    }


def calendar(sessions: Sessions, start: date, end: date) -> list[dict[str, str]]:
    """Write sessions; times of day are New York's."""
    found = []
    for day in sessions.days(start, end):
        opens, closes = (moment.astimezone(NEW_YORK) for moment in sessions.of(day))
        found.append(
            {
                "date": day.isoformat(),
                "open": f"{opens:%H:%M}",
                "close": f"{closes:%H:%M}",
                "session_open": "0400",
                "session_close": "2000",
                "settlement_date": sessions.ahead(day, 1).isoformat(),
            }
        )
    return found


def fill(one: Fill) -> dict[str, Any]:
    """Write an execution as an account activity."""
    return {
        "id": f"{one.at:%Y%m%d%H%M%S}000::{one.id}",
        "activity_type": "FILL",
        "transaction_time": stamp(one.at),
        "type": "fill" if one.order.status == "filled" else "partial_fill",
        "price": text(one.price),
        "qty": text(one.shares),
        "side": one.order.request.side,
        "symbol": one.order.request.symbol,
        "leaves_qty": text(max(one.order.left(one.price), Decimal(0))),
        "order_id": one.order.id,
        "cum_qty": text(one.order.filled),
        "order_status": one.order.status,
    }


def bar(sessions: Sessions, one: Bar, factor: float = 1.0) -> dict[str, Any]:
    """Write a daily bar, stamped as Alpaca does: midnight in New York at the start of its day."""
    midnight = datetime(one.day.year, one.day.month, one.day.day, tzinfo=NEW_YORK)
    o, h, low, c = (round(v * factor, 4) for v in (one.open, one.high, one.low, one.close))
    return {
        "t": stamp(midnight),
        "o": o,
        "h": h,
        "l": low,
        "c": c,
        "v": round(one.volume / factor),
        "n": max(one.volume // 100, 1),
        "vw": round((h + low + c) / 3, 4),
    }


def quote(one: Quote) -> dict[str, Any]:
    """Write a quote; its sizes are round lots, which nobody checks on paper."""
    return {
        "t": stamp(one.at),
        "ax": "Q",
        "ap": float(one.ask),
        "as": 1,
        "bx": "Q",
        "bp": float(one.bid),
        "bs": 1,
        "c": ["R"],
        "z": "C",
    }


def trade(one: Quote) -> dict[str, Any]:
    """Write the last trade."""
    return {
        "t": stamp(one.at),
        "x": "Q",
        "p": float(one.last),
        "s": 100,
        "c": ["@"],
        "i": 1,
        "z": "C",
    }


def history(exchange: Exchange) -> dict[str, Any]:
    """Write the equity at each close that was lived through."""
    times: Sequence[datetime] = sorted(exchange.equity_at)
    equity = [exchange.equity_at[moment] for moment in times]
    base = equity[0] if equity else exchange.equity
    gains = [float(value - base) for value in equity]
    return {
        "timestamp": [int(moment.timestamp()) for moment in times],
        "equity": [float(value) for value in equity],
        "profit_loss": gains,
        "profit_loss_pct": [gain / float(base) for gain in gains],
        "base_value": float(base),
        "timeframe": "1D",
    }
