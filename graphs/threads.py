"""Threads: the one way in which chat, browser voice, telephone and tests run a graph.

A graph is compiled without a checkpointer (so that LangGraph Studio can bring its own); `Threads`
attaches the project's and runs one turn at a time on each thread, whoever brings the turn. What a
turn may leave is in `graphs/turn.py`, what of it is for the person in `graphs/contract.py`.

What a graph may put into its state, beside `messages`, for the channels to act on:

* `done: bool` - the conversation is over; a call is hung up after the last word was played.
* `outcome: str` - the named result, kept with the call record.
* `expects: dict` - what the open question expects, see `Expectation`.

What a graph may accept as input, beside `messages`:

* `event: dict` - something that happened and is not a message: `{"kind": "silence"}`.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Literal
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from graphs.acting import Journal, ProcessJournal, effect_key
from graphs.contract import Contract, speech_of
from graphs.events import (
    Asked,
    Event,
    Expectation,
    Node,
    Recover,
    Reply,
    Resume,
    Snapshot,
    Token,
    ToolRun,
    TurnEvent,
)
from graphs.messages import repaired, unanswered
from graphs.questions import Answer, Onward, Question
from graphs.staging import Staging
from graphs.turn import Graph, Place, Turn, TurnSuperseded, TurnTimedOut
from store.checkpoints import Change, Checkpoints
from store.locks import ProcessLocks, ThreadLocks

__all__ = [
    "THREAD_ID",
    "Asked",
    "Event",
    "Expectation",
    "Graph",
    "Node",
    "Policy",
    "Reply",
    "Resume",
    "Snapshot",
    "ThreadBusy",
    "Threads",
    "Token",
    "ToolRun",
    "Turn",
    "TurnEvent",
    "TurnSuperseded",
    "TurnTimedOut",
    "UnknownGraph",
    "is_thread_id",
]

Said = HumanMessage | Event | Resume | Recover | None
"""What starts a turn; None opens, or reopens, the conversation."""
Policy = Literal["enqueue", "supersede", "reject"]
"""What a turn does that finds another one on its thread: wait for it, take its place, or give up.

It takes the place of a turn of its own process; one of another process is waited for."""
THREAD_ID = r"^[\w.:@+-]{1,100}$"
"""Form of a thread's id, for what comes from outside."""


def is_thread_id(text: str) -> bool:
    """Whether a text from outside has the form of a thread's id."""
    return re.fullmatch(THREAD_ID, text) is not None


class UnknownGraph(LookupError):
    """No graph of that name is served."""


class ThreadBusy(RuntimeError):
    """Another turn runs on the thread, and this one was not to wait for it."""


class Threads:
    """The graphs that are served and the threads that run on them.

    Args:
        graphs: compiled graphs by name, without a checkpointer.
        checkpointer: where every thread is kept.
        turn_timeout: longest turn, in seconds.
        locks: keep turns of one thread apart; between the tasks of this process if missing.
        journal: where effects are written down; in this process if missing.
    """

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        checkpointer: Checkpoints,
        *,
        turn_timeout: float = 60.0,
        locks: ThreadLocks | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._graphs = dict(graphs)
        self._reading = {
            name: graph.copy(update={"checkpointer": checkpointer})
            for name, graph in graphs.items()
        }
        self._contracts = {
            name: Contract(
                {
                    node: (spec.metadata or {}).get("speech")
                    for node, spec in graph.builder.nodes.items()
                }
            )
            for name, graph in graphs.items()
        }
        self._checkpointer = checkpointer
        self._turn_timeout = turn_timeout
        self._locks = locks or ProcessLocks()
        self._journal = journal or ProcessJournal()
        self._turns: dict[str, Turn] = {}
        self._half_answered: dict[str, Question] = {}
        """Questions of several parts that a chat is in the middle of, by the interrupt's id."""
        self._left: set[asyncio.Task[None]] = set()

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
            return self._reading[name]
        except KeyError:
            known = ", ".join(self._graphs)
            raise UnknownGraph(f"There is no graph {name!r}. Served here: {known}.") from None

    def understands_events(self, name: str) -> bool:
        """Whether the graph takes `event` as input and so handles silence by itself."""
        return "event" in self.graph(name).channels

    async def begin(
        self,
        name: str,
        thread_id: str,
        said: Said,
        *,
        languages: Collection[str] = (),
        policy: Policy = "enqueue",
    ) -> Turn:
        """Begin a turn; it is in doubt, and its effects wait, until `Turn.confirm`.

        A message whose id is on the thread already was taken before: the turn only repeats what
        was answered. On a thread that waits for an answer (`Turn.asks`) only a `Resume` runs.

        Args:
            name: the graph.
            thread_id: the conversation.
            said: what the person said; None opens (or reopens) the conversation.
            languages: what the channel can speak, for graphs whose context has `languages`; any
                when empty.
            policy: what to do when another turn runs on the thread.

        Raises:
            UnknownGraph: no graph of that name is served.
            ThreadBusy: another turn runs, and the policy is to reject.
            TurnTimedOut: another turn did not end in time.
        """
        graph, key = self.graph(name), _key(name, thread_id)
        deadline = asyncio.get_running_loop().time() + self._turn_timeout
        await self._make_way(key, thread_id, policy)
        lock = contextlib.AsyncExitStack()
        timeout = 0.0 if policy == "reject" else self._turn_timeout
        await lock.enter_async_context(self._hold(key, thread_id, timeout))
        try:
            staging = Staging(self._checkpointer, key, graph.channels)
            asked, turn_id = await staging.open_interrupts(), None
            died = await self._died_acting(name, thread_id, staging)
            if asked or died:
                turn_id = await staging.turn_id()
            place = Place(
                name,
                thread_id,
                key,
                self._graphs[name],
                self._checkpointer,
                self._contracts[name],
                self._turn_timeout,
            )

            async def let_go() -> None:
                self._turns.pop(key, None)
                await lock.aclose()

            turn = Turn(place, turn_id or uuid4().hex, staging, self._journal, deadline, let_go)
            self._turns[key] = turn
            turn.asks = asked
            if languages and hasattr(graph.context_schema, "languages"):
                turn.context = {"languages": ",".join(sorted(languages))}
            if died:
                await turn.finish_step()
            if not asked:
                await staging.change_messages(repaired)
            await _start(turn, await staging.messages(), said)
        except BaseException:
            self._turns.pop(key, None)
            await lock.aclose()
            raise
        return turn

    async def turn(
        self,
        name: str,
        thread_id: str,
        said: Said,
        *,
        languages: Collection[str] = (),
        policy: Policy = "enqueue",
    ) -> AsyncGenerator[TurnEvent]:
        """Run a whole turn and yield what happens; the last item is the `Snapshot` after it.

        For a channel on which all that is written is read. Who stops listening does not stop the
        turn: it ends and is kept.

        Raises:
            UnknownGraph, ThreadBusy: see `begin`.
            TurnTimedOut: the graph, or an earlier turn, took longer than `turn_timeout`; what the
                person said is kept.
            TurnSuperseded: another turn has taken the place of this one.
        """
        turn = await self.begin(name, thread_id, said, languages=languages, policy=policy)
        turn.confirm()
        after: Snapshot | None = None
        try:
            if turn.asks and not turn.started:
                yield await self._answer(turn, said)
            async for event in turn:
                if isinstance(event, Snapshot):
                    after = event
                else:
                    yield event
        except (GeneratorExit, asyncio.CancelledError):
            self._finish_alone(turn)
            raise
        except BaseException:
            await turn.commit()
            raise
        if turn.superseded and after is None:
            if not await turn.withdraw():
                await turn.commit()
            raise TurnSuperseded(f"Another turn took over on the thread {thread_id!r}.")
        await turn.commit()
        if after is not None:
            if after.interrupts and turn.started:
                yield _asked(Question.of(after.interrupts[0]), after)
            yield after

    async def _answer(self, turn: Turn, said: Said) -> TurnEvent:
        """Read what was written as the answer to the open question, or put the question again."""
        snapshot = await turn.snapshot()
        interrupt = turn.asks[0]
        question = self._half_answered.pop(interrupt.id, None) or Question.of(interrupt)
        if isinstance(said, HumanMessage):
            heard = question.hear(str(said.text), "text")
            if isinstance(heard, Answer):
                turn.resume({interrupt.id: heard.value})
                return Node("__resume__")
            if isinstance(heard, Onward):
                question = heard.question
        if question.known:
            self._half_answered[interrupt.id] = question
        turn.stand_for([snapshot])
        return _asked(question, snapshot)

    def _finish_alone(self, turn: Turn) -> None:
        """Let a turn end to which nobody listens any more."""

        async def finish() -> None:
            with contextlib.suppress(Exception):
                async for _ in turn:
                    pass
            await turn.commit()

        task = asyncio.create_task(finish(), name=f"turn-{turn.id}-alone")
        self._left.add(task)
        task.add_done_callback(self._left.discard)

    async def undo(self, name: str, thread_id: str, turn: Turn) -> bool:
        """Withdraw a turn that was committed, where nothing came of it outside its thread.

        Returns:
            Whether the thread is as it was before; False, and nothing is changed, when something
            was done in the turn or on the thread since, or when it answered an open question.
        """
        key = _key(name, thread_id)
        async with self._hold(key, thread_id, self._turn_timeout):
            return await turn.undo()

    async def amend(self, name: str, thread_id: str, change: Change) -> None:
        """Change the messages of a thread in place, between turns.

        Args:
            name: the graph.
            thread_id: the conversation.
            change: says what the messages are to be.

        Raises:
            TurnTimedOut: a turn that runs on the thread did not end in time.
        """
        key = _key(name, thread_id)
        async with self._hold(key, thread_id, self._turn_timeout):
            await self._checkpointer.amend(self._config(name, thread_id), change)

    async def recover(self) -> None:
        """Finish what processes that died had begun to do, on whatever thread.

        To be called at the start of a process. A thread on which a live process works is left.
        """
        for effect in await self._journal.unsettled():
            if effect.graph not in self._graphs:
                continue
            with contextlib.suppress(ThreadBusy):
                async with contextlib.aclosing(
                    self.turn(effect.graph, effect.thread_id, Recover(), policy="reject")
                ) as turn:
                    async for _ in turn:
                        pass

    async def snapshot(self, name: str, thread_id: str) -> Snapshot:
        """Return the thread as the checkpoint has it.

        Raises:
            UnknownGraph: no graph of that name is served.
        """
        state = await self.graph(name).aget_state(self._config(name, thread_id))
        return Snapshot(name, thread_id, state.values, list(state.interrupts), state.next)

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
        key = _key(name, thread_id)
        async with self._hold(key, thread_id, self._turn_timeout):
            await self._checkpointer.adelete_thread(key)
            await self._journal.delete_of_thread(name, thread_id)

    async def _make_way(self, key: str, thread_id: str, policy: Policy) -> None:
        """Apply the policy to the turn that runs on the thread."""
        running = self._turns.get(key)
        if running is None or policy == "enqueue":
            return
        if policy == "reject":
            raise ThreadBusy(f"A turn is running on the thread {thread_id!r}.")
        running.superseded = True
        await running.stop()

    @contextlib.asynccontextmanager
    async def _hold(self, key: str, thread_id: str, wait: float) -> AsyncGenerator[None]:
        try:
            hold = self._locks.hold(key, wait)
            await hold.__aenter__()
        except TimeoutError as error:
            if not wait:
                raise ThreadBusy(f"A turn is running on the thread {thread_id!r}.") from error
            raise TurnTimedOut(
                f"An earlier turn on the thread {thread_id!r} did not end in time."
            ) from error
        try:
            yield
        finally:
            await hold.__aexit__(None, None, None)

    async def _died_acting(self, name: str, thread_id: str, staging: Staging) -> bool:
        """Whether a process died in the last turn while it did something."""
        turn_id = await staging.turn_id() or ""
        for call in unanswered(await staging.messages()):
            key = effect_key(graph=name, thread_id=thread_id, turn_id=turn_id, call=call)
            if await self._journal.get(key):
                return True
        return False

    def _config(self, name: str, thread_id: str) -> RunnableConfig:
        return {"configurable": {"thread_id": _key(name, thread_id)}}


async def _start(turn: Turn, before: Sequence[BaseMessage], said: Said) -> None:
    """Run the graph on what was said, where it can run."""
    turn.before = before
    if isinstance(said, Recover):
        turn.stand_for([await turn.snapshot()])
    elif isinstance(said, HumanMessage) and said.id in {m.id for m in before if m.id}:
        turn.stand_for([*_answered(before, said.id), await turn.snapshot()])
    elif isinstance(said, Resume):
        turn.resume(said.answers)
    elif turn.asks:
        return
    elif isinstance(said, Event):
        turn.run({"event": {"kind": said.kind}})
    else:
        turn.run({"messages": [said] if said else []})


def _asked(question: Question, snapshot: Snapshot) -> Asked:
    text = question.text(snapshot.expects.get("language", "en"))
    return Asked(question.interrupt_id, text)


def _answered(messages: Sequence[BaseMessage], message_id: str | None) -> list[Reply]:
    """Return what was answered to a message that is on the thread."""
    at = next(n for n, message in enumerate(messages) if message.id == message_id)
    replies: list[Reply] = []
    for message in messages[at + 1 :]:
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage) and message.text and speech_of(message) != "private":
            replies.append(Reply(message.id or "", str(message.text)))
    return replies


def _key(name: str, thread_id: str) -> str:
    return f"{name}:{thread_id}"
