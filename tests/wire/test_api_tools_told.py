"""What a conversation says of its tools is measured; what nobody knows is null."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from graphs.messages import LATENCY, NOT_CALLED
from graphs.threads import Threads
from server.convai.conversation import whole
from server.convai.transcript import transcript
from store.calls import Call
from store.conversations import About, Conversation
from store.database import open_checkpointer
from tools.effects import IdempotencyKey, tool

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def call() -> Call:
    return Call(
        sid="CA1",
        graph="g",
        thread_id="t",
        direction="inbound",
        carrier="twilio",
        status="completed",
        started_at=NOW,
        ended_at=NOW,
    )


def asks(*names: str) -> AIMessage:
    calls = [{"name": n, "args": {}, "id": f"id-{n}", "type": "tool_call"} for n in names]
    return AIMessage("", tool_calls=calls)


def answer(name: str, **marks: Any) -> ToolMessage:
    return ToolMessage("ok", tool_call_id=f"id-{name}", name=name, additional_kwargs=marks)


def told(*messages: AnyMessage, agent: Any = None) -> Sequence[dict[str, Any]]:
    values = {"agent": agent} if agent else {}
    shown = whole(Conversation(call(), About(thread_id="t")), None, messages, values)
    return [entry for entry in shown["transcript"] if entry["tool_calls"] or entry["tool_results"]]


def test_a_call_that_code_refused_was_not_made_and_took_no_time() -> None:
    asked, refused, made = told(
        asks("pay", "look"), answer("pay", **{NOT_CALLED: True}), answer("look", **{LATENCY: 0.25})
    )
    assert [one["tool_has_been_called"] for one in asked["tool_calls"]] == [False, True]
    assert refused["tool_results"][0]["tool_has_been_called"] is False
    assert refused["tool_results"][0]["tool_latency_secs"] is None
    assert made["tool_results"][0]["tool_latency_secs"] == 0.25


def test_a_call_without_an_answer_is_not_said_to_have_been_made() -> None:
    (asked,) = told(asks("pay"))
    assert asked["tool_calls"][0]["tool_has_been_called"] is False


def test_the_kind_of_a_tool_is_that_of_its_agent_or_unknown() -> None:
    tools = [{"type": "webhook", "name": "orders"}, {"type": "mcp", "name": "crm"}]
    names = ("orders", "crm_find", "end_call", "book_appointment")
    (asked,) = told(asks(*names), agent={"tools": tools})
    kinds = [one["type"] for one in asked["tool_calls"]]
    assert kinds == ["webhook", "mcp", "system", None]


def test_a_language_that_the_graph_does_not_tell_is_not_made_up() -> None:
    about = Conversation(call(), About(thread_id="t"))
    assert whole(about, None, [], {})["metadata"]["main_language"] is None
    assert whole(about, None, [], {"language": "hi"})["metadata"]["main_language"] == "hi"


async def test_how_long_a_tool_takes_is_measured_whatever_graph_calls_it(tmp_path: Path) -> None:
    @tool(effect=True)
    async def book(key: IdempotencyKey) -> str:
        """Book."""
        return "booked"

    @tool(effect=False)
    async def look() -> str:
        """Look."""
        return "seen"

    async def ask(_: MessagesState) -> Any:
        return {"messages": [asks("book", "look")]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_node("tools", ToolNode([book, look]))
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "tools")
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads({"g": builder.compile()}, saver)
        async for _ in threads.turn("g", "t", HumanMessage("Hi.")):
            pass
        snapshot = await threads.snapshot("g", "t")
    results = [
        one for entry in transcript(call(), snapshot.messages) for one in entry["tool_results"]
    ]
    took = {one["tool_name"]: one["tool_latency_secs"] for one in results}
    assert took.keys() == {"book", "look"}
    assert all(0 < secs < 60 for secs in took.values())
