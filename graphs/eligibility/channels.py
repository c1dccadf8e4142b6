"""The interview as a LangGraph thread keeps it: its input, its state, its settings."""

import operator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired

from langchain_core.messages import AnyMessage
from langgraph.channels import UntrackedValue
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from graphs.events import Expectation
from settings import get_settings


class Input(TypedDict):
    """What a turn brings: a message, an event, or neither, which opens or reopens."""

    messages: Annotated[list[AnyMessage], add_messages]
    """What was said on both sides."""
    event: NotRequired[Annotated[dict[str, Any] | None, UntrackedValue]]
    """Something that is not a message: `{"kind": "silence"}` or `{"kind": "hangup"}`."""


class Walk(TypedDict):
    """What the walk through the interview looks at; a stage reads no more of the state."""

    question: Literal["employment", "salary", "city"]
    """The question that is open, or was open when it ended."""
    outcome: str
    """eligible, not_eligible, needs_human, opted_out or in_progress."""
    reply: Annotated[dict[str, Any] | None, UntrackedValue]
    """What the stage reached will say."""


class State(Input, Walk, total=False):
    """The interview as a checkpoint keeps it; plain values only."""

    stage: str
    """Where it stands: greeting, a question, an outcome, or end."""
    language: Literal["en", "hi"]
    """Language it speaks now."""
    language_asked: bool
    """Whether the caller asked for that language."""
    met: bool
    """Whether the person has said anything yet."""
    facts: dict[str, Any]
    """`employment`, `salary` (lowest and highest rupees a month, as text) and `city`."""
    confirm: dict[str, Any] | None
    """The yes or no asked within the salary question."""
    reasks: int
    """How often the open question was asked again."""
    silences: int
    """How often in a row nothing was heard."""
    turns: int
    """Turns of the thread so far."""
    reasons: list[str]
    """Reason codes of the outcome."""
    follow_up: list[str]
    """What was asked for after the outcome: person, do_not_call."""
    done: bool
    """Whether the conversation is over."""
    expects: Expectation
    """What the open question expects."""
    record: Annotated[list[dict[str, Any]], operator.add]
    """Entries of the decision certificate."""
    taken_until: str | None
    """Id of the last message of the person that was taken into the interview."""


@dataclass(kw_only=True)
class Context:
    """What can be set for a run."""

    rules: str = field(
        default_factory=lambda: str(get_settings().eligibility_rules or ""),
        metadata={"description": "Rules file used instead of the one shipped."},
    )
    languages: str = field(
        default="en,hi", metadata={"description": "Languages the channel can speak."}
    )
