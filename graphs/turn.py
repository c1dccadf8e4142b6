"""One turn on a thread: a transaction that is committed, or leaves nothing.

    begin -> run (tokens, replies) -> commit
                                   -> withdraw: no message, no effect

The run happens in a `Staging` above the checkpoints that are kept. Tools that may change something
wait until the turn is certain (`confirm`); once one of them acts, the turn can not be withdrawn any
more, and what has begun runs to its end. Then, and at the commit, the thread is written.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import is_invalid_resume
from langgraph.graph import END
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Interrupt
from pydantic import ValidationError

from graphs.acting import Acting, Journal
from graphs.contract import Contract, Listener
from graphs.events import Snapshot, TurnEvent
from graphs.messages import INTERRUPTED, as_heard, repaired
from graphs.staging import Staging
from tools.effects import effects

Graph = CompiledStateGraph[Any, Any, Any, Any]

SAFE_POINT_SECS: Final = 2.0
"""Longest wait, in seconds, for the step to end in which something was changed."""


class TurnTimedOut(TimeoutError):
    """The graph did not answer in time; what the person said is kept, unanswered."""


class TurnSuperseded(RuntimeError):
    """Another turn has taken the place of this one."""


class AnswerRefused(ValueError):
    """The graph itself refused the answer to its question, which is open still; says why.

    Attributes:
        sentence: what the graph's author wrote about it for the person, if anything.
    """

    def __init__(self, error: ValidationError) -> None:
        found = error.errors(include_url=False)
        own = [str(e["ctx"]["error"]) for e in found if e["type"] == "value_error"]
        self.sentence = " ".join(own) or None
        places = (".".join(map(str, e["loc"])) for e in found)
        told = (
            f"{at}: {e['msg']}" if at else e["msg"] for at, e in zip(places, found, strict=True)
        )
        super().__init__("; ".join(told))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a turn happens.

    Attributes:
        name: of the graph.
        thread_id: of the thread.
        key: of the thread among those of all graphs.
        graph: without a checkpointer.
        saver: where threads are kept.
        contract: what is known of the graph's speech.
        timeout: longest turn, in seconds.
        configurable: what the graph finds in its configuration, beside LangGraph's own.
    """

    name: str
    thread_id: str
    key: str
    graph: Graph
    saver: BaseCheckpointSaver[Any]
    contract: Contract
    timeout: float
    configurable: Mapping[str, Any]


class Turn:
    """One turn, from `Threads.begin` until it is committed or withdrawn; it holds the thread.

    Iterate over it for what happens; the last event is the `Snapshot` as it would be committed.

    Args:
        place: the graph and the thread.
        turn_id: names the turn; one that goes on with an interrupted turn has the same.
        staging: where it happens.
        journal: of its effects.
        deadline: when the run must have ended, in seconds of the event loop's clock.
        let_go: called when the turn is over.
    """

    def __init__(
        self,
        place: Place,
        turn_id: str,
        staging: Staging,
        journal: Journal,
        deadline: float,
        let_go: Callable[[], Any],
    ) -> None:
        self.id = turn_id
        self.heard: Callable[[], Mapping[str, str]] | None = None
        """Tells what was heard of each message so far; None where all that is written is read."""
        self.asks: list[Interrupt] = []
        """Questions that the thread waits to have answered; then only `resume` runs the graph."""
        self.before: Sequence[BaseMessage] = ()
        """Messages that are on the thread already."""
        self.unfinished = False
        """Whether it goes on with a turn that failed, or in which a process died."""
        self.context: Any = None
        """What the graph's context is made of."""
        self.started = False
        """Whether there is a run, or events in its place."""
        self.superseded = False
        """Whether another turn waits to take the place of this one."""
        self.over = asyncio.Event()
        """Set when the turn was committed or withdrawn."""
        self._place = place
        self._staging = staging
        self._deadline = deadline
        self._let_go = let_go
        self._graph = place.graph.copy(update={"checkpointer": staging})
        self._parts: asyncio.Queue[TurnEvent | BaseException | None] = asyncio.Queue()
        self._acting = Acting(
            place.name,
            place.thread_id,
            turn_id,
            journal,
            place.saver.serde,
            self._write_down,
            self._parts.put_nowait,
        )
        self._config: RunnableConfig = {
            "configurable": {
                **place.configurable,
                "thread_id": place.key,
                "turn_id": turn_id,
            },
            "callbacks": [self._acting],
        }
        self._listener = Listener(place.contract, ())
        self._run: asyncio.Task[None] | None = None
        self._step_ended = asyncio.Event()
        self._cut_short = False

    @property
    def channels(self) -> Collection[str]:
        """Names of the keys of the graph's state."""
        return self._graph.channels

    @property
    def acted(self) -> bool:
        """Whether something may have been changed outside the thread."""
        return bool(self._acting.acted)

    # Running

    def run(self, value: Any) -> None:
        """Run the graph on an input."""
        self.started = True
        self._listener = Listener(self._place.contract, self.before)
        self._run = asyncio.create_task(self._play(value), name=f"turn-{self.id}")

    def resume(self, answers: Mapping[str, Any]) -> None:
        """Run the graph on from its open questions, with answers by the ids of the interrupts."""
        self.run(Command(resume=dict(answers)))

    async def go_on(self, told: Sequence[TurnEvent]) -> None:
        """Run the graph on from where it was ended; first yield what it had told by then."""
        for event in told:
            self._parts.put_nowait(event)
        self.run(None if (await self.snapshot()).next else {"messages": []})

    def stand_for(self, events: Sequence[TurnEvent]) -> None:
        """Yield these events, without a run."""
        self.started = True
        for event in [*events, None]:
            self._parts.put_nowait(event)

    async def finish_step(self) -> None:
        """Finish the step in which a process died, and go no further.

        Raises:
            TimeoutError: it did not end in time.
            Exception: what the step raised.
        """
        self.confirm()
        try:
            with self._current():
                async with asyncio.timeout_at(self._deadline):
                    await self._graph.ainvoke(
                        None, self._config, interrupt_after="*", durability="sync"
                    )
        finally:
            self.hold()  # what the turn itself is to do is not certain yet
            while not self._parts.empty():
                self._parts.get_nowait()

    async def __aiter__(self) -> AsyncIterator[TurnEvent]:
        """Yield what happens.

        Raises:
            TurnTimedOut: the graph took too long.
            AnswerRefused: it refused the answer that it was to go on with.
            Exception: what the graph raised.
        """
        while (part := await self._parts.get()) is not None:
            if isinstance(part, BaseException):
                raise part
            yield part

    async def _play(self, value: Any) -> None:
        clock = asyncio.timeout_at(self._deadline)
        try:
            async with clock:
                await self._stream(value)
        except asyncio.CancelledError:
            self._cut_short = True
        except ValidationError as error:
            refused = is_invalid_resume(error)  # of which the thread keeps nothing
            self._cut_short = not refused
            self._parts.put_nowait(AnswerRefused(error) if refused else error)
        except Exception as error:
            self._cut_short = True
            late = isinstance(error, TimeoutError) and clock.expired()
            self._parts.put_nowait(
                TurnTimedOut(
                    f"The graph {self._place.name!r} did not answer within "
                    f"{self._place.timeout:g} seconds."
                )
                if late
                else error
            )
        self._parts.put_nowait(None)

    async def _stream(self, value: Any) -> None:
        values: Any = None
        with self._current():
            run = self._graph.astream(
                value,
                self._config,
                context=self.context,
                stream_mode=["messages", "updates", "values"],
                output_keys=kept_channels(self._graph),
                subgraphs=True,
                durability="sync",
            )
            async with contextlib.aclosing(run):  # type: ignore[type-var]
                async for namespace, mode, part in run:
                    if mode == "values" and not namespace:
                        values = part
                        self._step_ended.set()
                        if self._listener.interrupted:  # what nodes beside it said is not kept yet
                            continue
                    for event in self._listener.take(namespace, mode, part):
                        self._parts.put_nowait(event)
        snapshot = Snapshot(self._place.name, self._place.thread_id, values=values or {})
        if self._listener.interrupted or not values:
            snapshot = await self.snapshot()
        self._parts.put_nowait(snapshot)

    @contextlib.contextmanager
    def _current(self) -> Iterator[None]:
        token = effects.set(self._acting)
        try:
            yield
        finally:
            effects.reset(token)

    async def snapshot(self) -> Snapshot:
        """Return the thread as it would be committed."""
        state = await self._graph.aget_state({"configurable": {"thread_id": self._place.key}})
        return Snapshot(
            self._place.name,
            self._place.thread_id,
            values=state.values,
            interrupts=list(state.interrupts),
            next=state.next,
        )

    # The end of a turn

    def confirm(self) -> None:
        """Say that the turn is certain: effects may begin."""
        self._acting.allow()

    def hold(self) -> None:
        """Say that the turn is in doubt again: effects that have not begun wait."""
        self._acting.hold()

    async def stop(self) -> None:
        """End the run; what has begun to change something is waited for."""
        self._acting.refuse()
        if self._run is None or self._run.done():
            return
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(max(self._deadline, loop.time() + SAFE_POINT_SECS)):
                await self._acting.quiet()
        if self.acted and not self._run.done():
            self._step_ended.clear()
            ends = asyncio.create_task(self._step_ended.wait())
            await asyncio.wait(
                {self._run, ends}, timeout=SAFE_POINT_SECS, return_when=asyncio.FIRST_COMPLETED
            )
            ends.cancel()
        self._run.cancel()
        await asyncio.wait({self._run})

    async def withdraw(self) -> bool:
        """Leave nothing of the turn; returns False, and does not, when something has been done."""
        await self.stop()
        if self.acted:
            return False
        await self._release()
        return True

    async def commit(self, heard: Mapping[str, str] | None = None, *, final: bool = True) -> None:
        """Write the turn on the thread.

        Args:
            heard: what was heard of the messages that were to be said, by id, nothing of those
                that are not there; None where all was.
            final: whether no more of them will be heard.
        """
        await self._finish_run()
        try:
            if self._cut_short and self._staging.changed:
                await self._graph.aupdate_state(self._config, None, as_node=END)
                await self._staging.change_messages(self._mended)
            if heard is not None:
                # A run that is stopped may have written more than it could tell of.
                self._listener.take((), "values", {"messages": await self._staging.messages()})
                await self._staging.change_messages(
                    lambda messages: self.as_heard(messages, heard, final=final)
                )
            await self._staging.commit()
            await self._acting.settle()
        finally:
            await self._release()

    async def undo(self) -> bool:
        """Withdraw the turn after its commit; see `Threads.undo`."""
        return not self.acted and await self._staging.undo()

    def as_heard(
        self, messages: Sequence[BaseMessage], heard: Mapping[str, str], *, final: bool
    ) -> list[BaseMessage]:
        """Make the messages of a thread say what was heard of this turn's; see `commit`."""
        replies = self._listener.replies
        heard = dict.fromkeys(replies, "") | dict(heard)
        return as_heard(messages, replies, heard, acted=self._acting.acted, final=final)

    async def _finish_run(self) -> None:
        if self._run is not None and not self._run.done():
            await self.stop()

    def _mended(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Mend what a run that was cut short has left."""
        found = list(messages)
        there = {message.id for message in found}
        for key, text in self._listener.unfinished.items():
            if key not in there and text.strip():
                partial = AIMessage(text, id=key, additional_kwargs={INTERRUPTED: True})
                self._listener.replies[key] = partial
                found.append(partial)
        return repaired(found, self._acting.results)

    async def _write_down(self) -> None:
        """Keep the thread as it stands before something is done, so that a crash finds it."""
        if self.heard is None:
            return await self._staging.commit()
        heard = self.heard()
        return await self._staging.commit(
            lambda messages: self.as_heard(messages, heard, final=False)
        )

    async def _release(self) -> None:
        if not self.over.is_set():
            self.over.set()
            await self._let_go()


def kept_channels(graph: Graph) -> list[str]:
    """Return the names of the values that a checkpoint keeps; the others live for a run only."""
    return [
        name
        for name in graph.stream_channels_list
        if not isinstance(graph.channels.get(name), UntrackedValue)
    ]
