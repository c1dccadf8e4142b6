"""What is seen of a graph without a call."""

from collections.abc import Iterator
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.channels import BinaryOperatorAggregate
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode

from graphs.threads import Graph
from tools.effects import has_effect
from voice.phonelab.check.findings import Finding

DECLARE = "declare it: @tools.effects.tool(effect=True), or effect=False where it only reads."


def structural(graph: Graph) -> Iterator[Finding]:
    """Yield what is wrong with a graph before anyone rings."""
    yield from _checkpointers(graph)
    yield from _messages(graph)
    if "done" not in graph.channels:
        yield Finding(
            "hint",
            "never-done",
            "The bot never hangs up: the caller must, or is asked 'Are you still there?'.",
            "add `done: bool` to the state and set it with the last message.",
        )
    for name in sorted({tool.name for tool in tools_of(graph) if not declared(tool)}):
        yield undeclared(name)


def undeclared(name: str) -> Finding:
    """Return the finding that a tool does not say whether it changes anything."""
    return Finding(
        "hint",
        "undeclared-tool",
        f"The tool {name!r} does not say whether it changes anything: it waits until the caller "
        "has surely finished, and after a crash it may run twice.",
        DECLARE,
        name,
    )


def declared(tool: BaseTool) -> bool:
    """Whether a tool says if it changes anything."""
    return "effect" in (tool.metadata or {}) or not has_effect(tool.metadata)


def tools_of(graph: Graph) -> Iterator[BaseTool]:
    """Yield the tools in the tool nodes of a graph and of the graphs in it."""
    for node in _runnables(graph):
        if isinstance(node, ToolNode):
            yield from node.tools_by_name.values()


def _runnables(graph: Graph) -> Iterator[Any]:
    for spec in graph.builder.nodes.values():
        yield spec.runnable
        if isinstance(spec.runnable, CompiledStateGraph):
            yield from _runnables(spec.runnable)


def _checkpointers(graph: Graph) -> Iterator[Finding]:
    if isinstance(graph.checkpointer, BaseCheckpointSaver):
        yield Finding(
            "costly",
            "own-checkpointer",
            "The call is kept by this project; conversations in the graph's own "
            f"{type(graph.checkpointer).__name__} are not known to it.",
            "compile without a checkpointer: builder.compile().",
        )
    for part in _runnables(graph):
        if isinstance(part, CompiledStateGraph) and isinstance(
            part.checkpointer, BaseCheckpointSaver
        ):
            yield Finding(
                "wrong",
                "subgraph-checkpointer",
                f"The subgraph {part.name!r} remembers what the caller never heard, and turns that "
                "were withdrawn.",
                "compile it without a checkpointer, or with checkpointer=True to remember.",
                part.name,
            )


def _messages(graph: Graph) -> Iterator[Finding]:
    channel = graph.channels["messages"]
    reducer = channel.operator if isinstance(channel, BinaryOperatorAggregate) else None
    if getattr(reducer, "__name__", "").strip("_") == "add_messages":
        return
    forgets = "each turn forgets what was said before" if reducer is None else "nothing can be cut"
    yield Finding(
        "wrong",
        "no-add-messages",
        f"`messages` is not kept by add_messages: {forgets}, and what the caller heard of a "
        "message cannot be told from what was written.",
        "declare messages: Annotated[list[AnyMessage], add_messages].",
    )
