"""Threads: the one way in which chat, browser voice, telephone and tests run a graph.

A graph is compiled without a checkpointer (so that LangGraph Studio can bring its own); `Threads`
attaches the project's and runs one turn at a time on each thread, whoever brings the turn. Which
graphs there are is in `graphs/served.py`, whose turn it is in `graphs/precedence.py`, what starts
one in `graphs/said.py`, what it may leave in `graphs/turn.py`, and what of it is for the person in
`graphs/contract.py`.

What a graph may put into its state, beside `messages`, for the channels to act on:

* `done: bool` - the conversation is over; a call is hung up after the last word was played.
* `outcome: str` - the named result, kept with the call record.
* `expects: dict` - what the open question expects, see `Expectation`.

What a graph may accept as input, beside `messages`:

* `event: dict` - something that happened and is not a message: `{"kind": "silence"}`.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any
from uuid import uuid4

from langchain_core.runnables import RunnableConfig

from faults import places
from graphs.acting import Journal, ProcessJournal
from graphs.events import (
    Asked,
    Begin,
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
from graphs.messages import repaired
from graphs.precedence import Policy, Precedence, ThreadBusy, key_of
from graphs.questions import WrongAnswer
from graphs.said import Said, WrittenAnswers, died_acting, first_question, goes_on, start
from graphs.served import Served, UnknownGraph
from graphs.staging import Staging
from graphs.turn import AnswerRefused, Graph, Place, Turn, TurnSuperseded, TurnTimedOut
from store.checkpoints import Change, Checkpoints
from store.locks import ProcessLocks, ThreadLocks

__all__ = [
    "THREAD_ID",
    "AnswerRefused",
    "Asked",
    "Begin",
    "Event",
    "Expectation",
    "Graph",
    "Node",
    "Policy",
    "Reply",
    "Resume",
    "Said",
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

THREAD_ID = r"^[\w.:@+-]{1,100}$"
"""Form of a thread's id, for what comes from outside."""


log = logging.getLogger(__name__)


def is_thread_id(text: str) -> bool:
    """Whether a text from outside has the form of a thread's id."""
    return re.fullmatch(THREAD_ID, text) is not None


class Threads:
    """The graphs that are served and the threads that run on them.

    Args:
        graphs: compiled graphs by name, without a checkpointer.
        checkpointer: where every thread is kept.
        turn_timeout: longest turn, in seconds.
        locks: keep turns of one thread apart; between the tasks of this process if missing.
        journal: where effects are written down; in this process if missing.
        configurable: what every graph finds in its `config["configurable"]`, beside LangGraph's
            own: what its tools act with.
    """

    def __init__(
        self,
        graphs: Mapping[str, Graph],
        checkpointer: Checkpoints,
        *,
        turn_timeout: float = 60.0,
        locks: ThreadLocks | None = None,
        journal: Journal | None = None,
        configurable: Mapping[str, Any] | None = None,
    ) -> None:
        self._served = Served(graphs, checkpointer)
        self._checkpointer = checkpointer
        self._turn_timeout = turn_timeout
        self._precedence = Precedence(locks or ProcessLocks(), turn_timeout)
        self._journal = journal or ProcessJournal()
        self._configurable = dict(configurable or {})
        self._written = WrittenAnswers(self._journal)
        self._left: set[asyncio.Task[None]] = set()

    @property
    def names(self) -> list[str]:
        """Names of the graphs served, in the order given."""
        return self._served.names

    def graph(self, name: str) -> Graph:
        """Return the graph of that name, with its checkpointer.

        Raises:
            UnknownGraph: no graph of that name is served.
        """
        return self._served.graph(name)

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
        line: Mapping[str, str] | None = None,
        repeats: bool = False,
    ) -> Turn:
        """Begin a turn; it is in doubt, and its effects wait, until `Turn.confirm`.

        A message whose id is on the thread already was taken before: what was answered is repeated,
        and finished if it was not. On a thread that waits for an answer (`Turn.asks`) only a
        `Resume` runs.

        Args:
            name: the graph.
            thread_id: the conversation.
            said: what the person said; None opens (or reopens) the conversation.
            languages: what the channel can speak, for graphs whose context has `languages`; any
                when empty.
            policy: what to do when another turn runs on the thread.
            line: on which line the person is, for the graph to find as `line` in its
                `config["configurable"]`: `channel` (phone, page, ...) and `person`, the number; a
                chat when missing.
            repeats: whether an answer to a question, which is on no thread, may come twice.

        Raises:
            UnknownGraph: no graph of that name is served.
            ThreadBusy: another turn runs, and the policy is to reject.
            TurnTimedOut: another turn did not end in time.
        """
        graph, key = self.graph(name), key_of(name, thread_id)
        deadline = asyncio.get_running_loop().time() + self._turn_timeout
        taken = await self._precedence.take(key, policy)
        try:
            staging = Staging(self._checkpointer, key, graph.channels)
            asked, turn_id = await staging.open_interrupts(), None
            died = await died_acting((name, thread_id), staging, self._journal)
            unfinished = not asked and await goes_on(graph, staging, said)
            if asked or died or unfinished:
                turn_id = await staging.turn_id()
            place = self._place(name, thread_id, line)
            turn = Turn(
                place, turn_id or uuid4().hex, staging, self._journal, deadline, taken.aclose
            )
            self._precedence.runs(key, turn)
            turn.asks = asked
            turn.unfinished = unfinished
            if languages and hasattr(graph.context_schema, "languages"):
                turn.context = {"languages": ",".join(sorted(languages))}
            if died:
                await _finish(turn, said)
            if not asked:
                await staging.change_messages(repaired)
            told = await self._written.told((name, thread_id), said) if repeats else None
            await start(turn, await staging.messages(), said, told)
        except BaseException:
            await taken.aclose()
            raise
        return turn

    def _place(self, name: str, thread_id: str, line: Mapping[str, str] | None) -> Place:
        return Place(
            name,
            thread_id,
            key_of(name, thread_id),
            self._served.bare[name],
            self._checkpointer,
            self._served.contracts[name],
            self._turn_timeout,
            {**self._configurable, "line": dict(line or {"channel": "chat"})},
        )

    async def turn(
        self,
        name: str,
        thread_id: str,
        said: Said,
        *,
        languages: Collection[str] = (),
        policy: Policy = "enqueue",
        heard: bool = True,
        line: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[TurnEvent]:
        """Run a whole turn and yield what happens; the last item is the `Snapshot` after it.

        For a channel on which all that is written is read; with `heard=False` nothing counts as
        heard before the thread is amended (`graphs.messages.heard_whole`). Who stops listening
        does not stop the turn: it ends and is kept.

        Raises:
            UnknownGraph, ThreadBusy: see `begin`.
            TurnTimedOut: the graph, or an earlier turn, took longer than `turn_timeout`; what the
                person said is kept.
            TurnSuperseded: another turn has taken the place of this one.
            AnswerRefused: the graph refused what a `Resume` was to answer; the question is open.
            WrongAnswer: what a `Resume` was to answer was answered meanwhile.
        """
        turn = await self.begin(
            name, thread_id, said, languages=languages, policy=policy, line=line, repeats=True
        )
        turn.confirm()
        if isinstance(said, Resume) and not said.answers.keys() & {one.id for one in turn.asks}:
            await turn.commit()
            raise WrongAnswer(f"What {', '.join(said.answers)} asked was answered meanwhile.")
        after: Snapshot | None = None
        asked, answers, told = False, False, list[Reply]()
        try:
            if turn.asks and not turn.started:
                put = await self._written.take(turn, said)
                asked, answers = isinstance(put, Asked), not isinstance(put, Asked)
                yield put
            async for event in turn:
                if isinstance(event, Snapshot):
                    after = event
                else:
                    told += [event] if isinstance(event, Reply) else []
                    yield event
        except AnswerRefused as refusal:
            await turn.commit()
            if isinstance(said, Resume):
                raise
            after = await self.snapshot(name, thread_id)
            yield first_question(after, refusal.sentence)
            yield after
            return
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
        if answers:
            await self._written.keep((name, thread_id), turn, said, told)
        await turn.commit(None if heard else {}, final=heard)
        if after is not None:
            if after.interrupts and turn.started and not asked:
                yield first_question(after)
            yield after

    @property
    def alone(self) -> int:
        """How many turns go on to which nobody listens any more."""
        return len(self._left)

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
        key = key_of(name, thread_id)
        async with self._precedence.between_turns(key):
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
        key = key_of(name, thread_id)
        async with self._precedence.between_turns(key):
            await self._checkpointer.amend(self._config(name, thread_id), change)

    async def recover(self) -> None:
        """Finish what processes that died had begun to do, on whatever thread.

        To be called at the start of a process. A thread on which a live process works is left.
        """
        for effect in await self._journal.unsettled():
            if effect.graph not in self._served:
                continue
            try:
                async with contextlib.aclosing(
                    self.turn(effect.graph, effect.thread_id, Recover(), policy="reject")
                ) as turn:
                    async for _ in turn:
                        pass
            except ThreadBusy:
                pass
            except Exception as error:  # others are not kept waiting; the next start tries again
                log.error("What was begun by %s was not finished: %s", effect.graph, places(error))

    async def snapshot(self, name: str, thread_id: str) -> Snapshot:
        """Return the thread as the checkpoint has it.

        Raises:
            UnknownGraph: no graph of that name is served.
        """
        state = await self.graph(name).aget_state(self._config(name, thread_id))
        return Snapshot(name, thread_id, state.values, list(state.interrupts), state.next)

    async def ids(self, name: str) -> list[str]:
        """Return the ids of every thread of a graph, in alphabetical order.

        Reads every checkpoint: not for a request.
        """
        found, prefix = set(), key_of(name, "")
        async for checkpoint in self._checkpointer.alist(None):
            key = str(checkpoint.config["configurable"]["thread_id"])
            if key.startswith(prefix):
                found.add(key.removeprefix(prefix))
        return sorted(found)

    async def ran(self, name: str, thread_id: str) -> list[str]:
        """Return the nodes that ran in the thread's last turn, in order; see `snapshot`."""
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
        key = key_of(name, thread_id)
        async with self._precedence.between_turns(key):
            await self._checkpointer.adelete_thread(key)
            await self._journal.delete_of_thread(name, thread_id)

    def apart(
        self, checkpointer: Checkpoints, journal: Journal, configurable: Mapping[str, Any]
    ) -> "Threads":
        """Return the same graphs on threads of their own, which act with something else.

        Args:
            checkpointer: where those threads are kept.
            journal: where their effects are written down.
            configurable: in place of some of what tools act with here.
        """
        return Threads(
            self._served.bare,
            checkpointer,
            turn_timeout=self._turn_timeout,
            journal=journal,
            configurable={**self._configurable, **configurable},
        )

    def _config(self, name: str, thread_id: str) -> RunnableConfig:
        return {"configurable": {"thread_id": key_of(name, thread_id)}}


async def _finish(turn: Turn, said: Said) -> None:
    """Finish the step in which a process died; who has something to say is answered in any case."""
    try:
        await turn.finish_step()
    except Exception as error:
        if isinstance(said, Recover):
            raise
        log.error("The step in which a process died failed again: %s", places(error))
