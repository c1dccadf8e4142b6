"""One utterance, heard with every parser at once: the only place where text becomes meaning."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphs.eligibility._interim import (
    parse_amount,
    parse_city,
    parse_employment,
    parse_request,
    parse_yes_no,
)
from graphs.eligibility.readings import Reading
from graphs.eligibility.rules import Rules
from graphs.eligibility.state import Interview


@dataclass(frozen=True, slots=True)
class Heard:
    """What each parser says of one utterance."""

    yes_no: Any = None
    employment: Any = None
    amount: Any = None
    city: Any = None
    request: Any = None
    language: Any = None


@lru_cache(maxsize=2048)
def hear(text: str) -> Heard:
    """Read an utterance with every parser."""
    return Heard(
        parse_yes_no(text),
        parse_employment(text),
        parse_amount(text),
        parse_city(text),
        parse_request(text),
        None,
    )


def hear_keys(digits: str, state: Interview, rules: Rules) -> Heard:
    """Read what was keyed in, by what the open question expects; 0 asks for a person."""
    span = (0, len(digits))
    if not digits.isdigit():
        return Heard()
    if state.question == "salary" and not state.confirm:
        return Heard(amount=parse_amount(digits))
    if digits == "0":
        return Heard(request=Reading("person", span, ("keys.zero",)))
    if state.question == "city" and not state.confirm:
        names = [*rules.city.served, "another"]
        if state.reasks and int(digits) <= len(names):
            return Heard(city=Reading(names[int(digits) - 1], span, ("keys.menu",)))
        return Heard()
    if digits in ("1", "2"):
        return Heard(yes_no=Reading(digits == "1", span, ("keys.yes_no",)))
    return Heard()
