"""What is decided about a meeting: to look for a time, and to read back, move or cancel one."""

from graphs.sdr.answers import look_for
from graphs.sdr.onward import offered, waits
from graphs.sdr.turn import Plan, Turn
from graphs.sdr.wishes import wished_now


def being_booked(turn: Turn) -> bool:
    """Whether a time is just being found, so that another one is no change of a booking."""
    return turn.pending is not None and turn.pending["tool"] == "book_appointment"


def appointments(turn: Turn, tool: str) -> Plan:
    """Look up what the caller has booked, to read it back or for a tool that changes it."""
    contact = turn.state.get("contact") or {}
    booked = turn.state.get("booked") or {}
    email = booked.get("email") or contact.get("email") or turn.agent.variables.get("email")
    args = {"email": str(email)} if email else {}
    update = waits("appointment", "", tool, args) if tool else {}
    return Plan(route="use_tools", calls=(("list_appointments", args),), update=update)


def meet(turn: Turn) -> Plan:
    """Look for a time to meet; where there is no calendar a person is offered instead.

    A model may have tools of its own with which to book.
    """
    if turn.organisation.bookable:
        return look_for(turn, wished_now(turn), "book_appointment", {})
    if turn.model:
        return Plan(route="look_up")
    question, update = offered(turn, "account")
    return Plan(says=(turn.say("book.none"), question), update=update)
