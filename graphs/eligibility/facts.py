"""What an utterance adds to the three facts: answers, corrections, volunteered facts."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from graphs.eligibility.actions import Understood
from graphs.eligibility.amounts import Amount, UnclearAmount, parse_amount
from graphs.eligibility.hearing import Heard, another_city
from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.rules import Rules
from graphs.eligibility.state import PAISA, Confirm, Interview, Question, Salary
from graphs.eligibility.utterance import words

_MONEY = re.compile(
    r"₹|\b(rs|inr|rupees?|salary|salaries|earn\w*|income|pay|paid|make|ctc|lpa|lakhs?|lacs?|crores?"
    r"|thousand|ha[jz]+a+r|tankh?w?ah|vetan|kama\w*|month|monthly|mahin\w*)\b|\dk\b"
    r"|सैलरी|वेतन|तनख|कमा|रुप|हज़ार|हजार|लाख|महीन|पगार",
    re.IGNORECASE,
)
_PIN_CODE = re.compile(r"[1-9]\d{5}")
_CLAUSE_ENDS = re.compile(r"[,.;!?।]")
_CORRECTS = frozenset({"sorry", "actually", "no", "nahi", "correction", "mean", "meant", "galat"})
_MYSELF = frozenset({"i", "im", "ive", "main", "hoon", "hum", "mujhe"})
_LIVES = frozenset({"live", "living", "stay", "staying", "rehta", "rehti"})
_EMPLOYERS = re.compile(r"(my|our|mera|meri|hamari)\b", re.IGNORECASE)
"""How an employee may speak of a company that an owner could call so too."""
_ASKS = frozenset({"is", "do", "does", "what", "which", "or", "kya", "ya"})
_JOINT_BEFORE = re.compile(r"(^|[,.;&!?।]|\b(and|aur|plus)|और)\s*$", re.IGNORECASE)
_JOINT_AFTER = re.compile(r"\s*($|[,.;&!?।]|(and|aur|plus)\b|और)", re.IGNORECASE)
"""Where one answer ends and the next begins."""
_PERIOD_WORDS = 5
"""Most words of an answer that gives the period only."""


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
    """Something must be asked about what was said."""
    reads_back: bool = False
    """A sum is read back that was not read back just before."""


def take(state: Interview, text: str, heard: Heard, rules: Rules) -> Taken:
    """Take what is clear about each fact; what belongs to another question needs a cue."""
    taken = Taken(state)
    _employment(taken, text, heard)
    _salary(taken, text, heard, rules)
    _city(taken, text, heard, rules)
    return taken


def _employment(taken: Taken, text: str, heard: Heard) -> None:
    state = taken.state
    if isinstance(heard.employment, Reading):
        _claimed(taken, text, heard.employment)
    elif (
        state.question == "employment"
        and state.stage != "greeting"
        and heard.employment is None
        and isinstance(heard.yes_no, Reading)
    ):
        _learn(
            taken, "employment", "salaried" if heard.yes_no.value else "not_salaried", heard.yes_no
        )


def _claimed(taken: Taken, text: str, claim: Reading[Any]) -> None:
    """Take an employment; what contradicts the one known must be plain, or it is asked again."""
    known, (start, end) = taken.state.employment, claim.span
    clause = _CLAUSE_ENDS.split(text[:start])[-1] + _CLAUSE_ENDS.split(text[start:])[0]
    said = {word.text for word in words(clause)}
    plain = bool(said & _MYSELF) and not said & _LIVES
    if known in (None, claim.value) or plain or _corrects(text):
        _learn(taken, "employment", claim.value, claim)
    elif "employment.owner" not in claim.rules or not _EMPLOYERS.match(text[start:end]):
        taken.state = taken.state._replace(employment=None, confirm=None)
        taken.asks = True


def _corrects(text: str) -> bool:
    return not _CORRECTS.isdisjoint(word.text for word in words(text))


def _salary(taken: Taken, text: str, heard: Heard, rules: Rules) -> None:
    state, amount = taken.state, heard.amount
    if amount is None:
        return _confirmation(taken, text, heard, rules)
    if state.question != "salary" and not _MONEY.search(text):
        return None
    if heard.city and _PIN_CODE.fullmatch(text[slice(*amount.span)]):
        return None
    meant = _meaning(heard, rules)
    if isinstance(meant, Salary):
        if isinstance(amount, Reading) and amount.value.period == "year":
            taken.yearly = meant
        taken.state = taken.state._replace(confirm=None)
        _learn(taken, "salary", meant, amount)
    elif meant and state.employment is not None:
        doubt = (amount.reason,) if isinstance(amount, UnclearAmount) else ()
        if doubt == ("amount.context",) and not _corrects(text):
            meant = replace(meant, no=state.salary)  # a no leaves what is known
        value = {"yes": meant.yes.to_json(), "no": meant.no and meant.no.to_json()}
        taken.understood.append(Understood("salary", value, amount.span, amount.rules + doubt))
        taken.state = taken.state._replace(salary=None, confirm=meant)
        taken.asks, taken.reads_back = True, meant != state.confirm
    return None


def _confirmation(taken: Taken, text: str, heard: Heard, rules: Rules) -> None:
    """Take a yes or no to what was read back, or the period that completes it."""
    confirm, answer = taken.state.confirm, heard.yes_no
    if confirm is None:
        return
    if completed := _completed(confirm, text, rules):
        taken.state = taken.state._replace(confirm=None)
        monthly = Salary.exactly(completed.value.monthly)
        if completed.value.period == "year":
            taken.yearly = monthly
        return _learn(taken, "salary", monthly, completed)
    if not isinstance(answer, Reading):
        return
    taken.understood.append(Understood("confirm", answer.value, answer.span, answer.rules))
    taken.state = taken.state._replace(confirm=None)
    meant = confirm.yes if answer.value else confirm.no
    if meant:
        _learn(taken, "salary", meant, answer)


def _completed(confirm: Confirm, text: str, rules: Rules) -> Reading[Amount] | None:
    """Read the sum read back again with "a year" or "a month", where the period was in doubt."""
    rupees, heard = confirm.yes.low, words(text)
    if confirm.reply != "confirm.amount" or rupees is None or not heard:
        return None
    if rupees < rules.salary.period_asked_from or len(heard) > _PERIOD_WORDS:
        return None
    if not _ASKS.isdisjoint(word.text for word in heard):
        return None
    denied = heard[0].text in ("no", "nahi") and len(heard) > 1
    period = text[heard[1].start :] if denied else text
    again = parse_amount(f"{rupees:f} rupees {period}")
    if not isinstance(again, Reading) or again.value.period is None or again.value.approximate:
        return None
    return Reading(again.value, (0, len(text)), (*again.rules, "amount.period_answered"))


def _city(taken: Taken, text: str, heard: Heard, rules: Rules) -> None:
    state, city = taken.state, heard.city
    if not isinstance(city, Reading):
        menu_offered = state.question == "city" and state.reasks > 0
        city = another_city(text, rules) if menu_offered else None
    if city is None:
        return
    answered = taken.asks or state.question in taken.learned
    beside = answered and state.city is None and _stands_bare(text, city, heard)
    if state.question == "city" or "city.live" in city.rules or len(taken.learned) == 2 or beside:
        _learn(taken, "city", city.value, city)


def _stands_bare(text: str, city: Reading[Any], heard: Heard) -> bool:
    """Whether a city stands by itself between its neighbours, as the answer to come."""
    start, end = city.span
    first, last = heard.amount.span if heard.amount else (len(text), 0)
    follows = last <= start and not text[last:start].strip()
    precedes = end <= first and not text[end:first].strip()
    return bool(
        (follows or _JOINT_BEFORE.search(text[:start]))
        and (precedes or _JOINT_AFTER.match(text, end))
    )


def _meaning(heard: Heard, rules: Rules) -> Salary | Confirm | None:
    """Say what an amount means for a monthly salary, or what must be asked about it."""
    amount, minimum = heard.amount, rules.salary.minimum_monthly
    at_least = Confirm("confirm.minimum", Salary(minimum, None), Salary(None, minimum - PAISA))
    if isinstance(amount, UnclearAmount):
        if amount.read_back:
            return Confirm("confirm.amount", Salary.exactly(amount.read_back.monthly))
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
