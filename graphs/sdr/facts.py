"""What qualifies a caller, read from their words by code: each fact with the words that tell it."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from graphs.eligibility.utterance import Lexicon, span, words
from graphs.sdr.agent import FactName
from graphs.sdr.grounding.claims import Claim, claims_of
from graphs.sdr.intents import load_lexicon
from graphs.sdr.replies import DEFAULT, say

_DATA: Final[Mapping[str, Any]] = load_lexicon("facts")
_AUTHORITY: Final = Lexicon({"authority": _DATA["authority"]}, first_wins=True)
_TIMING: Final = Lexicon({"timing": _DATA["timing"]}, first_wins=True)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(_DATA[name], re.IGNORECASE)


_TIMING_WORDS, _NEED_WORDS = _pattern("timing_words"), _pattern("need_words")
_BUDGET_WORDS, _NO_BUDGET = _pattern("budget_words"), _pattern("no_budget")
PAYS_OTHERS: Final = _pattern("pays_others")
"""Somebody pays so much elsewhere: "we pay 30 dollars a seat today"."""
_TEAM_WORDS, _ALONE, _HEADS = _pattern("team_words"), _pattern("alone"), _pattern("heads")
_PERIOD: Final = re.compile(
    r"(?:\s*(?:per|an?|each|every|/)?\s*(?:month|year|week|day|hour|seat|user|person|monthly|yearly"
    r"|annually|mahine|saal)\b)+",
    re.IGNORECASE,
)
_ROUGHLY: Final = re.compile(
    r"\b(?:about|around|maybe|roughly|say|up to|or so|at most|i think|probably|perhaps|like|some"
    r"|well|um|uh|so|it['’]?s|between|and|to|lagbhag)\b",
    re.IGNORECASE,
)
_LEAST_NEED: Final = 3
"""Words that an answer to "what do you need" must have to say anything."""
_LONGEST_NEED: Final = 300
_MOST_PEOPLE: Final = 100_000


class Fact(TypedDict):
    """A fact about the caller, and how it is known."""

    value: dict[str, Any]
    """need: `text`; team_size: `people`; budget: `least`, `most`, `currency`, `per` (amounts as
    text; `pays` where it is what they pay elsewhere now), or `undecided`; authority: `decides`
    (yes, no, shared); timing: `when` (now, later, or the words)."""
    words: str
    """What the caller said."""
    message_id: str | None
    """Where they said it."""
    confirmed: bool
    """Whether it was read back and they agreed."""
    source: Literal["said", "model", "crm"]
    before: dict[str, Any] | None
    """What they had said before they corrected it."""


def facts_in(
    text: str, asked: FactName | None = None
) -> dict[FactName, tuple[dict[str, Any], str]]:
    """Read facts from what a caller said, each as its value and the words that tell it.

    Args:
        text: what was said.
        asked: the fact that was asked for, of which a bare answer may speak.
    """
    found: dict[FactName, tuple[dict[str, Any], str]] = {}
    question = text.rstrip().endswith("?")
    claims = claims_of(text)
    if (people := _team_size(text, claims, asked)) is not None:
        found["team_size"] = people
    if (budget := _budget(text, claims, asked)) is not None:
        found["budget"] = budget
    if (authority := _authority(text, asked)) is not None and not question:
        found["authority"] = authority
    if (timing := _timing(_without_sums(text, claims), asked)) is not None and not question:
        found["timing"] = timing
    told_else = asked != "need" and ("authority" in found or "timing" in found)
    if (need := _need(text, asked, found)) is not None and not question and not told_else:
        found["need"] = need
    return found


def merged(
    facts: Mapping[str, Fact],
    found: Mapping[FactName, tuple[dict[str, Any], str]],
    message_id: str | None,
    source: Literal["said", "model", "crm"] = "said",
) -> dict[str, Fact]:
    """Take facts in; one that says something else replaces the one before, which it remembers."""
    after = dict(facts)
    for name, (value, said) in found.items():
        old = after.get(name)
        if old is not None and old["value"] == value:
            continue
        if name == "need" and old is not None and old["words"]:
            continue  # the first telling is the need; later ones are details
        after[name] = Fact(
            value=value,
            words=said,
            message_id=message_id,
            confirmed=False,
            source=source,
            before=old["value"] if old else None,
        )
    return after


def missing(wanted: Sequence[FactName], facts: Mapping[str, Fact]) -> FactName | None:
    """Return the next fact to ask for."""
    return next((name for name in wanted if name not in facts), None)


def told(name: str, fact: Fact, language: str = DEFAULT) -> str:
    """Return a fact in a few words, to be read back."""
    value = fact["value"]
    match name:
        case "team_size" if value["people"] == 1:
            return say("told.alone", language)
        case "team_size":
            return say("told.team_size", language, people=value["people"])
        case "budget":
            return _budget_told(value, language)
        case "authority":
            return say(f"told.authority.{value['decides']}", language)
        case "timing" if value["when"] in ("now", "later"):
            return say(f"told.timing.{value['when']}", language)
        case "timing":
            return str(value["when"])
    return str(value["text"])


_SIGNS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "INR": "₹"}


def money(amount: Any, currency: str | None) -> str:
    """Write a sum, without cents where there are none."""
    exact = Decimal(str(amount))
    figures = f"{exact:,.0f}" if exact == exact.to_integral_value() else f"{exact:,.2f}"
    if currency is None:
        return figures
    return f"{_SIGNS[currency]}{figures}" if currency in _SIGNS else f"{figures} {currency}"


def _budget_told(value: Mapping[str, Any], language: str) -> str:
    if value.get("undecided"):
        return say("told.no_budget", language)
    currency, per = value.get("currency"), value.get("per")
    sums = dict.fromkeys([value["least"], value["most"]])
    said = say("told.to", language).join(money(amount, currency) for amount in sums)
    period = say(f"per.{per}", language) if per else ""
    key = "told.pays" if value.get("pays") else "told.budget"
    return say(key, language, sum=said, per=period)


def _team_size(
    text: str, claims: Sequence[Claim], asked: FactName | None
) -> tuple[dict[str, Any], str] | None:
    if match := _ALONE.search(text):
        return {"people": 1}, match[0]
    numbers = [claim for claim in claims if claim.kind == "number"]
    counted = [claim for claim in numbers if claim.unit == "person"]
    if not counted and _TEAM_WORDS.search(text):
        counted = [claim for claim in numbers if claim.unit is None]
    if not counted and (heads := _HEADS.search(text)) is not None:
        told = heads["of_us"] or heads["we_are"]
        counted = [c for c in claims_of(f"{told} people") if c.unit == "person"]
    if not counted and asked == "team_size":
        counted = numbers
    if len(counted) != 1:
        return None
    people = Decimal(counted[0].keys[0])
    if people != int(people) or not 0 < people <= _MOST_PEOPLE:
        return None
    return {"people": int(people)}, counted[0].text


def _budget(
    text: str, claims: Sequence[Claim], asked: FactName | None
) -> tuple[dict[str, Any], str] | None:
    speaks = asked == "budget" or bool(_BUDGET_WORDS.search(text)) or _bare_sum(text, claims)
    if not speaks or text.rstrip().endswith("?") and asked != "budget":
        return None
    sums = [claim for claim in claims if claim.kind == "money"]
    if not sums:
        sums = [c for c in claims if c.kind == "number" and c.unit in (None, "month", "year")]
    if not sums or len(sums) > 2:
        if asked == "budget" and (match := _NO_BUDGET.search(text)):
            return {"undecided": True}, match[0]
        return None
    amounts = sorted(Decimal(claim.keys[0]) for claim in sums)
    currency = next((claim.unit for claim in sums if claim.kind == "money" and claim.unit), None)
    per = sorted({period for claim in sums for period in claim.per})
    value: dict[str, Any] = {"least": str(amounts[0]), "most": str(amounts[-1])}
    value |= {"currency": currency, "per": per[0] if len(per) == 1 else None}
    if asked != "budget" and PAYS_OTHERS.search(text):
        value["pays"] = True
    return value, text[sums[0].start : sums[-1].end]


def _bare_sum(text: str, claims: Sequence[Claim]) -> bool:
    """Whether somebody names a sum and nothing else: "about 500 dollars a month"."""
    left = _without_sums(text, claims)
    return left != text and not _ROUGHLY.sub("", left).strip(" .,!")


def _authority(text: str, asked: FactName | None) -> tuple[dict[str, Any], str] | None:
    heard = words(text)
    matches = _AUTHORITY.scan(heard)
    if matches:
        strongest = next((m for m in matches if m.id != "yes"), matches[0])
        said = text[slice(*span(heard, strongest.first, strongest.last))]
        return {"decides": strongest.id}, said
    if asked != "authority" or not heard:
        return None
    first = {"yes": "yes", "haan": "yes", "ji": "yes", "no": "no", "nahi": "no", "me": "yes"}
    answer = first.get(heard[0].text) or ("yes" if heard[-1].text in ("me", "i", "main") else None)
    return ({"decides": answer}, text.strip()) if answer else None


def _timing(text: str, asked: FactName | None) -> tuple[dict[str, Any], str] | None:
    heard = words(text)
    if asked == "timing" and (matches := _TIMING.scan(heard)):
        best = matches[0]
        return {"when": best.id}, text[slice(*span(heard, best.first, best.last))]
    match = _TIMING_WORDS.search(text)
    if match is None:
        return None
    starts = re.search(
        r"\b(start|live|begin|need it|launch|switch|decide|ready|shuru)\b", text, re.I
    )
    if asked != "timing" and not starts:
        return None
    return {"when": match[0].strip()}, match[0].strip()


def _without_sums(text: str, claims: Sequence[Claim]) -> str:
    """Blank sums with their periods, so that "500 dollars a month" says no time."""
    for claim in claims:
        if claim.kind == "money":
            tail = _PERIOD.match(text, claim.end)
            end = tail.end() if tail else claim.end
            text = text[: claim.start] + " " * (end - claim.start) + text[end:]
    return text


def _need(
    text: str, asked: FactName | None, found: Mapping[FactName, Any]
) -> tuple[dict[str, Any], str] | None:
    match = _NEED_WORDS.search(text)
    if match is not None and len(match[0].split()) >= _LEAST_NEED:
        said = match[0].strip()[:_LONGEST_NEED]
        return {"text": said}, said
    if asked != "need" or found or len(text.split()) < _LEAST_NEED:
        return None
    said = text.strip()[:_LONGEST_NEED]
    return {"text": said}, said
