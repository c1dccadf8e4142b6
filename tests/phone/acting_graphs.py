"""A graph that does on the telephone what it is told by the first word."""

from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.channels import UntrackedValue
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from graphs.call_actions import CallAction, HangUp, SendDigits, SpeakAs, Transfer, action
from graphs.threads import Graph
from tests.phone.placing import PERSON

COLD = "I will connect you."
WARM = "I will ask a colleague."
BRIEFING = "Asha asks about a refund."
KEYS = "I press the keys."
BYE = "Goodbye then."
DO: dict[str, tuple[str, CallAction]] = {
    "cold": (COLD, Transfer(to=PERSON)),
    "warm": (WARM, Transfer(to=PERSON, warm=True, briefing=BRIEFING)),
    "keys": (KEYS, SendDigits(digits="12w*9")),
    "goodbye": (BYE, HangUp()),
    "voice": ("Another voice.", SpeakAs(voice="other")),
}


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    event: Annotated[dict[str, Any] | None, UntrackedValue]
    done: bool


class Deaf(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    done: bool


def _answer(state: Any) -> dict[str, Any]:
    if event := state.get("event"):
        return {"messages": [AIMessage(f"It was {event.get('detail', event['kind'])}.")]}
    messages = state.get("messages") or []
    if not messages:
        return {"messages": [AIMessage("Hello.")]}
    word = str(messages[-1].text).strip(" .").lower()
    if word in DO:
        text, do = DO[word]
        return {"messages": [AIMessage(text, additional_kwargs=action(do))]}
    return {"messages": [AIMessage("Yes.")]}


def acting(*, listens: bool = True, ends: bool = False) -> Graph:
    """Make the graph.

    Args:
        listens: whether it takes events.
        ends: whether it is done when it has announced something.
    """

    async def answer(state: State) -> dict[str, Any]:
        made = _answer(state)
        announces = bool(made["messages"][0].additional_kwargs)
        return made | ({"done": announces} if ends else {})

    async def deaf(state: Deaf) -> dict[str, Any]:
        return await answer(state)  # type: ignore[arg-type]

    builder = StateGraph(State if listens else Deaf)
    builder.add_node("answer", answer if listens else deaf)
    builder.add_edge(START, "answer")
    return builder.compile()
