"""One utterance, heard with every parser at once: the only place where text becomes meaning."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphs.eligibility.amounts import Amount, UnclearAmount, parse_amount
from graphs.eligibility.cities import Cities
from graphs.eligibility.employment import parse_employment
from graphs.eligibility.language import detect_language
from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.requests import parse_request
from graphs.eligibility.rules import Rules
from graphs.eligibility.state import Interview, Language
from graphs.eligibility.utterance import span, words
from graphs.eligibility.yes_no import parse_yes_no

ANOTHER = "another"
"""The city of a caller who says only that it is none of those served."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What each parser says of one utterance."""

    yes_no: Reading[bool] | Unclear | None = None
    employment: Reading[Any] | Unclear | None = None
    amount: Reading[Amount] | UnclearAmount | None = None
    city: Reading[str] | Unclear | None = None
    request: Reading[Any] | None = None
    language: Language | None = None


@lru_cache(maxsize=4096)
def hear(text: str, cities: Cities) -> Heard:
    """Read an utterance with every parser."""
    return Heard(
        yes_no=parse_yes_no(text),
        employment=parse_employment(text),
        amount=parse_amount(text),
        city=_city(text, cities),
        request=parse_request(text),
        language=detect_language(text),
    )


def _city(text: str, cities: Cities) -> Reading[str] | Unclear | None:
    """The city by its id."""
    city = cities.parse(text)
    if isinstance(city, Reading):
        return Reading(city.value.id, city.span, city.rules)
    return city


def another_city(text: str, rules: Rules) -> Reading[str] | None:
    """Read "another one", said to the menu of cities."""
    heard = words(text)
    found = rules.another.scan(heard)
    if not found:
        return None
    where = span(heard, found[0].first, found[0].last)
    return Reading(ANOTHER, where, ("city.menu.another",))


def hear_keys(digits: str, state: Interview, rules: Rules) -> Heard:
    """Read what was keyed in, by what the open question expects; 0 asks for a person."""
    where = (0, len(digits))
    if not digits.isdigit():
        return Heard()
    if not digits.strip("0"):
        return Heard(request=Reading("person", where, ("keys.zero",)))
    if state.question == "salary" and not state.confirm:
        return Heard(amount=parse_amount(digits))
    if state.question == "city" and not state.confirm:
        names = [*rules.city.served, ANOTHER]
        if state.reasks and int(digits) <= len(names):
            return Heard(city=Reading(names[int(digits) - 1], where, ("keys.menu",)))
        return Heard()
    if digits in ("1", "2"):
        return Heard(yes_no=Reading(digits == "1", where, ("keys.yes_no",)))
    return Heard()
