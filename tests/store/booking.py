"""A stranger's graph with a tool that changes something, served by servers that are killed."""

import asyncio
import os
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from tools.effects import IdempotencyKey, tool


@tool(effect=True)
async def book(slot: str, key: IdempotencyKey) -> str:
    """Book a slot where a booking is known by its key; slow while the file `slow` is there."""
    folder = Path(os.environ["BOOKINGS"])
    with (folder / "asked").open("a") as asked:
        asked.write(f"{key}\n")
    if key not in (folder / "booked").read_text():
        with (folder / "booked").open("a") as booked:
            booked.write(f"{key}\n")
    while (folder / "slow").exists():
        await asyncio.sleep(0.05)
    return f"{slot} is booked"


async def _clerk(state: MessagesState) -> dict[str, Any]:
    last = state["messages"][-1]
    if isinstance(last, HumanMessage):
        call = {"name": "book", "args": {"slot": last.text}, "id": "call-1"}
        return {"messages": [AIMessage("", tool_calls=[call])]}
    return {"messages": [AIMessage(f"Well: {last.text}.")]}


builder = StateGraph(MessagesState)
builder.add_node("clerk", _clerk)
builder.add_node("tools", ToolNode([book]))
builder.add_edge(START, "clerk")
builder.add_conditional_edges("clerk", tools_condition)
builder.add_edge("tools", "clerk")
booking = builder.compile()
