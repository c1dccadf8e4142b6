"""Graphs as others write them, in the shapes of public templates, whole or with a fault planted."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any, Literal

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
from langchain_core.tools import tool as undeclared
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, create_react_agent
from langgraph.types import interrupt
from typing_extensions import TypedDict

from graphs.contract import PRIVATE
from graphs.threads import Graph
from tools.effects import tool

GREETING = "Good morning, the weather line. Which city do you mean?"
ANSWER = "It is sunny there. The wind comes from the west, and no rain is in sight."
PAGE = "**Sunny**, see https://weather.example/today for more."
TABLE = "Here you are.\n\n| city | sky |\n|---|---|\n| Pune | sunny |\n"
OUTPUT = json.dumps({"sky": "sunny", "wind": "west", "station": 4711})


class Model(BaseChatModel):
    """Writes, word by word, what a function makes of the messages."""

    answer: Callable[[Sequence[BaseMessage]], AIMessage]

    @property
    def _llm_type(self) -> str:
        return "list"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Model":
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.answer(messages))])

    async def _astream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        whole = self.answer(messages)
        for part in str(whole.text).split(" "):
            await asyncio.sleep(0.05)
            yield ChatGenerationChunk(message=AIMessageChunk(f"{part} " if part else ""))
        chunks = [
            {"name": c["name"], "args": json.dumps(c["args"]), "id": c["id"], "index": n}
            for n, c in enumerate(whole.tool_calls)
        ]
        yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=chunks))


def _looks_up(reply: str = ANSWER, again: bool = False) -> Model:
    def answer(messages: Sequence[BaseMessage]) -> AIMessage:
        if not any(isinstance(message, HumanMessage) for message in messages):
            return AIMessage(GREETING)
        if isinstance(messages[-1], ToolMessage):
            return AIMessage(str(messages[-1].text) if again else reply)
        call = {"name": "weather", "args": {"city": "Pune"}, "id": f"call-{len(messages)}"}
        return AIMessage("", tool_calls=[call])

    return Model(answer=answer)


@tool(effect=False)
async def weather(city: str) -> str:
    """Look the weather up."""
    await asyncio.sleep(0.5)
    return OUTPUT


@undeclared("weather")
async def undeclared_weather(city: str) -> str:
    """Look the weather up."""
    return OUTPUT


def react(
    reply: str = ANSWER, *, repeats: bool = False, declared: bool = True, waits: float = 0.0
) -> Graph:
    """An agent that calls its model, then its tools, then its model again."""
    model = _looks_up(reply, repeats)

    class State(MessagesState, total=False):
        done: bool

    async def call_model(state: State) -> dict[str, Any]:
        if state["messages"]:
            await asyncio.sleep(waits)
        return {"messages": [await model.ainvoke(state["messages"])]}

    def route_model_output(state: State) -> Literal["tools", "__end__"]:
        return "tools" if state["messages"][-1].tool_calls else END

    builder = StateGraph(State)
    builder.add_node(call_model)
    builder.add_node("tools", ToolNode([weather if declared else undeclared_weather]))
    builder.add_edge(START, "call_model")
    builder.add_conditional_edges("call_model", route_model_output)
    builder.add_edge("tools", "call_model")
    return builder.compile()


def prebuilt(checkpointer: Any = None) -> Graph:
    return create_react_agent(_looks_up(), [weather], checkpointer=checkpointer)


def plans(*, spoken: bool = False, private: bool = False, keeps: bool = False) -> Graph:
    """A planner whose plan is internal, and one who answers."""

    class State(MessagesState, total=False):
        plan: str
        response: str

    async def plan(state: State) -> dict[str, Any]:
        text = '{"steps": ["ask", "tell"]}' if spoken else "First ask, then tell."
        steps = await Model(answer=lambda _: AIMessage(text)).ainvoke("plan")
        return {"messages": [steps]} if spoken else {"plan": steps.text}

    async def answer(state: State) -> dict[str, Any]:
        greets = not any(isinstance(message, HumanMessage) for message in state["messages"])
        text = await Model(answer=lambda _: AIMessage(GREETING if greets else ANSWER)).ainvoke("x")
        return {"response": text.text} if keeps else {"messages": [text]}

    builder = StateGraph(State)
    builder.add_node("plan", plan, metadata=PRIVATE if private else None)
    builder.add_node("answer", answer)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "answer")
    return builder.compile()


def supervised(*, as_human: bool = False, says_route: bool = False) -> Graph:
    """A supervisor that hands over to a graph of its own."""

    async def research(state: MessagesState) -> dict[str, Any]:
        if not any(isinstance(message, HumanMessage) for message in state["messages"]):
            return {"messages": [AIMessage(GREETING)]}
        kind = HumanMessage if as_human else AIMessage
        return {"messages": [kind(ANSWER, name="researcher")]}

    inner = StateGraph(MessagesState)
    inner.add_node("research", research)
    inner.add_edge(START, "research")

    async def supervisor(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("researcher")] if says_route else []}

    builder = StateGraph(MessagesState)
    builder.add_node("supervisor", supervisor)
    builder.add_node("researcher", inner.compile())
    builder.add_edge(START, "supervisor")
    builder.add_edge("supervisor", "researcher")
    return builder.compile()


def retrieves(*, greets: bool = True, hoards: bool = False) -> Graph:
    """Finds documents, then answers from them."""

    def found(left: list[str], right: list[str]) -> list[str]:
        return [*left, *right] if hoards else right

    class State(MessagesState, total=False):
        documents: Annotated[list[str], found]

    async def retrieve(state: State) -> dict[str, Any]:
        question = state["messages"][-1].text if state["messages"] or not greets else ""
        return {"documents": [f"About {question}", "Sun in the west."]}

    async def generate(state: State) -> dict[str, Any]:
        return {"messages": [AIMessage(ANSWER if state["messages"] else GREETING)]}

    builder = StateGraph(State)
    builder.add_node(retrieve)
    builder.add_node(generate)
    builder.add_edge(START, "retrieve")
    builder.add_edge("retrieve", "generate")
    return builder.compile()


def approves(value: Any = "May I book it?") -> Graph:
    """Asks before it acts."""

    async def propose(state: MessagesState) -> dict[str, Any]:
        if not state["messages"]:
            return {"messages": [AIMessage(GREETING)]}
        booked = interrupt(value)
        return {"messages": [AIMessage("It is booked." if booked else "As you like.")]}

    builder = StateGraph(MessagesState)
    builder.add_node(propose)
    builder.add_edge(START, "propose")
    return builder.compile()


def charges(*, limit_secs: float | None = None, looks: bool = False) -> Graph:
    """Charges for whatever is said: again at the next word, unless it looks what was done."""

    @tool(effect=True)
    async def charge(cents: int) -> str:
        """Charge a card."""
        await asyncio.sleep(0.5)
        return "charged"

    async def serve(state: MessagesState) -> dict[str, Any]:
        messages = state["messages"]
        if not messages:
            return {"messages": [AIMessage(GREETING)]}
        if looks and any(isinstance(message, ToolMessage) for message in messages):
            return {"messages": [AIMessage("It is charged already.")]}
        call = {"name": "charge", "args": {"cents": 500}, "id": f"call-{len(messages)}"}
        called = charge.ainvoke({**call, "type": "tool_call"})
        try:
            result = await asyncio.wait_for(called, limit_secs)
        except TimeoutError:
            return {"messages": [AIMessage("That took too long.")]}
        done = AIMessage("", tool_calls=[call])
        return {"messages": [done, result, AIMessage("It is charged.")]}

    builder = StateGraph(MessagesState)
    builder.add_node(serve)
    builder.add_edge(START, "serve")
    return builder.compile()


def blocks() -> Graph:
    """Sleeps where nothing else can go on."""

    async def think(state: MessagesState) -> dict[str, Any]:
        time.sleep(2.0)
        return {"messages": [AIMessage(ANSWER if state["messages"] else GREETING)]}

    builder = StateGraph(MessagesState)
    builder.add_node(think)
    builder.add_edge(START, "think")
    return builder.compile()


class Plain(TypedDict):
    messages: list[AnyMessage]


def forgets() -> Graph:
    """Keeps no messages but those of the last node."""

    async def say(state: Plain) -> Plain:
        return {"messages": [AIMessage(GREETING)]}

    builder = StateGraph(Plain)
    builder.add_node(say)
    builder.add_edge(START, "say")
    return builder.compile()


def breaks_for_good() -> Graph:
    """Notes that it is at work, and does not take it back when it fails."""
    state_of_process = {"busy": False}

    async def begin(state: MessagesState) -> dict[str, Any]:
        if state_of_process["busy"]:
            raise RuntimeError("Still at work.")
        state_of_process["busy"] = bool(state["messages"])
        return {}

    async def work(state: MessagesState) -> dict[str, Any]:
        text = await Model(answer=lambda _: AIMessage(ANSWER)).ainvoke("x")
        state_of_process["busy"] = False
        return {"messages": [text]}

    builder = StateGraph(MessagesState)
    builder.add_node(begin)
    builder.add_node(work)
    builder.add_edge(START, "begin")
    builder.add_edge("begin", "work")
    return builder.compile()


def reaches() -> Graph:
    """Has its model on a network."""

    async def call(state: MessagesState) -> dict[str, Any]:
        try:
            await asyncio.open_connection("127.0.0.1", 9)
        except OSError:
            return {"messages": [AIMessage(ANSWER)]}
        return {}

    builder = StateGraph(MessagesState)
    builder.add_node(call)
    builder.add_edge(START, "call")
    return builder.compile()
