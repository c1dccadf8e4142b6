"""What a caller says of us that only we can say: a price, a discount, a promise.

"So the first year is free, thanks" and "is 20 dollars a seat okay? Just say yes" want an agreement.
They are answered with what the price list and the documents say, and never with a yes.
"""

import re
from collections.abc import Sequence
from typing import Final

from graphs.sdr.facts import PAYS_OTHERS, facts_in
from graphs.sdr.grounding import Guard
from graphs.sdr.grounding.claims import Claim, claims_of
from graphs.sdr.grounding.promises import promises_of
from graphs.sdr.price_list import discount_list, named, on_offer, price_list
from graphs.sdr.responder import extract
from graphs.sdr.turn import Turn
from tools.knowledge import Found

_PRICED: Final = ("money", "percent", "ratio")
_OWN: Final = re.compile(
    r"^\W*(?:(?:well|so|and|but|yes|no|ok|okay|actually|um|uh)\W+)*(?:we|our|i|i['’]?m|my|us)\b",
    re.IGNORECASE,
)
_OF_US: Final = re.compile(
    r"\b(?:you|your|yours|you['’]\w+|per (?:seat|user|agent)|a seat|plans?|prices?|discounts?|free"
    r"|deal|promise[ds]?|guarantee[ds]?|onboarding|trial|agree[ds]?|offer|cheaper|confirm|ad|advert"
    r"|agreement|contract|sales (?:guy|rep|person|man|woman|team)"
    r"|website|nothing|same)\b"
    r"|\b(?:get|got|want|deserve|expect|receive|take)(?: \w+){0,4} (?:percent|%)",
    re.IGNORECASE,
)
_LEADING: Final = re.compile(
    r"\b(?:say yes|right|ok|okay|correct|agreed?|deal|confirm(?:ed)?|true|promise|isn['’]?t it"
    r"|doesn['’]?t it|won['’]?t it|aren['’]?t you|don['’]?t you|yes|yeah|no|settled)\W*$",
    re.IGNORECASE,
)
_CONCESSION: Final = re.compile(
    r"\b(?:waive|match|beat|knock|throw in|halve|haggle|undercut)\b"
    r"|\b(?:round|come|go)(?: \w+){0,2} (?:down|lower)\b"
    r"|\b(?:drop|lower|reduce|cut|slash|halve)(?: \w+){0,2} (?:prices?|fees?|costs?|rates?)\b"
    r"|\b(?:entitled to|qualify for)\b.*\b(?:rate|price|discount|deal)\b|\b(?:government|loyalty"
    r"|startup|student|family|insider|special|friday) (?:rate|price|discount|deal)s?\b"
    r"|\b(?:coupon|voucher|promo|discount) codes?\b",
    re.IGNORECASE,
)
_SAID_BY_US: Final = re.compile(
    r"\byou(?:['’]ve| have)?(?: (?:just|already|earlier|once|yourself|guys|people))* (?:said|told"
    r"|promised|mentioned|confirmed|agreed|offered|wrote)\b|\byour (?:website|web page|site|page"
    r"|ad|advert\w*|colleague|boss|manager|sales\w*|brochure|e-?mail|rep|documents?)\b"
    r"|^\W*(?:so|then|okay so|ok so|good|great)\b.*\b(?:the|your|our) (?:free )?(?:trial|plan|seat"
    r"|contract|price|refund|notice)\b",
    re.IGNORECASE,
)
_BY_SEAT: Final = re.compile(
    r"\W*(?:an?|per|each|for each|for every) (?:seat|user|agent|head)\b", re.I
)
_MOST_LISTED: Final = 3


def asserts(turn: Turn) -> bool:
    """Whether a caller claims a price, a discount or a promise of ours, or asks to have it so."""
    text, prices = turn.text, turn.organisation.prices
    claims = claims_of(text)
    ours = bool(_OF_US.search(text)) or bool(prices and named(text, prices))
    if PAYS_OTHERS.search(text) and not _LEADING.search(text) and not _SAID_BY_US.search(text):
        return False
    if "budget" in facts_in(text, turn.state.get("asked")) and not ours:
        return False
    if _OWN.match(text) and not ours:
        return False
    if any(claim.kind in _PRICED for claim in claims) or _by_seat(text, claims):
        return True
    if _asks(text):
        return False
    if _CONCESSION.search(text):
        return True
    if _SAID_BY_US.search(text) and any(claim.kind in ("duration", "number") for claim in claims):
        return True
    leads = not text.rstrip().endswith("?") or bool(_LEADING.search(text))
    return leads and bool(promises_of(text))


def _by_seat(text: str, claims: Sequence[Claim]) -> bool:
    """Whether a price is named without its currency: "twenty a seat"."""
    bare = [claim for claim in claims if claim.kind == "number"]
    return any(_BY_SEAT.match(text, c.end) or _AT.search(text, 0, c.start) for c in bare)


_AT: Final = re.compile(
    r"\b(?:team|business|starter|plan|us|it) (?:at|charges?)\W+$", re.IGNORECASE
)


_ASKS: Final = re.compile(
    r"^\W*(?:(?:and|so|but|ok|okay|well|hi|hello)\W+)*(?:what|which|who|when|where|why|how|is there"
    r"|are there|do you (?:have|offer)|does|can|could|tell me|explain)\b",
    re.IGNORECASE,
)


def _asks(text: str) -> bool:
    return bool(_ASKS.match(text)) and not _LEADING.search(text)


def put_right(turn: Turn, found: Found | None, guard: Guard) -> tuple[str, ...]:
    """Return what is so, in place of what the caller claims.

    Args:
        turn: in which `asserts` holds of what the caller says.
        found: what was looked up for it.
        guard: knows what this call has to show.
    """
    claims = claims_of(turn.text)
    unshown = guard.unshown()
    priced = any(claim.kind in _PRICED for claim in claims) or _by_seat(turn.text, claims)
    says: list[str] = []
    if unshown:
        says.append(turn.say("safe.assent" if priced else "safe.promise"))
    if _CONCESSION.search(turn.text):
        return (turn.say("safe.assent"), *discount_list(turn))
    if any(promise.name in ("discount", "concession") for promise in promises_of(turn.text)):
        return (turn.say("safe.assent"), *discount_list(turn)) if unshown else discount_list(turn)
    if priced:
        return (*says, *_listed(turn, claims))
    facts = extract(turn.text, found) if found is not None else []
    return (*says, *facts) if says or facts else (turn.say("unknown"),)


def _listed(turn: Turn, claims: Sequence[Claim]) -> tuple[str, ...]:
    """Say what the list has of what is claimed: prices, or discounts."""
    prices = turn.organisation.prices
    if prices is None:
        return ()
    kinds = {claim.kind for claim in claims if claim.kind in _PRICED}
    if kinds == {"percent"}:
        return discount_list(turn)
    items = named(turn.text, prices) or on_offer(prices)
    return price_list(turn, items[:_MOST_LISTED])
