"""What a caller wants the price of: which articles, for how many, with which discounts."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from graphs.sdr.grounding.claims import claims_of
from graphs.sdr.price_list import discount_list, named, on_offer, price_list
from graphs.sdr.turn import Turn
from tools.organisation import Item, Prices

MOST_LISTED: Final = 3
_OURS: Final = (
    *("your price", "your pricing", "the price", "the plans", "prices", "the cost"),
    *("does it cost", "would it cost", "will it cost", "is it", "is that", "would it be"),
    *("would that be", "how much for", "would this be", "come to", "be for", "i pay", "we pay"),
)
_FOLLOWS: Final = re.compile(
    r"^\W*(?:(?:and|ok|okay|so|then|well|um|yes|no|but)\W+)*"
    r"(?:what about|how about|what if|the|for|with|on|if|annual\w*|yearly|monthly|make it|say"
    r"|let['’]?s|\d+|und|für|et|pour|avec|y|para|con|aur)\b",
    re.IGNORECASE,
)
"""How "for 7 people with annual billing" begins, which goes on asking for a price."""


class Asked(NamedTuple):
    """A price that is asked for."""

    items: Sequence[Item] = ()
    quantity: int | None = None
    discounts: tuple[str, ...] = ()
    """Ids; those that apply to one of the articles."""

    @property
    def sold(self) -> list[Item]:
        """The articles of which so many can be bought."""
        if self.quantity is None:
            return []
        return [item for item in self.items if _sells(item, self.quantity)]

    @property
    def call(self) -> tuple[str, dict[str, Any]] | None:
        """The tool that computes it; None where it cannot be computed."""
        wanted = [{"item": item.id, "quantity": self.quantity} for item in self.sold[:MOST_LISTED]]
        if not wanted:
            return None
        return "get_price", {"items": wanted, "discounts": list(self.discounts)}

    @property
    def kept(self) -> dict[str, Any]:
        """What the next turn may go on from."""
        items = [item.id for item in self.items]
        return {"items": items, "quantity": self.quantity, "discounts": list(self.discounts)}


def goes_on(turn: Turn) -> bool:
    """Whether a turn goes on asking for the price that was asked for before."""
    prices = turn.organisation.prices
    if not turn.state.get("priced") or prices is None or not _FOLLOWS.match(turn.text):
        return False
    return bool(_counted(turn.text) or _discounts(turn.text, prices) or named(turn.text, prices))


def asked_for(turn: Turn, facts: Mapping[str, Any]) -> Asked:
    """Return what is asked for; articles on offer where none is named, none where no price is."""
    prices, heard = turn.organisation.prices, turn.heard
    follows = goes_on(turn)
    if prices is None or heard is None or heard.intent != "price" and not follows:
        return Asked()
    items, quantity = named(turn.text, prices), _counted(turn.text)
    discounts = _discounts(turn.text, prices)
    if follows:
        before: Mapping[str, Any] = turn.state.get("priced") or {}
        items = items or [item for item in prices.items if item.id in before["items"]]
        quantity = quantity or before["quantity"]
        discounts = discounts or before["discounts"]
    if quantity is None and len(items) == 1 and items[0].unit == "project":
        quantity = 1
    if not items and _of_ours(turn):
        items = [item for item in on_offer(prices) if _by_person(item)]
        quantity = quantity or _team(facts)
    elif quantity is None and any(word in f" {turn.text.lower()}" for word in _US):
        quantity = _team(facts)
    granted = [one for one in prices.discounts if one.id in discounts]
    granted = [one for one in granted if {item.id for item in items} & set(one.applies_to)]
    best = max(granted, key=lambda one: one.percent, default=None)
    return Asked(items, quantity, (best.id,) if best else ())


def bounds(turn: Turn, asked: Asked) -> tuple[str, ...]:
    """Say for how many the article is sold whose price was asked for too few or too many."""
    if len(asked.items) != 1 or asked.quantity is None or asked.sold:
        return ()
    (item,) = asked.items
    key = "price.least" if asked.quantity < item.least else "price.most"
    values = {"name": item.name, "least": item.least, "most": item.most, "unit": item.unit}
    return (turn.say(key, **values), *price_list(turn, [item]))


def other_currency(turn: Turn) -> tuple[str, ...]:
    """Say in which currency the prices are, to somebody who names another one."""
    prices = turn.organisation.prices
    named_ = next((code for code, word in _CURRENCIES.items() if word.search(turn.text)), None)
    if prices is None or named_ in (None, prices.currency) or prices.currency not in _CURRENCIES:
        return ()
    return (turn.say("price.currency", currency=turn.say(f"currency.{prices.currency}")),)


_CURRENCIES: Final = {
    "USD": re.compile(r"\bdollars?\b|\$|\bUSD\b|डॉलर", re.IGNORECASE),
    "EUR": re.compile(r"\beuros?\b|€|\bEUR\b|यूरो", re.IGNORECASE),
    "GBP": re.compile(r"\b(?:pounds?|sterling|GBP|livres|libras|pfund)\b|£", re.IGNORECASE),
    "INR": re.compile(r"\b(?:rupees?|rupaye?|INR|rupien|roupies|rupias)\b|₹|रुप", re.IGNORECASE),
}


def listed(turn: Turn) -> tuple[str, ...]:
    """Say the prices of what is named, or of what is sold by the month."""
    prices, heard = turn.organisation.prices, turn.heard
    if prices is None or heard is None or heard.intent != "price":
        return ()
    if _REDUCED.search(turn.text):
        return discount_list(turn, _discounts(turn.text, prices))
    found = named(turn.text, prices) or (on_offer(prices) if _of_ours(turn) else [])
    return price_list(turn, found[:MOST_LISTED]) if found else ()


_REDUCED: Final = re.compile(
    r"\b(?:discounts?|reductions?|deal|cheaper|save|saving|lowest|cheapest|rabatte?|remises?|descuentos?|chhoot)\b|छूट",
    re.IGNORECASE,
)
_US: Final = (" us ", " we ", " our ", " us?", " us.", " us,")


def _of_ours(turn: Turn) -> bool:
    """Whether a price that names no article is asked of ours."""
    return turn.language != "en" or any(word in turn.text.lower() for word in _OURS)


def _team(facts: Mapping[str, Any]) -> int | None:
    return int(facts["team_size"]["value"]["people"]) if "team_size" in facts else None


def _counted(text: str) -> int | None:
    counts = [claim for claim in claims_of(text) if claim.kind == "number"]
    people = [claim for claim in counts if claim.unit == "person"]
    if len(people) == 1:
        return int(float(people[0].keys[0]))
    return None


def _discounts(text: str, prices: Prices) -> tuple[str, ...]:
    """Return the ids of the discounts that a text names: "non-profit", "paid annually"."""
    said = "".join(char for char in text.lower() if char.isalnum())
    yearly = re.search(r"\byear(?:ly)?\b|\bannual", text, re.IGNORECASE)
    return tuple(
        one.id
        for one in prices.discounts
        if one.id.lower() in said or one.id == "annual" and yearly
    )


def _sells(item: Item, quantity: int) -> bool:
    """Whether so many of an article can be bought."""
    return item.least <= quantity and (item.most is None or quantity <= item.most)


def _by_person(item: Item) -> bool:
    """Whether there is one of an article for each person."""
    return any(claim.unit == "person" for claim in claims_of(f"2 {item.unit}s"))
