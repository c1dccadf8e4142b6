"""The words of the approval: question, read-back, and what became of it. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

from graphs.stocks.approval.picks import Pick, name_of, spelled
from graphs.stocks.opinion import Opinion
from store.approvals import Approval
from store.intents import Terms
from tools.approving import Order

Outcome = Literal["filled", "partly_filled", "open", "rejected", "unknown", "not_sent"]
"""What became of approved orders as a whole, the best that is true of all of them."""

OFFER: Final = (
    "Shall I place the {orders}? Say approve or press 1, decline or press 2, hear it again or "
    "press 9. You may also ask about {them}."
)
FURTHER: Final = "Approve with 1, decline with 2, hear it again with 9, or ask more."
CODE: Final = "Please key in or say the six digits of your code, or say decline."
PLACING: Final = "Thank you. It is being placed."
CODE_KEYS: Final = "Please key in the six digits of your code."
NO_CODE: Final = "That is not six digits."
WRONG: Final = "That is not the code. {left}"
_CHANNELS: Final = {
    "phone": "on the telephone",
    "chat": "in the chat",
    "page": "on the page",
    "api": "over the API",
    "slack": "in Slack",
    "email": "by e-mail",
}


def mode(live: bool) -> str:
    """Say whether it is real money: the first words of every call and message."""
    return "This is LIVE trading, with real money." if live else "This is paper trading."


def offer(count: int) -> str:
    """Return the question."""
    one = count == 1
    return OFFER.format(
        orders="order" if one else f"{_number(count)} orders", them="it" if one else "them"
    )


def read_back(terms: Sequence[Terms], picks: Sequence[Pick] = ()) -> str:
    """Say exactly what would be ordered: symbol, side, quantity, limit."""
    lines = [
        f"{one.side.capitalize()} {_shares(one.qty)} of {_called(one.symbol, picks)}, at "
        f"{_usd(one.limit_price)} {'at most' if one.side == 'buy' else 'at least'}."
        for one in terms
    ]
    return " ".join(["The exact " + ("order" if len(lines) == 1 else "orders") + ":", *lines])


def still_open(approval: Approval) -> str:
    """Say, to whoever asks for something new, that this is open, and how it is closed."""
    orders = "an order" if len(approval.terms) == 1 else f"{_number(len(approval.terms))} orders"
    return (
        f"Your answer to {orders} is still open, until {approval.expires_at:%H:%M} UTC: "
        f"{_listed(approval.terms)}. Nothing new is begun before it is settled. Decline, then ask "
        "again; or approve it first."
    )


def _listed(terms: Sequence[Terms]) -> str:
    return ", ".join(f"{one.side} {_shares(one.qty)} of {one.symbol}" for one in terms)


def _called(symbol: str, picks: Sequence[Pick]) -> str:
    name, letters = name_of(symbol, picks), spelled(symbol)
    return letters if name == letters else f"{name}, {letters}"


def wrong(left: int) -> str:
    """Say that a code was wrong, and how often another may be tried."""
    tries = "You have one more try." if left == 1 else f"You have {_number(left)} more tries."
    return WRONG.format(left=tries)


def came_to_nothing(approval: Approval) -> str:
    """Say why nothing was bought or sold."""
    why = {
        "declined": "You said no.",
        "expired": "Nobody answered in time.",
    }.get(approval.state, approval.reason or "It was refused.")
    if approval.state == "declined" and approval.channel not in (None, "phone", "chat"):
        why = f"It was declined {_CHANNELS[str(approval.channel)]}."
    return f"{why} Nothing was bought or sold."


def answered_elsewhere(approval: Approval) -> str:
    """Say on which way an approval was given, for whoever is asked on another."""
    return f"It was approved {_CHANNELS.get(str(approval.channel), 'elsewhere')}."


def settlement(orders: Sequence[Order], picks: Sequence[Pick] = (), *, live: bool = False) -> str:
    """Say what was filled, partly filled, rejected, and what is not known."""
    said = [_became(order, name_of(order.terms.symbol, picks)) for order in orders]
    return " ".join([*said, "" if live else "This was paper trading."]).strip()


def _became(order: Order, name: str) -> str:
    terms, intent = order.terms, order.intent
    done = "bought" if terms.side == "buy" else "sold"
    filled = intent.filled_qty if intent else Decimal(0)
    price = f" at {_usd(intent.average_price)}" if intent and intent.average_price else ""
    part = f"{_number(filled)} of {_shares(terms.qty)}{price}"
    match order.state:
        case "filled":
            return f"{name}: {done} {_shares(filled)}{price}."
        case "partially_filled":
            return f"{name}: {done} {part}; the rest is open."
        case "accepted" | "planned" | "sending":
            return f"{name}: the order is placed, and open."
        case "rejected":
            return _sentence(f"{name}: rejected. {order.problem or ''}")
        case "canceled" | "expired":
            return f"{name}: {done} {part if filled else 'nothing'}; the order is over."
        case "unknown":
            return (
                f"{name}: the broker has not said whether it has the order. It is asked until it "
                "does, and nothing is ordered twice."
            )
    return _sentence(f"{name}: not ordered. {order.problem or ''}")


def outcome(orders: Sequence[Order]) -> Outcome:
    """Return what became of all orders together."""
    states = {order.state for order in orders}
    filled = any(order.intent and order.intent.filled_qty for order in orders)
    if states == {"filled"}:
        return "filled"
    if "unknown" in states:
        return "unknown"
    if filled:
        return "partly_filled"
    if states <= {"not_sent"}:
        return "not_sent"
    if states <= {"rejected", "canceled", "expired", "not_sent"}:
        return "rejected"
    return "open"


def analyst(name: str) -> str:
    """Write an analyst's name for the ear."""
    return name.replace("_", " ").replace("/", " ").capitalize()


def stances(pick: Pick) -> tuple[list[Opinion], list[Opinion]]:
    """Return the opinions for a pick and those against it, the surest first."""
    opinions = [one for one in pick.answers if isinstance(one, Opinion)]
    opinions.sort(key=lambda one: -abs(one.probability - 0.5))
    return (
        [one for one in opinions if one.probability > 0.5],
        [one for one in opinions if one.probability <= 0.5],
    )


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _usd(amount: Decimal | None) -> str:
    return f"${amount or 0:,.2f}"


def _number(count: Decimal | int) -> str:
    return f"{Decimal(count).normalize():f}"


def _shares(count: Decimal) -> str:
    return f"{_number(count)} share{'' if count == 1 else 's'}"
