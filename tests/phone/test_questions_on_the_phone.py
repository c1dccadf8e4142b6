"""Questions of `interrupt()` on a call: each answer is taken, told and read back once."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from pydantic import BaseModel

from graphs.messages import UNTOLD
from graphs.threads import Graph
from tools.effects import tool
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import HangsUp, Says


class Day(BaseModel):
    """A day, but for one."""

    day: str

    def model_post_init(self, _context: Any) -> None:
        """Refuse the day of rest."""
        if "sunday" in self.day.lower():
            raise ValueError("We are closed on Sundays.")


def played(result: Result) -> str:
    return " ".join(word.text for word in result.played)


def side_by_side(**questions: Any) -> Graph:
    """A graph whose nodes ask side by side, and say what they were answered."""

    def asker(name: str, asked: Any) -> Any:
        async def ask(_state: MessagesState) -> dict[str, Any]:
            return {"messages": [AIMessage(f"Your {name} is {interrupt(asked)}.")]}

        return ask

    builder = StateGraph(MessagesState)
    for name, asked in questions.items():
        builder.add_node(name, asker(name, asked))
        builder.add_edge(START, name)
        builder.add_edge(name, END)
    return builder.compile()


def test_the_answer_to_one_of_two_parallel_questions_is_told_once() -> None:
    graph = side_by_side(name="What is your name?", city="Which city do you live in?")
    script = [Says(3.0, "Asha."), Says(9.0, "Mumbai."), HangsUp(16.0)]
    result = VirtualCall(graph, script).run()
    said = played(result)
    assert len(result.messages) == 2
    for message in result.messages:
        assert said.count(message.text) == 1, said
    assert result.errors == ()


def test_an_answer_that_is_the_next_question_has_its_waterfall() -> None:
    """A call of questions had none at all."""

    async def ask(_state: MessagesState) -> dict[str, Any]:
        name = interrupt("What is your name?")
        return {"messages": [AIMessage(f"{name}, of {interrupt('Which city is yours?')}.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    script = [Says(3.0, "Asha."), Says(9.0, "Mumbai."), HangsUp(16.0)]
    latency = VirtualCall(builder.compile(), script).run().record.latency
    assert len(latency) == 2
    for turn in latency:
        assert turn.ear_ms and sum(part.ms for part in turn.parts) == pytest.approx(turn.ear_ms)


def test_an_answer_that_the_graph_refuses_is_asked_for_again_with_its_reason() -> None:
    async def ask(_state: MessagesState) -> dict[str, Any]:
        day = interrupt("Which day?", response_schema=Day)
        return {"messages": [AIMessage(f"On {day.day}")]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    script = [Says(3.0, "Sunday."), Says(12.0, "Monday."), HangsUp(18.0)]
    result = VirtualCall(builder.compile(), script).run()
    said = played(result)
    assert "We are closed on Sundays. Which day?" in said
    assert said.endswith("On Monday.")
    assert result.errors == ()


BOOK = "I would book a table for four people on Monday evening at nine o'clock. Shall I book it?"


def books() -> Graph:
    async def ask(_state: MessagesState) -> dict[str, Any]:
        booked = interrupt({"question": BOOK, "kind": "yes_no"})
        return {"messages": [AIMessage("It is booked." if booked else "Then not.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    return builder.compile()


def test_a_yes_said_over_the_question_is_asked_again_and_counts_when_it_was_heard() -> None:
    early = VirtualCall(books(), [Says(1.5, "Yes."), HangsUp(4.0)]).run()
    assert early.messages == () and len(early.interrupts) == 1
    result = VirtualCall(books(), [Says(1.5, "Yes."), Says(18.0, "Yes."), HangsUp(22.0)]).run()
    assert BOOK in played(result)
    assert [message.text for message in result.messages] == ["It is booked."]


def test_a_no_said_over_the_question_counts() -> None:
    result = VirtualCall(books(), [Says(1.5, "No, thanks."), HangsUp(8.0)]).run()
    assert [message.text for message in result.messages] == ["Then not."]


def test_who_interrupts_an_effect_is_told_of_it_in_the_next_turn() -> None:
    """What the tool has done is on the thread, marked as not told; the graph may say so."""

    @tool(effect=True)
    async def pay() -> str:
        """Pay."""
        await asyncio.sleep(2.0)
        return "paid"

    async def agent(state: MessagesState) -> dict[str, Any]:
        messages = state["messages"]
        if any(message.additional_kwargs.get(UNTOLD) for message in messages):
            return {"messages": [AIMessage("It is paid already.")]}
        if isinstance(messages[-1] if messages else None, HumanMessage):
            call = {"name": "pay", "args": {}, "id": f"c{len(messages)}"}
            return {"messages": [AIMessage("", tool_calls=[call])]}
        return {"messages": [AIMessage("It is paid." if messages else "Hello.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode([pay]))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition)
    builder.add_edge("tools", "agent")
    script = [Says(2.0, "Pay."), Says(3.6, "Wait, no."), HangsUp(12.0)]
    result = VirtualCall(builder.compile(), script).run()
    assert [m.text for m in result.messages if isinstance(m, ToolMessage)] == ["paid"]
    assert played(result).endswith("It is paid already.")
