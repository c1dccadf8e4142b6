"""Threads: the one way in which chat, browser voice, telephone and tests run a graph.

A graph is compiled without a checkpointer (so that LangGraph Studio can bring its own); `Threads`
attaches the project's and runs one turn at a time on each thread, whoever brings the turn.

What a graph may put into its state, beside `messages`, for the channels to act on:

* `done: bool` - the conversation is over; a call is hung up after the last word was played.
* `outcome: str` - the named result, kept with the call record.
* `expects: dict` - what the open question expects, see `Expectation`.

Every `AIMessage` a node returns is for the person, and so is what a model writes inside a node
while it writes it. A model that works behind the scenes, to classify or to extract, carries
LangGraph's own tag for that: `model.with_config(tags=["nostream"])`.

What a graph may accept as input, beside `messages`:

* `event: dict` - something that happened and is not a message: `{"kind": "silence"}`.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import WeakValueDictionary

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

Graph = CompiledStateGraph[Any, Any, Any, Any]


class Expectation(TypedDict, total=False):
    """What the open question expects, for speech to text, the keypad and turn taking."""

    kind: Literal["yes_no", "employment", "amount", "city", "choice", "digits", "text"]
    """Keypad meaning: `yes_no` 1 is yes and 2 is no; `amount` and `digits` are ended by #."""
    digits: int
    """Most digits of an answer of kind `digits`; with that many it is complete without #."""
    keywords: list[str]
    """Words the speech recogniser should favour."""
    language: Literal["en", "hi"]
    """Language the bot speaks in now."""


THREAD_ID = r"^[\w.:@+-]{1,100}$"
"""Form of a thread's id, for what comes from outside."""


def is_thread_id(text: str) -> bool:
    """Whether a text from outside has the form of a thread's id."""
    return re.fullmatch(THREAD_ID, text) is not None


class UnknownGraph(LookupError):
    """No graph of that name is served."""


class TurnTimedOut(TimeoutError):
    """The graph did not answer in time; what the person said is kept, unanswered."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a thread and is not a message, such as silence."""

    kind: Literal["silence", "hangup"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a message while a model still writes it."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph has finished."""

    name: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole message of the graph for the person."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A thread as the checkpoint has it."""

    graph: str
    thread_id: str
    messages: list[BaseMessage] = field(default_factory=list)
    values: Mapping[str, Any] = field(default_factory=dict)
    interrupts: list[Any] = field(default_factory=list)
    next: tuple[str, ...] = ()

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


TurnEvent = Token | Node | Reply | Snapshot


class Threads:
    """The graphs that are served and the threads that run on them.

    Args:
        graphs: compiled graphs by name, without a checkpointer.
        checkpointer: where every thread is kept.
        turn_timeout: longest turn, in seconds.
    """

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        checkpointer: BaseCheckpointSaver[Any],
        *,
        turn_timeout: float = 60.0,
    ) -> None:
        self._graphs = {
            name: graph.copy(update={"checkpointer": checkpointer})
            for name, graph in graphs.items()
        }
        self._checkpointer = checkpointer
        self._turn_timeout = turn_timeout
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def names(self) -> list[str]:
        """Names of the graphs served, in the order given."""
        return list(self._graphs)

    def graph(self, name: str) -> Graph:
        """Return the graph of that name, with its checkpointer.

        Raises:
            UnknownGraph: no graph of that name is served.
        """
        try:
            return self._graphs[name]
        except KeyError:
            known = ", ".join(self._graphs)
            raise UnknownGraph(f"There is no graph {name!r}. Served here: {known}.") from None

    def understands_events(self, name: str) -> bool:
        """Whether the graph takes `event` as input and so handles silence by itself."""
        return "event" in self.graph(name).channels

    async def turn(
        self,
        name: str,
        thread_id: str,
        said: HumanMessage | Event | None,
        *,
        languages: Collection[str] = (),
    ) -> AsyncGenerator[TurnEvent]:
        """Run one turn and yield what happens; the last item is the `Snapshot` after it.

        A turn that finds another one running on the thread waits for it.

        Args:
            name: the graph.
            thread_id: the conversation.
            said: what the person said; None opens (or reopens) the conversation.
            languages: what the channel can speak, for graphs whose context has `languages`; any
                when empty.

        Raises:
            UnknownGraph: no graph of that name is served.
            TurnTimedOut: the graph took longer than `turn_timeout`.
        """
        graph, config = self.graph(name), self._config(name, thread_id)
        value: dict[str, Any] = {"messages": [said] if isinstance(said, HumanMessage) else []}
        if isinstance(said, Event):
            value = {"event": {"kind": said.kind}}
        context = None
        if languages and hasattr(graph.context_schema, "languages"):
            context = {"languages": ",".join(sorted(languages))}
        deadline = asyncio.get_running_loop().time() + self._turn_timeout
        streamed: set[str] = set()
        values: Any = None
        interrupted = False
        async with self._lock(name, thread_id, deadline):
            run = graph.astream(
                value,
                config,
                context=context,
                stream_mode=["messages", "updates", "values"],
                output_keys=_kept(graph),
                durability="exit",
            )
            async for mode, part in self._within(deadline, name, run):
                if mode == "values":
                    values = part
                interrupted |= mode == "updates" and "__interrupt__" in part
                for event in _events(mode, part, streamed):
                    yield event
            if interrupted or not values:
                yield await self.snapshot(name, thread_id)
            else:  # it ran to its end, so the checkpoint holds the last values
                yield _snapshot(name, thread_id, values)

    async def _within(
        self, deadline: float, name: str, run: AsyncIterator[Any]
    ) -> AsyncIterator[tuple[str, Any]]:
        """Pass a run on, part by part; the clock interrupts the graph, never who listens to it."""
        while True:
            try:
                async with asyncio.timeout_at(deadline) as clock:
                    part = await anext(run)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                if not clock.expired():
                    raise
                raise TurnTimedOut(
                    f"The graph {name!r} did not answer within {self._turn_timeout:g} seconds."
                ) from error
            yield part

    async def snapshot(self, name: str, thread_id: str) -> Snapshot:
        """Return the thread as the checkpoint has it.

        Raises:
            UnknownGraph: no graph of that name is served.
        """
        state = await self.graph(name).aget_state(self._config(name, thread_id))
        return _snapshot(name, thread_id, state.values, state.interrupts, state.next)

    async def ids(self, name: str) -> list[str]:
        """Return the ids of every thread of a graph, in alphabetical order.

        Reads every checkpoint: for the command line and for reports, not for a request.
        """
        found, prefix = set(), _key(name, "")
        async for checkpoint in self._checkpointer.alist(None):
            key = str(checkpoint.config["configurable"]["thread_id"])
            if key.startswith(prefix):
                found.add(key.removeprefix(prefix))
        return sorted(found)

    async def ran(self, name: str, thread_id: str) -> list[str]:
        """Return the nodes that ran in the thread's last turn, in order.

        Raises:
            UnknownGraph: no graph of that name is served.
        """
        nodes = self.graph(name).nodes
        found = await self._checkpointer.aget_tuple(self._config(name, thread_id))
        seen = found.checkpoint["versions_seen"] if found else {}
        last = {
            node: max(map(str, seen[node].values()), default="") for node in nodes if node in seen
        }
        began = last.pop("__start__", "")
        return sorted((node for node in last if last[node] > began), key=last.__getitem__)

    async def delete(self, name: str, thread_id: str) -> None:
        """Delete everything kept of a thread."""
        async with self._lock(name, thread_id):
            await self._checkpointer.adelete_thread(_key(name, thread_id))

    def _config(self, name: str, thread_id: str) -> RunnableConfig:
        return {"configurable": {"thread_id": _key(name, thread_id)}}

    @contextlib.asynccontextmanager
    async def _lock(
        self, name: str, thread_id: str, deadline: float | None = None
    ) -> AsyncIterator[None]:
        lock = self._locks.setdefault(_key(name, thread_id), asyncio.Lock())
        try:
            async with asyncio.timeout_at(deadline):
                await lock.acquire()
        except TimeoutError as error:
            raise TurnTimedOut(
                f"An earlier turn on the thread {thread_id!r} did not end in time."
            ) from error
        try:
            yield
        finally:
            lock.release()


def _snapshot(
    name: str,
    thread_id: str,
    values: Mapping[str, Any],
    interrupts: Sequence[Any] = (),
    following: tuple[str, ...] = (),
) -> Snapshot:
    messages = list(values.get("messages", []))
    return Snapshot(name, thread_id, messages, values, list(interrupts), following)


def _kept(graph: Graph) -> list[str]:
    """Names of the values that a checkpoint keeps; the others live for a run only."""
    return [
        name
        for name in graph.stream_channels_list
        if not isinstance(graph.channels.get(name), UntrackedValue)
    ]


def _key(name: str, thread_id: str) -> str:
    return f"{name}:{thread_id}"


def _events(mode: str, part: Any, streamed: set[str]) -> list[TurnEvent]:
    """Translate one part of LangGraph's stream; `streamed` holds ids that arrived as tokens."""
    if mode == "values":
        return []
    if mode == "updates":
        return [Node(name) for name in part if not name.startswith("__")]
    message, _metadata = part
    if isinstance(message, AIMessageChunk):
        streamed.add(message.id or "")
        return [Token(message.id or "", str(message.text))] if message.text else []
    if isinstance(message, AIMessage) and message.id not in streamed and message.text:
        return [Reply(message.id or "", str(message.text))]
    return []
