"""What an exchange remembers over a restart: one JSON file, written whole before an answer goes."""

import json
import os
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tools.exchange.account import Exchange, Fill, Position
from tools.exchange.orders import Order, Request
from tools.exchange.prices import Prices
from tools.exchange.sessions import Sessions

_ORDER = TypeAdapter(Order)
_POSITION = TypeAdapter(Position)


def keep(exchange: Exchange, path: Path) -> None:
    """Write down all that an exchange knows; a crash leaves the file as it was or as it is now."""
    told = {
        "now": exchange.now.isoformat(),
        "cash": str(exchange.cash),
        "started_with": str(exchange.started_with),
        "orders": [_plain(order) for order in exchange.orders.values()],
        "positions": [_POSITION.dump_python(p, mode="json") for p in exchange.positions.values()],
        "fills": [
            {**asdict(fill), "order": fill.order.id, "shares": str(fill.shares)}
            for fill in exchange.fills
        ],
        "equity_at": {at.isoformat(): str(value) for at, value in exchange.equity_at.items()},
    }
    beside = path.with_suffix(".new")
    with beside.open("w") as file:
        json.dump(told, file, default=str)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def reopen(path: Path, prices: Prices, sessions: Sessions) -> Exchange:
    """Return the exchange as it was written down.

    Raises:
        ValueError: the file is no exchange's.
    """
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        now = datetime.fromisoformat(told["now"])
        exchange = Exchange(prices, sessions, now, Decimal(told["started_with"]))
        exchange.cash = Decimal(told["cash"])
        for order in map(_ORDER.validate_python, told["orders"]):
            exchange.remember(order)
        for position in map(_POSITION.validate_python, told["positions"]):
            exchange.positions[position.symbol] = position
        for fill in told["fills"]:
            order = exchange.orders[fill["order"]]
            at = datetime.fromisoformat(fill["at"])
            shares, price = Decimal(fill["shares"]), Decimal(fill["price"])
            exchange.fills.append(Fill(fill["id"], order, shares, price, at))
        for at, value in told["equity_at"].items():
            exchange.equity_at[datetime.fromisoformat(at)] = Decimal(value)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not hold an exchange: {error}") from error
    return exchange


def _plain(order: Order) -> dict[str, Any]:
    plain: dict[str, Any] = _ORDER.dump_python(order, mode="json")
    return plain | {"request": Request.model_dump(order.request, mode="json")}
