"""The prices of the list, said by code."""

import re
from collections.abc import Collection, Sequence

from graphs.sdr.facts import money
from graphs.sdr.turn import Turn
from tools.organisation import Item, Prices


def on_offer(prices: Prices) -> list[Item]:
    """Return what is sold by the period on its own."""
    return [item for item in prices.items if item.period and not item.addon]


def named(text: str, prices: Prices) -> list[Item]:
    """Return what of the list a text names, by name or id: "Voice add-on", "voice"."""
    return [item for item in prices.items if place(text, item) >= 0]


def place(text: str, item: Item) -> int:
    """Return where a text names an article, in characters; -1 where it does not."""
    names = "|".join(re.escape(name).replace(r"\ ", r"\W+") for name in (item.name, item.id))
    match = re.search(rf"(?<![\w'-])(?:{names})(?![\w'-])", text, re.IGNORECASE)
    return match.start() if match else -1


def price_list(turn: Turn, items: Sequence[Item] | None = None) -> tuple[str, ...]:
    """Return a sentence for the price of each item; of all that are on offer when None."""
    prices = turn.organisation.prices
    if prices is None:
        return ()
    listed = items if items is not None else on_offer(prices)
    return tuple(
        turn.say(
            "price.list",
            name=item.name,
            price=money(item.price, prices.currency),
            unit=item.unit,
            period=turn.say(f"per.{item.period or 'once'}"),
        )
        for item in listed
    )


def discount_list(turn: Turn, ids: Collection[str] = ()) -> tuple[str, ...]:
    """Return a sentence for each discount of those ids, of all without one; or that none is."""
    prices = turn.organisation.prices
    if prices is None or not prices.discounts:
        return (turn.say("price.no_discount"),)
    return tuple(
        turn.say("price.discount", name=one.name, percent=f"{one.percent.normalize():f}")
        for one in prices.discounts
        if one.id in ids or not ids
    )
