"""What goes on inside a stranger's graph while a call is held, and trouble made there.

Nodes, models and tools are seen through LangChain's callbacks, so the graph is checked as it is.
"""

import asyncio
import contextlib
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.tracers.context import register_configure_hook
from langgraph.errors import GraphBubbleUp

from tools.effects import has_effect
from voice.phonelab.virtual_time import UPTIME, Jumps, VirtualLoop, on_block

Kind = Literal["node", "model", "tool"]
PROJECT = Path(__file__).parents[3]
INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


class PlannedTrouble(RuntimeError):
    """What a check makes a node, a model or a tool fail with."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a check makes of the first node, model or tool after a time."""

    where: Kind
    since: float
    """Seconds since the answer."""
    secs: float = 0.0
    """How much longer it takes."""
    fails: bool = False


@dataclass(slots=True)
class Span:
    """A node, a model or a tool at work; times are seconds since the answer."""

    kind: Kind
    name: str
    node: str
    """Of the outermost graph."""
    began: float
    ended: float | None = None
    texts: tuple[str, ...] = ()
    """What a model wrote, or a node put into `messages`."""
    declared: bool = True
    """Of a tool: whether it says if it changes anything."""
    effect: bool = False
    """Of a tool: whether it changes something, or may."""
    given: str = ""
    """Of a tool: its arguments."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What was raised inside the graph."""

    at: float
    error: str
    where: str
    planned: bool


@dataclass(eq=False)
class Watch(AsyncCallbackHandler):
    """Watches one call.

    Args:
        trouble: to be made.
        real: whether the time of the graph is real, for models that are reached by a network.
    """

    trouble: Trouble | None = None
    real: bool = False
    spans: list[Span] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    blocked: list[tuple[float, str]] = field(default_factory=list)
    """Seconds for which a node held the event loop, and where."""
    network: set[str] = field(default_factory=set)
    """Addresses the graph has reached for."""

    run_inline = raise_error = True

    def __post_init__(self) -> None:
        self._open: dict[UUID, Span] = {}
        self._jumps: Jumps | None = None
        self._made = False

    def of(self, kind: Kind) -> list[Span]:
        """Return the spans of a kind."""
        return [span for span in self.spans if span.kind == kind]

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every graph that runs within the context."""
        current, told = _watch.set(self), on_block.set(self._blocks)
        try:
            yield
        finally:
            _watch.reset(current)
            on_block.reset(told)

    # LangChain's callbacks

    async def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Note that a node begins."""
        tags = kwargs.get("tags") or ()
        named = (kwargs.get("metadata") or {}).get("langgraph_node")
        if (
            named
            and named == kwargs.get("name")
            and any(tag.startswith("graph:step") for tag in tags)
        ):
            await self._began(Span("node", str(named), "", now()), run_id, kwargs)

    async def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note what a node adds to `messages`."""
        added = outputs.get("messages") if isinstance(outputs, Mapping) else None
        listed = added if isinstance(added, list) else [added]
        self._ended(run_id, [str(m.text) for m in listed if isinstance(m, BaseMessage)])

    async def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a node has failed."""
        if run_id in self._open:
            self._failed(error)
        self._ended(run_id)

    async def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Note that a model begins to write."""
        await self._began(
            Span("model", str(kwargs.get("name") or "model"), "", now()), run_id, kwargs
        )

    async def on_llm_start(
        self, serialized: Any, prompts: Any, *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Note that a model begins to write."""
        await self._began(
            Span("model", str(kwargs.get("name") or "model"), "", now()), run_id, kwargs
        )

    async def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note what a model has written."""
        self._ended(run_id, [g.text for batch in response.generations for g in batch])

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a model has failed."""
        self._ended(run_id)

    async def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Note that a tool begins."""
        metadata = kwargs.get("metadata") or {}
        declared = "effect" in metadata or not has_effect(metadata)
        name = str(serialized.get("name"))
        effect = has_effect(metadata)
        span = Span("tool", name, "", now(), declared=declared, effect=effect, given=input_str)
        await self._began(span, run_id, kwargs)

    async def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note what a tool has answered."""
        self._ended(run_id, [str(getattr(output, "content", output))])

    async def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a tool has failed."""
        self._ended(run_id)

    # What is noted

    async def _began(self, span: Span, run_id: UUID, given: Mapping[str, Any]) -> None:
        metadata = given.get("metadata") or {}
        path = str(metadata.get("langgraph_checkpoint_ns") or metadata.get("langgraph_node", ""))
        span.node = path.partition("|")[0].partition(":")[0]
        self.spans.append(span)
        self._open[run_id] = span
        self._let_real_time_pass()
        trouble = self.trouble
        due = trouble and trouble.where == span.kind and span.began >= trouble.since
        if trouble and due and not self._made:
            self._made = True
            await _delay(trouble.secs)
            if trouble.fails:
                error = PlannedTrouble(f"The {span.kind} {span.name!r} fails, as planned.")
                self._failed(error)
                self._ended(run_id)
                raise error

    def _ended(self, run_id: UUID, texts: Sequence[str] = ()) -> None:
        if span := self._open.pop(run_id, None):
            span.ended, span.texts = now(), tuple(text for text in texts if text.strip())
        self._let_real_time_pass()

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, (GraphBubbleUp, asyncio.CancelledError)):
            return
        planned = any(isinstance(e, PlannedTrouble) for e in _chain(error))
        described = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        places = [f for f in traceback.extract_tb(error.__traceback__) if _strangers(f.filename)]
        where = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else ""
        if not any(f.error == described and f.at == now() for f in self.failures):
            self.failures.append(Failure(now(), described, where, planned))

    def _blocks(self, seconds: float) -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame and not _strangers(frame.f_code.co_filename):
            frame = frame.f_back
        if frame:
            where = (
                f"{frame.f_code.co_name} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"
            )
            self.blocked.append((seconds, where))

    def _let_real_time_pass(self) -> None:
        if not self.real:
            return
        if self._jumps is None:
            loop = asyncio.get_running_loop()
            self._jumps = loop.jumps if isinstance(loop, VirtualLoop) else None
        if self._jumps:
            self._jumps.outside = len(self._open)


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)
register_configure_hook(_watch, inheritable=True)


def now() -> float:
    """Seconds of virtual time since the call was answered."""
    return time.monotonic() - UPTIME


async def _delay(secs: float) -> None:
    if isinstance(asyncio.get_running_loop(), VirtualLoop):
        await asyncio.sleep(secs)
    else:  # a synchronous node, on a thread with a loop of its own that knows no virtual time
        time.sleep(secs)  # noqa: ASYNC251


def _strangers(file: str) -> bool:
    """Whether a file is neither Python's, nor a package's, nor the project's."""
    ours = file.startswith(str(PROJECT)) and Path(file).relative_to(PROJECT).parts[0] in {
        *("voice", "graphs", "tools", "store", "server", "ui"),
    }
    return not file.startswith(("<", *INSTALLED)) and "site-packages" not in file and not ours


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _audit(event: str, args: tuple[Any, ...]) -> None:
    watch = _watch.get()
    if watch is not None and event == "socket.getaddrinfo" and args[0]:
        watch.network.add(f"{_text(args[0])}:{_text(args[1])}")
    elif watch is not None and event == "socket.connect" and isinstance(args[1], tuple):
        watch.network.add(f"{_text(args[1][0])}:{args[1][1]}")


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


sys.addaudithook(_audit)
