"""Small graphs of a stranger's making, to be served from their file as `serve --graph` does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.graph import END, START, StateGraph, add_messages
from typing_extensions import TypedDict


class Conversation(TypedDict, total=False):
    """Messages, and whether the conversation is over."""

    messages: Annotated[list[BaseMessage], add_messages]
    done: bool
    outcome: str


class WordByWord(BaseChatModel):
    """A model that says back what it was told, a word at a time, never too fast."""

    seconds_a_word: float = 0.05

    @property
    def _llm_type(self) -> str:
        return "word-by-word"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        answer = AIMessage(f"You said: {messages[-1].text}")
        return ChatResult(generations=[ChatGeneration(message=answer)])

    async def _astream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for word in f"You said: {messages[-1].text}".split(" "):
            await asyncio.sleep(self.seconds_a_word)
            yield ChatGenerationChunk(message=AIMessageChunk(word + " "))


async def _answer(state: Conversation) -> Conversation:
    if not state.get("messages"):
        return {"messages": [AIMessage("Hello. Say something.")]}
    answer = await WordByWord().ainvoke(state["messages"])
    bye = "goodbye" in state["messages"][-1].text.lower()
    return {"messages": [answer], "done": bye, "outcome": "said_goodbye" if bye else "open"}


async def _count(state: Conversation) -> Conversation:
    """Answer with how many messages of the person were there when the turn began, slowly."""
    said = [message for message in state["messages"] if isinstance(message, HumanMessage)]
    await asyncio.sleep(0.05)
    return {"messages": [AIMessage(str(len(said)))]}


async def _classify(state: Conversation) -> Conversation:
    """Ask a model something for the graph's own use, then thank the person."""
    await WordByWord(seconds_a_word=0).with_config(tags=["nostream"]).ainvoke(state["messages"])
    return {"messages": [AIMessage("Thank you.")]}


async def _fail(state: Conversation) -> Conversation:
    raise RuntimeError("the node broke")


async def _hang(state: Conversation) -> Conversation:
    await asyncio.sleep(3600)
    return {}


def _single(node: Any) -> Any:
    builder = StateGraph(Conversation)
    builder.add_node("answer", node)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile()


parrot = _single(_answer)
counter = _single(_count)
broken = _single(_fail)
stuck = _single(_hang)
discreet = _single(_classify)
