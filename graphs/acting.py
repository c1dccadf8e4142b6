"""What the tools of a turn may do, and when: effects wait, happen once, and are never cut off."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, Protocol
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphs.events import ToolRun
from tools.effects import has_effect

UNKNOWN = (
    "It is not known whether this was done: the program ended while doing it. "
    "Do not repeat it without being asked."
)


class Journal(Protocol):
    """Where the effects of one turn are written down, before and after they happen."""

    async def begin(self, key: str, tool: str, arguments: Mapping[str, Any]) -> Any | None:
        """Write down that an effect begins; returns what is there already, else None."""

    async def finish(self, key: str, result: Any) -> None:
        """Write down what came of it."""

    async def find(self, key: str) -> Any | None:
        """Return what is known of an effect."""


class ProcessJournal:
    """A journal that lives as long as the process."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    async def begin(self, key: str, tool: str, arguments: Mapping[str, Any]) -> Any | None:
        """Write down that an effect begins; returns what is there already, else None."""
        known = self._known.get(key)
        self._known.setdefault(key, SimpleNamespace(result=None))
        return known

    async def finish(self, key: str, result: Any) -> None:
        """Write down what came of it."""
        self._known[key].result = result

    async def find(self, key: str) -> Any | None:
        """Return what is known of an effect."""
        return self._known.get(key)


class Withdrawn(asyncio.CancelledError):
    """What an effect is told that waited in vain."""


class Acting(AsyncCallbackHandler):
    """Guards the tools of one run; a callback handler of LangChain, which sees every tool.

    Args:
        prefix: of the idempotency keys: the thread and the turn.
        journal: where effects are written down.
        serde: how their results are.
        before_first: called before anything is done; the turn can not be withdrawn after it.
        on_tool: told when a tool begins and ends.
    """

    run_inline = True
    ignore_llm = ignore_chat_model = ignore_chain = ignore_retriever = True

    def __init__(
        self,
        prefix: str,
        journal: Journal,
        serde: SerializerProtocol,
        before_first: Callable[[], Awaitable[None]],
        on_tool: Callable[[ToolRun], None],
    ) -> None:
        self.acted: set[str] = set()
        """Calls of tools that may have changed something, by the call's id."""
        self.results: dict[str, ToolMessage] = {}
        """What tools have answered, by the call's id."""
        self._prefix = prefix
        self._journal = journal
        self._serde = serde
        self._before_first = before_first
        self._on_tool = on_tool
        self._loop = asyncio.get_running_loop()
        self._gate: Future[bool] = Future()
        self._written = asyncio.Lock()
        self._running: dict[UUID, str] = {}
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

    async def quiet(self) -> None:
        """Wait until nothing that may change something is under way."""
        await self._quiet.wait()
        if self._effects:
            await asyncio.wait(self._effects)

    # Effects that are declared

    async def once(
        self,
        call: str,
        tool: str,
        arguments: Mapping[str, Any],
        act: Callable[[str], Awaitable[Any]],
        *,
        repeatable: bool,
    ) -> Any:
        """Do something exactly once; see `tools.effects.Effects`."""
        work = self._once(call, tool, arguments, act, repeatable)
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _once(
        self,
        call: str,
        tool: str,
        arguments: Mapping[str, Any],
        act: Callable[[str], Awaitable[Any]],
        repeatable: bool,
    ) -> Any:
        await self._allowed()
        self.acted.add(call)
        task = asyncio.create_task(self._act(call, tool, arguments, act, repeatable))
        self._effects.add(task)
        task.add_done_callback(self._effects.discard)
        return await asyncio.shield(task)

    async def _act(
        self,
        call: str,
        tool: str,
        arguments: Mapping[str, Any],
        act: Callable[[str], Awaitable[Any]],
        repeatable: bool,
    ) -> Any:
        key = self.key(call)
        async with self._written:
            await self._before_first()
        begun = await self._journal.begin(key, tool, arguments)
        if begun is not None and begun.result is not None:
            kind, data = begun.result
            return self._serde.loads_typed((kind, base64.b64decode(data)))
        if begun is not None and not repeatable:
            return ToolMessage(UNKNOWN, tool_call_id=call, name=tool, status="error")
        result = await act(key)
        kind, raw = self._serde.dumps_typed(result)
        await self._journal.finish(key, [kind, base64.b64encode(raw).decode()])
        return result

    def key(self, call: str) -> str:
        """Return the idempotency key of a call of a tool."""
        return f"{self._prefix}/{call}"

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
        name, filler = str(serialized.get("name", "")), (metadata or {}).get("filler")
        self._hop(self._on_tool, ToolRun(name, True, filler))

    async def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note what a tool has answered."""
        if isinstance(output, ToolMessage):
            self.results[output.tool_call_id] = output
        self._hop(self._ended, run_id, str(kwargs.get("name", "")))

    async def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a tool has failed."""
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
