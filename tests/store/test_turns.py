"""Turns where they are kept, also of graphs with their messages in a `DeltaChannel`."""

from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.graph import START, MessagesState, StateGraph, add_messages
from langgraph.types import interrupt
from typing_extensions import TypedDict

from graphs.events import Reply
from graphs.threads import Graph, Threads
from store.checkpoints import Checkpoints


def _added(state: list[BaseMessage], writes: Any) -> Any:
    for write in writes:
        state = add_messages(state, write)  # type: ignore[assignment]
    return state


class History(TypedDict, total=False):
    messages: Annotated[list[BaseMessage], DeltaChannel(_added)]
    steps: Annotated[list[str], DeltaChannel(lambda kept, new: kept + sum(new, []))]
    done: bool


async def _answer(state: History) -> dict[str, Any]:
    said = state["messages"][-1].text
    if said == "break":
        raise RuntimeError("the node broke")
    return {"messages": [AIMessage(f"{len(state['messages'])} {said} it is.")], "steps": ["answer"]}


def asking_plainly() -> Graph:
    """Asks, and says what it was answered."""
    builder = StateGraph(MessagesState)
    builder.add_node("ask", lambda _: {"messages": [AIMessage(interrupt("Book?"))]})
    builder.add_edge(START, "ask")
    return builder.compile()


def chat() -> Graph:
    """Answers, and then does something that says nothing."""
    builder = StateGraph(History)
    builder.add_node("answer", _answer)
    builder.add_node("rest", lambda _: {"done": False})
    builder.add_edge(START, "answer")
    builder.add_edge("answer", "rest")
    return builder.compile()


def asking() -> Graph:
    """Asks from within a subgraph that has its messages as their history, too."""
    inner = StateGraph(History)
    inner.add_node("say", lambda _: {"messages": [AIMessage("Three flats.")]})
    inner.add_node("ask", lambda _: {"messages": [AIMessage(interrupt("Book?"))]})
    inner.add_edge(START, "say")
    inner.add_edge("say", "ask")
    outer = StateGraph(History)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")
    return outer.compile()


@pytest.fixture
def threads(saver: Checkpoints) -> Threads:
    return Threads({"chat": chat(), "asking": asking(), "plain": asking_plainly()}, saver)


async def say(threads: Threads, text: str, graph: str = "chat") -> None:
    async for _ in threads.turn(graph, "t", HumanMessage(text)):
        pass


async def texts(threads: Threads, graph: str = "chat") -> list[str]:
    return [str(m.text) for m in (await threads.snapshot(graph, "t")).messages]


async def test_nothing_that_was_said_is_lost(threads: Threads, saver: Checkpoints) -> None:
    for text in "abc":
        await say(threads, text)
    assert await texts(threads) == ["a", "1 a it is.", "b", "3 b it is.", "c", "5 c it is."]
    assert (await threads.snapshot("chat", "t")).values["steps"] == ["answer"] * 3
    kept = [checkpoint async for checkpoint in saver.alist(None)]
    assert len(kept) == 1, "those before it are not needed"


async def test_a_history_kept_by_langgraph_itself_goes_on(
    threads: Threads, saver: Checkpoints
) -> None:
    """As earlier versions have written it."""
    compiled = chat().copy(update={"checkpointer": saver})
    where: Any = {"configurable": {"thread_id": "chat:t"}}
    await compiled.ainvoke({"messages": [HumanMessage("a")]}, where, durability="sync")
    await say(threads, "b")
    assert await texts(threads) == ["a", "1 a it is.", "b", "3 b it is."]
    turn = await threads.begin("chat", "t", HumanMessage("c"))
    turn.confirm()
    _ = [event async for event in turn]
    await turn.commit()
    assert await threads.undo("chat", "t", turn)
    assert await texts(threads) == ["a", "1 a it is.", "b", "3 b it is."]


async def test_the_first_turn_after_langgraphs_own_is_undone(
    threads: Threads, saver: Checkpoints
) -> None:
    compiled = chat().copy(update={"checkpointer": saver})
    where: Any = {"configurable": {"thread_id": "chat:t"}}
    await compiled.ainvoke({"messages": [HumanMessage("a")]}, where, durability="sync")
    turn = await threads.begin("chat", "t", HumanMessage("b"))
    turn.confirm()
    _ = [event async for event in turn]
    await turn.commit()
    assert len(await texts(threads)) == 4
    assert await threads.undo("chat", "t", turn)
    assert await texts(threads) == ["a", "1 a it is."]
    await say(threads, "d")
    assert await texts(threads) == ["a", "1 a it is.", "d", "3 d it is."]


async def test_a_message_is_cut_to_what_was_heard(threads: Threads) -> None:
    await say(threads, "a")
    turn = await threads.begin("chat", "t", HumanMessage("b"))
    turn.confirm()
    (reply,) = [event async for event in turn if isinstance(event, Reply)]
    await turn.commit({reply.message_id: "3 b"}, final=False)
    assert await texts(threads) == ["a", "1 a it is.", "b", "3 b"]
    await say(threads, "c")
    assert (await texts(threads))[-2:] == ["c", "5 c it is."]
    assert not await threads.undo("chat", "t", turn)


async def test_a_withdrawn_turn_leaves_nothing(threads: Threads) -> None:
    await say(threads, "a")
    turn = await threads.begin("chat", "t", HumanMessage("b"))
    _ = [event async for event in turn]
    assert await turn.withdraw()
    assert await texts(threads) == ["a", "1 a it is."]


async def test_a_run_that_fails_keeps_what_was_said(threads: Threads) -> None:
    await say(threads, "a")
    with pytest.raises(RuntimeError, match="the node broke"):
        await say(threads, "break")
    assert await texts(threads) == ["a", "1 a it is.", "break"]
    await say(threads, "c")
    assert await texts(threads) == ["a", "1 a it is.", "break", "c", "4 c it is."]


async def test_a_question_in_a_subgraph_is_answered(threads: Threads) -> None:
    for answer in ("yes", "no"):
        await say(threads, "Hello", "asking")
        await say(threads, answer, "asking")
    said = [t for a in ("yes", "no") for t in ("Hello", "Three flats.", a)]
    assert await texts(threads, "asking") == said


async def test_what_the_step_after_an_answer_has_changed_is_kept(threads: Threads) -> None:
    """The run goes on in the checkpoint that was found, and PostgreSQL keeps what is new in it."""
    for text in ("Hello", "yes"):
        await say(threads, text, "plain")
    assert await texts(threads, "plain") == ["Hello", "yes"]
