"""What is said of the results of tools, by code: times, bookings, prices, failures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from graphs.acting import UNKNOWN
from graphs.sdr.answers import book, look_for
from graphs.sdr.clock_times import zone_in
from graphs.sdr.facts import money
from graphs.sdr.onward import offered, onward, waits, writing
from graphs.sdr.opening import zone_told
from graphs.sdr.times import at_time, choose, wish
from graphs.sdr.turn import Plan, Turn

REPORTED: Final = frozenset(
    {"find_slots", "book_appointment", "call_back_later", "get_price", "send_sms", "send_email"}
    | {"save_contact", "add_contact_note"}
    | {"list_appointments", "move_appointment", "cancel_appointment"}
)
"""Tools whose results code says; a model says those of others."""
TELLS: Final = {
    "list_appointments": frozenset({"appointments"}),
    "get_price": frozenset({"lines", "currency"}),
    "book_appointment": frozenset({"start", "spoken"}),
    "move_appointment": frozenset({"id", "start", "spoken"}),
    "call_back_later": frozenset({"start", "spoken"}),
}
"""What a result must tell to be spoken of as success: a tool of one's own, or a mock, may not."""
OFFERED: Final = 3
"""Most times proposed at once: more cannot be kept in mind."""


def report(
    turn: Turn,
    tool: str,
    args: Mapping[str, Any],
    result: Any,
    facts: Mapping[str, Any],
    state: Mapping[str, Any],
) -> Plan:
    """Return what is said of a result, and what changes in the state.

    Args:
        turn: this one.
        tool: its name.
        args: it was called with.
        result: what it returned; a text where it has failed.
        facts: what is known of the caller.
        state: the conversation, this turn's changes included.
    """
    if not isinstance(result, Mapping) or not result.keys() >= TELLS.get(tool, frozenset()):
        return _failed(turn, tool, args, str(result))
    match tool:
        case "find_slots":
            return _slots(turn, args, result, state)
        case "list_appointments":
            return _appointments(turn, result["appointments"], facts, state)
        case "get_price":
            return _price(turn, result, facts, state)
        case "book_appointment":
            says = [
                turn.say("done.book_appointment", meeting=_meeting(turn), **_spoken(turn, result))
            ]
            booked = {key: result[key] for key in ("id", "start") if key in result}
            booked |= _spoken(turn, result)
            booked |= {"email": args["email"]} if args.get("email") else {}
            update: dict[str, Any] = {
                "booked": booked,
                "offered": [],
                "outcome": "booked",
                "pending": None,
            }
            return _on(turn, facts, {**state, **update}, says, update)
        case "move_appointment":
            says = [
                turn.say("done.move_appointment", meeting=_meeting(turn), **_spoken(turn, result))
            ]
            before = state.get("booked") or {}
            moved = {
                **before,
                "id": result["id"],
                "start": result["start"],
                **_spoken(turn, result),
            }
            update = {"booked": moved, "offered": [], "outcome": "booked", "pending": None}
            return _on(turn, facts, {**state, **update}, says, update)
        case "cancel_appointment":
            says = [turn.say("done.cancel_appointment", meeting=_meeting(turn))]
            asks = {**(state.get("asks") or {}), "meeting": 1}  # not offered again at once
            update = {"booked": None, "outcome": None, "pending": None, "asks": asks}
            update |= {"appointment": None}
            return _on(turn, facts, {**state, **update}, says, update)
        case "call_back_later":
            says = [turn.say("done.call_back_later", **_spoken(turn, result))]
            update = {"outcome": "call_back", "pending": None}
            return Plan(says=(*says, turn.say("anything_else")), update=update)
        case "add_contact_note":
            return Plan()
    key = f"done.{tool}" if tool in ("send_sms", "send_email", "save_contact") else "done.other"
    return _on(turn, facts, state, [turn.say(key)], {})


def _on(
    turn: Turn,
    facts: Mapping[str, Any],
    state: Mapping[str, Any],
    says: Sequence[str],
    update: Mapping[str, Any],
) -> Plan:
    question, asked = onward(turn, facts, {**state, **update})
    return Plan(says=(*says, question), update={**update, **asked})


def _meeting(turn: Turn) -> str:
    return turn.organisation.calendar.meeting


def _spoken(turn: Turn, result: Mapping[str, Any]) -> dict[str, str]:
    return {"spoken": turn.at(result)}


def _failed(turn: Turn, tool: str, args: Mapping[str, Any], why: str) -> Plan:
    """Say that it did not work; a time that was taken is followed by others."""
    if why == UNKNOWN:
        return Plan(says=(turn.say("failed.unknown"),), update={"pending": None, "expects": {}})
    if tool in ("book_appointment", "move_appointment"):
        given = {key: value for key, value in args.items() if key != "start"}
        taken = "taken" in why.lower() or "not free" in why.lower()
        says = (turn.say("failed.taken" if taken else "failed"),)
        if not taken:
            return Plan(says=says, update={"pending": None, "expects": {}})
        search = {"wished": args["start"]}
        update = waits("slot", "", tool, given)
        return Plan("use_tools", says, calls=(("find_slots", search),), update=update)
    if tool == "call_back_later":
        return no_call_back(turn, "failed.call_back")
    if tool == "find_slots":  # the calendar has not answered, so no other day is of use
        question, update = offered(turn, "account")
        return Plan(says=(turn.say("failed"), question), update=update)
    return Plan(says=(turn.say("failed"),), update={"pending": None, "expects": {}})


def no_call_back(turn: Turn, key: str) -> Plan:
    """Say that nobody can call back, and offer a person, or where to write.

    `key` names the sentence that says so.
    """
    if turn.open and turn.person() is not None:
        question, update = offered(turn, "account")
        return Plan(says=(turn.say(key), question), update=update)
    says = (turn.say(key), *writing(turn), turn.say("anything_else"))
    return Plan(says=says, update={"pending": None, "expects": {}})


def _slots(
    turn: Turn, args: Mapping[str, Any], result: Mapping[str, Any], state: Mapping[str, Any]
) -> Plan:
    """Offer free times; the one that was wished is read back at once."""
    pending = state.get("pending") or {}
    tool = pending.get("tool") or "book_appointment"
    given, about = pending.get("args") or {}, pending.get("about") or {}
    found = [{**slot, "spoken": turn.at(slot)} for slot in result.get("slots") or []]
    as_wished = result.get("as_wished", True)
    zone = (zone_told(turn),) if zone_in(turn.text) else ()
    if as_wished and args.get("wished") and found:
        plan = book(turn, found[0], given, tool)
        free = turn.say("slot.free", spoken=found[0]["spoken"])
        asks_more = plan.update["pending"]["asks"] != "confirm"
        return replace(plan, says=(*zone, *((free,) if asks_more else ()), *plan.says))
    offered = _spread(found)
    if not offered:
        question = turn.say("slots.none")
        update = {**waits("slot", question, tool, given, about), "offered": []}
        return Plan(says=(question,), update=update)
    one = ".one" if len(offered) == 1 else ""
    *first, last = (slot["spoken"] for slot in offered)
    slots = f"{', '.join(first)}{turn.say('or')}{last}" if first else last
    question = turn.say(f"slots{one}", slots=slots)
    update = {**waits("slot", question, tool, given, about), "offered": offered}
    if not as_wished:
        question = turn.say(f"slots.other{one}", slots=slots)
    return Plan(says=(*zone, question), update=update)


def _appointments(
    turn: Turn,
    found: Sequence[Mapping[str, str]],
    facts: Mapping[str, Any],
    state: Mapping[str, Any],
) -> Plan:
    """Say what the caller has booked, or ask about changing it."""
    pending = state.get("pending") or {}
    tool = pending.get("tool") if pending.get("asks") == "appointment" else None
    meeting = _meeting(turn)
    dropped: dict[str, Any] = {"pending": None, "expects": {}} if tool else {}
    if not found:
        says = [turn.say("appointment.none", meeting=meeting)]
        return _on(turn, facts, {**state, **dropped}, says, dropped)
    if not tool:
        says = [
            turn.say("appointment", meeting=meeting, **_spoken(turn, one))
            for one in found[:OFFERED]
        ]
        return _on(turn, facts, state, says, _spoken_of(found[0]))
    named = choose(turn.text, found, turn.now) if tool == "cancel_appointment" else []
    one = found[named[0]] if named else found[0]
    args = {**pending["args"], "appointment_id": one["id"]}
    if tool == "cancel_appointment":
        question = turn.say("confirm.cancel_appointment", meeting=meeting, **_spoken(turn, one))
        update = waits("confirm", question, tool, args, _spoken(turn, one))
        return Plan(says=(question,), update=update | _spoken_of(one))
    about = {"from": one["start"]}
    if wished := wish(turn.text, turn.now, at_time(datetime.fromisoformat(one["start"]))):
        return look_for(turn, wished, tool, args, about)
    question = turn.say("ask.move", meeting=meeting, **_spoken(turn, one))
    update = {**waits("slot", question, tool, args, about), "offered": []}
    return Plan(says=(question,), update=update)


def _spoken_of(appointment: Mapping[str, str]) -> dict[str, Any]:
    """Return what changes once an appointment was spoken of: "it" is that one."""
    kept = {key: appointment[key] for key in ("id", "start") if key in appointment}
    return {"appointment": kept}


def _spread(slots: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Take few of many: of one day an early time, of the next a later one, then every other."""
    days: dict[str, list[Mapping[str, str]]] = {}
    for slot in slots:
        days.setdefault(slot["start"][:10], []).append(slot)
    taken = [day[at % 2 % len(day)] for at, day in enumerate(days.values())][:OFFERED]
    for slot in [*slots[::2], *slots[1::2]]:
        if len(taken) < OFFERED and slot not in taken:
            taken.append(slot)
    taken.sort(key=lambda slot: datetime.fromisoformat(slot["start"]))
    return [{"start": slot["start"], "spoken": slot["spoken"]} for slot in taken]


def _price(
    turn: Turn, result: Mapping[str, Any], facts: Mapping[str, Any], state: Mapping[str, Any]
) -> Plan:
    says, currency, on_top = [], result["currency"], _on_top(turn, result["lines"])
    for line in result["lines"]:
        says.append(
            turn.say(
                "price.line.one" if line["quantity"] == 1 else "price.line",
                quantity=line["quantity"],
                unit=f"{line['unit']}s",
                name=line["name"],
                total=money(line["total"], currency),
                period=turn.say(f"per.{line['period']}"),
            )
        )
        if line["discounts"]:
            says.append(turn.say("price.discounts", discounts=" and ".join(line["discounts"])))
        if line.get("year_total") and not on_top:
            says.append(turn.say("price.year", total=money(line["year_total"], currency)))
    if on_top:
        says += _totals(turn, result)
    return _on(turn, facts, state, says, {})


def _totals(turn: Turn, result: Mapping[str, Any]) -> list[str]:
    """Say what the lines come to together, by period; a period with one line is said already."""
    says, lines, currency = [], result["lines"], result["currency"]
    for period, total in (result.get("totals") or {}).items():
        if sum(line["period"] == period for line in lines) > 1:
            per = turn.say(f"per.{period}")
            says.append(turn.say("price.total", total=money(total, currency), period=per))
            if period == "month" and result.get("year_total"):
                says.append(turn.say("price.year", total=money(result["year_total"], currency)))
    return says


def _on_top(turn: Turn, lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all lines are bought together: one plan, and what is bought on top of it."""
    prices = turn.organisation.prices
    ids = {line.get("item") for line in lines}
    listed = [item for item in prices.items if item.id in ids] if prices else []
    return len(listed) > 1 and sum(bool(item.period) and not item.addon for item in listed) <= 1
