"""How a conversation ends, and how a number is taken off."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphs.call_actions import HangUp
from graphs.sdr.intents import OPTING_OUT, Heard
from graphs.sdr.languages import language_of
from graphs.sdr.onward import waits
from graphs.sdr.replies import spoken_languages
from graphs.sdr.turn import Plan, Turn


def close(turn: Turn, outcome: str, *says: str, opt_out: bool = False) -> Plan:
    """End the conversation."""
    update = {"phase": "COMPLETION", "outcome": outcome, "done": True}
    update |= {"pending": None, "expects": {}, "asked": None}
    return Plan(says=says, act=HangUp(), update=update, opt_out=opt_out)


def outcome_of(state: Mapping[str, Any]) -> str:
    """Return what a conversation has come to that ends now."""
    if state.get("booked"):
        return "booked"
    return "qualified" if len(state.get("facts") or {}) >= 3 else "ended"


def taken_off(turn: Turn) -> Plan:
    """Take the number off for ever, and say so."""
    key = "opted_out" if turn.caller else "opted_out.unknown"
    plan = close(turn, "opted_out", in_their_language(turn).say(key), opt_out=True)
    return replace(plan, update={**plan.update, "opted_out": True})


def asks_whether_off(turn: Turn) -> bool:
    """Whether it is open if the number is to be taken off."""
    return turn.pending is not None and turn.pending["asks"] == "opt_out"


def taking_off(turn: Turn, heard: Heard) -> Plan | None:
    """Take the number off: who says so, says yes when asked, or says again what made us ask.

    Whoever may have meant it is asked. None where it is no matter of that.
    """
    asked = asks_whether_off(turn)
    agrees = asked and heard.yes is True and not heard.asks
    if heard.intent == "opt_out" or agrees or asked and heard.intent in OPTING_OUT:
        return taken_off(turn)
    if heard.intent == "may_opt_out":
        question = turn.say("ask.opt_out")
        about = {"likely": heard.rule == "opt_out.likely"}
        return Plan(says=(question,), update=waits("opt_out", question, about=about))
    return None


def unanswered(turn: Turn, plan: Plan) -> Plan:
    """Take off who leaves while being asked, where what they have said is much like the wish.

    "Can you delete my data?" and "our reps hate cold calling" are asked about too, and no wish.
    """
    if (
        turn.pending is None
        or not asks_whether_off(turn)
        or not turn.pending["about"].get("likely")
    ):
        return plan
    update = {**plan.update, "outcome": "opted_out", "opted_out": True}
    return replace(plan, opt_out=True, update=update)


def in_their_language(turn: Turn) -> Turn:
    """Return the turn in the language that is spoken, be it none of the agent's own.

    What is said last in a call, so that it is understood.
    """
    language = language_of(turn.text)
    if language not in spoken_languages() or turn.channel and language not in turn.channel:
        return turn
    return turn.in_language(str(language))
