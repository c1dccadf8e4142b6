"""What an utterance adds to the three facts: answers, corrections, volunteered facts."""

import re
from dataclasses import dataclass, field
from typing import Any

from graphs.eligibility.actions import Understood
from graphs.eligibility.amounts import UnclearAmount
from graphs.eligibility.hearing import Heard, another_city
from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.rules import Rules
from graphs.eligibility.state import PAISA, Confirm, Interview, Question, Salary

_MONEY = re.compile(
    r"₹|\b(rs|inr|rupees?|salary|salaries|earn\w*|income|pay|paid|make|ctc|lpa|lakhs?|lacs?|crores?"
    r"|thousand|ha[jz]+a+r|tankh?w?ah|vetan|kama\w*|month|monthly|mahin\w*)\b|\dk\b"
    r"|सैलरी|वेतन|तनख|कमा|रुप|हज़ार|हजार|लाख|महीन|पगार",
    re.IGNORECASE,
)


@dataclass
class Taken:
    """The interview with what an utterance said about the facts."""

    state: Interview
    understood: list[Understood] = field(default_factory=list)
    learned: list[Question] = field(default_factory=list)
    """Facts that are known now and were not, or were different."""
    corrected: bool = False
    """A fact that was known before has changed."""
    yearly: Salary | None = None
    """The salary, when it was said for a year and divided by twelve."""
    asks: bool = False
    """A confirmation was opened."""


def take(state: Interview, text: str, heard: Heard, rules: Rules) -> Taken:
    """Take what is clear about each fact; what belongs to another question needs a cue."""
    taken = Taken(state)
    _employment(taken, heard)
    _salary(taken, text, heard, rules)
    _city(taken, text, heard, rules)
    return taken


def _employment(taken: Taken, heard: Heard) -> None:
    state = taken.state
    if isinstance(heard.employment, Reading):
        _learn(taken, "employment", heard.employment.value, heard.employment)
    elif (
        state.question == "employment"
        and state.stage != "greeting"
        and heard.employment is None
        and isinstance(heard.yes_no, Reading)
    ):
        _learn(
            taken, "employment", "salaried" if heard.yes_no.value else "not_salaried", heard.yes_no
        )


def _salary(taken: Taken, text: str, heard: Heard, rules: Rules) -> None:
    state, amount = taken.state, heard.amount
    if amount is None:
        return _confirmation(taken, heard)
    if state.question != "salary" and not _MONEY.search(text):
        return None
    meant = _meaning(heard, rules)
    if isinstance(meant, Salary):
        if isinstance(amount, Reading) and amount.value.period == "year":
            taken.yearly = meant
        taken.state = state._replace(confirm=None)
        _learn(taken, "salary", meant, amount)
    elif meant and state.employment is not None:
        value = {"yes": meant.yes.to_json(), "no": meant.no and meant.no.to_json()}
        taken.understood.append(Understood("salary", value, amount.span, amount.rules))
        taken.state = state._replace(salary=None, confirm=meant)
        taken.asks = True
    return None


def _confirmation(taken: Taken, heard: Heard) -> None:
    """Take a yes or no to what was read back."""
    confirm, answer = taken.state.confirm, heard.yes_no
    if confirm is None or not isinstance(answer, Reading):
        return
    taken.understood.append(Understood("confirm", answer.value, answer.span, answer.rules))
    taken.state = taken.state._replace(confirm=None)
    meant = confirm.yes if answer.value else confirm.no
    if meant:
        _learn(taken, "salary", meant, answer)


def _city(taken: Taken, text: str, heard: Heard, rules: Rules) -> None:
    state, city = taken.state, heard.city
    if not isinstance(city, Reading):
        menu_offered = state.question == "city" and state.reasks > 0
        city = another_city(text, rules) if menu_offered else None
    if city is None:
        return
    if state.question == "city" or "city.live" in city.rules or len(taken.learned) == 2:
        _learn(taken, "city", city.value, city)


def _meaning(heard: Heard, rules: Rules) -> Salary | Confirm | None:
    """Say what an amount means for a monthly salary, or what must be asked about it."""
    amount, minimum = heard.amount, rules.salary.minimum_monthly
    at_least = Confirm("confirm.minimum", Salary(minimum, None), Salary(None, minimum - PAISA))
    if isinstance(amount, UnclearAmount):
        if heard.thousands:
            return Confirm("confirm.amount", Salary.exactly(heard.thousands.value.monthly))
        if amount.ends is None:
            return None
        between = Salary.between(*amount.ends)
        return between if rules.enough(between) is not None else at_least
    if amount is None:
        return None
    value = amount.value
    monthly = Salary.exactly(value.monthly)
    if value.period is None and value.rupees >= rules.salary.period_asked_from:
        either = Salary.between(value.rupees / 12, value.rupees)
        return either if rules.enough(either) is not None else Confirm("confirm.amount", monthly)
    if value.approximate and abs(value.monthly - minimum) <= (
        minimum * rules.salary.approximate_margin
    ):
        return at_least
    return monthly


def _learn(taken: Taken, question: Question, value: Any, reading: Reading[Any] | Unclear) -> None:
    known = getattr(taken.state, question)
    shown = value.to_json() if isinstance(value, Salary) else value
    taken.understood.append(Understood(question, shown, reading.span, reading.rules))
    if known == value:
        return
    taken.learned.append(question)
    taken.corrected |= known is not None
    taken.state = taken.state._replace(**{question: value})
