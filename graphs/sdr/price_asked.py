"""What a caller wants the price of: which articles, for how many, with which discounts."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

from graphs.sdr.grounding.claims import Claim, claims_of
from graphs.sdr.price_list import discount_list, named, on_offer, place, price_list
from graphs.sdr.turn import Turn
from tools.organisation import Item, Prices
from tools.pricing import MOST_UNITS

MOST_LISTED: Final = 3
_ENTITLED: Final = {
    "annual": re.compile(
        r"\byearly\b(?!\W+(?:costs?|prices?|totals?|fees?|sum)\b)|\b(?:pay|paid|paying|bill|billed"
        r"|invoiced) (?:\w+ )?(?:by|per|for) (?:the|a) (?:whole |full )?year\b"
        r"|\byear (?:up front|in advance)\b|\bjährlich|\bpar an d['’]avance",
        re.IGNORECASE,
    ),
    "nonprofit": re.compile(
        r"\b(?:charit(?:y|able)|ngo|not[- ]for[- ]profit|gemeinnützig\w*|association caritative"
        r"|sin [aá]nimo de lucro)\b",
        re.IGNORECASE,
    ),
}
"""Other words than its id for what entitles to a discount."""
_COST_OF_A_YEAR: Final = re.compile(r"\b(?:annual|yearly)\W+(?:costs?|prices?|totals?|fees?|sum)\b")
"""Asks what a year costs, and is no wish to pay by the year."""
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
_ADDS: Final = re.compile(r"^\W*(?:and|plus|also|und|et|y|aur)\b(?:\W+\w+){1,4}\W*$", re.IGNORECASE)
"""How "and guided onboarding?" is said, which asks for the price of that too."""
_TOTAL: Final = re.compile(
    r"\b(?:(?:the|in|as a|grand) total|total (?:now|then|cost|price)|altogether|all together|in all"
    r"|insgesamt|alles zusammen|au total|en tout|en total|todo junto|kul mila\w*)\b|कुल",
    re.IGNORECASE,
)
_OF_THAT: Final = re.compile(
    r"\b(?:it|that|this|das|es|ça|cela|ce|eso|esto|yeh|woh)\b", re.IGNORECASE
)
_A_YEAR: Final = re.compile(
    r"\b(?:(?:a|per|each|every|the|one|whole|full) year|yearly|annual(?:ly)?|(?:im|pro|das) jahr"
    r"|jährlich|par an|(?:à|a) l['’]année|al año|por año|anual(?:es)?|saal (?:ka|mein|bhar)"
    r"|sal(?:ana|aana))\b|साल",
    re.IGNORECASE,
)


class Asked(NamedTuple):
    """A price that is asked for."""

    items: Sequence[Item] = ()
    people: Mapping[str, int] = {}
    """For how many, by the id of the article; nothing where that is not known."""
    discounts: tuple[str, ...] = ()
    """Ids; those that apply to one of the articles."""
    a_year: bool = False
    """Whether what a year comes to is asked for."""
    unclear: bool = False
    """Whether nobody can tell for how many: "for 3.5 people", "for 5 to 10"."""

    @property
    def sold(self) -> list[Item]:
        """The articles of which so many can be bought."""
        return [item for item in self.items if item.id in self.people and self._sells(item)]

    def _sells(self, item: Item) -> bool:
        return item.least <= self.quantity(item) <= (item.most or MOST_UNITS)

    def quantity(self, item: Item) -> int:
        """Return how many of an article they need."""
        return self.people[item.id] if _by_person(item) else 1

    @property
    def call(self) -> tuple[str, dict[str, Any]] | None:
        """The tool that computes it; None where it cannot be computed."""
        wanted = [
            {"item": item.id, "quantity": self.quantity(item)} for item in self.sold[:MOST_LISTED]
        ]
        if not wanted:
            return None
        year = {"a_year": True} if self.a_year else {}
        return "get_price", {"items": wanted, "discounts": list(self.discounts), **year}

    @property
    def kept(self) -> dict[str, Any]:
        """What the next turn may go on from."""
        items = [item.id for item in self.items]
        discounts = list(self.discounts)
        asked = {"items": items, "people": dict(self.people), "discounts": discounts}
        return {**asked, "a_year": self.a_year, "unclear": self.unclear}


def goes_on(turn: Turn) -> bool:
    """Whether a turn goes on asking for the price that was asked for before."""
    prices = turn.organisation.prices
    if not turn.state.get("priced") or prices is None:
        return False
    turn = _for_so_many(turn)
    if _TOTAL.search(turn.text):
        return True
    if _ADDS.match(turn.text) and named(turn.text, prices):
        return True
    if _A_YEAR.search(turn.text) and _OF_THAT.search(turn.text):
        return True
    if not _FOLLOWS.match(turn.text):
        return False
    if _A_YEAR.search(turn.text):
        return True
    return bool(_counts(turn.text) or _discounts(turn.text, prices) or named(turn.text, prices))


def _for_so_many(turn: Turn) -> Turn:
    """Return a turn in which a number alone answers for how many a price is wanted."""
    waits = (turn.state.get("priced") or {}).get("unclear") and not _counts(turn.text)
    return replace(turn, text=f"for {turn.text}") if waits else turn


def claimed(turn: Turn) -> Asked:
    """Return what a price is claimed for: "Team is 390 for ten, right?"; nothing if not told."""
    prices = turn.organisation.prices
    if prices is None:
        return Asked()
    before: Mapping[str, Any] = turn.state.get("priced") or {}
    known = [item for item in prices.items if item.id in before.get("items", ())]
    items = named(turn.text, prices) or known
    people = _people(turn.text, items, before.get("people", {}))
    if not people:
        return Asked()
    discounts = (*_discounts(turn.text, prices), *before.get("discounts", ()))
    a_year = bool(before.get("a_year"))
    return Asked(items, people, _granted(prices, items, discounts), a_year)


def asked_for(turn: Turn, facts: Mapping[str, Any]) -> Asked:
    """Return what is asked for; articles on offer where none is named, none where no price is."""
    prices, heard = turn.organisation.prices, turn.heard
    follows = goes_on(turn)
    if prices is None or heard is None or heard.intent != "price" and not follows:
        return Asked()
    turn = _for_so_many(turn)
    items = named(turn.text, prices)
    before: Mapping[str, Any] = {}
    discounts = _discounts(turn.text, prices)
    a_year = bool(_A_YEAR.search(turn.text))
    us = any(word in f" {turn.text.lower()}" for word in _US)
    if follows:
        before = turn.state["priced"]
        items = _together([item for item in prices.items if item.id in before["items"]], items)
        discounts = (*discounts, *before["discounts"])
        a_year = a_year or bool(before.get("a_year"))
    if not items and _of_ours(turn):
        items, us = [item for item in on_offer(prices) if _by_person(item)], True
    people = _people(turn.text, items, before.get("people", {}))
    if not people and not _counts(turn.text):
        once = len(items) == 1 and items[0].unit == "project"
        team = 1 if once else _team(facts) if us else None
        people = {item.id: team for item in items} if team else {}
    unclear = bool(items and not people and _counts(turn.text))
    return Asked(items, people, _granted(prices, items, discounts), a_year, unclear)


def _granted(prices: Prices, items: Sequence[Item], discounts: Collection[str]) -> tuple[str, ...]:
    """Return the best of the discounts that applies: they are not added up."""
    ids = {item.id for item in items}
    fitting = [one for one in prices.discounts if one.id in discounts and ids & set(one.applies_to)]
    best = max(fitting, key=lambda one: one.percent, default=None)
    return (best.id,) if best else ()


def _together(before: list[Item], named_: list[Item]) -> list[Item]:
    """Return what is asked for now: what is added to the one plan before comes on top of it."""
    plans = [item for item in before if _alone(item)]
    if not named_:
        return before
    if len(plans) == 1 and not any(_alone(item) for item in named_):
        return [*before, *(item for item in named_ if item not in before)]
    return named_


def _alone(item: Item) -> bool:
    """Whether an article is bought for itself, and not on top of another."""
    return bool(item.period) and not item.addon


def bounds(turn: Turn, asked: Asked) -> tuple[str, ...]:
    """Say for how many the article is sold whose price was asked for too few or too many."""
    if len(asked.items) != 1 or not asked.people or asked.sold:
        return ()
    (item,) = asked.items
    key = "price.least" if asked.quantity(item) < item.least else "price.most"
    most = f"{item.most or MOST_UNITS:,}"
    values = {"name": item.name, "least": item.least, "most": most, "unit": item.unit}
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
    if _REDUCED.search(turn.text) and not _CHEAPEST.search(turn.text):
        return discount_list(turn, _discounts(turn.text, prices))
    found = named(turn.text, prices) or (on_offer(prices) if _of_ours(turn) else [])
    return price_list(turn, found[:MOST_LISTED]) if found else ()


_REDUCED: Final = re.compile(
    r"\b(?:discounts?|reductions?|deal|cheaper|save|saving|lowest|cheapest|rabatte?|remises?|descuentos?|chhoot)\b|छूट",
    re.IGNORECASE,
)
_CHEAPEST: Final = re.compile(
    r"\b(?:cheapest|lowest[- ]priced|least expensive|günstigste\w*|billigste\w*|moins cher\w*"
    r"|más barat\w*|sabse sast\w*)\b",
    re.IGNORECASE,
)
"""Asks which plan costs least, and for no discount."""
_US: Final = (" us ", " we ", " our ", " us?", " us.", " us,")


def _of_ours(turn: Turn) -> bool:
    """Whether a price that names no article is asked of ours."""
    ours = any(word in turn.text.lower() for word in _OURS)
    return ours or turn.language != "en" or bool(_CHEAPEST.search(turn.text))


def _team(facts: Mapping[str, Any]) -> int | None:
    return int(facts["team_size"]["value"]["people"]) if "team_size" in facts else None


def _people(text: str, items: Sequence[Item], before: Mapping[str, int]) -> dict[str, int]:
    """Return for how many each article is wanted, as before where nothing is said of it.

    One number is of all articles; of several each article has its own, beside it. Nothing where
    that leaves any doubt.
    """
    said = _counts(text)
    if not said:
        one = next(iter(before.values())) if len(set(before.values())) == 1 else None
        known = {item.id: before.get(item.id, one) for item in items}
        return {name: people for name, people in known.items() if people}
    counts = [count for _, count in said]
    if None in counts:
        return {}
    if len(set(counts)) == 1:
        return {item.id: counts[0] or 0 for item in items}
    placed = [(at, item) for item in items if (at := place(text, item)) >= 0 and _by_person(item)]
    row = sorted([*said, *placed], key=lambda one: one[0])
    articles = [isinstance(one, Item) for _, one in row]
    if len(said) != len(placed) or any(a == b for a, b in pairwise(articles)):
        return {}
    numbers = [one for _, one in row if isinstance(one, int)]
    in_order = [one for _, one in row if isinstance(one, Item)]
    once = {item.id: 1 for item in items if not _by_person(item)}
    return once | {item.id: n for item, n in zip(in_order, numbers, strict=True)}


def _counts(text: str) -> list[tuple[int, int | None]]:
    """Return for how many people, with where it stands; None for what is no number of people.

    "And for 12?" names no people, "for 3.5", "minus five" and "5 to 10 people" no number of them.
    """
    numbers = [claim for claim in claims_of(text) if claim.kind == "number"]
    counted = [
        claim
        for claim in numbers
        if claim.unit == "person"
        or _FOR.search(text[max(0, claim.start - 30) : claim.start])
        and not _EACH.match(text, claim.end)
    ]
    if any(claim.unit == "person" for claim in counted):
        counted = [claim for claim in counted if claim.unit in ("person", None)]
    ahead = {other: text[one.end : other.start] for one, other in pairwise(numbers)}
    return [
        (claim.start, None if _RANGE.fullmatch(ahead.get(claim, "")) else _whole(text, claim))
        for claim in counted
    ]


def _whole(text: str, claim: Claim) -> int | None:
    key = claim.keys[0]
    below = _MINUS.search(text[max(0, claim.start - 12) : claim.start])
    return int(key) if key.isdigit() and len(key) < _LONGEST and int(key) and not below else None


_LONGEST: Final = 16
"""Digits of a number that is none of people."""
_RANGE: Final = re.compile(r"\W*(?:to|or|bis|oder|ou|à|o|a|-|–)\W*", re.IGNORECASE)
_MINUS: Final = re.compile(r"(?:\b(?:minus|negative|moins|menos)\W*|(?:^|\s)[-−])$", re.IGNORECASE)
_EACH: Final = re.compile(r"\W*(?:an?|per|each|pro|par|por) \w+", re.IGNORECASE)
_FOR: Final = re.compile(
    r"\b(?:for|with|what about|how about|für|mit|pour|avec|para|con)\W+$|^\W*and\W+$",
    re.IGNORECASE,
)


def _discounts(text: str, prices: Prices) -> tuple[str, ...]:
    """Return the ids of the discounts that a text names: "non-profit", "paid annually"."""
    asked = _COST_OF_A_YEAR.sub(" ", text.lower())
    said = "".join(char for char in asked if char.isalnum())
    return tuple(
        one.id
        for one in prices.discounts
        if one.id.lower() in said or one.id in _ENTITLED and _ENTITLED[one.id].search(text)
    )


def _by_person(item: Item) -> bool:
    """Whether there is one of an article for each person."""
    return any(claim.unit == "person" for claim in claims_of(f"2 {item.unit}s"))
