"""A restaurant that takes bookings: every key of the state that a channel acts on."""

from dataclasses import dataclass
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.channels import UntrackedValue
from langgraph.graph import START, StateGraph, add_messages
from langgraph.runtime import Runtime
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    event: Annotated[dict[str, Any] | None, UntrackedValue]
    expects: dict[str, Any]
    done: bool
    outcome: str


@dataclass
class Context:
    languages: str = ""


ASKS = {"en": "For how many people?", "hi": "कितने लोगों के लिए?"}
GUESTS = {"kind": "digits", "digits": 1, "keywords": ["two", "four"]}


def reception(state: State, runtime: Runtime[Context]) -> State:
    spoken = runtime.context.languages if runtime.context else ""
    language = "hi" if spoken == "hi" else "en"
    question = [AIMessage(ASKS[language])]
    expects = GUESTS | {"language": language}
    happened = (state.get("event") or {}).get("kind")
    if happened == "hangup":
        return {"outcome": "left"}
    if happened == "silence" or not state["messages"]:
        return {"messages": question, "expects": expects, "outcome": "open"}
    guests = str(state["messages"][-1].text)
    if not guests.isdigit():
        return {"messages": question, "expects": expects}
    booked = [AIMessage(f"A table for {guests}. Goodbye.")]
    return {"messages": booked, "expects": {}, "done": True, "outcome": "booked"}


builder = StateGraph(State, context_schema=Context)
builder.add_node("reception", reception)
builder.add_edge(START, "reception")
graph = builder.compile()
