"""Checkpoints: the newest is kept, and all that it needs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from store.checkpoints import Checkpoints
from tests.store.tables import rows

CONFIG: RunnableConfig = {"configurable": {"thread_id": "graph:asha"}}


def answering(saver: Checkpoints, answer: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    return graph.compile(checkpointer=saver)


async def turn(graph: Any, value: Any, durability: str = "exit") -> Any:
    return await graph.ainvoke(value, CONFIG, durability=durability)


def said(text: str) -> Any:
    return {"messages": [HumanMessage(text)]}


async def test_a_hundred_turns_leave_as_many_rows_as_one(saver: Checkpoints) -> None:
    graph = answering(saver, lambda _: {"messages": [AIMessage("Yes.")]})
    await turn(graph, said("0"))
    before = await rows(saver)
    for number in range(1, 100):
        end = await turn(graph, said(str(number)))
    assert await rows(saver) == before
    assert len(end["messages"]) == 200


async def test_steps_saved_one_by_one_leave_only_the_last(saver: Checkpoints) -> None:
    graph = answering(saver, lambda _: {"messages": [AIMessage("Yes.")]})
    for number in range(3):
        await turn(graph, said(str(number)), durability="sync")
    assert len([kept async for kept in saver.alist(CONFIG)]) == 1
    assert len((await graph.aget_state(CONFIG)).values["messages"]) == 6


async def test_other_threads_stay(saver: Checkpoints) -> None:
    graph = answering(saver, lambda _: {"messages": [AIMessage("Yes.")]})
    ravi: RunnableConfig = {"configurable": {"thread_id": "graph:ravi"}}
    await graph.ainvoke(said("I am Ravi"), ravi)
    await turn(graph, said("I am Asha"))
    assert (await graph.aget_state(ravi)).values["messages"][0].text == "I am Ravi"


async def test_a_question_waits_through_turns_that_do_not_answer_it(saver: Checkpoints) -> None:
    graph = answering(saver, lambda _: {"messages": [AIMessage(interrupt("Book?"))]})
    await turn(graph, said("Hello"))
    await turn(graph, said("What?"))
    end = await turn(graph, Command(resume="yes"))
    assert [message.text for message in end["messages"]] == ["Hello", "What?", "yes"]


def within(saver: Checkpoints, *, remembers: bool) -> Any:
    """A graph that asks in a subgraph, whose state lives for a call or for ever."""
    inner = StateGraph(MessagesState)
    inner.add_node("ask", lambda _: {"messages": [AIMessage(interrupt("Book?"))]})
    inner.add_edge(START, "ask")
    outer = StateGraph(MessagesState)
    outer.add_node("inner", inner.compile(checkpointer=remembers or None))
    outer.add_edge(START, "inner")
    return outer.compile(checkpointer=saver)


async def test_what_a_subgraph_kept_for_its_question_goes_with_the_answer(
    saver: Checkpoints,
) -> None:
    graph = within(saver, remembers=False)
    sizes = []
    for number in range(3):
        await turn(graph, said(str(number)))
        (task,) = (await graph.aget_state(CONFIG, subgraphs=True)).tasks
        assert task.state.interrupts
        await turn(graph, Command(resume="yes"))
        sizes.append(await rows(saver))
    assert sizes[0] == sizes[1] == sizes[2]
    assert not [kept async for kept in saver.alist(CONFIG) if _namespace(kept)]


async def test_a_subgraph_that_remembers_keeps_its_state(saver: Checkpoints) -> None:
    graph = within(saver, remembers=True)
    for number in range(3):
        await turn(graph, said(str(number)))
        await turn(graph, Command(resume="yes"))
    assert [_namespace(kept) async for kept in saver.alist(CONFIG) if _namespace(kept)] == ["inner"]


def _namespace(kept: Any) -> str:
    return str(kept.config["configurable"]["checkpoint_ns"])


def _added(state: list[str], writes: list[list[str]]) -> list[str]:
    return state + [word for write in writes for word in write]


class Words(TypedDict):
    """State that LangGraph computes from the writes of earlier checkpoints."""

    words: Annotated[list[str], DeltaChannel(_added)]


async def test_a_graph_whose_state_is_its_history_keeps_it(saver: Checkpoints) -> None:
    graph = StateGraph(Words)
    graph.add_node("echo", lambda state: {"words": [f"{len(state['words'])}"]})
    graph.add_edge(START, "echo")
    compiled = graph.compile(checkpointer=saver)
    for _ in range(5):
        await turn(compiled, {"words": ["x"]}, durability="sync")
    words = (await compiled.aget_state(CONFIG)).values["words"]
    assert words == ["x", "1", "x", "3", "x", "5", "x", "7", "x", "9"]


async def test_a_thread_is_idle_since_its_last_turn(saver: Checkpoints) -> None:
    graph = answering(saver, lambda _: {"messages": [AIMessage("Yes.")]})
    await turn(graph, said("Hello"))
    now = datetime.now(UTC)
    assert await saver.idle_since(now + timedelta(seconds=1)) == ["graph:asha"]
    assert await saver.idle_since(now - timedelta(minutes=1)) == []
    await saver.adelete_thread("graph:asha")
    assert set(await rows(saver)) == {0}
