"""The opening of a conversation: what a graph is given, and what it acts with."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import ValidationError

from graphs.call_actions import HangUp, SendDigits, Transfer, action, action_of
from graphs.threads import Begin, Snapshot, Threads


class Desk:
    """Something no checkpoint can hold."""

    def __init__(self) -> None:
        self.greeting = "Good day"
        self.lock = object()


class State(MessagesState):
    name: str


def greet(state: State, config: RunnableConfig) -> dict[str, Any]:
    desk = config["configurable"]["desk"]
    return {"messages": [AIMessage(f"{desk.greeting}, {state.get('name', 'stranger')}.")]}


async def last(threads: Threads, said: Any) -> Snapshot:
    events = [event async for event in threads.turn("greet", "t", said)]
    assert isinstance(events[-1], Snapshot)
    return events[-1]


@pytest.fixture
def threads() -> Threads:
    graph = StateGraph(State).add_node("greet", greet).add_edge(START, "greet").compile()
    return Threads({"greet": graph}, InMemorySaver(), configurable={"desk": Desk()})


async def test_a_graph_is_given_what_it_knows_of_the_opening_and_not_the_rest(
    threads: Threads,
) -> None:
    after = await last(threads, Begin({"name": "Asha", "unknown": 1}))
    assert after.messages[-1].text == "Good day, Asha."
    assert "unknown" not in after.values


async def test_what_tools_act_with_is_in_no_checkpoint(threads: Threads) -> None:
    await last(threads, None)
    saved = await threads.graph("greet").aget_state({"configurable": {"thread_id": "greet:t"}})
    assert "desk" not in str(saved)


@pytest.mark.parametrize(
    "do", [HangUp(), Transfer(to="+15550100", warm=True, briefing="New"), SendDigits(digits="12#")]
)
def test_an_action_is_read_back_as_it_was_put_on_a_message(do: Any) -> None:
    assert action_of(AIMessage("One moment.", additional_kwargs=action(do))) == do


def test_a_message_without_an_action_has_none() -> None:
    assert action_of(AIMessage("Hello.")) is None


def test_an_action_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError):
        action_of(AIMessage("", additional_kwargs={"call": {"kind": "explode"}}))
