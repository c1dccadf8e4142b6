"""When people of the organisation are there, and in which time zone: as its file says."""

import re
from collections.abc import Sequence
from datetime import time
from typing import Final

from graphs.sdr.replies import spoken_clock
from graphs.sdr.times import wish
from graphs.sdr.turn import Turn
from tools.organisation import DAYS

_OTHERS: Final = re.compile(
    r"\b(?:support|help ?desk|hotline|warehouse|stores?|shops?|branch|branches|showroom)\b",
    re.IGNORECASE,
)
"""Whose hours are not those of the organisation's people."""
_HOLIDAYS: Final = re.compile(
    r"\b(?:holidays?|christmas|xmas|boxing day|new year\w*|easter|thanksgiving|good friday"
    r"|(?:labou?r|memorial|independence) day|diwali|holi|eid|feiertag\w*|weihnacht\w*|silvester"
    r"|neujahr|ostern|jours? fériés?|noël|pâques|festivos?|navidad|año nuevo|semana santa)\b"
    r"|दिवाली|होली|छुट्टी",
    re.IGNORECASE,
)
"""Days of which the usual hours tell nothing."""
_PLACE: Final = re.compile(r"\b(?:in|at) (?:the )?[A-ZÄÖÜÉ]\w+")
Days = tuple[int, int, tuple[time, time]]
"""First and last of consecutive weekdays, and from when until when."""


def opening(turn: Turn) -> str | None:
    """Say when people are there; None where nobody has written it down, or others are meant."""
    hours = turn.organisation.opening_hours
    unknown = _OTHERS.search(turn.text) or _HOLIDAYS.search(turn.text)
    if not hours or unknown or _PLACE.search(_without_days(turn.text)):
        return None
    wished = wish(turn.text, turn.now)
    if wished.day is not None and wished.until is None:
        at = wished.day.weekday()
        span = hours.get(DAYS[at])
        if span is None:
            return turn.say("hours.closed", day=_named(turn, at))
        return turn.say("hours", days=_said(turn, (at, at, span)))
    spans = [_said(turn, days) for days in _runs(turn)]
    return turn.say("hours", days=turn.say("and").join(spans))


def zone_told(turn: Turn) -> str:
    """Say in which zone all times are."""
    return turn.say("times.zone", zone=turn.organisation.timezone.rsplit("/")[-1].replace("_", " "))


def _without_days(text: str) -> str:
    return re.sub(r"\b(?:[A-Z][a-z]+days?|GMT|EST)\b", " ", text)


def _runs(turn: Turn) -> Sequence[Days]:
    """Put consecutive days with the same hours together."""
    runs: list[Days] = []
    for at in range(len(DAYS)):
        span = turn.organisation.opening_hours.get(DAYS[at])
        if span is None:
            continue
        if runs and runs[-1][1] == at - 1 and runs[-1][2] == span:
            runs[-1] = (runs[-1][0], at, span)
        else:
            runs.append((at, at, span))
    return runs


def _said(turn: Turn, days: Days) -> str:
    first, last, (opens, closes) = days
    clocks = {
        "opens": spoken_clock(opens, turn.language),
        "closes": spoken_clock(closes, turn.language),
    }
    if first == last:
        return turn.say("hours.day", day=_named(turn, first), **clocks)
    return turn.say("hours.days", first=_named(turn, first), last=_named(turn, last), **clocks)


def _named(turn: Turn, weekday: int) -> str:
    return turn.say("weekdays").split()[weekday]
