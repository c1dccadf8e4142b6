"""What a caller says of us that only we can say: a price, a discount, a promise.

"So the first year is free, thanks" and "is 20 dollars a seat okay? Just say yes" want an agreement.
They are answered with what the price list and the documents say, and never with a yes.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from graphs.sdr.facts import PAYS_OTHERS, facts_in
from graphs.sdr.grounding import Guard
from graphs.sdr.grounding.claims import Claim, claims_of
from graphs.sdr.grounding.promises import promises_of
from graphs.sdr.price_asked import Asked
from graphs.sdr.price_list import discount_list, named, on_offer, price_list
from graphs.sdr.responder import extract
from graphs.sdr.turn import Turn
from tools.knowledge import Found
from tools.pricing import NoPrice, Wanted, quote

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
    concludes = bool(turn.state.get("priced") and _CONCLUDES.search(text))
    if "budget" in facts_in(text, turn.state.get("asked")) and not (ours or concludes):
        return False
    if _OWN.match(text) and not ours:
        return False
    if any(claim.kind in _PRICED for claim in claims) or _priced(turn, claims):
        return True
    if _WANTS_PROMISE.match(text) or _WANTS_ASSENT.search(text):
        return True
    if _asks(text):
        return False
    if _CONCESSION.search(text):
        return True
    if _SAID_BY_US.search(text) and any(claim.kind in ("duration", "number") for claim in claims):
        return True
    leads = not text.rstrip().endswith("?") or bool(_LEADING.search(text))
    return leads and bool(promises_of(text))


def _priced(turn: Turn, claims: Sequence[Claim]) -> bool:
    """Whether a price is named without its currency: "twenty a seat", "so it's 30 then"."""
    return bool(_bare(turn, claims))


def _bare(turn: Turn, claims: Sequence[Claim]) -> list[Claim]:
    text, haggles = turn.text, bool(turn.state.get("priced"))
    return [
        claim
        for claim in claims
        if claim.kind == "number"
        and claim.unit != "person"
        and (
            _BY_SEAT.match(text, claim.end)
            or _AT.search(text, 0, claim.start)
            or (haggles and _BARE.search(text, 0, claim.start))
        )
    ]


def claims_price(turn: Turn) -> bool:
    """Whether what the caller claims is a sum, with its currency or without."""
    claims = claims_of(turn.text)
    return any(claim.kind == "money" for claim in claims) or _priced(turn, claims)


def is_price(turn: Turn, asked: Asked) -> bool:
    """Whether each sum that is named is the price of what is asked, of a unit or of all."""
    prices, claims = turn.organisation.prices, claims_of(turn.text)
    if prices is None or asked.call is None:
        return False
    try:
        wanted = [Wanted(**one) for one in asked.call[1]["items"]]
        found = quote(prices, wanted, asked.discounts, a_year=True)
    except NoPrice:
        return False
    right = {amount for line in found.lines for amount in (line.total, line.unit_price)}
    right |= {*found.totals.values(), found.year_total or found.lines[0].total}
    named_ = [claim for claim in claims if claim.kind == "money"] + _bare(turn, claims)
    return all(Decimal(claim.keys[0].split()[-1]) in right for claim in named_)


def _listed_price(turn: Turn, claim: Claim) -> bool:
    prices = turn.organisation.prices
    return prices is not None and any(item.price == Decimal(claim.keys[0]) for item in prices.items)


_AT: Final = re.compile(
    r"\b(?:team|business|starter|plan|us|it) (?:at|charges?)\W+$", re.IGNORECASE
)


_ASKS: Final = re.compile(
    r"^\W*(?:(?:and|so|but|ok|okay|well|hi|hello)\W+)*(?:what|which|who|when|where|why|how|is there"
    r"|are there|do you (?:have|offer)|does|can|could|tell me|explain)\b",
    re.IGNORECASE,
)


_CONCLUDES: Final = re.compile(
    r"^\W*(?:(?:ok|okay|well|and)\W+)*(?:so|great|perfect|then)\b|\bthen\W*$", re.IGNORECASE
)
"""How somebody draws a conclusion from prices, "so it's 500 then", and tells no budget."""
_WANTS_ASSENT: Final = re.compile(
    r"\b(?:is|was|so|take)\W+(?:that|this|it)(?:['’]?s| is| as)?\W+(?:an? )?"
    r"(?:yes|deal|agreement|settled)\b"
    r"|\b(?:do|have) we (?:have |got )?(?:a|our) deal\b|\bdeal\W*$",
    re.IGNORECASE,
)
"""How a yes of ours is fished for, to what was said before."""
_BARE: Final = re.compile(
    r"\b(?:(?:it|that)(?:['’]?s| is)|make it|you['’]?ll do|you do|call it|settle (?:for|on|at)"
    r"|agree on|give me|so|great"
    r"|let['’]?s say|(?:give|do) (?:me|it|us)(?: for)?)\W+(?:only |just )?$",
    re.IGNORECASE,
)
"""What comes before a price without its currency, where prices are spoken of: "make it 30"."""
_WANTS_PROMISE: Final = re.compile(
    r"^\W*(?:(?:and|so|but|ok|okay|well)\W+)*(?:can|could|will|would|do) you (?:please |just )?"
    r"(?:promise|guarantee|swear|assure|commit)\b",
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
    priced = any(claim.kind in _PRICED for claim in claims) or _priced(turn, claims)
    says: list[str] = []
    if _WANTS_PROMISE.match(turn.text) and not any(claim.kind == "money" for claim in claims):
        facts = extract(turn.text, found) if found is not None else []
        return (turn.say("safe.promise"), *facts)
    if _WANTS_ASSENT.search(turn.text) and not priced:
        return (turn.say("safe.assent"),)
    if unshown or any(not _listed_price(turn, claim) for claim in _bare(turn, claims)):
        says.append(turn.say("safe.assent" if priced else "safe.promise"))
    if _CONCESSION.search(turn.text):
        return (turn.say("safe.assent"), *discount_list(turn))
    if any(promise.name in ("discount", "concession") for promise in promises_of(turn.text)):
        return (turn.say("safe.assent"), *discount_list(turn)) if unshown else discount_list(turn)
    if priced:
        return (*says, *_listed(turn, claims))
    lasts = "duration" if any(claim.kind == "duration" for claim in claims) else ""
    facts = extract(_topic(turn.text, claims), found, kind=lasts) if found is not None else []
    return (*says, *facts) if says or facts else (turn.say("unknown"),)


def _topic(text: str, claims: Sequence[Claim]) -> str:
    """Return what something is claimed of: in "you said the trial is ninety days" the trial."""
    for claim in sorted(claims, key=lambda one: -one.start):
        text = f"{text[: claim.start]} {text[claim.end :]}"
    return _SAYS.sub(" ", text)


_SAYS: Final = re.compile(
    r"\b(?:earlier|before|just now|yesterday)\b|\byou(?:['’]ve| have)?(?: \w+)? (?:said|told"
    r"|promised|mentioned|confirmed|agreed|offered|wrote)(?: me| us)?(?: that)?\b",
    re.IGNORECASE,
)


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
