"""Days and times as callers say them: which of the slots that were offered, or another."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from graphs.sdr.grounding.claims import Claim, claims_of

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Slot = Mapping[str, str]
"""A free time: `start` in ISO 8601 with its offset, and `spoken`."""
_FIRST: Final = ("erste", "ersten", "erster", "premier", "première", "primero", "primera", "primer")
_SECOND: Final = ("zweite", "zweiten", "zweiter", "deuxième", "second", "segundo", "segunda")
_THIRD: Final = ("dritte", "dritten", "dritter", "troisième", "tercero", "tercera", "tercer")
_LAST: Final = ("letzte", "letzten", "letzter", "dernier", "dernière", "último", "última")
_ORDINALS: Final = {
    **dict.fromkeys(
        ("first", "1st", "earliest", "pehla", "pehli", "pehle", "पहला", "पहली", *_FIRST), 0
    ),
    **dict.fromkeys(
        ("second", "2nd", "doosra", "doosri", "dusra", "dusri", "दूसरा", "दूसरी", *_SECOND), 1
    ),
    **dict.fromkeys(("third", "3rd", "teesra", "teesri", "तीसरा", "तीसरी", *_THIRD), 2),
    **dict.fromkeys(("middle", "mittlere", "mittleren", "beech wala"), 1),
    **dict.fromkeys(("last", "latest", "aakhri", "आखिरी", *_LAST), -1),
}
_ORDINAL: Final = re.compile(
    rf"\b(?:the\s+)?({'|'.join(_ORDINALS)})\b(?=\s*(?:$|[.,!?;]|ones?\b|slot|time|option|date|day\b"
    r"|appointment|of (?:those|these|them|the)\b|please|works?\b|is\b|would|will|sounds|suits"
    r"|thanks|bitte|por favor|s.il|then\b|at\b|on\b|and\b|but\b|w(?:ala|ali|ale)\b|hi\b|theek|वाल))"
    r"|\b(?:option|number|slot)\s+(one|two|three|1|2|3)\b",
    re.IGNORECASE,
)
_COUNTED: Final = {"one": 0, "two": 1, "three": 2, "1": 0, "2": 1, "3": 2}
_ANY: Final = re.compile(
    r"^\W*(?:(?:oh|well|um|really|just|i think|honestly)\W+)*"
    r"(?:any(?: (?:of (?:them|those|these)|one|time|slot))?|either(?: (?:one|of \w+))?|whichever"
    r"|whatever|both|you choose|koi bhi|(?:it|that) does(?:n['’]?t| not) matter)\b"
    r"(?:\W+(?:is|works?|would|will|be|do|fine|good|okay|ok|for|me|us|suits?|you|like|prefer|please"
    r"|easiest|easier|best|earliest|soonest|convenient|comes first"
    r"|chalega))*\W*$",
    re.I,
)
_TAIL: Final = re.compile(
    r"\s*\b(?:instead|please|if possible|if that works|thanks|thank you)\b[\s.,!]*", re.I
)
"""What is said behind a time, as in "at ten instead"."""
_DAY_ALONE: Final = re.compile(
    r"(?<!the )\b(\d{1,2}(?:st|nd|rd|th))\b(?=\s*(?:at\b|around\b|,|\.|$))", re.I
)
_TODAY: Final = re.compile(r"\b(today|aaj|आज|heute|aujourd['’]hui|hoy)\b", re.I)
_TOMORROW: Final = re.compile(
    r"\b(tomorrow|kal|कल|(?<!guten )morgen|demain|(?<!la )mañana)\b", re.I
)
_AFTER_TOMORROW: Final = re.compile(
    r"\b(day after tomorrow|parso|परसों|übermorgen|après-demain|pasado mañana)\b", re.I
)
_NEXT_WEEK: Final = re.compile(
    r"\bnext week\b|\bagle hafte\b|अगले हफ्ते|\bnächste woche\b|\bsemaine prochaine\b"
    r"|\bpróxima semana\b",
    re.I,
)
_PARTS: Final = (
    (
        re.compile(r"\b(morning|subah|vormittags?|früh|matin|la mañana)\b|सुबह", re.I),
        (time(6), time(12)),
    ),
    (
        re.compile(r"\b(afternoon|dopahar|nachmittags?|après-midi|la tarde)\b|दोपहर", re.I),
        (time(12), time(17)),
    ),
    (re.compile(r"\b(evening|shaam|abends?|soir|noche)\b|शाम", re.I), (time(17), time(21))),
)
_WAKING: Final = (8 * 60, 20 * 60)
"""Minutes of the day in which "at three" is meant."""


PartOfDay = Literal["morning", "afternoon", "evening"]
_NAMES: Final[tuple[PartOfDay, ...]] = ("morning", "afternoon", "evening")


@dataclass(frozen=True, slots=True)
class Wish:
    """When somebody would like something."""

    day: date | None = None
    until: date | None = None
    """Last day of a span such as next week."""
    minutes: tuple[int, ...] = ()
    """Minutes of the day; more where "three" may be at night."""
    part: tuple[time, time] | None = None
    """Of the day."""

    def __bool__(self) -> bool:
        return bool(self.day or self.minutes or self.part)

    def fits(self, start: datetime) -> bool:
        """Whether a time is as wished."""
        if self.day and not self.day <= start.date() <= (self.until or self.day):
            return False
        if self.minutes and start.hour * 60 + start.minute not in self.minutes:
            return False
        return not self.part or self.part[0] <= start.time() < self.part[1]

    def search(self, now: datetime) -> dict[str, Any]:
        """Return the arguments with which `find_slots` looks for it."""
        if (at := self.moment(now)) is not None:
            return {"wished": at.isoformat(timespec="minutes")}
        args: dict[str, Any] = {}
        if self.day:
            args["not_before"] = self.day.isoformat()
            args["not_after"] = (self.until or self.day).isoformat()
        if self.part:
            args["part_of_day"] = next(
                name for name, (_, span) in zip(_NAMES, _PARTS, strict=True) if span == self.part
            )
        return args

    def moment(self, now: datetime) -> datetime | None:
        """Return the one time it names, after now; None when it names none, or several."""
        waking = [at for at in self.minutes if _WAKING[0] <= at <= _WAKING[1]] or self.minutes
        if len(waking) != 1 or self.until:
            return None
        at = time(waking[0] // 60 % 24, waking[0] % 60)
        day = self.day or now.date()
        found = datetime.combine(day, at, now.tzinfo)
        if found <= now and self.day is None:
            found += timedelta(days=1)
        return found if found > now else None


def wish(text: str, now: datetime) -> Wish:
    """Read when somebody would like something.

    Args:
        text: what they said.
        now: the time, in the zone in which they mean it.
    """
    text = _DAY_ALONE.sub(r"the \1", _TAIL.sub(".", text.replace("?", ".")))
    claims = claims_of(text)
    day, until = _day(text, claims, now)
    minutes = next((c.keys for c in claims if c.kind == "time"), ())
    minutes = minutes or _two_numbers(claims, text, bool(day))
    part = next((span for pattern, span in _PARTS if pattern.search(text)), None)
    later = _later(claims, text, now)
    if later is not None:
        return Wish(later.date(), None, (later.hour * 60 + later.minute,))
    wished = tuple(int(key) for key in minutes)
    if part and len(wished) > 1:
        low, high = (at.hour * 60 for at in part)
        wished = tuple(at for at in wished if low <= at < high) or wished
    return Wish(day, until, wished, None if wished else part)


def choose(text: str, slots: Sequence[Slot], now: datetime) -> list[int]:
    """Return which of the slots somebody means: one, several that fit, or none.

    Args:
        text: what they said.
        slots: as they were offered, in their order.
        now: the time, in the zone of the slots.
    """
    starts = [datetime.fromisoformat(slot["start"]) for slot in slots]
    wished = wish(text, now)
    if wished.day or wished.minutes or wished.part:
        return [at for at, start in enumerate(starts) if wished.fits(start)]
    if (match := _ORDINAL.search(text)) is not None:
        named = match[1].lower() if match[1] else ""
        at = _ORDINALS[named] if named else _COUNTED[match[2].lower()]
        return [range(len(slots))[at]] if -len(slots) <= at < len(slots) else []
    if _ANY.search(text) and slots:
        return [0]
    return []


def local(now: datetime, timezone: str) -> datetime:
    """Return the time in a zone, IANA name."""
    return now.astimezone(ZoneInfo(timezone))


def _day(text: str, claims: Sequence[Claim], now: datetime) -> tuple[date | None, date | None]:
    today = now.date()
    if _AFTER_TOMORROW.search(text):
        return today + timedelta(days=2), None
    if _TOMORROW.search(text):
        return today + timedelta(days=1), None
    if _TODAY.search(text):
        return today, None
    for claim in claims:
        if claim.kind == "date" and (found := _date(claim.keys[0], today)) is not None:
            return found, None
    weekday = next((c.keys[0] for c in claims if c.kind == "day" and c.keys[0] in DAYS), None)
    if weekday is not None:
        ahead = (DAYS.index(weekday) - today.weekday()) % 7 or 7
        if _NEXT_WEEK.search(text) and ahead <= 6 - today.weekday():
            ahead += 7
        return today + timedelta(days=ahead), None
    if _NEXT_WEEK.search(text):
        monday = today + timedelta(days=7 - today.weekday())
        return monday, monday + timedelta(days=6)
    return None, None


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


def _two_numbers(claims: Sequence[Claim], text: str, dated: bool) -> tuple[str, ...]:
    """Read "eleven thirty" as a time, after a day or "at"; the keys are minutes of the day."""
    for claim in claims:
        if claim.kind != "number" or claim.unit or len(claim.text.split()) != 2:
            continue
        hour, minute = divmod(int(claim.keys[0]) if claim.keys[0].isdigit() else 0, 100)
        said_at = text[: claim.start].rstrip().lower().endswith((" at", " um", " à", " las"))
        if 1 <= hour <= 12 and minute in _SAID_AFTER_HOURS and (dated or said_at):
            return str(hour % 12 * 60 + minute), str(hour % 12 * 60 + minute + 720)
    return ()


_SAID_AFTER_HOURS: Final = frozenset({10, 15, 20, 30, 40, 45, 50})


def _later(claims: Sequence[Claim], text: str, now: datetime) -> datetime | None:
    """Read "in two hours", "in 20 minutes", "after an hour"."""
    if re.search(r"\b(in|after) (an|one) hour\b|\bek ghante\b", text, re.I):
        return now + timedelta(hours=1)
    for claim in claims:
        if claim.kind == "duration" and claim.keys[0][0] == "s":
            seconds = float(claim.keys[0][1:])
            before = text[: claim.start].rstrip().lower().rsplit(" ", 1)[-1]
            if before in ("in", "after") and seconds < 86_400:
                return now + timedelta(seconds=seconds)
    return None
