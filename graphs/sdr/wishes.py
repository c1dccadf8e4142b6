"""A meeting that is wished without the word for booking, and what "it" is once one is booked."""

import re
from dataclasses import replace
from typing import Final

from graphs.sdr.intents import CODE_DECIDES, Heard, of_it
from graphs.sdr.times import wish
from graphs.sdr.turn import Turn

OFFERS: Final = frozenset({"person", "meeting", "facts", "opt_out"})
"""What is not offered again to a caller who speaks of something else."""
_MEETS: Final = re.compile(
    r"\b(?:demos?|demonstration|meeting|appointment|walkthrough|presentation|slots?|calendar"
    r"|openings?|meet|rendez-vous|termin|cita|squeeze|fit (?:me|us)|sounds?|suits?|(?:be|am"
    r"|are) free)\b"
    r"|\b(?:have|got) (?:anything|something|time|room)\b",
    re.IGNORECASE,
)
_PAST: Final = re.compile(r"\b(?:was|were|had|did|missed|last|yesterday)\b", re.IGNORECASE)
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
    if not wished or _PAST.search(turn.text):
        return False
    if _MEETS.search(turn.text):
        return True
    named = wished.day is not None and wished.moment(turn.now) is not None
    return named and turn.state.get("asked") != "timing" and bool(_BARE_TIME.match(turn.text))


def of_the_booking(turn: Turn, heard: Heard) -> Heard:
    """Return what "cancel it" means to somebody who has just booked, or is moving it."""
    moving = turn.pending is not None and turn.pending["tool"] == "move_appointment"
    free = turn.pending is None or turn.pending["asks"] in OFFERS
    meant = of_it(turn.text) if moving or turn.state.get("booked") and free else None
    if moving and meant != "cancel_booking":
        return heard
    if meant is None or heard.intent in CODE_DECIDES:
        return heard
    return replace(heard, intent=meant, rule=f"intent.of_it.{meant}")
