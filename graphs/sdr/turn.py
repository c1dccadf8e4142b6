"""What a turn is decided on, and what is decided: plain values without a clock or a desk."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from graphs.call_actions import CallAction, SpeakAs, Transfer
from graphs.sdr.agent import Agent
from graphs.sdr.facts import told
from graphs.sdr.intents import Heard, recognise
from graphs.sdr.replies import DEFAULT, say, spoken_time
from graphs.sdr.state import Pending
from tools.calling import Person, people
from tools.organisation import DAYS, Organisation

Route = Literal["say", "look_up", "answer", "use_tools"]
Kind = Literal["opened", "said", "silence", "hangup", "transfer_failed"]


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything a decision depends on."""

    agent: Agent
    organisation: Organisation
    now: datetime
    """In the organisation's time zone."""
    kind: Kind
    text: str = ""
    """What the caller said."""
    message_id: str | None = None
    heard: Heard | None = None
    caller: str | None = None
    direction: str = "text"
    channel: frozenset[str] = frozenset()
    """Languages the channel can speak; any when empty."""
    sends: frozenset[str] = frozenset()
    """Kinds of messages that can be sent: sms, email."""
    last_said: str = ""
    """What the agent said last."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """The conversation before it."""
    language: str = "en"
    """In which it is answered."""

    def say(self, key: str, **values: Any) -> str:
        """Return a sentence of ours."""
        return say(key, self.language, **values)

    def at(self, told: Mapping[str, Any]) -> str:
        """Return a time as it is said, of what a tool tells: `start`, and `spoken` in English."""
        if self.language == DEFAULT:
            return str(told["spoken"])
        return spoken_time(datetime.fromisoformat(str(told["start"])), self.language)

    def introduces(self, key: str) -> str:
        """Return a sentence that says who speaks, and for whom where that has a name."""
        if self.company:
            return self.say(key, name=self.agent.name, company=self.company)
        return self.say(f"{key}.alone", name=self.agent.name)

    @property
    def company(self) -> str:
        """The organisation as it is spoken; empty where it has no name."""
        return self.agent.company or self.organisation.name

    @property
    def pending(self) -> Pending | None:
        """What waits for an answer."""
        return self.state.get("pending")

    @property
    def model(self) -> bool:
        """Whether the agent has a language model."""
        return self.agent.llm.provider != "embedded"

    @property
    def people(self) -> list[Person]:
        """People the caller can be connected with."""
        if not self.agent.has("transfer_to_number"):
            return []
        rules = self.agent.built_in["transfer_to_number"]
        return people(rules, self.agent.transfer_numbers)

    def person(self) -> Person | None:
        """Return who was offered and is agreed to, or who is right for what the caller says."""
        offered = self.pending["about"].get("to") if self.pending else None
        if offered and self.heard is not None and self.heard.intent == "confirm":
            return next((one for one in self.people if one.to == offered), None)
        said = set(self.text.lower().split())
        fitting = [one for one in self.people if set(one.when.lower().split()) & said]
        general = [one for one in self.people if not one.when]
        return next(iter([*fitting, *general, *self.people]), None)

    @property
    def open(self) -> bool:
        """Whether people of the organisation are there now; always without opening hours."""
        hours = self.organisation.opening_hours
        if not hours:
            return True
        span = hours.get(DAYS[self.now.weekday()])
        return bool(span and span[0] <= self.now.time() < span[1])

    def in_language(self, language: str) -> "Turn":
        """Return the turn, answered in another language."""
        return replace(self, language=language)

    def speaks(self, language: str) -> bool:
        """Whether the agent may go on in a language, and the channel can."""
        ours = {self.agent.language, *self.agent.languages}
        return language in ours and (not self.channel or language in self.channel)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a turn does."""

    route: Route = "say"
    says: tuple[str, ...] = ()
    """Sentences, whole."""
    act: CallAction | None = None
    """What the telephone does when they were heard."""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Tools to use and their arguments."""
    confirmed: bool = False
    """Whether the caller has said yes to them."""
    update: dict[str, Any] = field(default_factory=dict)
    """What changes in the state."""
    opt_out: bool = False
    """Whether the number is never to be called again."""


def transfer(turn: Turn, facts: Mapping[str, Any], *, sorry: bool = False) -> Plan | None:
    """Connect the caller with a person; None where nobody can be reached."""
    person = turn.person()
    if person is None or not turn.open:
        return None
    key = "person.sorry" if sorry else "person"
    return Plan(
        says=(turn.say(key, person=person.name),),
        act=Transfer(to=person.to, warm=person.warm, briefing=briefing(turn, facts)),
        update={"phase": "COMPLETION", "outcome": "transferred", "pending": None, "expects": {}},
    )


def briefing(turn: Turn, facts: Mapping[str, Any]) -> str:
    """Tell a person in two sentences whom they will speak with, from the facts alone."""
    contact = turn.state.get("contact") or {}
    name = contact.get("name") or turn.agent.variables.get("name")
    known = "; ".join(told(key, fact) for key, fact in facts.items())
    booked = (turn.state.get("booked") or {}).get("spoken")
    parts = [
        f"Caller: {name}." if name else "A caller, name not known.",
        f"Known: {known}." if known else "",
        f"Booked: {booked}." if booked else "",
        f"Said last: {turn.text.strip()[:200]}" if turn.text.strip() else "",
    ]
    return " ".join(part for part in parts if part)


def asked(turn: Turn) -> Turn:
    """Return the turn as what is asked in it, without the request that it is put beside."""
    if turn.heard is None or not turn.heard.rest:
        return turn
    return replace(turn, text=turn.heard.rest, heard=recognise(turn.heard.rest))


def speak_as(turn: Turn, language: str) -> SpeakAs:
    """Return the action that goes on in a language, with the voice the agent has for it."""
    return SpeakAs(language=language, voice=turn.agent.voices.get(language))
