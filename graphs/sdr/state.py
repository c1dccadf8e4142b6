"""A sales conversation as a LangGraph thread keeps it."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired

from langchain_core.messages import AnyMessage
from langgraph.channels import UntrackedValue
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from graphs.events import Expectation
from graphs.sdr.facts import Fact
from graphs.sdr.phases import Phase


class Input(TypedDict):
    """What a turn brings: a message, an event, or neither, which opens or reopens."""

    messages: Annotated[list[AnyMessage], add_messages]
    """What was said on both sides, and what tools have answered."""
    event: NotRequired[Annotated[dict[str, Any] | None, UntrackedValue]]
    """Something that is not a message: `{"kind": "silence"}`, `hangup` or `transfer_failed`."""
    agent: NotRequired[dict[str, Any]]
    """Who speaks, `graphs.sdr.agent.Agent`; the agent of the shipped organisation when missing."""
    conversation_id: NotRequired[str]
    direction: NotRequired[Literal["inbound", "outbound", "browser", "text"]]
    caller: NotRequired[str | None]
    """The other side's number, E.164."""


class Consent(TypedDict):
    """Whether the call may be recorded, with the proof."""

    granted: bool | None
    """None while it is asked."""
    question: str
    """As it was put."""
    answer: str
    """What the caller said."""
    message_id: str | None
    at: str
    """When it was answered, ISO 8601."""
    tries: int


class Pending(TypedDict):
    """Something that waits for the caller's answer before it is done."""

    asks: Literal[
        "confirm",
        "slot",
        "name",
        "when",
        "phone",
        "email",
        "facts",
        "meeting",
        "person",
        "appointment",
        "opt_out",
    ]
    """What is asked: a yes, one of the slots, a name, ...; `appointment`: nothing, it is looked up
    which of the caller's appointments is to be moved or cancelled."""
    question: str
    """As it was put."""
    tool: str
    """What is to be done; empty where it is no tool."""
    args: dict[str, Any]
    about: dict[str, Any]
    """What is said of it: `spoken` is the time as it is spoken."""
    tries: int
    """How often it was asked again."""


class State(Input, total=False):
    """The conversation as a checkpoint keeps it; plain values only."""

    phase: Phase
    language: str
    """Language it speaks now, ISO 639-1."""
    exchanges: int
    """How often the caller has spoken."""
    facts: dict[str, Fact]
    """What qualifies the caller, by name."""
    asked: str | None
    """The fact that was asked for last."""
    asks: dict[str, int]
    """How often each fact was asked for."""
    pending: Pending | None
    offered: list[dict[str, str]]
    """Free times that were proposed, in their order: `start` and `spoken`."""
    booked: dict[str, Any] | None
    """The appointment that was booked in this call."""
    appointment: dict[str, Any] | None
    """The appointment of theirs that was told in this call, which "it" may be: `id`, `start`."""
    priced: dict[str, Any] | None
    """The price that was asked for last: `items`, `quantity`, `discounts`."""
    about: str
    """What the caller asked that we could not answer."""
    consent: Consent | None
    contact: dict[str, Any]
    """What the CRM knows of the caller."""
    opted_out: bool
    frustration: float
    """Sum of what sounded frustrated, fading."""
    silences: int
    """How often in a row nothing was heard."""
    shown: list[dict[str, str]]
    """Sentences with claims from the passages of this call, each with its heading."""
    outcome: str | None
    """booked, call_back, transferred, qualified, not_interested, wrong_number, opted_out,
    no_answer, ended; None while it goes on."""
    done: bool
    """Whether the conversation is over; a transfer, which may fail, does not end it."""
    expects: Expectation
    """What the open question expects."""
    taken_until: str | None
    """Id of the last message of the caller that was taken in."""
    plan: Annotated[dict[str, Any] | None, UntrackedValue]
    """What this turn is to say and do."""
    found: Annotated[dict[str, Any] | None, UntrackedValue]
    """What was retrieved in this turn."""


@dataclass(kw_only=True)
class Context:
    """What can be set for a run."""

    languages: str = field(
        default="", metadata={"description": "Languages the channel can speak; any when empty."}
    )
    organisation: str = field(
        default="",
        metadata={"description": "Organisation for which it speaks when no agent is given."},
    )
