"""The account and the prices of now, as the rules of risk want them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from graphs.stocks.risk import Book, Price
from tools.broker import Refused, Unsure
from tools.trading import Trading


async def prices_of(
    trading: Trading, symbols: Sequence[str], turnover: Mapping[str, float]
) -> dict[str, Price]:
    """Return the prices now; who has none is missing, and nothing of it is bought.

    Args:
        trading: what is traded with.
        symbols: of which shares.
        turnover: usual turnover of a day by symbol, USD; none where it is missing.
    """
    try:
        quotes = await trading.account.quotes(symbols)
    except (Refused, Unsure):
        return {}
    return {
        symbol: Price(one.ask, one.bid, one.at, Decimal(str(round(turnover.get(symbol, 0.0), 2))))
        for symbol, one in quotes.items()
    }


async def book_of(
    trading: Trading, now: datetime, run_id: str | None = None
) -> tuple[Book, str | None]:
    """Return the account as the broker has it, and why it may not trade, if so.

    Args:
        trading: what is traded with.
        now: time of the market.
        run_id: the run that asks; what it has proposed itself is not pending.

    Raises:
        Refused, Unsure: the broker does not tell; nothing is sized without it.
    """
    standing = await trading.account.standing()
    held = await trading.account.positions()
    highest = standing.equity
    if before := await trading.journal.last("highest_equity"):
        highest = max(highest, Decimal(before.body["usd"]))
    if before is None or highest > Decimal(before.body["usd"]):
        body = {"usd": str(highest), "account": standing.number}
        key = f"highest_equity:{standing.number}:{highest}"
        await trading.journal.append("highest_equity", body, key=key, at=now)
    pending, sold = await _proposed(trading, run_id), dict[str, datetime]()
    for intent in await trading.intents.list():
        if intent.terms.side == "buy" and not intent.is_final:
            left = intent.terms.qty - intent.filled_qty
            pending[intent.terms.symbol] += left * intent.terms.limit_price
        if intent.terms.side == "sell" and intent.filled_qty:
            sold.setdefault(intent.terms.symbol, intent.updated_at)
    book = Book(
        equity=standing.equity,
        cash=standing.cash,
        last_close_equity=standing.last_equity,
        highest_equity=highest,
        shares={one.symbol: one.qty for one in held},
        pending=pending,
        sold_at=sold,
    )
    return book, "The broker has blocked the account." if standing.blocked else None


async def _proposed(trading: Trading, but: str | None) -> defaultdict[str, Decimal]:
    """Return what proposals of other runs may still buy, USD by symbol."""
    found, now = defaultdict[str, Decimal](Decimal), datetime.now(UTC)
    for approval in await trading.approvals.list("open"):
        if approval.run_id != but and approval.expires_at > now:
            for one in approval.terms:
                if one.side == "buy":
                    found[one.symbol] += one.qty * one.limit_price
    return found
