"""What is said of the organisation and of the agent, from the organisation's own settings."""

import re
from typing import Final

from graphs.sdr.turn import Turn

_WAYS: Final = {
    "email": re.compile(r"mail|\b(?:write|contact|correo|reach|touch)\b", re.IGNORECASE),
    "phone": re.compile(
        r"phone|\b(?:number|call|contact|reach|touch|telefon\w*|nummer|num[eé]ro|tel[eé]fono)\b",
        re.IGNORECASE,
    ),
}


def reached(turn: Turn) -> tuple[str, ...]:
    """Say how the organisation is reached in the way that is asked for; nothing if unknown."""
    known = turn.organisation.contact
    ways = [way for way, words in _WAYS.items() if way in known and words.search(turn.text)]
    return tuple(turn.say(f"contact.{way}", value=known[way]) for way in ways)


def abilities(turn: Turn) -> tuple[str, ...]:
    """Say what the caller may ask of the agent, as it is set up now."""
    about = "about" if turn.company else "about.alone"
    says = [turn.say(about, company=turn.company)]
    if turn.organisation.bookable:
        says.append(turn.say("about.book", meeting=turn.organisation.calendar.meeting))
    if turn.people:
        says.append(turn.say("about.person"))
    return tuple(says)
