"""Calls as chance would have them: a graph with tools and failures, a caller who interrupts.

Every word of the graph occurs once, so that each word heard tells where it belongs.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal

from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from typing_extensions import TypedDict

from graphs.threads import Graph
from tools.effects import IdempotencyKey, tool
from voice.phonelab import Faults
from voice.phonelab.invariants import CHECKS, Effect, Known, violations
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import Act, Coughs, Dies, Drops, HangsUp, Presses, Says

SYLLABLES = ["".join(pair) for pair in product("bdfgklmnprstvz", "aeiou")]
SECRET = "hushhush"


@dataclass(frozen=True)
class Reply:
    """What the graph does in one turn."""

    words: int = 8
    streams: bool = False
    """Comes word by word, as a model writes it."""
    delay: float = 0.0
    """Before the first word, in seconds."""
    tool: Literal["", "reads", "acts"] = ""
    tool_secs: float = 0.5
    fails: bool = False


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]


def word(message: int, number: int) -> str:
    return f"{SYLLABLES[message % 70]}l{SYLLABLES[number % 70]}"


def place(text: str) -> tuple[int, int] | None:
    """Message and place of a word of the graph."""
    first, _, second = text.strip(".").partition("l") if text.count("l") == 1 else ("", "", "")
    if first not in SYLLABLES or second not in SYLLABLES:
        return None
    return SYLLABLES.index(first), SYLLABLES.index(second)


KNOWN = Known(secrets=frozenset({SECRET}), place=place)


class Writer(BaseChatModel):
    """Writes a text word by word."""

    text: str

    @property
    def _llm_type(self) -> str:
        return "writer"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.text))])

    async def _astream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for part in self.text.split(" "):
            await asyncio.sleep(0.03)
            yield ChatGenerationChunk(message=AIMessageChunk(f"{part} "))


def graph(plan: Sequence[Reply], effects: list[Effect]) -> Graph:
    """A graph that follows a plan, the last reply again and again.

    What it says is numbered by the messages before it, so that no two texts are the same.
    """

    def turn(state: State) -> tuple[Reply, str]:
        said = [m for m in state.get("messages", []) if isinstance(m, HumanMessage)]
        return plan[min(len(said), len(plan) - 1)], str(said[-1].id) if said else ""

    async def answer(state: State) -> State:
        reply, human = turn(state)
        messages = state.get("messages", [])
        answered = bool(messages) and isinstance(messages[-1], ToolMessage)
        if reply.tool and not answered:
            given = {"human": human, "secs": reply.tool_secs}
            call = {"name": reply.tool, "args": given, "id": f"call-{len(messages)}"}
            return {"messages": [AIMessage("", tool_calls=[call])]}
        await asyncio.sleep(reply.delay)
        if reply.fails:
            raise RuntimeError("The node broke, as planned.")
        text = " ".join(word(len(messages), number) for number in range(reply.words)) + "."
        if reply.streams:
            return {"messages": [await Writer(text=text).ainvoke(messages)]}
        return {"messages": [AIMessage(text)]}

    @tool(effect=True)
    async def acts(human: str, secs: float, key: IdempotencyKey) -> str:
        """Do what cannot be undone."""
        effects.append(Effect(key, human))
        await asyncio.sleep(secs)
        return SECRET

    @tool(effect=False)
    async def reads(human: str, secs: float) -> str:
        """Look something up."""
        await asyncio.sleep(secs)
        return SECRET

    def after(state: State) -> Literal["tools", "__end__"]:
        return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END

    builder = StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_node("tools", ToolNode([acts, reads]))
    builder.add_edge(START, "answer")
    builder.add_conditional_edges("answer", after)
    builder.add_edge("tools", "answer")
    return builder.compile()


@dataclass(frozen=True)
class RandomCall:
    """One call as chance has it."""

    plan: tuple[Reply, ...]
    script: tuple[Act, ...]
    faults: Faults

    def run(self) -> Result:
        effects: list[Effect] = []
        call = VirtualCall(
            graph(self.plan, effects), self.script, faults=self.faults, effects=effects
        )
        return call.run()

    def violations(self) -> list[str]:
        planned = any(reply.fails for reply in self.plan)
        beyond = ["nothing goes wrong unseen"] if planned else []
        if self.faults.half_dead_after_secs is not None:
            # A line that goes dead before it has told what it played leaves but the clock to go by.
            beyond += [name for name in CHECKS if "holds what was heard" in name]
        return violations(self.run(), KNOWN, beyond)


def _tenths(low: float, high: float) -> st.SearchStrategy[float]:
    return st.integers(int(low * 10), int(high * 10)).map(lambda tenths: tenths / 10)


replies = st.builds(
    Reply,
    words=st.integers(1, 40),
    streams=st.booleans(),
    delay=st.sampled_from([0.0, 0.0, 0.3, 1.5]),
    tool=st.sampled_from(["", "", "reads", "acts"]),
    tool_secs=st.sampled_from([0.0, 0.4, 2.0]),
    fails=st.sampled_from([False] * 9 + [True]),
)
moments = _tenths(0.2, 8.0)
acts: st.SearchStrategy[Act] = st.one_of(
    st.builds(Says, moments, st.sampled_from(["Stop.", "Yes, I am.", "Well ...", "mm-hm"])),
    st.builds(Coughs, moments, _tenths(0.1, 0.6)),
    st.builds(Presses, moments, st.sampled_from(["1", "12#", "*"])),
    st.builds(Drops, moments),
)
ends: st.SearchStrategy[Act] = st.one_of(
    st.builds(HangsUp, _tenths(1.0, 10.0)),
    st.builds(HangsUp, _tenths(1.0, 10.0)),
    st.builds(Dies, _tenths(1.0, 10.0)),
)
faults = st.builds(
    Faults,
    jitter_ms=st.sampled_from([0.0, 0.0, 40.0]),
    loss=st.sampled_from([0.0, 0.0, 0.03]),
    duplicates=st.sampled_from([0.0, 0.0, 0.03]),
    reordered=st.sampled_from([0.0, 0.0, 0.03]),
    never_ack_marks=st.booleans(),
    half_dead_after_secs=st.sampled_from([None] * 6 + [4.0]),
    seed=st.integers(0, 99),
)


calls = st.builds(
    lambda plan, script, end, faults: RandomCall(tuple(plan), (*script, end), faults),
    st.lists(replies, min_size=1, max_size=4),
    st.lists(acts, max_size=5),
    ends,
    faults,
)
