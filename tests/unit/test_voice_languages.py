"""A graph is told which languages the channel can speak, where it can heed that."""

from dataclasses import dataclass

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime

from graphs.threads import Graph, Reply, Threads


@dataclass
class Context:
    languages: str = "en,hi"


def graph(context: type[Context] | None) -> Graph:
    async def say(state: MessagesState, runtime: Runtime[Context]) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage(getattr(runtime.context, "languages", "none"))]}

    builder = StateGraph(MessagesState, context_schema=context)
    builder.add_node("say", say)
    builder.add_edge(START, "say")
    builder.add_edge("say", END)
    return builder.compile()


async def replies(context: type[Context] | None, languages: tuple[str, ...] = ()) -> list[str]:
    threads = Threads({"g": graph(context)}, InMemorySaver())
    events = [event async for event in threads.turn("g", "t", None, languages=languages)]
    return [event.text for event in events if isinstance(event, Reply)]


async def test_a_graph_that_knows_languages_is_told_those_of_the_voice() -> None:
    assert await replies(Context, ("en",)) == ["en"]


async def test_a_chat_leaves_the_graph_its_own_languages() -> None:
    assert await replies(Context) == ["none"]


async def test_a_graph_without_languages_is_told_nothing() -> None:
    assert await replies(None, ("en",)) == ["none"]
