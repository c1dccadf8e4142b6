"""Days as callers say them: by name, by date, from today, and from the day that is spoken of."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from graphs.sdr.clock_times import BEFORE
from graphs.sdr.figures import ISO, WEEKDAY, WEEKDAYS, WORDS
from graphs.sdr.grounding.claims import Claim

Span = tuple[date | None, date | None]
"""First day, and the last where several will do."""
NONE: Final[Span] = (None, None)
FAR: Final = timedelta(days=365)
"""How far "after Wednesday" reaches, and "in so many days" is read."""
_NAMES: Final = (
    "today tomorrow after_tomorrow next_week week_after_next this_week a_week_on early late"
    " that_day day_after day_before week_later"
)
_PATTERNS: Final = {
    name: re.compile(WORDS[name].format(day=WEEKDAY), re.IGNORECASE) for name in _NAMES.split()
}
_DAYS_ON: Final = re.compile(
    r"\b(?:in|after) (?:about )?$|^\s*(?:from (?:now|today)|on)\b", re.IGNORECASE
)


class Unclear(Exception):
    """Nobody can tell which day is meant."""


class _Day(NamedTuple):
    """A day that is named, with where it stands in the text."""

    start: int
    end: int
    date: date


_ISO: Final = re.compile(ISO)
_WEEKDAY: Final = re.compile(rf"\b({WEEKDAY})s?\b", re.IGNORECASE)
_EITHER: Final = re.compile(r"(?:^|\W)(?:or|oder|ou|o|ya)(?:$|\W)")
_BEYOND: Final = re.compile(
    r"(?:after|later than|past|nach|après|después|before|earlier than|vor|avant|antes)\b",
    re.IGNORECASE,
)
_OF_THE_WEEK: Final = re.compile(r"\bof the week\b", re.IGNORECASE)
_WEEKEND: Final = 5


def day_in(text: str, claims: Sequence[Claim], now: datetime, about: date | None) -> Span:
    """Read a day, or days of which any will do.

    Args:
        text: what was said.
        claims: what it claims.
        now: the time, in the zone in which the day is meant.
        about: the day that is spoken of, from which "the day after" is told.
    """
    today = now.date()
    if about is not None and (told := _told_from(text, about)) is not NONE:
        return told
    days = _days(text, claims, today)
    if days:
        return _of_days(text, days, today)
    return _week(text, today, about)


def _says(name: str, text: str) -> bool:
    return _PATTERNS[name].search(text) is not None


def _told_from(text: str, about: date) -> Span:
    if _says("after_tomorrow", text):
        return NONE
    if _says("day_after", text):
        return about + timedelta(days=1), None
    if _says("day_before", text):
        return about - timedelta(days=1), None
    if _says("week_later", text):
        return about + timedelta(days=7), None
    return (about, None) if _says("that_day", text) else NONE


def _days(text: str, claims: Sequence[Claim], today: date) -> list[_Day]:
    """Return the days that are named, in their order; of a date its weekday is no other one."""
    dates = [_Day(m.start(), m.end(), date.fromisoformat(m[0])) for m in _ISO.finditer(text)]
    for claim in claims:
        if claim.kind == "duration" and (days := _days_on(text, claim)):
            dates.append(_Day(claim.start, claim.end, today + timedelta(days=days)))
    rest = text
    for name, ahead in (("after_tomorrow", 2), ("tomorrow", 1), ("today", 0)):
        for match in _PATTERNS[name].finditer(rest):
            dates.append(_Day(*match.span(), today + timedelta(days=ahead)))
        rest = _PATTERNS[name].sub(lambda match: " " * len(match[0]), rest)
    for match in _WEEKDAY.finditer(text):
        at = WEEKDAYS[match[1].lower()]
        if not any(day.date.weekday() == at for day in dates):
            dates.append(_Day(*match.span(), _weekday(text, at, today)))
    return sorted(dates)


def _weekday(text: str, at: int, today: date) -> date:
    ahead = (at - today.weekday()) % 7 or 7
    if _says("next_week", text) and ahead <= 6 - today.weekday():
        ahead += 7
    return today + timedelta(days=ahead + 7 * (_says("week_after_next", text) + _on(text)))


def _on(text: str) -> bool:
    """Whether a week is added: "Monday week", "a week on Monday"."""
    return _says("a_week_on", text)


def _of_days(text: str, days: Sequence[_Day], today: date) -> Span:
    """Return the day that days are of, or those from one to another, before or after one.

    Raises:
        Unclear: they are several, and nothing tells which is meant.
    """
    first, *others = days
    another = next((day for day in others if day.date != first.date), None)
    if another is not None:
        between = text[first.end : another.start].strip().lower()
        if between in WORDS["through"] and first.date < another.date:
            return first.date, another.date
        if not _EITHER.search(between):
            raise Unclear
        return first.date, None
    edges = [(BEFORE[name].search(text[: first.start].rstrip()), name) for name in BEFORE]
    found = max(((len(m[0]), name, m[0]) for m, name in edges if m), default=None)
    if found is None:
        return first.date, None
    _, name, words = found
    beyond = timedelta(days=bool(_BEYOND.match(words)))
    if name == "earliest":
        return first.date + beyond, first.date + FAR
    return (today, first.date - beyond) if first.date - beyond >= today else NONE


def _days_on(text: str, claim: Claim) -> int:
    """Return how many days on "in three days" is; 0 where it is none."""
    seconds = float(claim.keys[0][1:]) if claim.keys[0][0] == "s" else 0
    whole, left = divmod(min(seconds, FAR.total_seconds() + 1), 86_400)
    ahead, behind = text[: claim.start][-40:], text[claim.end :]
    told = _DAYS_ON.search(ahead) or _DAYS_ON.match(behind)
    return int(whole) if not left and told else 0


def _week(text: str, today: date, about: date | None) -> Span:
    """Read a week, or its beginning or end: Monday to Wednesday, Thursday to Sunday.

    "Later in the week" is told from the day that is spoken of; at a weekend it is the next week.
    """
    weeks = 2 if _says("week_after_next", text) else 1 if _says("next_week", text) else 0
    if not weeks and not _says("this_week", text) and not _OF_THE_WEEK.search(text):
        return NONE
    since = today if weeks or about is None else max(today, about)
    if not weeks and since.weekday() >= _WEEKEND:
        weeks = 1
    monday = since + timedelta(days=7 * weeks - since.weekday())
    first, last = monday, monday + timedelta(days=6)
    if _says("early", text):
        last = monday + timedelta(days=2)
    elif about is not None and since > monday:
        first = since + timedelta(days=1)
    elif _says("late", text):
        first = monday + timedelta(days=3)
    return max(first, today), max(last, today)
