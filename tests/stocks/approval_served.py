"""A graph that proposes two orders at the prices of now to whoever writes, for a server process."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph

from graphs.stocks.approval.nodes import add_approval
from graphs.stocks.state import Input, State
from tests.stocks.approval import proposed
from tools.approving import approving
from tools.desk import desk_of


async def find(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Find the same two, whatever is asked."""
    acting = await approving(await desk_of(config))
    quotes = await acting.account.quotes(["AAPL", "MSFT"])
    found = proposed(limit=str(quotes["AAPL"].ask))
    found["sized"][2]["limit_price"] = str(quotes["MSFT"].ask)
    return found


_builder = StateGraph(State, input_schema=Input)
_builder.add_node(find)
add_approval(_builder)
_builder.add_edge(START, "find")
_builder.add_edge("find", "propose")
graph = _builder.compile(name="approval")
