"""A clinic's desk: every declaration of the contract in one graph."""

import asyncio
from typing import Literal

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

from graphs.contract import PRIVATE, STREAMS, UNINTERRUPTIBLE
from tools.effects import IdempotencyKey, perform, tool


class State(MessagesState):
    done: bool


asked: list[str] = []  # keys that the calendar was asked to book, as often as it was asked
calendar: dict[str, str] = {}  # stands for a service that knows a key again
texts: dict[str, str] = {}
model = FakeListChatModel(responses=["Please bring your card. Come ten minutes early."])


@tool(effect=False)
async def free(day: str) -> str:
    """Find a free time on a day."""
    await asyncio.sleep(3)
    return "nine"


free.metadata["filler"] = "I am looking into the calendar."


@tool(effect=True)
async def book(time: str, key: IdempotencyKey) -> str:
    """Book a time."""
    asked.append(key)
    await asyncio.sleep(1)
    calendar[key] = time
    return f"booked {time}"


async def triage(state: State):
    return {"messages": [AIMessage("Not urgent.")]}


async def greet(state: State):
    return {"messages": [AIMessage("This is the clinic. For which day?")]}


async def search(state: State):
    day = next(m.text for m in reversed(state["messages"]) if m.type == "human")
    call = {"name": "free", "args": {"day": day}, "id": "free"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


async def confirm(state: State):
    time = state["messages"][-1].text
    question = f"I have {time} o'clock. Shall I book it?"
    if not interrupt({"question": question, "kind": "yes_no"}):
        return {"messages": [AIMessage("Then not. Goodbye.")], "done": True}
    call = {"name": "book", "args": {"time": time}, "id": "book"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


async def remind(state: State):
    async def send(key: str) -> str:
        texts[key] = "See you at the clinic."
        return "sent"

    await perform("reminder", send, to="the patient")


async def advise(state: State):
    return {"messages": [await model.ainvoke(state["messages"])]}


async def close(state: State):
    code = AIMessage("Your number is four five six.", additional_kwargs=UNINTERRUPTIBLE)
    return {"messages": [code], "done": True}


def opening(state: State) -> Literal["greet", "triage"]:
    return "triage" if state["messages"] else "greet"


def agreed(state: State) -> Literal["booking", "__end__"]:
    return "__end__" if state.get("done") else "booking"


builder = StateGraph(State)
builder.add_node("greet", greet)
builder.add_node("triage", triage, metadata=PRIVATE)
builder.add_node("search", search)
builder.add_node("searching", ToolNode([free]))
builder.add_node("confirm", confirm)
builder.add_node("booking", ToolNode([book]))
builder.add_node("remind", remind)
builder.add_node("advise", advise, metadata=STREAMS)
builder.add_node("close", close)
builder.add_conditional_edges(START, opening)
builder.add_edge("triage", "search")
builder.add_edge("search", "searching")
builder.add_edge("searching", "confirm")
builder.add_conditional_edges("confirm", agreed)
builder.add_edge("booking", "remind")
builder.add_edge("remind", "advise")
builder.add_edge("advise", "close")
graph = builder.compile()
