"""What a turn does, decided by code: `decide(turn) -> Plan`, a pure function."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from graphs.eligibility.readings import Reading
from graphs.eligibility.yes_no import parse_yes_no
from graphs.sdr.about import abilities, reached
from graphs.sdr.answers import answered
from graphs.sdr.assertions import asserts
from graphs.sdr.booked import appointments, being_booked, meet
from graphs.sdr.calling_back import call_back
from graphs.sdr.closing import close, outcome_of, taking_off, unanswered
from graphs.sdr.emergency import send_for_help
from graphs.sdr.facts import facts_in, merged
from graphs.sdr.intents import Heard
from graphs.sdr.languages import language_of
from graphs.sdr.onward import offered, onward, passed_over, waits
from graphs.sdr.opening import opening, zone_told
from graphs.sdr.phases import following
from graphs.sdr.price_asked import goes_on
from graphs.sdr.private import told_of
from graphs.sdr.replies import reworded, spoken_languages
from graphs.sdr.sending import send, sender
from graphs.sdr.state import Consent
from graphs.sdr.turn import Plan, Turn, speak_as, transfer
from graphs.sdr.untold import untold
from graphs.sdr.wishes import of_the_booking, wishes

ANNOYED: Final = 2.0
"""What sounds so frustrated is answered with an apology and the offer of a person."""
MOST_SILENCES: Final = 2
CONSENT_TRIES: Final = 2
FRUSTRATED: Final = 3.0
"""Sum of what sounded frustrated at which the caller is connected with a person."""
FADES: Final = 0.6
"""What is left of it from one turn to the next."""
_TELLS: Final = frozenset({"statement", "question", "price", "confirm", "deny", "hello", "thanks"})
"""Intents beside which a caller tells facts; "I want a demo" is no need."""
_ANSWERS: Final = frozenset({"statement", "confirm", "deny"})
"""Intents whose whole words may answer what somebody needs."""
_ACTS: Final = frozenset({"book", "send", "call_back", "price"}) | frozenset(
    {"my_booking", "move_booking", "cancel_booking"}
)


def decide(turn: Turn) -> Plan:
    """Decide what a turn does; what was done and not heard of is told first."""
    plan = _decided(turn)
    done = untold(turn) if turn.kind != "hangup" else ()
    return replace(plan, says=(*done, *plan.says)) if done else plan


def _decided(turn: Turn) -> Plan:
    if turn.kind == "hangup":
        outcome = turn.state.get("outcome") or outcome_of(turn.state)
        ended = Plan(update={"phase": "COMPLETION", "outcome": outcome, "expects": {}})
        return unanswered(turn, ended)
    if turn.kind == "silence":
        return _silence(turn)
    if turn.kind == "transfer_failed":
        return _not_taken(turn)
    if turn.kind == "opened":
        return _opening(turn)
    heard = turn.heard
    assert heard is not None  # noqa: S101 (who says something is heard)
    heard = of_the_booking(turn, heard)
    turn = replace(turn, heard=heard)
    facts = dict(turn.state.get("facts") or {}) if told_of(turn) else _facts(turn)
    learnt = _learnt(turn, heard, facts)
    plan = _said(turn, heard, facts, {**turn.state, **learnt})
    if _speaks_first(turn) and heard.intent != "robot" and not plan.update.get("done"):
        plan = replace(plan, says=(_introduction(turn), *plan.says))
    return replace(plan, update={**learnt, **plan.update})


def _speaks_first(turn: Turn) -> bool:
    """Whether the caller has spoken before us, as in a text message, and hears who we are."""
    return turn.agent.disclose_ai and not turn.state.get("phase")


def _introduction(turn: Turn) -> str:
    return turn.introduces("greeting.ai")


# What is not said


def _opening(turn: Turn) -> Plan:
    agent, state = turn.agent, turn.state
    update: dict[str, Any] = {"phase": "CALL_START", "done": False, "silences": 0, "outcome": None}
    if state.get("exchanges"):
        question, asked = onward(turn, state.get("facts") or {}, state)
        return Plan(says=(turn.say("welcome_back"), question), update={**update, **asked})
    says = [_greeting(turn)]
    if agent.record_consent:
        question = turn.say("consent")
        says = [_ended(says[0]), question]
        update |= {"consent": _asked(question), "expects": {"kind": "yes_no"}}
    elif not agent.first_message:
        says.append(turn.say("help.outbound" if turn.direction == "outbound" else "help"))
    return Plan(says=tuple(says), update=update)


def _greeting(turn: Turn) -> str:
    agent = turn.agent
    if not agent.first_message:
        return turn.introduces("greeting.ai" if agent.disclose_ai else "greeting")
    said = f" {agent.first_message.lower()} "
    disclosed = any(word in said for word in (" ai ", " ai-", " artificial ", " एआई ", "virtual"))
    if agent.disclose_ai and not disclosed:
        return f"{_ended(agent.first_message)} {turn.say('disclosure')}"
    return agent.first_message


def _ended(text: str) -> str:
    """Return what somebody has written, as a sentence that another may follow."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…", "।", "。")) else f"{text}."


def _asked(question: str, tries: int = 0) -> Consent:
    return Consent(granted=None, question=question, answer="", message_id=None, at="", tries=tries)


def _silence(turn: Turn) -> Plan:
    silences = turn.state.get("silences", 0) + 1
    if silences > MOST_SILENCES:
        plan = close(turn, turn.state.get("outcome") or "no_answer", turn.say("goodbye.silence"))
        return unanswered(turn, replace(plan, update={**plan.update, "silences": silences}))
    pending = turn.pending
    says = [turn.say("still_there"), *([pending["question"]] if pending else [])]
    return Plan(says=tuple(says), update={"silences": silences})


def _not_taken(turn: Turn) -> Plan:
    """Go on with a caller whom no person has taken: when may we call back?"""
    facts = turn.state.get("facts") or {}
    question = turn.say("call_back.offer")
    update = waits("when", question, "call_back_later", {"about": _about(turn, facts)})
    update |= {"phase": "ACTIVE", "outcome": None, "done": False, "silences": 0}
    return Plan(says=(turn.say("person.not_taken"), question), update=update)


# What is said


def _facts(turn: Turn) -> dict[str, Any]:
    known = turn.state.get("facts") or {}
    heard, asked = turn.heard, turn.state.get("asked")
    wanted = heard is not None and heard.intent not in _TELLS
    told = heard is not None and heard.intent in _ANSWERS and not heard.asks
    if asked == "need" and (not told or wishes(turn) or asserts(turn)):
        asked = None  # "how are you?", "Monday at ten" and "half price" are no need
    found = facts_in(turn.text, asked)
    if asserts(turn):
        found.pop("budget", None)  # "so it's 500 then?" is a price of the caller's
    if wanted:
        found.pop("need", None)
    return merged(known, found, turn.message_id)


def _learnt(turn: Turn, heard: Heard, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes in the state whatever is decided."""
    exchanges = turn.state.get("exchanges", 0) + 1
    frustration = max(0.0, turn.state.get("frustration", 0.0) * FADES + heard.feeling)
    wants = heard.intent in _ACTS or turn.pending is not None
    open_now: dict[str, Any] = {}
    if turn.pending is not None and turn.language != turn.state.get("language"):
        question = reworded(turn.pending["question"], turn.language)
        open_now = {"pending": {**turn.pending, "question": question}}
    phase = following(
        turn.state.get("phase", "CALL_START"),
        exchanges=exchanges,
        need="need" in facts,
        acts=wants,
    )
    return {
        "phase": phase,
        "facts": facts,
        "exchanges": exchanges,
        "frustration": frustration,
        "silences": 0,
        "done": False,
        "language": turn.language,
        **open_now,
    }


def _said(turn: Turn, heard: Heard, facts: Mapping[str, Any], state: Mapping[str, Any]) -> Plan:
    plan = _request(turn, heard, facts, state)
    if plan is not None:
        return plan
    if told_of(turn) == "secret":
        return _then(turn, facts, state, turn.say("secret"), ask=True)
    consent = turn.state.get("consent")
    if consent and consent["granted"] is None:
        return _consent(turn, heard, consent, facts, state)
    if turn.pending is not None:
        claims = asserts(turn)  # "great, so the first year is free" is no answer
        answer = None if claims else answered(turn, heard, turn.pending, facts, state)
        if answer is not None:
            return answer
        says, changed = passed_over(turn, state["pending"])
        plan = _conversation(turn, heard, facts, {**state, **changed})
        return replace(plan, says=(*says, *plan.says), update={**changed, **plan.update})
    return _conversation(turn, heard, facts, state)


def _request(
    turn: Turn, heard: Heard, facts: Mapping[str, Any], state: Mapping[str, Any]
) -> Plan | None:
    """What no model is asked about, and what goes before any open question."""
    say = turn.say
    if heard.intent == "emergency":
        return Plan(says=(send_for_help(turn),))
    if (off := taking_off(turn, heard)) is not None:
        return off
    match heard.intent:
        case "wrong_number":
            return close(turn, "wrong_number", say("wrong_number"))
        case "robot":
            says = [turn.introduces("robot")]
            says += [say("robot.person")] if turn.people and turn.open else []
            return _then(turn, facts, state, *says, ask=False)
        case "recorded":
            taken = turn.state.get("consent")
            key = "recorded" if taken is None else f"recorded.{'yes' if taken['granted'] else 'no'}"
            return _then(turn, facts, state, say(key), ask=False)
        case "source":
            source = _source(turn)
            key = "source.known" if source else "source.unknown"
            return _then(turn, facts, state, say(key, source=source or ""), ask=False)
        case "person":
            return connect(turn, facts)
        case "language":
            return _language(turn, heard, facts, state)
        case "hours" if (told := opening(turn)) is not None:
            return _then(turn, facts, state, told, ask=False)
        case "zone":
            return _then(turn, facts, state, zone_told(turn), ask=False)
        case "goodbye":
            booked = turn.state.get("booked")
            meeting = turn.organisation.calendar.meeting
            bye = say("goodbye.booked", meeting=meeting) if booked else say("goodbye")
            return close(turn, outcome_of({**turn.state, "facts": facts}), bye)
        case "account":
            return Plan(route="look_up")
        case "contact" if ways := reached(turn):
            return _then(turn, facts, state, *ways, ask=False)
        case "my_booking":
            return appointments(turn, "")
        case "move_booking" | "cancel_booking" if not being_booked(turn):
            moves = heard.intent == "move_booking"
            return appointments(turn, "move_appointment" if moves else "cancel_appointment")
    if state["frustration"] >= FRUSTRATED:
        calmed = transfer(turn, facts, sorry=True) or connect(turn, facts)
        return replace(calmed, update={**calmed.update, "frustration": 0.0})
    annoyed = heard.feeling >= ANNOYED and heard.intent == "statement"
    if annoyed and not turn.pending and not asserts(turn):
        return _soothe(turn)
    return None


def _soothe(turn: Turn) -> Plan:
    """Say sorry, and offer a person."""
    question, update = offered(turn, "account")
    return Plan(says=(turn.say("sorry"), question), update=update)


def connect(turn: Turn, facts: Mapping[str, Any]) -> Plan:
    """Connect the caller with a person, or offer to call back."""
    plan = transfer(turn, facts)
    if plan is not None:
        return plan
    why = turn.say("person.closed" if turn.people else "person.none")
    question = turn.say("call_back.offer")
    update = waits("when", question, "call_back_later", {"about": _about(turn, facts)})
    return Plan(says=(why, question), update=update)


def _about(turn: Turn, facts: Mapping[str, Any]) -> str:
    need = facts.get("need")
    return str(need["words"]) if need else turn.text.strip()[:200] or sender(turn)


def _source(turn: Turn) -> str | None:
    """Where the number comes from, as the caller's own record says; nothing else counts."""
    contact = turn.state.get("contact") or {}
    for known in (contact.get("properties") or {}, turn.agent.variables):
        for name in ("lead_source", "source"):
            if known.get(name):
                return str(known[name])
    return None


def _language(
    turn: Turn, heard: Heard, facts: Mapping[str, Any], state: Mapping[str, Any]
) -> Plan | None:
    wanted = heard.language
    if wanted is None:
        return None
    if not turn.speaks(wanted):
        return _then(turn, facts, state, _unavailable(turn, wanted), ask=True)
    other = replace(turn, language=wanted)
    if heard.rest:
        switched = (other.say("language.switched"),)
        return Plan("look_up", switched, speak_as(turn, wanted), update={"language": wanted})
    plan = _then(other, facts, {**state, "pending": None}, other.say("language.switched"), ask=True)
    update = {**plan.update, "language": wanted}
    return replace(plan, act=speak_as(turn, wanted), update=update)


def _unavailable(turn: Turn, language: str) -> str:
    """Say that a language is not spoken here: in it, where the channel lets us, and in ours."""
    if language not in spoken_languages() or turn.channel and language not in turn.channel:
        return turn.say("language.other")
    theirs = turn.in_language(language).say("language.unavailable")
    return f"{theirs} {turn.say('language.other')}"


def _consent(
    turn: Turn,
    heard: Heard,
    consent: Consent,
    facts: Mapping[str, Any],
    state: Mapping[str, Any],
) -> Plan:
    """Take the answer to whether the call may be recorded, with its proof."""
    if heard.yes is None and consent["tries"] + 1 < CONSENT_TRIES:
        question = turn.say("consent.again")
        again = _asked(question, consent["tries"] + 1)
        return Plan(says=(question,), update={"consent": again, "expects": {"kind": "yes_no"}})
    granted = heard.yes is True
    taken = Consent(
        granted=granted,
        question=consent["question"],
        answer=turn.text,
        message_id=turn.message_id,
        at=turn.now.isoformat(timespec="seconds"),
        tries=consent["tries"],
    )
    key = "consent.yes" if granted else "consent.no"
    opening = turn.say("help.outbound" if turn.direction == "outbound" else "help")
    return Plan(says=(turn.say(key), opening), update={"consent": taken, "expects": {}})


def _then(
    turn: Turn, facts: Mapping[str, Any], state: Mapping[str, Any], *says: str, ask: bool
) -> Plan:
    """Say something, and put the question that is open, or the next one."""
    if not ask and not state.get("pending"):
        return Plan(says=says)
    question, update = onward(turn, facts, state)
    return Plan(says=(*says, question), update=update)


def _conversation(
    turn: Turn, heard: Heard, facts: Mapping[str, Any], state: Mapping[str, Any]
) -> Plan:
    """Everything else: what is asked and told."""
    say = turn.say
    match heard.intent:
        case "busy" | "call_back":
            question = say("busy" if heard.intent == "busy" else "ask.when")
            args = {"about": _about(turn, facts)}
            update = waits("when", question, "call_back_later", args)
            return call_back(turn, update["pending"]) or Plan(says=(question,), update=update)
        case "hold":
            return Plan(says=(say("hold"),))
        case "statement" | "question" | "price" | "confirm" | "hello" if wishes(turn):
            return meet(turn)
        case "about" if not turn.model:
            return _then(turn, facts, state, *abilities(turn), ask=True)
        case "repeat":
            return Plan(says=(turn.last_said or say("nothing_said"),))
        case "not_interested":
            return close(turn, "not_interested", say("not_interested"))
        case "book":
            return meet(turn)
        case "send" if not asserts(turn):
            return send(turn)
    spoken = language_of(turn.text)
    asks = dict(turn.state.get("asks") or {})
    if spoken and not turn.speaks(spoken) and not turn.model and not asks.get(f"in {spoken}"):
        update = {"asks": {**asks, f"in {spoken}": 1}}
        plan = _then(turn, facts, {**state, **update}, _unavailable(turn, spoken), ask=True)
        return replace(plan, update={**update, **plan.update})
    if told_of(turn) and not turn.model and not heard.asks:
        return _then(turn, facts, state, say("told"), ask=True)
    if turn.model or asserts(turn) or goes_on(turn):
        return Plan(route="look_up")
    if heard.intent in ("thanks", "hello"):
        greets = [] if _speaks_first(turn) and heard.intent == "hello" else [say(heard.intent)]
        return _then(turn, facts, state, *greets, ask=True)
    if facts != (turn.state.get("facts") or {}) and not heard.asks and heard.intent != "price":
        return _then(turn, facts, state, say("told"), ask=True)
    if heard.intent in ("confirm", "deny") and isinstance(parse_yes_no(turn.text), Reading):
        if heard.yes is False and turn.last_said.endswith(say("anything_else")):
            return close(turn, outcome_of({**turn.state, "facts": facts}), say("goodbye"))
        return _then(turn, facts, state, ask=True)
    return Plan(route="look_up")
