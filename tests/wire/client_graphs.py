"""A graph whose every answer is what a tool of the client has said."""

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph

from graphs.sdr.agent import Agent
from graphs.sdr.state import Input
from tools.conversation import Conversation
from tools.desk import desk_of, toolbox


async def _ask(state: Input) -> dict[str, list[BaseMessage]]:
    if not state.get("messages"):
        return {"messages": [AIMessage("Hello.")]}
    agent = Agent.model_validate(state["agent"])
    talk = Conversation(
        id=state["conversation_id"], organisation=agent.organisation, variables=agent.variables
    )
    made = {tool.name: tool for tool in await toolbox(agent, await desk_of(get_config()), talk)}
    if "page" not in made:
        return {"messages": [AIMessage("There is nobody to ask.")]}
    call = {"name": "page", "args": {"colour": "red"}, "id": "1", "type": "tool_call"}
    answer = await made["page"].ainvoke(call)
    return {"messages": [AIMessage(f"The page says: {answer.content}")]}


_builder = StateGraph(Input)
_builder.add_node("ask", _ask)
_builder.add_edge(START, "ask")
_builder.add_edge("ask", END)
asker = _builder.compile()
