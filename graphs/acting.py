"""What the tools of a turn may do, and when: effects wait, happen once, and are never cut off."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Literal, Protocol
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import ToolMessage
from langchain_core.tools import ToolException
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphs.events import ToolRun
from graphs.messages import LATENCY
from store.effects import Effect
from tools.effects import Deed, has_effect

UNKNOWN = (
    "It is not known whether this was done: the program ended while doing it. "
    "Do not repeat it without being asked."
)


class Journal(Protocol):
    """Where effects are written down, before and after they happen: `store.effects.Effects`."""

    async def begin(
        self,
        key: str,
        *,
        graph: str,
        thread_id: str,
        turn_id: str,
        tool: str,
        arguments: Mapping[str, Any],
    ) -> Literal["begun"] | Effect:
        """Claim an effect; returns what is known of it when it was claimed before."""

    async def finish(self, key: str, result: Any) -> None:
        """Write down what came of it."""

    async def fail(self, key: str, error: str) -> None:
        """Write down that it failed."""

    async def get(self, key: str) -> Effect | None:
        """Return what is known of an effect."""

    async def settle(self, graph: str, thread_id: str, turn_id: str) -> None:
        """Write down that a turn is on its thread."""

    async def unsettled(self) -> Sequence[Effect]:
        """Return the effects whose turn is not on its thread."""

    async def delete_of_thread(self, graph: str, thread_id: str) -> None:
        """Forget the effects of a thread."""


class ProcessJournal:
    """A journal that lives as long as the process, for threads that do not outlive it either."""

    def __init__(self) -> None:
        self._known: dict[str, Effect] = {}

    async def begin(self, key: str, **described: Any) -> Literal["begun"] | Effect:
        """Claim an effect; see `Journal`."""
        if key in self._known:
            return self._known[key]
        self._known[key] = Effect(key=key, began_at=datetime.now(UTC), **described)
        return "begun"

    async def finish(self, key: str, result: Any) -> None:
        """Write down what came of it."""
        self._close(key, result=result)

    async def fail(self, key: str, error: str) -> None:
        """Write down that it failed."""
        self._close(key, error=error)

    def _close(self, key: str, **outcome: Any) -> None:
        closed = {"finished_at": datetime.now(UTC), **outcome}
        self._known[key] = self._known[key].model_copy(update=closed)

    async def get(self, key: str) -> Effect | None:
        """Return what is known of an effect."""
        return self._known.get(key)

    async def settle(self, graph: str, thread_id: str, turn_id: str) -> None:
        """Write down that a turn is on its thread."""
        at = (graph, thread_id, turn_id)
        for key, effect in self._known.items():
            if (effect.graph, effect.thread_id, effect.turn_id) == at:
                settled = {"settled_at": datetime.now(UTC)}
                self._known[key] = effect.model_copy(update=settled)

    async def unsettled(self) -> Sequence[Effect]:
        """Return the effects whose turn is not on its thread."""
        return [effect for effect in self._known.values() if effect.settled_at is None]

    async def delete_of_thread(self, graph: str, thread_id: str) -> None:
        """Forget the effects of a thread."""
        at = (graph, thread_id)
        self._known = {k: e for k, e in self._known.items() if (e.graph, e.thread_id) != at}


class EffectFailed(ToolException):
    """An effect failed before, and is not tried again for its tool takes no idempotency key."""


class Withdrawn(asyncio.CancelledError):
    """What an effect is told that waited in vain."""


class Acting(AsyncCallbackHandler):
    """Guards the tools of one run; a callback handler of LangChain, which sees every tool.

    Args:
        graph: its name.
        thread_id: the thread.
        turn_id: the turn; with the thread it makes the idempotency keys of effects.
        journal: where effects are written down.
        serde: how their results are.
        before_first: called before anything is done; the turn can not be withdrawn after it.
        on_tool: told when a tool begins and ends.
    """

    run_inline = True
    ignore_llm = ignore_chat_model = ignore_chain = ignore_retriever = True

    def __init__(
        self,
        graph: str,
        thread_id: str,
        turn_id: str,
        journal: Journal,
        serde: SerializerProtocol,
        before_first: Callable[[], Awaitable[None]],
        on_tool: Callable[[ToolRun], None],
    ) -> None:
        self.acted: set[str] = set()
        """Calls of tools that may have changed something, by the call's id."""
        self.results: dict[str, ToolMessage] = {}
        """What tools have answered, by the call's id."""
        self._turn = {"graph": graph, "thread_id": thread_id, "turn_id": turn_id}
        self._journal = journal
        self._serde = serde
        self._before_first = before_first
        self._on_tool = on_tool
        self._loop = asyncio.get_running_loop()
        self._gate: Future[bool] = Future()
        self._written = asyncio.Lock()
        self._claimed = False
        self._running: dict[UUID, str] = {}
        self._begun: dict[UUID, float] = {}
        self._effects: set[asyncio.Task[Any]] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    # The gate

    def allow(self) -> None:
        """Let effects happen."""
        if not self._gate.done():
            self._gate.set_result(True)

    def hold(self) -> None:
        """Let the effects that have not begun wait."""
        if self._gate.done() and self._gate.result():
            self._gate = Future()

    def refuse(self) -> None:
        """Let no effect begin any more."""
        self.hold()
        if not self._gate.done():
            self._gate.set_result(False)

    async def _allowed(self) -> None:
        gate = self._gate
        while not await asyncio.shield(asyncio.wrap_future(gate)) or gate is not self._gate:
            if gate is self._gate:
                raise Withdrawn
            gate = self._gate

    async def settle(self) -> None:
        """Note that the turn is on the thread."""
        if self._claimed:
            await self._journal.settle(**self._turn)

    async def quiet(self) -> None:
        """Wait until nothing that may change something is under way."""
        await self._quiet.wait()
        if self._effects:
            await asyncio.wait(self._effects)

    # Effects that are declared

    async def once(self, deed: Deed) -> Any:
        """Do something exactly once; see `tools.effects.Effects`."""
        work = self._once(deed)
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _once(self, deed: Deed) -> Any:
        await self._allowed()
        self.acted.add(deed.call)
        task = asyncio.create_task(self._act(deed))
        self._effects.add(task)
        task.add_done_callback(self._effects.discard)
        return await asyncio.shield(task)

    async def _act(self, deed: Deed) -> Any:
        key = effect_key(call=deed.call, **self._turn)
        async with self._written:
            await self._before_first()
        described = json.loads(json.dumps(dict(deed.arguments), default=str))
        claim = await self._journal.begin(key, tool=deed.tool, arguments=described, **self._turn)
        self._claimed = True
        if claim != "begun":
            if claim.result is not None:
                kind, data = claim.result
                return self._serde.loads_typed((kind, base64.b64decode(data)))
            if claim.error is not None:
                raise EffectFailed(f"This failed, and was not tried again: {claim.error}")
            if not deed.repeatable:
                return ToolMessage(UNKNOWN, tool_call_id=deed.call, name=deed.tool, status="error")
        try:
            result = await deed.act(key)
        except Exception as error:
            if not deed.repeatable:
                await self._journal.fail(key, type(error).__name__)
            raise
        kind, raw = self._serde.dumps_typed(result)
        await self._journal.finish(key, [kind, base64.b64encode(raw).decode()])
        return result

    # LangChain's callbacks: every tool, declared or not

    async def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Hold a tool that may change something until effects are allowed."""
        call = str(kwargs.get("tool_call_id") or run_id)
        if has_effect(metadata):
            if call not in self.acted:
                await self._allowed()
                self.acted.add(call)
            self._hop(self._began, run_id, call)
        self._begun[run_id] = perf_counter()
        name, filler = str(serialized.get("name", "")), (metadata or {}).get("filler")
        self._hop(self._on_tool, ToolRun(name, True, filler))

    async def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note what a tool has answered, and on the answer how long it took."""
        took = perf_counter() - self._begun.pop(run_id, perf_counter())
        if isinstance(output, ToolMessage):
            output.additional_kwargs[LATENCY] = round(took, 6)
            self.results[output.tool_call_id] = output
        self._hop(self._ended, run_id, str(kwargs.get("name", "")))

    async def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a tool has failed."""
        self._begun.pop(run_id, None)
        self._hop(self._ended, run_id, "")

    def _hop(self, act: Callable[..., None], *args: Any) -> None:
        """Do something on the turn's event loop; a tool may run on another thread."""
        if asyncio.get_running_loop() is self._loop:
            act(*args)
        else:
            self._loop.call_soon_threadsafe(act, *args)

    def _began(self, run_id: UUID, call: str) -> None:
        self._running[run_id] = call
        self._quiet.clear()

    def _ended(self, run_id: UUID, name: str) -> None:
        self._running.pop(run_id, None)
        if not self._running:
            self._quiet.set()
        self._on_tool(ToolRun(name, False))


def effect_key(*, graph: str, thread_id: str, turn_id: str, call: str) -> str:
    """Return the idempotency key of a call of a tool."""
    return f"{graph}:{thread_id}/{turn_id}/{call}"
