"""Questions about the account, and not about a run: what is held, what became of orders, sales.

They are answered by code from what the broker and the records say at that moment.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal

from graphs.stocks.approval import words
from graphs.stocks.approval.picks import name_of
from tools.approving import Order
from tools.broker import Refused, Unsure
from tools.broker.alpaca import Held
from tools.trading import Trading

Topic = Literal["orders", "sale", "holdings", "verdict"]

_TOPICS: Final[dict[Topic, re.Pattern[str]]] = {
    "orders": re.compile(
        r"\b(?:did|have|has) (?:you|we|i|it|they)(?: \w+)? "
        r"(?:buy|bought|sell|sold|order|ordered|place|placed|trade|traded)\b"
        r"|\b(?:was|were|been|got) (?:\w+ ){0,2}(?:bought|sold|ordered|filled|placed|executed)\b"
        r"|\bwhat\b.*\b(?:became|become|happened|came)\b.*\b(?:it|them|orders?|trades?)\b"
        r"|\b(?:my|our|the (?:last|latest|open)) (?:last |latest |open )?(?:orders?|trades?)\b"
        r"|\border status\b|\bstatus of (?:the|that|an?) (?:order|trade)s?\b",
        re.IGNORECASE,
    ),
    "sale": re.compile(
        r"^\W*(?:(?:and|now|please|can|could|would|you|i|we|should|when|want|need|like|i'd|to|let's"
        r"|is it time|shall|must)\W+)*(?:sell|get rid of|liquidate|offload|dump)\b",
        re.IGNORECASE,
    ),
    "holdings": re.compile(
        r"\b(?:what|which|how many|how much|do|show|tell|list)\b.*\b(?:i|we)\b.*"
        r"\b(?:hold|holding|own)\b"
        r"|\bwhat do (?:i|we) have\b|\bhow (?:much|many) (?:\w+ )*(?:do|have) (?:i|we)(?: have)?\b"
        r"|\b(?:my|our) (?:positions?|holdings|balance|cash|shares|stocks)\b"
        r"|\b(?:my|our|the) (?:portfolio|account)\b|\bhow am i doing\b|\bam i (?:up|down)\b",
        re.IGNORECASE,
    ),
    "verdict": re.compile(
        r"^\W*(?:i )?(?:approved?|yes|yes please|no|declined?|cancel|confirm|go ahead|[129])\W*$",
        re.IGNORECASE,
    ),
}
SALE: Final = (
    "I propose purchases only. What is held is sold on the portfolio page, by Sell half or Sell "
    "all, with a code as well. What speaks for and against a share I tell when you say: analyse, "
    "and its name."
)
NOTHING_OPEN: Final = "Nothing waits for your answer."
SILENT: Final = "The broker does not tell now what the account holds, and I make nothing up."
NO_ORDER: Final = "No order has been placed yet."
MOST_TOLD: Final = 5
"""Positions that are named; more are counted."""
MOST_ORDERS: Final = 3


def topic_of(text: str) -> Topic | None:
    """Return what of the account a text asks about; None where it is not about it."""
    text = " ".join(text.replace("’", "'").split())
    return next((topic for topic, asks in _TOPICS.items() if asks.search(text)), None)


async def told(topic: Topic, trading: Trading, approval_id: str | None = None) -> str:
    """Answer.

    Args:
        topic: what is asked.
        trading: what is traded with.
        approval_id: what was asked of the owner last in this conversation.
    """
    match topic:
        case "sale":
            return SALE
        case "holdings":
            return await _holdings(trading)
        case "verdict" if approval_id is None:
            return NOTHING_OPEN
        case "verdict":
            return f"{NOTHING_OPEN} {await _orders(trading, approval_id)}"
    return await _orders(trading, approval_id)


async def _orders(trading: Trading, approval_id: str | None) -> str:
    """Tell what became of what was approved last, or of the newest orders of all."""
    approval = await trading.approvals.get(approval_id) if approval_id else None
    if approval is not None and approval.state not in ("open", "approved"):
        return words.came_to_nothing(approval)
    newest = await trading.intents.list()
    own = [one for one in newest if one.approved_by == approval_id]
    if not newest:
        return NO_ORDER
    orders = [
        Order(terms=one.terms, intent=one, problem=one.problem)
        for one in own or newest[:MOST_ORDERS]
    ]
    text = words.settlement(orders, live=trading.live)
    return text if own else f"The newest orders. {text}"


async def _holdings(trading: Trading) -> str:
    try:
        standing = await trading.account.standing()
        held = await trading.account.positions()
    except (Refused, Unsure):
        return SILENT
    whole = f"The account is worth ${standing.equity:,.2f}, ${standing.cash:,.2f} of it in cash."
    return f"{_positions(held)} {whole} {words.mode(trading.live)}"


def _positions(held: Sequence[Held]) -> str:
    if not held:
        return "Nothing is held."
    largest = sorted(held, key=lambda one: -one.market_value)
    said = [
        f"{one.qty.normalize():f} share{'' if one.qty == 1 else 's'} of {name_of(one.symbol)}, "
        f"worth ${one.market_value:,.2f}, a {'gain' if one.gain >= 0 else 'loss'} of "
        f"${abs(one.gain):,.2f}"
        for one in largest[:MOST_TOLD]
    ]
    more = len(held) - len(said)
    return f"You hold {'; '.join(said)}{f'; and {more} more' if more else ''}."
