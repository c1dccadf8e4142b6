"""Tools that say whether they change anything, and effects that happen exactly once.

    @tool(effect=False)
    async def price(article: str) -> str: ...

    @tool(effect=True)
    async def book(slot: str, key: IdempotencyKey) -> str: ...

On a thread, that is within a turn, a tool with an effect waits until the turn is certain, is never
cancelled once it has begun, and runs once for each call the model made: through retries of a node,
resumed interrupts and the death of the process. What it did is in the journal (`store/effects.py`).
A tool that takes an `IdempotencyKey` is called again with the same key when the process died before
it answered; one that does not is not repeated, and the model is told that the outcome is unknown.

A tool declared by nothing at all, a stranger's, is taken to have an effect: it waits and is not
cancelled, but nothing is known of its earlier runs. `readOnlyHint` of MCP counts as `effect=False`.
Outside a turn, in Studio or a test, all of them are plain LangChain tools.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType
from typing import Annotated, Any, Final, NewType, Protocol, get_type_hints, overload
from uuid import uuid4

from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool
from langchain_core.tools import tool as langchain_tool

_Key = NewType("_Key", str)
IdempotencyKey = Annotated[_Key, InjectedToolArg]
"""A parameter of a tool that receives the key of its effect; the model does not see it."""


@dataclass(frozen=True, slots=True)
class Deed:
    """An effect that is to be done.

    Attributes:
        call: what makes it one of its own within the turn: the id of the tool's call.
        tool: what does it.
        arguments: what the journal is to say of it.
        act: does it, given its idempotency key.
        repeatable: whether it may be done again with the same key, when nobody knows if it was.
    """

    call: str
    tool: str
    arguments: Mapping[str, Any]
    act: Callable[[str], Awaitable[Any]]
    repeatable: bool


class Effects(Protocol):
    """What a turn does about effects; `graphs/acting.py` has it."""

    async def once(self, deed: Deed) -> Any:
        """Wait until effects may happen; act unless that was done, and return what came of it."""


effects: ContextVar[Effects | None] = ContextVar("effects", default=None)
"""The turn that runs now; None outside one."""


def has_effect(metadata: Mapping[str, Any] | None) -> bool:
    """Whether a tool of that metadata may change something; True where it does not say."""
    metadata = metadata or {}
    return bool(metadata.get("effect", not metadata.get("readOnlyHint", False)))


async def perform(name: str, act: Callable[[str], Awaitable[Any]], **arguments: Any) -> Any:
    """Do something once in a node that is not a tool.

    Args:
        name: what it is; unique within the turn.
        act: does it, given the idempotency key to hand on.
        arguments: what the journal is to say of it.

    Returns:
        What `act` returned, now or when it was done.
    """
    turn = effects.get()
    if turn is None:
        return await act(f"{name}-{uuid4().hex}")
    return await turn.once(Deed(name, name, arguments, act, repeatable=True))


class EffectTool(StructuredTool):
    """A tool whose effect happens once for each call of the model."""

    key_parameter: str | None = None
    """Its parameter that takes the idempotency key."""

    async def arun(
        self, tool_input: Any, *args: Any, tool_call_id: str | None = None, **kwargs: Any
    ) -> Any:
        """Run the tool, or return what it returned when it ran."""
        call, turn = tool_call_id or uuid4().hex, effects.get()

        async def act(key: str) -> Any:
            given = tool_input
            if self.key_parameter and isinstance(tool_input, dict):
                given = {**tool_input, self.key_parameter: key}
            return await super(EffectTool, self).arun(
                given, *args, tool_call_id=tool_call_id, **kwargs
            )

        if turn is None:
            return await act(call)
        arguments = tool_input if isinstance(tool_input, dict) else {"input": tool_input}
        repeatable = self.key_parameter is not None
        return await turn.once(Deed(call, self.name, arguments, act, repeatable))

    def run(self, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the tool from a synchronous node; the turn waits on its own event loop."""
        if effects.get() is None:
            return super().run(tool_input, *args, **kwargs)
        return asyncio.run(self.arun(tool_input, *args, **kwargs))


@overload
def tool(*, effect: bool, **options: Any) -> Callable[[Callable[..., Any]], BaseTool]: ...


@overload
def tool(*given: Any, effect: bool, **options: Any) -> Any: ...


def tool(*given: Any, effect: bool, **options: Any) -> Any:
    """Make a LangChain tool of a function, as `langchain_core.tools.tool` does.

    Args:
        given: the function, and what else LangChain's decorator takes.
        effect: whether calling it changes anything outside the thread.
        options: LangChain's own.
    """
    decorated = langchain_tool(*given, **options)
    if isinstance(decorated, BaseTool):
        return declared(decorated, effect)

    def made(function: Callable[..., Any]) -> BaseTool:
        told = (function.__annotations__, function.__defaults__, function.__kwdefaults__)
        tells = (*told, function.__doc__, given, options)
        before, schema = _SCHEMAS.get(function.__code__, (None, None))
        if "args_schema" in options or before != tells:
            new: BaseTool = decorated(function)
            _SCHEMAS[function.__code__] = tells, new.args_schema
        else:
            new = langchain_tool(*given, args_schema=schema, **options)(function)
        return declared(new, effect)

    return made


_SCHEMAS: Final[dict[CodeType, tuple[Any, Any]]] = {}
"""Of arguments, by the code that takes them, with what else tells them: each turn makes its tools
anew, bound to its caller, and to make a schema takes 2 ms, in which no call of the process goes on.
"""


def declared(made: BaseTool, effect: bool) -> BaseTool:
    """Say of a LangChain tool whether calling it changes anything; see `tool`.

    Raises:
        TypeError: it has an effect and is not made of a function.
    """
    made.metadata = {**(made.metadata or {}), "effect": effect}
    if not effect:
        return made
    if not isinstance(made, StructuredTool):
        raise TypeError(f"{made.name!r} is not made of a function; expected one.")
    hints = get_type_hints(made.coroutine or made.func, include_extras=True)
    keys = [name for name, hint in hints.items() if hint == IdempotencyKey]
    fields = {name: getattr(made, name) for name in StructuredTool.model_fields}
    return EffectTool(**fields, key_parameter=keys[0] if keys else None)
