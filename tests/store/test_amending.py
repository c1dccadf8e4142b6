"""Amending: the messages change in place, and nothing else does."""

import asyncio
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from graphs.threads import Graph
from store.checkpoints import Checkpoints
from tests.store.tables import rows

CONFIG: RunnableConfig = {"configurable": {"thread_id": "graph:asha"}}


def heard(message_id: str, text: str | None) -> Any:
    """What was heard of a message; None takes it away."""

    def change(messages: list[BaseMessage]) -> list[BaseMessage]:
        kept = [m for m in messages if m.id != message_id or text is not None]
        return [AIMessage(text or "", id=m.id) if m.id == message_id else m for m in kept]

    return change


def asking(saver: Checkpoints) -> Graph:
    """Says something, then asks in one branch while the other goes on talking."""

    def say(_: MessagesState) -> Any:
        return {"messages": [AIMessage("I have found three flats for you.", id="offer")]}

    def ask(_: MessagesState) -> Any:
        answer = interrupt("Shall I book?")
        return {"messages": [AIMessage(f"You said {answer}.", id="answer")]}

    def chat(_: MessagesState) -> Any:
        return {"messages": AIMessage("It is sunny there.", id="chat")}

    graph = StateGraph(MessagesState)
    graph.add_node("say", say)
    graph.add_node("ask", ask)
    graph.add_node("chat", chat)
    graph.add_edge(START, "say")
    graph.add_edge("say", "ask")
    graph.add_edge("say", "chat")
    graph.add_edge("ask", END)
    return graph.compile(checkpointer=saver)


async def run(graph: Graph, value: Any) -> Any:
    return await graph.ainvoke(value, CONFIG, durability="exit")


def texts(messages: list[BaseMessage]) -> list[str]:
    return [str(message.text) for message in messages]


async def test_the_state_shows_what_was_heard(saver: Checkpoints) -> None:
    graph = asking(saver)
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})
    assert await saver.amend(CONFIG, heard("offer", "I have found"))
    state = await graph.aget_state(CONFIG)
    assert texts(state.values["messages"]) == ["Hello", "I have found", "It is sunny there."]


async def test_everything_but_the_messages_stays(saver: Checkpoints) -> None:
    graph = asking(saver)
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})
    before, saved = await graph.aget_state(CONFIG), await saver.aget_tuple(CONFIG)
    await saver.amend(CONFIG, heard("offer", "I have found"))
    after, amended = await graph.aget_state(CONFIG), await saver.aget_tuple(CONFIG)
    assert saved and amended
    assert after.next == before.next == ("ask",)
    assert after.interrupts == before.interrupts != ()
    assert [task.id for task in after.tasks] == [task.id for task in before.tasks]
    assert amended._replace(checkpoint={}) == saved._replace(checkpoint={})
    del saved.checkpoint["channel_values"]["messages"]
    del amended.checkpoint["channel_values"]["messages"]
    assert amended.checkpoint == saved.checkpoint


async def test_an_open_question_is_answered_by_its_old_id(saver: Checkpoints) -> None:
    graph = asking(saver)
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})
    (question,) = (await graph.aget_state(CONFIG)).interrupts
    await saver.amend(CONFIG, heard("offer", None))
    end = await run(graph, Command(resume={question.id: "yes"}))
    assert sorted(texts(end["messages"])) == ["Hello", "It is sunny there.", "You said yes."]


async def test_what_a_branch_said_while_another_asks_is_amended_too(saver: Checkpoints) -> None:
    """Its message waits among the pending writes until the question is answered."""
    graph = asking(saver)
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})
    (question,) = (await graph.aget_state(CONFIG)).interrupts
    assert await saver.amend(CONFIG, heard("chat", "It is"))
    end = await run(graph, Command(resume={question.id: "no"}))
    assert "It is" in texts(end["messages"])


async def test_what_a_subgraph_said_before_it_asked_is_amended_too(saver: Checkpoints) -> None:
    inner = StateGraph(MessagesState)
    inner.add_node("say", lambda _: {"messages": [AIMessage("Three flats.", id="offer")]})
    inner.add_node("ask", lambda _: {"messages": [AIMessage(interrupt("Book?"), id="answer")]})
    inner.add_edge(START, "say")
    inner.add_edge("say", "ask")
    outer = StateGraph(MessagesState)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")
    graph = outer.compile(checkpointer=saver)
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})
    assert await saver.amend(CONFIG, heard("offer", "Three"))
    state = await graph.aget_state(CONFIG, subgraphs=True)
    assert texts(state.tasks[0].state.values["messages"]) == ["Hello", "Three"]  # type: ignore[union-attr,index]
    end = await run(graph, Command(resume="yes"))
    assert texts(end["messages"]) == ["Hello", "Three", "yes"]


def _collected(state: list[BaseMessage], writes: Any) -> Any:
    for write in writes:
        state = add_messages(state, write)  # type: ignore[assignment]
    return state


class History(TypedDict):
    messages: Annotated[list[BaseMessage], DeltaChannel(_collected)]


async def test_messages_that_are_kept_as_their_history_are_amended_in_it(
    saver: Checkpoints,
) -> None:
    graph = StateGraph(History)
    graph.add_node("say", lambda state: {"messages": [AIMessage("Yes, it is.", id="offer")]})
    graph.add_edge(START, "say")
    compiled = graph.compile(checkpointer=saver)
    for text in ("Is it?", "Really?"):
        await compiled.ainvoke({"messages": [HumanMessage(text)]}, CONFIG, durability="sync")
    assert await saver.amend(CONFIG, heard("offer", "Yes"))
    state = await compiled.aget_state(CONFIG)
    assert texts(state.values["messages"]) == ["Is it?", "Yes", "Really?"]


async def test_no_change_is_no_change(saver: Checkpoints) -> None:
    graph = asking(saver)
    assert not await saver.amend(CONFIG, heard("offer", None))
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})
    assert not await saver.amend(CONFIG, heard("nobody", "nothing"))


async def test_a_change_that_fails_changes_nothing(saver: Checkpoints) -> None:
    graph = asking(saver)
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})
    calls = 0

    def fails_at_the_second(messages: list[BaseMessage]) -> list[BaseMessage]:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise ZeroDivisionError
        return []

    with pytest.raises(ZeroDivisionError):
        await saver.amend(CONFIG, fails_at_the_second)
    state = await graph.aget_state(CONFIG)
    assert texts(state.values["messages"])[:2] == ["Hello", "I have found three flats for you."]


async def test_amends_beside_a_turn_lose_neither(saver: Checkpoints) -> None:
    graph = asking(saver)
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})

    async def amends() -> None:
        for length in range(30):
            await saver.amend(CONFIG, heard("offer", "x" * (length + 1)))

    (question,) = (await graph.aget_state(CONFIG)).interrupts
    await asyncio.gather(amends(), run(graph, Command(resume={question.id: "yes"})))
    state = await graph.aget_state(CONFIG)
    assert "You said yes." in texts(state.values["messages"])
    assert state.next == ()


async def test_a_thousand_amends_leave_no_more_than_one(saver: Checkpoints) -> None:
    graph = asking(saver)
    await run(graph, {"messages": [HumanMessage("Hello", id="h")]})
    before = await rows(saver)
    for length in range(1000):
        assert await saver.amend(CONFIG, heard("offer", str(length)))
    assert await rows(saver) == before
    state = await graph.aget_state(CONFIG)
    assert texts(state.values["messages"])[:2] == ["Hello", "999"]
