"""Days as callers say them: by name, by date, from today, and from the day that is spoken of."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from graphs.sdr.clock_times import WORDS
from graphs.sdr.grounding.claims import Claim

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Span = tuple[date | None, date | None]
"""First day, and the last where several will do."""
NONE: Final[Span] = (None, None)
_DAY: Final = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_NAMES: Final = (
    "today tomorrow after_tomorrow next_week week_after_next this_week a_week_on early late"
    " that_day day_after day_before week_later"
)
_PATTERNS: Final = {
    name: re.compile(WORDS[name].format(day=_DAY), re.IGNORECASE) for name in _NAMES.split()
}
_DAYS_ON: Final = re.compile(
    r"\b(?:in|after) (?:about )?$|^\s*(?:from (?:now|today)|on)\b", re.IGNORECASE
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
    if (day := _named(text, claims, today)) is not None:
        if _says("a_week_on", text):
            day += timedelta(days=7)
        return day, None
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


def _named(text: str, claims: Sequence[Claim], today: date) -> date | None:
    """Read one day."""
    for name, ahead in (("after_tomorrow", 2), ("tomorrow", 1), ("today", 0)):
        if _says(name, text):
            return today + timedelta(days=ahead)
    for claim in claims:
        if claim.kind == "date" and (found := _date(claim.keys[0], today)) is not None:
            return found
        if claim.kind == "duration" and (days := _days_on(text, claim)):
            return today + timedelta(days=days)
    weekday = next((c.keys[0] for c in claims if c.kind == "day" and c.keys[0] in DAYS), None)
    if weekday is None:
        weekday = next((day for day in DAYS if re.search(rf"\b{day}s?\b", text, re.I)), None)
    if weekday is None:
        return None
    ahead = (DAYS.index(weekday) - today.weekday()) % 7 or 7
    if _says("next_week", text) and ahead <= 6 - today.weekday():
        ahead += 7
    if _says("week_after_next", text):
        ahead += 7
    return today + timedelta(days=ahead)


def _days_on(text: str, claim: Claim) -> int:
    """Return how many days on "in three days" is; 0 where it is none."""
    whole, left = divmod(int(claim.keys[0][1:]), 86_400) if claim.keys[0][0] == "s" else (0, 0)
    ahead, behind = text[: claim.start], text[claim.end :]
    return whole if not left and (_DAYS_ON.search(ahead) or _DAYS_ON.match(behind)) else 0


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


def _date(key: str, today: date) -> date | None:
    """Read "24/11/2026", "24/11" or "24", the next one from today on."""
    parts = [int(part) for part in key.split("/") if part.isdigit()]
    if not parts or len(parts) > 3:
        return None
    try:
        if len(parts) == 3:
            return date(parts[2] if parts[2] > 99 else 2000 + parts[2], parts[1], parts[0])
        if len(parts) == 2:
            found = date(today.year, parts[1], parts[0])
            return found if found >= today else found.replace(year=today.year + 1)
        for months in range(12):
            month = (today.month - 1 + months) % 12 + 1
            year = today.year + (today.month - 1 + months) // 12
            if (found := date(year, month, parts[0])) >= today:
                return found
    except ValueError:
        return None
    return None
