"""What goes into a turn and what comes out of it: the words between graphs and channels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.types import Interrupt
from typing_extensions import TypedDict

from graphs.call_actions import CallAction


class Expectation(TypedDict, total=False):
    """What the open question expects, for speech to text, the keypad and turn taking."""

    kind: Literal["yes_no", "employment", "amount", "city", "choice", "digits", "text"]
    """Keypad meaning: `yes_no` 1 is yes and 2 is no; `amount` and `digits` are ended by #."""
    digits: int
    """Most digits of an answer of kind `digits`; with that many it is complete without #."""
    keywords: list[str]
    """Words the speech recogniser should favour."""
    language: str
    """Language the bot speaks in now."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a thread and is not a message, such as silence."""

    kind: Literal["silence", "hangup", "transfer_failed"]
    detail: str | None = None
    """More of it: why a transfer failed (`busy`, `no-answer`, `declined`, `voicemail`, ...)."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The opening of a conversation, with what its graph is to know from the start.

    The values are given to those keys of the graph's state that it has; it need not have any.
    """

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resume:
    """Answers to questions that the graph asked by `interrupt()`, by the ids of the interrupts."""

    answers: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recover:
    """Nothing new: only what a process that died has begun is to be finished."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a message while a model still writes it."""

    message_id: str
    text: str
    certain: bool = True
    """Whether the message is for the person; else only its `Reply` will tell."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole message for the person; it is on the thread now."""

    message_id: str
    text: str
    streamed: bool = False
    """Whether it came before as certain tokens."""
    interruptible: bool = True
    """Whether the person may cut it short."""
    action: CallAction | None = None
    """What it announces, to be done when it was heard."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The graph waits for an answer to a question that it put by `interrupt()`."""

    interrupt_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph has finished."""

    name: str


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool has begun, or has ended."""

    name: str
    running: bool
    filler: str | None = None
    """What its author wants said while it runs, instead of the usual words."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A thread after a turn, or as the checkpoint has it."""

    graph: str
    thread_id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    interrupts: list[Interrupt] = field(default_factory=list)
    next: tuple[str, ...] = ()

    @property
    def messages(self) -> list[BaseMessage]:
        """What was said, heard and looked up, in order; not what nobody has heard yet."""
        messages = self.values.get("messages") or []
        return [message for message in messages if not _unheard(message)]

    @property
    def exists(self) -> bool:
        """Whether anything was ever said or stored on the thread."""
        return bool(self.values)

    @property
    def done(self) -> bool:
        """Whether the graph has ended the conversation."""
        return bool(self.values.get("done"))

    @property
    def outcome(self) -> str | None:
        """The named result, where the graph has one."""
        return self.values.get("outcome")

    @property
    def expects(self) -> Expectation:
        """What the open question expects; empty when the graph does not say."""
        return self.values.get("expects") or Expectation()


TurnEvent = Token | Reply | Asked | Node | ToolRun | Snapshot


def _unheard(message: BaseMessage) -> bool:
    """Whether a message is there only to be said."""
    return (
        isinstance(message, AIMessage)
        and bool(message.additional_kwargs.get("interrupted"))
        and not message.text
        and not message.tool_calls
    )
