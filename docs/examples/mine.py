"""A graph of one's own, in ten lines."""

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph


def answer(state: MessagesState):
    said = [message.text for message in state["messages"] if message.type == "human"]
    return {"messages": [AIMessage(f"You said: {said[-1]}" if said else "Hello. Say something.")]}


builder = StateGraph(MessagesState)
builder.add_node("answer", answer)
builder.add_edge(START, "answer")
graph = builder.compile()
