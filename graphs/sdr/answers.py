"""Answers to what waits for one: a yes before anything is done, a slot, a name, a time."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from rapidfuzz import fuzz

from graphs.messages import was_heard
from graphs.sdr.calling_back import call_back, call_back_at
from graphs.sdr.intents import Heard, of_it, sure
from graphs.sdr.names import name_in
from graphs.sdr.onward import ASIDES, MOST_PASSES, onward, waits
from graphs.sdr.state import Pending
from graphs.sdr.times import Wish, choose, names_option, rules_out, wish
from graphs.sdr.turn import Plan, Turn, transfer
from graphs.sdr.wishes import TIMED, spoken_time, wished_now
from tools.conversation import e164

MOST_TRIES: Final = 2
"""So often a yes before something is done is asked for again."""
_CANCELS: Final = re.compile(
    r"^\W*(?:(?:yes|yeah|yep|sure|ok|okay|please|haan|ja|oui|si|sí)\W+)*"
    r"(?:please\W+)?(?:cancel|drop|delete|scrap|call)\b"
    r"(?:\W+(?:it|that|this|off|the|my|please|appointment|demo|meeting|booking))*\W*$",
    re.IGNORECASE,
)
_NAME_CORRECTED: Final = re.compile(
    r"^\W*(?:(?:no|yes|sorry|but|actually|well|wait)\b\W*)*"
    r"(?P<named>(?:my |the )?(?:sur|(?:last|first|full|family) )?name(?: is|['’]s)"
    r"|(?:put|book) it (?:on|under|for)|i['’]?m called|spel\w+(?: as)?)?"
    r"(?:it['’]?s|it is|that['’]?s)?\s*"
    r"(?P<name>[^,.;?!]+?)(?:\W+(?:and )?not\b.*)?[\s.!]*$",
    re.IGNORECASE,
)
_REJECTS: Final = re.compile(
    r"\b(?:none|neither|not any|any) of (?:these|those|them|the times)\b|\bneither\b",
    re.IGNORECASE,
)
_LATER: Final = re.compile(
    r"\b(?:(?P<later>later|after (?:that|those|these)|too early|später|plus tard|más tarde)"
    r"|earlier|sooner|before (?:that|those|these)|too late|früher|plus tôt|antes|más temprano)\b",
    re.IGNORECASE,
)
_SOUNDS_ALIKE: Final = 50
"""Likeness of a name, of 100, to the one that was misheard for it."""
_EMAIL: Final = re.compile(r"[^@\s,;<>]{1,64}@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+")
_GIVES_UP: Final = re.compile(
    r"\b(?:changed my mind|never ?mind|forget (?:it|that|about it)|leave it"
    r"|skip (?:it|that|this)|let['’]?s not|vergiss es|vergessen sie(?: es)?|lassen wir das"
    r"|laissez tomber|j['’]ai changé d['’]avis|oubliez"
    r"|olv[ií]delo|d[ée]jelo|cambié de opinión|rehne do|chhodo)\b"
    r"|^\W*skip\W*$",
    re.IGNORECASE,
)
"""Somebody wants it no more."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What may be the answer to something that waits for one."""

    turn: Turn
    heard: Heard
    pending: Pending
    facts: Mapping[str, Any]
    """What is known of the caller, this turn included."""
    state: Mapping[str, Any]
    """The conversation, this turn's changes included."""

    @property
    def tired(self) -> bool:
        """Whether it was asked often enough."""
        most = MOST_TRIES if self.pending["asks"] == "confirm" else MOST_PASSES
        return self.pending["tries"] >= most

    @property
    def declines(self) -> bool:
        """Whether it is a no and nothing else."""
        return self.heard.yes is False and not self.heard.asks

    def dropped(self, key: str) -> Plan:
        """Leave it, and go on."""
        question, update = onward(self.turn, self.facts, {**self.state, "pending": None})
        says = (self.turn.say(key), question)
        return Plan(says=says, update={"pending": None, "expects": {}, **update})

    def again(self, question: str, **about: Any) -> Plan:
        """Ask once more."""
        pending = self.pending
        update = waits(
            pending["asks"],
            pending["question"],
            pending["tool"],
            pending["args"],
            {**pending["about"], **about},
            pending["tries"] + 1,
        )
        return Plan(says=(question,), update=update)


def answered(
    turn: Turn,
    heard: Heard,
    pending: Pending,
    facts: Mapping[str, Any],
    state: Mapping[str, Any],
) -> Plan | None:
    """Take what was said as the answer; None where it is none, and what it is is seen to first."""
    take = _TAKERS.get(pending["asks"])
    return take(_Said(turn, heard, pending, facts, state)) if take else None


def _confirm(said: _Said) -> Plan | None:
    turn, heard, pending = said.turn, said.heard, said.pending
    another = _names_another(turn, pending)
    cancels = pending["tool"] == "cancel_appointment" and _CANCELS.match(turn.text)
    if (sure(heard, turn.text) or cancels) and not another:
        if not was_heard(turn.state.get("messages") or [], pending["question"]):
            return said.again(pending["question"])
        call = (pending["tool"], dict(pending["args"]))
        update: dict[str, Any] = {"pending": None, "expects": {}}
        return Plan(route="use_tools", calls=(call,), confirmed=True, update=update)
    if another:
        return _slot(said)
    if _gives_up(said):
        return said.dropped("cancelled")
    if pending["tool"] == "book_appointment" and (name := _other_name(said)) is not None:
        return _read_back(turn, {**pending["args"], "name_of_attendee": name}, pending["about"])
    if pending["tool"] == "call_back_later" and (plan := call_back(turn, pending)) is not None:
        return plan
    if said.declines and pending["tool"] == "call_back_later" and not said.tired:
        question = turn.say("ask.when")
        args = {key: value for key, value in pending["args"].items() if key != "at"}
        update = waits("when", question, pending["tool"], args, tries=MOST_PASSES)
        return Plan(says=(question,), update=update)
    if said.declines:
        return said.dropped("cancelled")
    if heard.intent in ASIDES:
        return None
    if heard.asks or turn.model and heard.yes is None and len(turn.text.split()) > 3:
        return None
    if said.tired:
        return said.dropped("confirm.dropped")
    return said.again(turn.say("confirm.again"))


def _gives_up(said: _Said) -> bool:
    """Whether what is being done is wanted no more: "I changed my mind"."""
    if _GIVES_UP.search(said.turn.text):
        return not said.heard.asks
    return said.pending["tool"] == "book_appointment" and of_it(said.turn.text) == "cancel_booking"


def _other_name(said: _Said) -> str | None:
    """Return the name with which somebody corrects the one that was read back."""
    match = _NAME_CORRECTED.match(said.turn.text)
    if match is None or said.heard.asks or said.heard.intent in ASIDES:
        return None
    name = name_in(match["name"])
    old = str(said.pending["args"].get("name_of_attendee", ""))
    alike = name is not None and max(
        fuzz.ratio(new.lower(), known.lower()) for new in name.split() for known in old.split()
    )
    return name if name and name != old and (match["named"] or alike >= _SOUNDS_ALIKE) else None


def _names_another(turn: Turn, pending: Pending) -> bool:
    """Whether another time is named than the one that was read back."""
    if pending["tool"] not in TIMED:
        return False
    if turn.state.get("offered") and names_option(turn.text):
        return True
    slot = {"start": str(pending["args"]["start"]), "spoken": ""}
    return bool(wished_now(turn)) and not choose(turn.text, [slot], turn.now, spoken_time(turn))


def _slot(said: _Said) -> Plan | None:
    turn, heard, pending = said.turn, said.heard, said.pending
    offered = list(said.state.get("offered") or [])
    wished = wished_now(turn)
    rejects = _REJECTS.search(turn.text) or rules_out(turn.text, turn.now)
    if wished.unclear or offered and rejects:
        return said.again(turn.say("ask.when"))
    if offered and not wished and (way := _LATER.search(turn.text)):
        return _beyond(said, offered, later=way["later"] is not None)
    found = choose(turn.text, offered, turn.now, spoken_time(turn))
    whole_day = wished.day and len(found) == len(offered) > 1
    if wished.open_ended or whole_day:  # "not before noon" is a wish, and no choice
        found = []
    if not found and heard.yes is True and len(offered) == 1:
        found = [0]
    if len(found) == 1:
        return _taken(turn, offered[found[0]], pending, exactly=bool(wished.minutes))
    if found:
        several = turn.say("or").join(offered[at]["spoken"] for at in found)
        return said.again(turn.say("slots.which", slots=several))
    if wished:
        return look_for(turn, wished, pending["tool"], pending["args"], pending["about"])
    if said.declines:
        return said.dropped("noted")
    if heard.asks or said.tired:
        return None
    return said.again(pending["question"])


def _taken(turn: Turn, slot: Mapping[str, str], pending: Pending, *, exactly: bool) -> Plan:
    """Take one of the times; who has not said it exactly is told which it is."""
    plan = book(turn, slot, pending["args"], pending["tool"])
    if exactly or plan.update["pending"]["asks"] == "confirm":
        return plan
    return replace(plan, says=(turn.say("slot.free", spoken=slot["spoken"]), *plan.says))


def _beyond(said: _Said, offered: Sequence[Mapping[str, str]], *, later: bool) -> Plan:
    """Look for times after those that were offered or before them, of their day if it is one."""
    starts = [datetime.fromisoformat(one["start"]) for one in offered]
    day = starts[0].date() if len({start.date() for start in starts}) == 1 else None
    pending = said.pending
    plan = look_for(said.turn, Wish(day), pending["tool"], pending["args"], pending["about"])
    ((name, args),) = plan.calls
    edge = "not_before" if later else "not_after"
    at = max(starts) + timedelta(minutes=1) if later else min(starts)
    return replace(plan, calls=((name, {**args, edge: at.isoformat(timespec="minutes")}),))


def look_for(
    turn: Turn,
    wished: Wish,
    tool: str,
    args: Mapping[str, Any],
    about: Mapping[str, Any] | None = None,
) -> Plan:
    """Look for free times as they are wished, for what is to be done at one of them."""
    given = {key: value for key, value in args.items() if key != "start"}
    kept = {key: value for key, value in (about or {}).items() if key == "from"}
    before = spoken_time(turn).minutes  # "the same time" is that of the day before
    kept["wished"] = (wished if wished.minutes else replace(wished, minutes=before)).kept()
    if wished.unclear:
        question = turn.say("ask.when")
        return Plan(says=(question,), update=waits("slot", question, tool, given))
    update = {**waits("slot", "", tool, given, kept), "offered": []}
    calls = (("find_slots", wished.search(turn.now)),)
    return Plan(route="use_tools", calls=calls, update=update)


def book(turn: Turn, slot: Mapping[str, str], args: Mapping[str, Any], tool: str) -> Plan:
    """Ask for what a booking still needs, or read it back; `tool` may move one instead."""
    about = {"spoken": slot["spoken"]}
    if tool == "move_appointment":
        meeting = turn.organisation.calendar.meeting
        question = turn.say("confirm.move_appointment", meeting=meeting, **about)
        given = {**args, "start": slot["start"]}
        return Plan(says=(question,), update=waits("confirm", question, tool, given, about))
    contact = turn.state.get("contact") or {}
    variables = turn.agent.variables
    name = args.get("name_of_attendee") or contact.get("name")
    name = name or variables.get("name") or variables.get("customer_name")
    given = {**args, "start": slot["start"]}
    email = args.get("email") or contact.get("email") or variables.get("email")
    given |= {"email": str(email)} if email else {}
    if not name:
        question = turn.say("ask.name")
        update = waits("name", question, "book_appointment", given, about)
        return Plan(says=(question,), update=update)
    return _read_back(turn, {**given, "name_of_attendee": str(name)}, about)


def _read_back(turn: Turn, args: Mapping[str, Any], about: Mapping[str, Any]) -> Plan:
    meeting = turn.organisation.calendar.meeting
    values = {"meeting": meeting, "spoken": about["spoken"]}
    name = args["name_of_attendee"]
    question = turn.say("confirm.book_appointment", name_of_attendee=name, **values)
    update = waits("confirm", question, "book_appointment", args, about)
    return Plan(says=(question,), update=update)


def _name(said: _Said) -> Plan | None:
    turn, heard, pending = said.turn, said.heard, said.pending
    if pending["tool"] in TIMED and _names_another(turn, pending):
        return _slot(said)
    if _gives_up(said):
        return said.dropped("noted")
    if heard.intent in ASIDES:
        return None
    name = None if heard.asks or heard.yes is False else name_in(turn.text)
    if name is None:
        return None if heard.asks or said.tired else said.again(pending["question"])
    args = {**pending["args"], "name_of_attendee": name}
    return _read_back(turn, args, pending["about"])


def email_in(text: str) -> str | None:
    """Return an e-mail address, also one that is spoken: "maya at example dot com"."""
    written = re.sub(r"\s+(?:at|@|एट)\s+", "@", text.strip(), flags=re.IGNORECASE)
    written = re.sub(r"\s+(?:dot|\.|डॉट)\s+", ".", written, flags=re.IGNORECASE)
    match = _EMAIL.search(written)
    return match[0].strip(".").lower() if match else None


def _email(said: _Said) -> Plan | None:
    turn, pending = said.turn, said.pending
    address = email_in(turn.text)
    if address is None:
        return None if said.tired else said.again(pending["question"])
    args = {**pending["args"], "email": address}
    question = turn.say(f"confirm.{pending['tool']}", **{**pending["about"], **args})
    update = waits("confirm", question, pending["tool"], args, pending["about"])
    return Plan(says=(question,), update=update)


def _phone(said: _Said) -> Plan | None:
    pending = said.pending
    number = e164(said.turn.text, said.turn.organisation.country)
    if number is None:
        return None if said.tired else said.again(pending["question"])
    return call_back_at({**pending["args"], "phone": number})


def _when(said: _Said) -> Plan | None:
    turn, pending = said.turn, said.pending
    if _books(said):
        return None
    if (plan := call_back(turn, pending, said.pending["tries"] > 0)) is not None:
        return plan
    if said.declines:
        return said.dropped("noted")
    if said.heard.asks or said.tired:
        return None
    text = f"{pending['about'].get('text', '')} {turn.text}".strip()[-200:]
    return said.again(turn.say("ask.when"), text=text)


def _summary(said: _Said) -> Plan | None:
    turn, heard, facts = said.turn, said.heard, said.facts
    corrected = facts != (turn.state.get("facts") or {})
    if heard.asks or heard.yes is None and not corrected:
        return None
    if heard.yes is False and not corrected:
        says = (turn.say("summary.wrong"),)
        return Plan(says=says, update={"pending": None, "expects": {}})
    confirmed = {key: {**fact, "confirmed": True} for key, fact in facts.items()}
    question, update = onward(turn, confirmed, {**said.state, "pending": None})
    update = {"pending": None, "expects": {}, "facts": confirmed, **update}
    return Plan(says=(turn.say("summary.thanks"), question), update=update)


def _meeting(said: _Said) -> Plan | None:
    wished = wish(said.turn.text, said.turn.now)
    if not said.heard.asks and (said.heard.yes is True or wished):
        return look_for(said.turn, wished, "book_appointment", {})
    return said.dropped("noted") if said.heard.yes is False else None


def _books(said: _Said) -> bool:
    """Whether a meeting is wished for where a call back is spoken of: "book a demo at ten"."""
    return said.heard.intent == "book" and not _CALL.search(said.heard.words)


_CALL: Final = re.compile(r"\bcalls?\b", re.IGNORECASE)


def _person(said: _Said) -> Plan | None:
    turn, heard = said.turn, said.heard
    before: Pending | None = said.pending["about"].get("before")
    if before is not None and heard.yes is None and not heard.asks:
        again: Pending = {**before, "tries": MOST_TRIES}
        state = {**turn.state, "pending": again}
        taken = answered(
            replace(turn, state=state), heard, again, said.facts, {**said.state, "pending": again}
        )
        if taken is not None:
            return taken
    if heard.yes is False:
        return said.dropped("noted")
    args = {"about": str(said.state.get("about") or turn.text)[:200]}
    question = turn.say("call_back.offer")
    later = waits("when", question, "call_back_later", args)
    if _books(said):
        return None
    if not heard.asks and (plan := call_back(turn, later["pending"])) is not None:
        return plan  # "tomorrow at ten" to "may a colleague call you back?"
    if heard.yes is True and not heard.asks:
        plan = transfer(turn, said.facts)
        return plan or Plan(says=(question,), update=later)
    return None


_TAKERS: Final[Mapping[str, Callable[[_Said], Plan | None]]] = {
    "confirm": _confirm,
    "slot": _slot,
    "name": _name,
    "email": _email,
    "when": _when,
    "phone": _phone,
    "facts": _summary,
    "meeting": _meeting,
    "person": _person,
    "opt_out": lambda said: said.dropped("noted") if said.declines else None,
}
