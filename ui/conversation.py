"""What the page shows of a conversation, turn by turn; nothing here knows how it is displayed."""

import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from faults import places
from graphs.call_actions import action_of, shown
from graphs.contract import speech_of
from graphs.questions import Question
from graphs.threads import (
    Asked,
    Begin,
    Node,
    Reply,
    Snapshot,
    Threads,
    Token,
    TurnTimedOut,
    UnknownGraph,
    is_thread_id,
)

_log = logging.getLogger(__name__)


class Line(TypedDict):
    """One line of the chat, as Gradio takes it."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class View:
    """Everything the page shows at one moment."""

    graph: str
    thread_id: str
    lines: list[Line] = field(default_factory=list)
    ran: Sequence[str] = ()
    """Nodes that ran in the last turn, in order."""
    snapshot: Snapshot | None = None
    """The state after the last whole turn; None while the first one runs."""
    notice: str = ""
    """What went wrong, for the person; empty when nothing did."""
    unsent: str = ""
    """What the person wrote and the graph did not take, to be sent again."""


def new_thread_id() -> str:
    """Return an id nobody can guess: whoever has it may read the conversation."""
    return uuid.uuid4().hex


async def show(threads: Threads, graph: str, thread_id: str) -> View:
    """Return the conversation as it stands, without running anything.

    Raises:
        UnknownGraph: no graph of that name is served.
    """
    snapshot = await threads.snapshot(graph, thread_id)
    ran = await threads.ran(graph, thread_id)
    return View(graph, thread_id, _lines_of(snapshot), ran, snapshot)


async def open_conversation(
    threads: Threads, graph: str, thread_id: str, begin: Begin | None = None
) -> AsyncIterator[View]:
    """Show a conversation; one that has not begun is opened, so that the graph greets.

    Args:
        threads: where the graph runs.
        graph: its name.
        thread_id: of the conversation.
        begin: what the graph is to know from the start.
    """
    try:
        view = await show(threads, graph, thread_id)
    except UnknownGraph as error:
        yield View(graph, thread_id, notice=str(error))
        return
    if view.snapshot and view.snapshot.exists:
        yield view
        return
    async for step in _turn(threads, view, begin):
        yield step


async def say(threads: Threads, graph: str, thread_id: str, text: str) -> AsyncIterator[View]:
    """Run one turn with what the person wrote and show it as it happens."""
    try:
        view = await show(threads, graph, thread_id)
    except UnknownGraph as error:
        yield View(graph, thread_id, notice=str(error), unsent=text)
        return
    async for step in _turn(threads, view, HumanMessage(text.replace("\0", ""))):
        yield step


async def find(threads: Threads, graph: str, thread_id: str) -> View | None:
    """Find a conversation or telephone call by its id, on the graph shown first, then on any other.

    Returns:
        The conversation, or None when no graph has one with that id.
    """
    if not is_thread_id(thread_id):
        return None
    for name in sorted(threads.names, key=lambda name: name != graph):
        view = await show(threads, name, thread_id)
        if view.snapshot and view.snapshot.exists:
            return view
    return None


async def _turn(
    threads: Threads, before: View, said: HumanMessage | Begin | None
) -> AsyncIterator[View]:
    text = str(said.text) if isinstance(said, HumanMessage) else ""
    asked = [*before.lines, *_lines([said] if isinstance(said, HumanMessage) else [])]
    view = replace(before, lines=asked, ran=())
    yield view
    written: dict[str, str] = {}
    try:
        async for event in threads.turn(before.graph, before.thread_id, said):
            if isinstance(event, Token):
                written[event.message_id] = written.get(event.message_id, "") + event.text
            elif isinstance(event, Reply):
                written[event.message_id] = event.text
            elif isinstance(event, Asked):
                written[event.interrupt_id] = event.text
            elif isinstance(event, Node):
                view = replace(view, ran=[*view.ran, event.name])
            if isinstance(event, Snapshot):
                view = replace(view, lines=_lines_of(event), snapshot=event)
            else:
                answers = _lines([AIMessage(answer) for answer in written.values()])
                view = replace(view, lines=[*asked, *answers])
            yield view
    except UnknownGraph as error:
        yield replace(before, notice=str(error), unsent=text)
    except TurnTimedOut as error:
        yield await _as_kept(threads, before, str(error))
    except Exception as error:
        _log.error("A turn of the graph %r failed: %s", before.graph, places(error))
        notice = f"The graph {before.graph!r} failed on this turn; the server's log says where."
        yield await _as_kept(threads, before, notice)


async def _as_kept(threads: Threads, before: View, notice: str) -> View:
    """Return the thread as it is kept after a failure: with what was said, without an answer."""
    return replace(await show(threads, before.graph, before.thread_id), notice=notice)


def _lines_of(snapshot: Snapshot) -> list[Line]:
    """Return what was said, and the question that is open."""
    lines = _lines(snapshot.messages)
    for interrupt in snapshot.interrupts[:1]:
        text = Question.of(interrupt).text(snapshot.expects.get("language", "en"))
        lines.append(Line(role="assistant", content=text))
    return lines


def _lines(messages: Sequence[BaseMessage]) -> list[Line]:
    """Return what was said as lines; what is neither said by the person nor to them is left out."""
    lines: list[Line] = []
    for message in messages:
        text = str(message.text)
        if isinstance(message, HumanMessage) and text:
            keys = message.additional_kwargs.get("source") == "keys"
            lines.append(Line(role="user", content=f"Keys: {text}" if keys else text))
        elif isinstance(message, AIMessage) and text and speech_of(message) != "private":
            cut = message.additional_kwargs.get("interrupted")
            text = f"{text} …" if cut else text
            lines.append(Line(role="assistant", content=f"{text}{_announced(message)}"))
    return lines


def _announced(message: AIMessage) -> str:
    """Return what the telephone would do at this message; empty where that is nothing."""
    try:
        do = action_of(message)
    except ValueError:
        return ""
    return f" *[{shown(do)}]*" if do else ""
