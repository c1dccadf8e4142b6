"""What is asked next: the fact that is missing, the summary, the meeting."""

from collections.abc import Mapping
from typing import Any, Final

from graphs.sdr.facts import told
from graphs.sdr.state import Pending
from graphs.sdr.turn import Turn

MOST_ASKS: Final = 2
"""So often a fact is asked for; who does not answer then is not pressed."""
OFFERS: Final = frozenset({"person", "meeting", "facts", "opt_out"})
"""What is not offered again to a caller who speaks of something else."""
ASIDES: Final = frozenset({"hold", "repeat"})
"""Intents that leave open what was asked: "one moment", "say that again"."""
MOST_PASSES: Final = 1
"""So often what waits for an answer is asked again; then another way is offered."""
MOST_QUESTIONS: Final = 3
"""So often it is asked again behind the answer to a question of the caller's."""
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


def passed_over(turn: Turn, pending: Pending) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return what is said and changes where something else was said than what is waited for.

    An offer is dropped. Anything else is asked once more, and then another way is offered: a
    person, or a call back; who was to be called back may write. What was open stays so: who
    answers it after all is understood.
    """
    dropped: dict[str, Any] = {"pending": None, "expects": {}}
    if turn.heard is not None and turn.heard.intent in ASIDES:
        return (), {}
    if pending["asks"] in OFFERS:
        return (), dropped
    asks = turn.heard is not None and turn.heard.asks
    if pending["tries"] < (MOST_QUESTIONS if asks else MOST_PASSES):
        return (), {"pending": {**pending, "tries": pending["tries"] + 1}}
    if pending["tool"] == "call_back_later" and not (turn.open and turn.person()):
        return (turn.say("confirm.dropped"), *writing(turn)), dropped
    _, update = offered(turn, "stuck")
    kept = {"tool": pending["tool"], "args": pending["args"]}
    update["pending"] |= {**kept, "about": {**update["pending"]["about"], "before": pending}}
    return (), {**update, "about": str(pending["args"].get("about") or turn.text)[:200]}


def writing(turn: Turn) -> tuple[str, ...]:
    """Say where one can write to; nothing where the organisation has no address."""
    email = turn.organisation.contact.get("email")
    return (turn.say("contact.write", email=email),) if email else ()
