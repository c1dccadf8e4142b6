"""What is asked next: the fact that is missing, the summary, the meeting."""

from collections.abc import Mapping
from typing import Any, Final

from graphs.sdr.facts import told
from graphs.sdr.state import Pending
from graphs.sdr.turn import Turn

MOST_ASKS: Final = 2
"""So often a fact is asked for; who does not answer then is not pressed."""
_EXPECTS: Final[Mapping[str, str]] = {
    "confirm": "yes_no",
    "facts": "yes_no",
    "meeting": "yes_no",
    "person": "yes_no",
    "opt_out": "yes_no",
}


def onward(
    turn: Turn, facts: Mapping[str, Any], state: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return the next question, and what changes in the state with it.

    Args:
        turn: this one.
        facts: what is known of the caller, this turn included.
        state: the conversation, this turn's changes included.
    """
    if (open_question := state.get("pending")) is not None:
        return str(open_question["question"]), {}
    asks = dict(state.get("asks") or {})
    wanted = [name for name in turn.agent.qualification if name not in facts]
    name = next((name for name in wanted if asks.get(name, 0) < MOST_ASKS), None)
    if name is not None:
        asks[name] = asks.get(name, 0) + 1
        return turn.say(f"ask.{name}"), {"asked": name, "asks": asks, "expects": {}}
    unconfirmed = {key: fact for key, fact in facts.items() if not fact["confirmed"]}
    if unconfirmed and not asks.get("summary"):
        known = "; ".join(
            told(key, fact, turn.language) for key, fact in facts.items() if key != "need"
        )
        if known:
            asks["summary"] = 1
            question = turn.say("summary", facts=known)
            return question, {**waits("facts", question), "asks": asks}
    if turn.organisation.bookable and not asks.get("meeting") and not state.get("booked"):
        asks["meeting"] = 1
        rules = turn.organisation.calendar
        question = turn.say("offer.meeting", minutes=rules.minutes, meeting=rules.meeting)
        return question, {**waits("meeting", question), "asks": asks}
    return turn.say("anything_else"), {"asked": None}


def waits(
    asks: Any,
    question: str,
    tool: str = "",
    args: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    tries: int = 0,
) -> dict[str, Any]:
    """Return what changes in the state when something waits for the caller's answer."""
    pending = Pending(
        asks=asks,
        question=question,
        tool=tool,
        args=dict(args or {}),
        about=dict(about or {}),
        tries=tries,
    )
    kind = _EXPECTS.get(asks)
    return {"pending": pending, "asked": None, "expects": {"kind": kind} if kind else {}}


def offered(turn: Turn, key: str) -> tuple[str, dict[str, Any]]:
    """Return the question that offers a person, or a call back where none can be reached.

    Args:
        turn: this one.
        key: names the questions, such as `unknown.person` and `unknown.call_back`.
    """
    person = turn.person() if turn.open else None
    if person is None:
        question = turn.say(f"{key}.call_back")
    else:
        question = turn.say(f"{key}.person", person=person.name)
    about = {"to": person.to} if person else {}
    return question, {**waits("person", question, about=about), "about": turn.text[:200]}
