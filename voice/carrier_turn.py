"""One turn for one webhook of a carrier, however often it is sent, whichever server it reaches."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from langchain_core.messages import HumanMessage

from faults import places
from graphs.call_actions import CallAction
from graphs.events import Asked, Begin, Event, Reply, Snapshot
from graphs.threads import Threads
from store.carrier_turns import CarrierTurn, CarrierTurns
from store.locks import ThreadLocks

log = logging.getLogger(__name__)

WORK_SECS: Final = 90.0
"""Longest turn, in seconds."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a graph has answered."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """What is to be said, by message id, in order."""
    question: str = ""
    """What an `interrupt()` asks."""
    done: bool = False
    outcome: str | None = None
    expects: Mapping[str, Any] = field(default_factory=dict)
    action: CallAction | None = None
    """What the last of the messages announces."""

    @property
    def lines(self) -> list[str]:
        """Everything that is to be said, in order."""
        return [text for text in (*self.texts.values(), self.question) if text.strip()]


async def run_turn(
    threads: Threads,
    graph: str,
    thread_id: str,
    said: HumanMessage | Event | Begin | None,
    *,
    languages: frozenset[str] = frozenset(),
    heard: bool = True,
    line: Mapping[str, str] | None = None,
) -> Answered:
    """Run one turn of a graph to its end and return what it answers.

    Args:
        threads: where the graph runs.
        graph: its name.
        thread_id: the conversation.
        said: what the person said, or what has happened; None reopens.
        languages: what can be spoken; any when empty.
        heard: whether all that is answered counts as heard; else nothing does, until it is.
        line: on which line that is, see `Threads.begin`.
    """
    texts: dict[str, str] = {}
    question, action, after = "", None, None
    events = threads.turn(graph, thread_id, said, languages=languages, heard=heard, line=line)
    async for event in events:
        if isinstance(event, Reply):
            texts[event.message_id] = event.text
            action = event.action or action
        elif isinstance(event, Asked):
            question = event.text
        elif isinstance(event, Snapshot):
            after = event
    if after is None:
        return Answered(texts, question, action=action)
    expects = {**after.expects, **_of_question(after)}
    return Answered(texts, question, after.done, after.outcome, expects, action)


def _of_question(snapshot: Snapshot) -> Mapping[str, Any]:
    """Return what the question of an `interrupt()` expects, for the keypad."""
    asked = snapshot.interrupts[0].value if snapshot.interrupts else None
    if not isinstance(asked, Mapping):
        return {}
    return {name: asked[name] for name in ("kind", "digits") if name in asked}


class Once:
    """Does what a webhook asks for once, and gives the answer to whoever asks again.

    Args:
        turns: where what was given and answered is kept.
        locks: of the records.
    """

    def __init__(self, turns: CarrierTurns, locks: ThreadLocks) -> None:
        self._turns = turns
        self._locks = locks
        self._working: dict[str, asyncio.Task[dict[str, Any] | None]] = {}

    async def answer(
        self,
        turn: CarrierTurn,
        work: Callable[[CarrierTurn], Awaitable[dict[str, Any]]],
        within_secs: float,
    ) -> dict[str, Any] | None:
        """Return what a turn was answered with; None when that takes longer.

        The work goes on then; it is done again only where its process has died.
        """
        if turn.result is not None:
            return turn.result
        task = self._working.get(turn.key)
        if task is None:
            task = asyncio.create_task(self._do(turn, work), name=f"carrier-turn-{turn.key}")
            self._working[turn.key] = task
            task.add_done_callback(lambda _: self._working.pop(turn.key, None))
        await asyncio.wait({task}, timeout=within_secs)
        return task.result() if task.done() else None

    async def _do(
        self, turn: CarrierTurn, work: Callable[[CarrierTurn], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any] | None:
        try:
            async with (
                self._locks.hold(f"carrier-turn:{turn.key}", WORK_SECS),
                asyncio.timeout(WORK_SECS),
            ):
                known = await self._turns.get(turn.key)
                if known and known.result is not None:
                    return known.result
                result = await work(turn)
                await self._turns.finish(turn.key, result)
                return result
        except Exception as error:
            log.error("A turn that came by webhook failed: %s", places(error))
            failed = {"failed": True}
            await self._turns.finish(turn.key, failed)
            return failed

    async def close(self) -> None:
        """Wait for what is being done."""
        if self._working:
            await asyncio.wait([*self._working.values()], timeout=WORK_SECS)
