"""A meeting that is wished without the word for booking, and what "it" is once one is booked."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Final

from graphs.sdr.intents import CODE_DECIDES, Heard, of_it
from graphs.sdr.onward import OFFERS
from graphs.sdr.times import NOTHING, Wish, at_time, kept_wish, spoken_of, wish
from graphs.sdr.turn import Turn

_MEETS: Final = re.compile(
    r"\b(?:demos?|demonstration|meeting(?! rooms?\b)|appointment|walkthrough|presentation|slots?"
    r"|calendar|openings?|meet|rendez-vous|termin|cita|squeeze|fit (?:me|us)|sounds?|suits?"
    r"|(?:be|am|are) free(?! of\b)|see (?:it|this)"
    r"|(?:can|could|shall|may|let['’]?s|to)(?: (?:we|i|you))? do (?:it|this))\b"
    r"|\b(?:have|got) (?:anything|something|time|room)\b",
    re.IGNORECASE,
)
TIMED: Final = frozenset({"book_appointment", "move_appointment"})
"""Tools that need one of the free times."""
_OPENS_WITH: Final = frozenset({"statement", "question", "deny", "hello"})
"""Intents of first words that may be of an appointment made before: "I have to cancel"."""
_NO_WISH: Final = re.compile(
    r"\b(?:was|were|had|did|missed|last|yesterday"
    r"|every|each|usually|normally|weekly|jeden?|normalerweise|chaque|d['’]habitude|cada"
    r"|todos los)\b",
    re.IGNORECASE,
)
"""What has been, and what is so each time."""
_BARE_TIME: Final = re.compile(
    r"^\W*(?:(?:ok|okay|yes|so|maybe|perhaps|how about|what about|let['’]?s say|say|on|at|around|am"
    r"|next|this|for|please|can we do|could we do|shall we say)\W+)*"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day\b(?:\W+(?:the|at|on|around|about|in|morning"
    r"|afternoon|evening|noon|half|past|quarter|to|o['’]?clock|[ap]\.?m\.?|then|please"
    r"|works|would|be"
    r"|good|great|fine|for|me|us|next|week|of|\d+(?:st|nd|rd|th)?|\d+[:.]\d+|one|two|three"
    r"|four|five"
    r"|six|seven|eight|nine|ten|eleven|twelve|thirty|fifteen|forty-five))*\W*$",
    re.IGNORECASE,
)


def wishes(turn: Turn) -> bool:
    """Whether a time is wished for a meeting: "Monday at ten", "a demo at noon on Thursday"."""
    if not turn.organisation.bookable or turn.state.get("booked") or turn.pending is not None:
        return False
    wished = wish(turn.text, turn.now)
    if not wished or _NO_WISH.search(turn.text):
        return False
    if _MEETS.search(turn.text):
        return True
    named = wished.day is not None and wished.moment(turn.now) is not None
    return named and turn.state.get("asked") != "timing" and bool(_BARE_TIME.match(turn.text))


def of_the_booking(turn: Turn, heard: Heard) -> Heard:
    """Return what "cancel it" means to who has spoken of an appointment, or begins with it."""
    moving = turn.pending is not None and turn.pending["tool"] == "move_appointment"
    free = turn.pending is None or turn.pending["asks"] in OFFERS
    spoken_of = turn.state.get("booked") or turn.state.get("appointment")
    begins = turn.organisation.bookable and not turn.state.get("exchanges")
    known = spoken_of or begins and heard.intent in _OPENS_WITH
    meant = of_it(turn.text) if moving or known and free else None
    if moving and meant != "cancel_booking":
        return heard
    if meant is None or heard.intent in CODE_DECIDES:
        return heard
    return replace(heard, intent=meant, rule=f"intent.of_it.{meant}")


def spoken_time(turn: Turn) -> Wish:
    """Return the day and time that are spoken of, from which what is said next is told.

    It is the time that is read back, the day of the times that were offered, the day that was
    asked for, or the appointment that is being moved.
    """
    if turn.pending is None:
        return NOTHING
    args, about = turn.pending["args"], turn.pending["about"]
    if start := args.get("start") or args.get("at"):
        return at_time(datetime.fromisoformat(str(start)))
    timed = turn.pending["tool"] in TIMED
    offered = (turn.state.get("offered") or []) if timed else []
    kept = kept_wish(about.get("wished") or {})
    known = spoken_of([datetime.fromisoformat(one["start"]) for one in offered])
    known = replace(known, minutes=known.minutes or kept.minutes) if known else kept
    if not known and (moved := about.get("from")):
        return at_time(datetime.fromisoformat(str(moved)))
    return known


def wished_now(turn: Turn) -> Wish:
    """Return when the caller would like it, told from the time that is spoken of."""
    about = spoken_time(turn)
    return wish(turn.text, turn.now, about, bare=about.day is not None)
