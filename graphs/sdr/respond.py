"""What is answered without a model: from passages, from the price list, or not at all."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from graphs.sdr.assertions import asserts, claims_price, is_price, put_right
from graphs.sdr.grounding import Guard
from graphs.sdr.grounding.claims import claims_of
from graphs.sdr.onward import offered, onward
from graphs.sdr.price_asked import asked_for, bounds, claimed, listed, other_currency
from graphs.sdr.price_list import named
from graphs.sdr.responder import extract
from graphs.sdr.turn import Turn
from tools.knowledge import Found


class Response(NamedTuple):
    """An answer without a model."""

    says: tuple[str, ...] = ()
    """What answers; before what the tools tell, where there are any."""
    asks: str = ""
    """The question after it."""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Tools that answer in its place."""
    update: Mapping[str, Any] = {}
    """What changes in the state."""


def respond(
    turn: Turn,
    found: Found | None,
    facts: Mapping[str, Any],
    state: Mapping[str, Any],
    guard: Guard,
) -> Response:
    """Answer what the caller has said.

    Args:
        turn: this one.
        found: what was looked up.
        facts: what is known of the caller.
        state: the conversation, this turn's changes included.
        guard: knows what this call has to show.
    """
    heard = turn.heard
    if heard is not None and heard.intent == "account":
        says = (turn.say("account"), *_told(turn, found))
        return _offer_person(turn, state, says, "account")
    if asserts(turn):
        if (computed := _computed(turn)) is not None:
            return computed
        question, update = onward(turn, facts, state)
        return Response(put_right(turn, found, guard), question, update=update)
    if length := _length(turn):
        question, update = onward(turn, facts, state)
        return Response((length,), question, update=update)
    wants = heard is None or heard.asks or heard.intent == "price"
    elsewhere = other_currency(turn) if wants else ()
    asked = asked_for(turn, facts)
    if asked.call is not None:
        return Response(elsewhere, calls=(asked.call,), update={"priced": asked.kept})
    if asked.unclear:
        return Response((), turn.say("price.count"), update={"priced": asked.kept})
    if elsewhere:
        question, update = onward(turn, facts, state)
        return Response((*elsewhere, *listed(turn)), question, update=update)
    says = bounds(turn, asked) or _priced(turn, found) or _told(turn, found)
    if says:
        question, update = onward(turn, facts, state)
        kept = {"priced": asked.kept} if asked.items else {}
        return Response(says, question, update={**kept, **update})
    if heard is not None and not heard.asks and heard.intent == "statement":
        return _statement(turn, facts, state)
    return _offer_person(turn, state, (turn.say("unknown"),), "unknown")


def _computed(turn: Turn) -> Response | None:
    """Have the price computed that is claimed, where it is told of what and for how many."""
    asked = claimed(turn)
    if asked.call is None or not claims_price(turn):
        return None
    says = () if is_price(turn, asked) else (turn.say("safe.assent"),)
    return Response(says, calls=(asked.call,), update={"priced": asked.kept})


def _length(turn: Turn) -> str:
    """Say how long the meeting takes that is being booked, or is spoken of."""
    rules = turn.organisation.calendar
    tool = turn.pending["tool"] if turn.pending else ""
    booking = tool in ("book_appointment", "move_appointment") or bool(turn.state.get("booked"))
    about = rules.meeting in turn.text.lower() or booking and _IT.search(turn.text)
    if not _HOW_LONG.search(turn.text) or not about:
        return ""
    return turn.say("meeting.length", minutes=rules.minutes)


_HOW_LONG: Final = re.compile(
    r"\b(?:how long|how many minutes|how much time|wie lange|combien de temps"
    r"|cu[aá]nto (?:dura|tiempo)|kitni der|kitna samay|kitna time)\b|कितनी देर|कितना समय",
    re.IGNORECASE,
)
_IT: Final = re.compile(
    r"\b(?:it|that|this|meeting|call|appointment|das|es|cela|ça)\b", re.IGNORECASE
)


def _priced(turn: Turn, found: Found | None) -> tuple[str, ...]:
    """Return what the documents say of the price of what is named, or else the list."""
    if turn.heard is None or turn.heard.intent != "price" or turn.organisation.prices is None:
        return ()
    told = _told(turn, found) if named(turn.text, turn.organisation.prices) else ()
    if any(claim.kind == "money" for sentence in told for claim in claims_of(sentence)):
        return told
    return listed(turn)


def _told(turn: Turn, found: Found | None) -> tuple[str, ...]:
    """Return the sentences of the documents that answer; said as such in another language."""
    says = tuple(extract(turn.text, found)) if found is not None else ()
    if says and turn.language != turn.agent.language:
        return (turn.say("documents"), *says)
    return says


def _statement(turn: Turn, facts: Mapping[str, Any], state: Mapping[str, Any]) -> Response:
    """Answer what is no question: thanks for what somebody tells of themselves, nothing else."""
    question, update = onward(turn, facts, state)
    if _OF_THEMSELVES.match(turn.text) and not _OF_US.search(turn.text):
        return Response((turn.say("told"),), question, update=update)
    if state.get("pending") or turn.state.get("asked"):
        return Response((turn.say("ask.again"),), question, update=update)
    return _offer_person(turn, state, (turn.say("not_understood"),), "not_understood")


_OF_THEMSELVES: Final = re.compile(
    r"^\W*(?:(?:well|so|um|uh|and|but|yes|no|ok|okay|actually|hi|hello|oh)\W+)*"
    r"(?:we|we['’]\w+|our|i|i['’]\w+|my|hum|hamar[aei]|mer[aei]|main|wir|unser\w*|ich|mein\w*|nous|notre"
    r"|nos|je|j['’]\w+|nosotros|nuestr\w+|tenemos|somos|हम|हमार\S*|मेर\S*|मैं)\b",
    re.IGNORECASE,
)
_OF_US: Final = re.compile(
    r"\b(?:you|your|yours|you['’]\w+|want|need|demand|insist|expect|expecting|agree|wish|bet|sie|ihr"
    r"|ihre|vous|votre|usted|ustedes)\b",
    re.IGNORECASE,
)


def _offer_person(
    turn: Turn, state: Mapping[str, Any], says: tuple[str, ...], key: str
) -> Response:
    """Say that we cannot answer, and offer a person or a call back.

    `key` names the questions, such as `unknown.person` and `unknown.call_back`.
    """
    if state.get("pending"):
        return Response(says, str(state["pending"]["question"]))
    question, update = offered(turn, key)
    return Response(says, question, update=update)
