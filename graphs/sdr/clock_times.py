"""Times of the day as callers say them: one, a span such as "between two and four", a zone."""

import re
from collections.abc import Sequence
from datetime import time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from graphs.sdr.figures import WORDS
from graphs.sdr.grounding.claims import Claim, claims_of

Span = tuple[time, time]
"""From, and until before."""
DAY: Final = 24 * 60
"""Minutes of a day."""
_WAKING: Final = (8 * 60, 20 * 60 - 1)
"""Minutes of the day in which "at three" is meant."""
_HALF_DAY: Final = 12 * 60
_SAID_AFTER_HOURS: Final = frozenset({10, 15, 20, 30, 40, 45, 50})


def _joined(words: Sequence[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_AT: Final = _compiled(rf"(?:^|\b)(?:{_joined(WORDS['at'])})\s*$")
_NEAR: Final = r"(?:\s+(?:about|around|at|on|the|las?|les|l[eo]s?|el|l|de[nm]|um|gegen|à))?\s*$"
BEFORE: Final = {
    bound: _compiled(rf"\b(?:{'|'.join(part.strip() for part in words.split('|'))}){_NEAR}")
    for bound, words in WORDS["before_a_time"].items()
}
_AFTER: Final = {
    bound: _compiled(rf"^\s*(?:(?:o['’]?clock|uhr|heures?|h|baje|बजे)\s*)?{words}")
    for bound, words in WORDS["after_a_time"].items()
}
_SPANS: Final = _compiled(rf"^\s*(?:{_joined(WORDS['spans'])})\s*(?:at|las?|les|um|à)?\s*$")
_EITHER: Final = _compiled(rf"^\s*(?:{_joined(WORDS['either'])})\s*(?:at|las?|les|um|à)?\s*$")
_PARTS: Final = [
    (_compiled(pattern), float(first), float(last)) for pattern, first, last in WORDS["parts"]
]
_HALVES: Final = [
    (_compiled(pattern), [float(hour) for hour in hours]) for pattern, *hours in WORDS["halves"]
]
_BARE: Final = _compiled(
    r"^\W*(?:(?:ok|okay|yes|no|then|maybe|perhaps|well|so|um|uh|how about|what about|make it|say"
    r"|let['’]?s|let us|better|i['’]?d like|take|please|the|is|it|that|good|fine|works?|for me|free"
    r"|ish|would|be|do|and|at|o['’]?clock|go|with|can|we|i|could)\b\W*)*$"
)
_ZONES: Final = [
    (_compiled(rf"\b(?:{'|'.join(names)})\b"), zone) for zone, names in WORDS["zones"].items()
]
_WORDS_TOO: Final = {"EST", "ET", "IST", "PT"}
_ZONE_LETTERS: Final = re.compile(
    rf"\b({'|'.join(WORDS['zone_letters'])})\b"
    rf"|(?i:[ap]\.?m\.? ({'|'.join(WORDS['zone_letters'])})\b"
    rf"|(?:\d|o['’]clock) ({'|'.join(set(WORDS['zone_letters']) - _WORDS_TOO)})\b)"
)


class Said(NamedTuple):
    """A time of the day that is said."""

    minutes: tuple[int, ...]
    """Of the day; two where nothing says which half of it is meant."""
    start: int
    """Where it stands in the text, in characters."""
    end: int


class TimeOfDay(NamedTuple):
    """When on a day somebody would like something."""

    minutes: tuple[int, ...] = ()
    within: Span | None = None
    unclear: bool = False
    """Whether one is said that cannot be told: "at ten or at three", "at 10 pm in the morning"."""


UNTOLD: Final = TimeOfDay(unclear=True)


def time_of_day(text: str, *, dated: bool = False, bare: bool = False) -> TimeOfDay:
    """Read when on a day something is wished: a time, or a span of the day.

    Args:
        text: what was said.
        dated: whether a day is said or spoken of, so that "eleven thirty" is a time.
        bare: whether a number alone is a time, as where one was asked for.
    """
    said = times_said(text, dated=dated, bare=bare)
    part = _part(text)
    if not said:
        return TimeOfDay(within=part)
    said = [one._replace(minutes=_in_half(one.minutes, text)) for one in said]
    if not all(one.minutes for one in said):
        return UNTOLD
    if len(said) == 2 and _EITHER.match(text[said[0].end : said[1].start]):
        return TimeOfDay(_ordered(said[0].minutes, said[1].minutes))
    if (span := _span(text, said)) is not None:
        return TimeOfDay(within=_narrowed(span, part))
    minutes = tuple(at for at in said[0].minutes if all(at in one.minutes for one in said))
    return TimeOfDay(minutes) if minutes else UNTOLD


def times_said(text: str, *, dated: bool = False, bare: bool = False) -> list[Said]:
    """Return the times of the day that are said, in their order."""
    found: list[Said] = []
    for claim in claims_of(text):
        if claim.kind == "time":
            minutes = tuple(int(key) for key in claim.keys)
        else:
            minutes = _number(text, claim, found, dated=dated, bare=bare)
        if minutes:
            found.append(Said(minutes, claim.start, claim.end))
    return found


def waking(minutes: Sequence[int]) -> tuple[int, ...]:
    """Return those at which people are awake, or all where none is."""
    return tuple(at for at in minutes if _WAKING[0] <= at <= _WAKING[1]) or tuple(minutes)


def zone_in(text: str) -> ZoneInfo | None:
    """Return the time zone that is named beside a time."""
    if match := _ZONE_LETTERS.search(text):
        return ZoneInfo(WORDS["zone_letters"][(match[1] or match[2] or match[3]).upper()])
    return next((ZoneInfo(zone) for pattern, zone in _ZONES if pattern.search(text)), None)


def clock(minutes: int) -> time:
    """Return a time of the day of its minutes; the end of the day for all of them."""
    return time.max if minutes >= DAY else time(minutes // 60, minutes % 60)


def _number(
    text: str, claim: Claim, before: Sequence[Said], *, dated: bool, bare: bool
) -> tuple[int, ...]:
    """Read a number as a time where what stands around it tells that it is one."""
    if claim.kind != "number" or not claim.keys[0].isdigit() or len(claim.keys[0]) > _LONGEST:
        return ()
    ahead, behind = text[: claim.start], text[claim.end :]
    hour, minute = int(claim.keys[0]), 0
    at = _AT.search(ahead[-_NEARBY:]) is not None
    if len(re.split(r"[\s-]+", claim.text.strip())) == 2 and hour >= 100:  # "eleven thirty"
        hour, minute = divmod(hour, 100)
        if minute not in _SAID_AFTER_HOURS or not (dated or at or bare):
            return ()
    elif claim.unit and claim.unit not in _NO_UNITS:
        return ()
    else:
        follows = before and _SPANS.match(text[before[-1].end : claim.start])
        tells = _PARTS_BEHIND.match(behind) or _AFTER["earliest"].match(behind)
        alone = bare and _BARE.match(ahead) and _BARE.match(behind)
        opens = _SPAN_AHEAD.match(behind) and dated
        if not (at or follows or tells or alone or opens):
            return ()
    if not 1 <= hour <= 24:
        return ()
    if hour > 12:
        return ((hour * 60 + minute) % DAY,)
    first = hour % 12 * 60 + minute
    return first, first + _HALF_DAY


_NEARBY: Final = 40
"""Characters before a number that tell what it is."""
_LONGEST: Final = 4
"""Digits of a number that may be a time."""
_NO_UNITS: Final = frozenset(
    [
        "ish",
        "de",
        "del",
        "von",
        "du",
        "onward",
        "onwards",
        "ist",
        "wäre",
        "geht",
        "passt",
        "wenn",
        "mir",
        "est",
        "va",
        "irait",
        "serait",
        "nous",
        "está",
        "estaría",
        "sería",
        "me",
    ]
) | set(WORDS["spans"])
"""Words behind a number that it does not count."""
_PARTS_BEHIND: Final = _compiled(
    r"^\s*ish\b|^\s*(?:(?:in the|at|tomorrow|de la|du|de l['’]|von?|ish)\s*)?"
    r"(?:morning|afternoon|evening|night|tonight|mañana|tarde|noche|matin|soir|après-midi"
    r"|morgens|vormittags|nachmittags|abends|nachts)\b|^\s*o['’]?clock"
)
_SPAN_AHEAD: Final = _compiled(
    rf"^\s*(?:{_joined(WORDS['spans'])})\s*(?:las?|les)?\s*(?:\d+|[^\W\d_]+)"
    r"\s*(?:$|[.,!?;]|[ap]\.?m\b|o['’]?clock|on\b|in the\b|would|works?"
    r"|please|uhr|heures|h\b|de la)"
)


def _part(text: str) -> Span | None:
    for pattern, first, last in _PARTS:
        if pattern.search(text):
            return clock(int(first * 60)), clock(int(last * 60))
    return None


def _in_half(minutes: tuple[int, ...], text: str) -> tuple[int, ...]:
    """Keep the half of the day that is named beside a time; nothing where none can be meant."""
    for pattern, reach in _HALVES:
        if pattern.search(text):
            ends = list(zip(reach[::2], reach[1::2], strict=True))
            return tuple(at for at in minutes if any(a <= at / 60 < b for a, b in ends))
    return tuple(at for at in minutes if at < DAY)


def _span(text: str, said: Sequence[Said]) -> Span | None:
    """Read a span of the day: between two times, after one, before one."""
    if len(said) > 1 and _SPANS.match(text[said[0].end : said[1].start]):
        first, last = _ordered(said[0].minutes, said[1].minutes)
        return clock(first), clock(last)
    ahead, behind = text[: said[0].start], text[said[0].end :]
    at = waking(said[0].minutes)[-1]
    bound = _bound(ahead, behind)
    if bound is None:
        return None
    return (clock(at), time.max) if bound == "earliest" else (time.min, clock(at))


def _bound(ahead: str, behind: str) -> str | None:
    """Tell whether a time is the earliest or the latest; the longer words count."""
    found = [(BEFORE[bound].search(ahead), bound) for bound in BEFORE]
    found += [(_AFTER[bound].match(behind), bound) for bound in _AFTER]
    said = [(len(match[0]), bound) for match, bound in found if match]
    return max(said)[1] if said else None


def _ordered(first: Sequence[int], last: Sequence[int]) -> tuple[int, int]:
    """Return the shortest span of two times by day: eleven and two are 11 AM and 2 PM."""
    pairs = [(one, other) for one in waking(first) for other in last if one < other]
    return min(pairs, key=lambda pair: pair[1] - pair[0], default=(first[0], last[-1]))


def _narrowed(span: Span, part: Span | None) -> Span:
    """Return what a span and a part of the day have in common, or the span."""
    if part is None or max(span[0], part[0]) >= min(span[1], part[1]):
        return span
    return max(span[0], part[0]), min(span[1], part[1])
