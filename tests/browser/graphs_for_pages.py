"""Small graphs that show the page what a graph can do: ask, stream slowly, hang, fail."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, TypedDict

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from graphs.threads import Expectation, Graph


class SurveyState(TypedDict, total=False):
    messages: Annotated[list[BaseMessage], add_messages]
    answers: dict[str, str]
    expects: Expectation
    done: bool
    outcome: str


def survey() -> Graph:
    """Ask a name, then a city, then end as `eligible`."""

    def greet(state: SurveyState) -> dict[str, Any]:
        return {"messages": [AIMessage("Hello. What is your name?")], "expects": {"kind": "text"}}

    def ask_city(state: SurveyState) -> dict[str, Any]:
        name = state["messages"][-1].text
        return {
            "messages": [AIMessage(f"Thank you, {name}. Which city are you in?")],
            "answers": {"name": name},
            "expects": {"kind": "city"},
        }

    def finish(state: SurveyState) -> dict[str, Any]:
        city = state["messages"][-1].text
        return {
            "messages": [AIMessage("That is all. Goodbye.")],
            "answers": state["answers"] | {"city": city},
            "expects": {},
            "done": True,
            "outcome": "eligible",
        }

    def next_question(state: SurveyState) -> str:
        if not state.get("messages"):
            return "greet"
        return "finish" if "answers" in state else "ask_city"

    graph = StateGraph(SurveyState)
    for node in (greet, ask_city, finish):
        graph.add_node(node.__name__, node)
        graph.add_edge(node.__name__, END)
    graph.add_conditional_edges(START, next_question, ["greet", "ask_city", "finish"])
    return graph.compile()


class Typist(BaseChatModel):
    """A model that writes word by word and waits for `go` before the last word."""

    words: list[str]
    go: Any

    @property
    def _llm_type(self) -> str:
        return "typist"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        message = AIMessage(" ".join(self.words))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for i, word in enumerate(self.words):
            if i == len(self.words) - 1:
                await asyncio.to_thread(self.go.wait, 30)
            yield ChatGenerationChunk(message=AIMessageChunk(word if i == 0 else f" {word}"))


def streaming(go: Any) -> Graph:
    """Answer slowly; the last word comes when the event `go` is set."""
    words = ["This", "answer", "is", "written", "word", "by", "word", "until", "it", "stops."]
    model = Typist(words=words, go=go)

    async def answer(state: SurveyState) -> dict[str, Any]:
        if not state.get("messages"):
            return {"messages": [AIMessage("Ask me anything.")]}
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(SurveyState)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile()


def troubled() -> Graph:
    """Greet; then hang when told `wait` and fail on anything else."""

    async def answer(state: SurveyState) -> dict[str, Any]:
        said = state["messages"][-1].text if state.get("messages") else ""
        if not said:
            return {"messages": [AIMessage("Say wait, or anything else.")]}
        if said == "wait":
            await asyncio.sleep(60)
        raise RuntimeError("this graph always fails")

    graph = StateGraph(SurveyState)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile()
