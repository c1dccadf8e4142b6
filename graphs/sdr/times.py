"""Days and times as callers say them: which of the slots that were offered, or another."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from graphs.sdr.clock_times import Span, clock, time_of_day, waking, zone_in
from graphs.sdr.days import NONE, Unclear, day_in
from graphs.sdr.figures import ISO, UNCLEAR, WEEKDAY, WORDS, in_figures
from graphs.sdr.grounding.claims import Claim, claims_of

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
    r"\b(?:instead|please|if possible|if that works|thanks|thank you)\b[\s.,!]*", re.I
)
"""What is said behind a time, as in "at ten instead"."""
_TIME: Final = r"(?:at |um |à )?\d{1,2}(?::\d\d)?(?:\s?[ap]\.?m\b\.?| o['’]clock| uhr)?(?![\d:])"
_PART: Final = r"(?:mornings?|afternoons?|evenings?|nights?|vormittags?|nachmittags?|matin|soir)"
_ANY_DAY: Final = rf"(?:{WEEKDAY}s?|{ISO}|today|tomorrow|heute|demain|mañana|noon)"
_THING: Final = (
    rf"(?:(?:{_ANY_DAY}|\b{_TIME}|{_PART}|\b(?:the )?(?:{'|'.join(_ORDINALS)}))(?!\w)"
    rf"(?:\s+(?:(?:in the|at|on)\s+)?(?:{_TIME}|{_PART})(?!\w)){{0,2}})"
)
"""A day with its time or part of the day, a time alone, an option."""
_RULED_OUT: Final = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{WORDS['ruled_out_before']}\s+{_THING}",
        rf"{_THING}{WORDS['ruled_out_behind']}",
        rf"\bno {WEEKDAY}s\b",
    )
]
_OPTION: Final = re.compile(r"\b\d(?:st|nd|rd|th) (?:one|option|slot|time)\b", re.IGNORECASE)
_CORRECTS: Final = re.compile(WORDS["corrects"].replace("{day}", f"{WEEKDAY}|{ISO}"), re.IGNORECASE)
_SAME_TIME: Final = re.compile(WORDS["same_time"], re.IGNORECASE)
_HOUR: Final = re.compile(r"(?<!half )\b(?:an|one|ek) (?:hour|ghante)\b", re.IGNORECASE)
_LATER: Final = re.compile(r"^\W*(?:later|after)\b", re.IGNORECASE)
_EARLIER: Final = re.compile(r"^\W*(?:earlier|sooner|before)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wish:
    """When somebody would like something, or what time is spoken of."""

    day: date | None = None
    until: date | None = None
    """Last day of a span such as next week."""
    minutes: tuple[int, ...] = ()
    """Minutes of the day; more where "three" may be at night."""
    within: Span | None = None
    """Of the day."""
    unclear: bool = False
    """Whether a day or time is named that nobody can tell for certain, so that it is asked."""

    def __bool__(self) -> bool:
        return bool(self.day or self.minutes or self.within or self.unclear)

    @property
    def open_ended(self) -> bool:
        """Whether it is a bound alone, such as "not before noon"."""
        bound = self.within is not None and (time.min in self.within or time.max in self.within)
        return bound and not self.minutes

    def fits(self, start: datetime) -> bool:
        """Whether a time is as wished."""
        if self.unclear:
            return False
        if self.day and not self.day <= start.date() <= (self.until or self.day):
            return False
        if self.minutes and start.hour * 60 + start.minute not in self.minutes:
            return False
        return not self.within or self.within[0] <= start.time() < self.within[1]

    def search(self, now: datetime) -> dict[str, Any]:
        """Return the arguments with which `find_slots` looks for it.

        A time without a day is looked for on every day.
        """
        if self.day and (at := self.moment(now)) is not None:
            return {"wished": at.isoformat(timespec="minutes")}
        args: dict[str, Any] = {}
        if self.day:
            args["not_before"] = self.day.isoformat()
            args["not_after"] = (self.until or self.day).isoformat()
        within = self.within
        if self.minutes:
            at_day = waking(self.minutes)
            within = clock(at_day[0]), clock(at_day[-1] + 1)
        if within:
            args["time_from"] = within[0].isoformat(timespec="minutes")
            args["time_until"] = within[1].isoformat(timespec="minutes")
        return args

    def moment(self, now: datetime) -> datetime | None:
        """Return the one time it names, after now; None when it names none, or several."""
        at_day = waking(self.minutes)
        if len(at_day) != 1 or self.until:
            return None
        day = self.day or now.date()
        found = datetime.combine(day, clock(at_day[0]), now.tzinfo)
        if found <= now and self.day is None:
            found += timedelta(days=1)
        return found if found > now else None

    def earliest(self, now: datetime, opens: time) -> datetime | None:
        """Return the first time that is as wished, after now; None for a day alone.

        Args:
            now: the time.
            opens: when a day begins on which anything is done.
        """
        if (at := self.moment(now)) is not None:
            return at
        if self.within is None:
            return None
        first = datetime.combine(self.day or now.date(), max(self.within[0], opens), now.tzinfo)
        last = datetime.combine(self.day or now.date(), self.within[1], now.tzinfo)
        if last <= now and self.day is None:
            return first + timedelta(days=1)
        return max(first, now + timedelta(minutes=15)) if last > now else None

    def kept(self) -> dict[str, Any]:
        """Return it as plain values that `kept_wish` reads again."""
        days = {"day": self.day, "until": self.until}
        kept: dict[str, Any] = {name: day.isoformat() for name, day in days.items() if day}
        within = [at.isoformat() for at in self.within or ()]
        return kept | {"minutes": list(self.minutes), "within": within}


NOTHING: Final = Wish()
UNTOLD: Final = Wish(unclear=True)


def kept_wish(kept: Mapping[str, Any]) -> Wish:
    """Read what `Wish.kept` has returned; nothing of nothing."""
    day, until = (
        date.fromisoformat(kept[name]) if kept.get(name) else None for name in ("day", "until")
    )
    within = [time.fromisoformat(at) for at in kept.get("within") or ()]
    minutes = tuple(kept.get("minutes") or ())
    return Wish(day, until, minutes, (within[0], within[1]) if within else None)


def at_time(start: datetime) -> Wish:
    """Return the wish for one time."""
    return Wish(start.date(), None, (start.hour * 60 + start.minute,))


def wish(text: str, now: datetime, about: Wish = NOTHING, *, bare: bool = False) -> Wish:
    """Read when somebody would like something.

    Args:
        text: what they said.
        now: the time, in the zone in which they mean it.
        about: the day and time that are spoken of: "at two" is at two of that day.
        bare: whether a number alone is a time, as where one was asked for.
    """
    zone = zone_in(text)
    said, before = NOTHING, NOTHING
    for part in _CORRECTS.split(_OPTION.sub(" ", _left(text, now))):
        said = _read(_TAIL.sub(".", part), now, about, before, bare)
        before = said or before
    wished = said or before
    if wished.unclear:
        return UNTOLD
    if wished and wished.day is None:
        wished = replace(wished, day=about.day, until=about.until)
    elif wished and about.day is None and not (wished.minutes or wished.within):
        wished = replace(wished, minutes=about.minutes, within=about.within)
    timed = wished.minutes or wished.within
    return _from_zone(wished, zone, now) if zone is not None and timed else wished


def rules_out(text: str, now: datetime) -> bool:
    """Whether days, times or options are ruled out and none is named: "Monday doesn't work"."""
    figures = in_figures(text.replace("?", "."), now.date())
    left = _left(text, now)
    return left != figures and not wish(text, now) and not _ORDINAL.search(left)


def _left(text: str, now: datetime) -> str:
    """Return what is said in figures, without what is ruled out."""
    text = in_figures(text.replace("?", "."), now.date())
    for pattern in _RULED_OUT:
        text = pattern.sub(" . ", text)
    return text


def _read(text: str, now: datetime, about: Wish, before: Wish, bare: bool) -> Wish:
    """Read what is said in one go; what it leaves open is as it was said before."""
    claims = claims_of(text)
    if UNCLEAR in text:
        return UNTOLD
    if (later := _later(claims, text, now)) is not None:
        return at_time(later)
    if (other := _told_from(claims, text, now, about)) is not None:
        return at_time(other)
    try:
        day, until = day_in(text, claims, now, before.day or about.day)
    except Unclear:
        return UNTOLD
    dated = bool(day or before.day or about.day)
    minutes, within, unclear = time_of_day(text, dated=dated, bare=bare or bool(before))
    if unclear:
        return UNTOLD
    if _SAME_TIME.search(text):
        minutes = minutes or about.minutes
    if not day and (minutes or within):
        day, until = (before.day, before.until) if before else NONE
    elif day and not (minutes or within) and before:
        minutes, within = before.minutes, before.within
    return Wish(day, until, minutes, within)


def choose(text: str, slots: Sequence[Slot], now: datetime, about: Wish = NOTHING) -> list[int]:
    """Return which of the slots somebody means: one, several that fit, or none.

    Args:
        text: what they said.
        slots: as they were offered, in their order.
        now: the time, in the zone of the slots.
        about: the day and time that are spoken of, from which "a day later" is told.
    """
    starts = [datetime.fromisoformat(slot["start"]) for slot in slots]
    wishes = [one for one in (wish(text, now), wish(text, now, about)) if one]
    for wished in wishes:
        if found := [at for at, start in enumerate(starts) if wished.fits(start)]:
            return found
    if wishes:
        return []
    if (match := _ORDINAL.search(_left(text, now))) is not None:
        named = match[1].lower() if match[1] else ""
        at = _ORDINALS[named] if named else _COUNTED[match[2].lower()]
        return [range(len(slots))[at]] if -len(slots) <= at < len(slots) else []
    if _ANY.search(text) and slots:
        return [0]
    bare = wish(text, now, bare=True)
    return [at for at, start in enumerate(starts) if bare and bare.fits(start)]


def names_option(text: str) -> bool:
    """Whether one of several times is named by its place: "the last one"."""
    return _ORDINAL.search(text) is not None


def spoken_of(starts: Sequence[datetime]) -> Wish:
    """Return the time that is spoken of when some were offered: their day, if they share one."""
    days = {start.date() for start in starts}
    if len(starts) == 1:
        return at_time(starts[0])
    return Wish(days.pop()) if len(days) == 1 else NOTHING


def local(now: datetime, timezone: str) -> datetime:
    """Return the time in a zone, IANA name."""
    return now.astimezone(ZoneInfo(timezone))


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


def _told_from(claims: Sequence[Claim], text: str, now: datetime, about: Wish) -> datetime | None:
    """Read "an hour later", "half an hour earlier", told from the time that is spoken of."""
    at = about.moment(now)
    if at is None:
        return None
    lengths = [(60.0, match.end()) for match in _HOUR.finditer(text)]
    lengths += [
        (float(claim.keys[0][1:]) / 60, claim.end)
        for claim in claims
        if claim.kind == "duration" and claim.keys[0][0] == "s"
    ]
    for minutes, end in lengths:
        if minutes < 24 * 60 and _LATER.match(text[end:]):
            return at + timedelta(minutes=minutes)
        if minutes < 24 * 60 and _EARLIER.match(text[end:]):
            return at - timedelta(minutes=minutes)
    return None


def _from_zone(wished: Wish, zone: ZoneInfo, now: datetime) -> Wish:
    """Return a wish in the zone of now that was told in another one."""
    there = now.astimezone(zone)
    day = wished.day or there.date()

    def here(at: time) -> datetime:
        return datetime.combine(day, at, zone).astimezone(now.tzinfo)

    if wished.minutes:
        starts = [here(clock(at)) for at in waking(wished.minutes)]
        minutes = tuple(start.hour * 60 + start.minute for start in starts)
        return Wish(starts[0].date() if wished.day else None, wished.until, minutes)
    first, last = (here(at) for at in wished.within or (time.min, time.max))
    within = (first.time(), last.time() if last.date() == first.date() else time.max)
    return Wish(wished.day and first.date(), wished.until, (), within)
