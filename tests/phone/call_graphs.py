"""Small graphs whose answers the telephone tests know beforehand."""

import asyncio
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from graphs.threads import Graph

GREETING = "Hello, this is the test line. Are you salaried?"
SECOND = "Thank you. Which city do you live in?"
LAST = "All done. Goodbye."


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    asked: int
    done: bool
    outcome: str
    expects: dict[str, Any]


def interview(lines: tuple[str, ...] = (GREETING, SECOND, LAST), thinks_secs: float = 0) -> Graph:
    """A graph that says one line a turn, after a while, and is done with the last."""

    async def ask(state: State) -> State:
        await asyncio.sleep(thinks_secs)
        asked = state.get("asked", 0)
        if asked >= len(lines):
            return {}
        last = asked == len(lines) - 1
        return {
            "messages": [AIMessage(lines[asked])],
            "asked": asked + 1,
            "done": last,
            "outcome": "eligible" if last else "in_progress",
            "expects": {"kind": "yes_no", "keywords": [], "language": "en"},
        }

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()
