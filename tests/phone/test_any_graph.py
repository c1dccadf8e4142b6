"""What breaks other bridges between LangGraph and a voice, tried on this one, with any graph."""

import asyncio
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool as plain_tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt

from graphs.contract import UNINTERRUPTIBLE
from graphs.threads import Graph
from tools.effects import tool
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import Coughs, Dies, HangsUp, Presses, Says

SECRET = '{"account": "DE89370400440532013000", "internal_score": 17}'
BALANCE = "You have twelve fifty."
HOURS = "We are open from nine to five on every day but Sunday, and on Saturdays from ten to two."


def played(result: Result) -> str:
    return " ".join(word.text for word in result.played)


def thread(result: Result) -> list[tuple[str, str]]:
    return [(message.type, message.text) for message in result.messages]


def bank(charged: list[Any], secs: float = 0.0, *, declared: bool = True) -> Graph:
    """An agent that looks an account up before it answers."""

    async def work(name: str) -> str:
        """Look an account up."""
        charged.append(name)
        await asyncio.sleep(secs)
        return SECRET

    account = tool(effect=True)(work) if declared else plain_tool(work)

    async def agent(state: MessagesState) -> dict[str, Any]:
        messages = state["messages"]
        if not messages:
            return {"messages": [AIMessage("Hello.")]}
        if isinstance(messages[-1], ToolMessage):
            return {"messages": [AIMessage(BALANCE)]}
        call = {"name": account.name, "args": {"name": "x"}, "id": f"c{len(messages)}"}
        return {"messages": [AIMessage("", tool_calls=[call])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode([account]))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition)
    builder.add_edge("tools", "agent")
    return builder.compile()


def saying(*lines: str, **marks: Any) -> Graph:
    """A graph that says one line a turn."""

    async def say(state: MessagesState) -> dict[str, Any]:
        turn = sum(isinstance(message, HumanMessage) for message in state["messages"])
        return {"messages": [AIMessage(lines[min(turn, len(lines) - 1)], **marks)]}

    builder = StateGraph(MessagesState)
    builder.add_node("say", say)
    builder.add_edge(START, "say")
    return builder.compile()


def test_what_a_tool_answers_is_not_read_aloud() -> None:
    result = VirtualCall(bank([]), [Says(2.0, "My balance?"), HangsUp(8.0)]).run()
    assert played(result) == f"Hello. {BALANCE}"
    assert ("tool", SECRET) in thread(result)


def test_after_a_barge_in_the_thread_holds_what_was_heard_and_nothing_twice() -> None:
    script = [Says(3.0, "Stop, please!"), HangsUp(8.0)]
    result = VirtualCall(saying(HOURS, "Yes?"), script).run()
    (_, cut), human, answer = thread(result)
    assert HOURS.startswith(cut) and 0 < len(cut) < len(HOURS)
    assert result.messages[0].additional_kwargs["interrupted"]
    assert (human, answer) == (("human", "Stop, please!"), ("ai", "Yes?"))
    assert played(result).startswith(cut)


def test_an_effect_the_caller_talks_over_is_done_once_and_its_result_is_kept() -> None:
    charged: list[Any] = []
    graph = bank(charged, secs=2.0)
    script = [Says(2.0, "Pay."), Says(3.4, "Wait, no."), HangsUp(12.0)]
    result = VirtualCall(graph, script, effects=charged).run()
    assert [kind for kind, _ in thread(result)][:4] == ["ai", "human", "ai", "tool"]
    asked = [
        call["id"] for m in result.messages if isinstance(m, AIMessage) for call in m.tool_calls
    ]
    answered = [m.tool_call_id for m in result.messages if isinstance(m, ToolMessage)]
    assert asked == answered
    assert len(charged) == len(asked)


def test_a_caller_who_goes_on_before_the_tool_began_is_answered_once() -> None:
    """The turn seemed over, and was not: nothing is left of it."""
    charged: list[Any] = []
    script = [Says(2.0, "My ..."), Says(2.9, "balance, please."), HangsUp(9.0)]
    result = VirtualCall(bank(charged, declared=False), script, effects=charged).run()
    humans = [text for kind, text in thread(result) if kind == "human"]
    assert len(charged) == len(humans)


def test_a_tool_nobody_declared_is_not_cut_off() -> None:
    charged: list[Any] = []
    graph = bank(charged, secs=1.5, declared=False)
    result = VirtualCall(graph, [Says(2.0, "Pay."), HangsUp(3.5)], effects=charged).run()
    assert len(charged) == 1
    assert [kind for kind, _ in thread(result)] == ["ai", "human", "ai", "tool"]


def test_a_slow_tool_is_not_a_silence() -> None:
    result = VirtualCall(bank([], secs=4.0), [Says(2.0, "My balance?"), HangsUp(12.0)]).run()
    assert played(result) == f"Hello. One moment, please. {BALANCE}"
    assert "One moment, please." not in [text for _, text in thread(result)]


def test_what_must_be_heard_is_said_to_its_end() -> None:
    graph = saying(HOURS, "Yes?", additional_kwargs=UNINTERRUPTIBLE)
    for act in (Says(2.0, "Stop!"), Presses(2.0, "5")):
        result = VirtualCall(graph, [act, Coughs(3.0), HangsUp(14.0)]).run()
        assert played(result).startswith(HOURS)
        said = [text for _, text in thread(result)]
        assert (said[0], said[2]) == (HOURS, "Yes?")


def approval() -> Graph:
    """A graph that asks two things in one turn, the second only after a yes."""

    async def ask(state: MessagesState) -> dict[str, Any]:
        if not interrupt({"question": "Shall I book it?", "kind": "yes_no"}):
            return {"messages": [AIMessage("Then not.")]}
        code = interrupt({"question": "Your code?", "kind": "digits", "digits": 4})
        return {"messages": [AIMessage(f"Booked with {code}.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    return builder.compile()


def test_an_interrupt_is_a_question_that_is_answered_by_voice_and_by_keys() -> None:
    script = [Says(3.0, "Yes."), Presses(7.0, "4711"), Presses(14.0, "1"), HangsUp(22.0)]
    result = VirtualCall(approval(), script).run()
    said = played(result)
    assert said.startswith("Shall I book it? Your code?")
    assert "4 7 1 1" in said or "four seven one one" in said  # it is read back
    assert thread(result) == [("ai", "Booked with 4711.")]
    assert result.interrupts == ()


def test_nonsense_is_no_answer_to_an_interrupt() -> None:
    result = VirtualCall(approval(), [Says(3.0, "Purple elephants."), HangsUp(9.0)]).run()
    assert played(result).count("Shall I book it?") == 2
    assert len(result.interrupts) == 1


def test_after_a_hang_up_a_call_back_asks_the_open_question_again(tmp_path: Path) -> None:
    first = VirtualCall(approval(), [HangsUp(3.0)], folder=tmp_path, thread_id="t").run()
    assert len(first.interrupts) == 1
    script = [Says(3.0, "No, thanks."), HangsUp(7.0)]
    result = VirtualCall(approval(), script, folder=tmp_path, thread_id="t", seed=1).run()
    assert played(result) == "Shall I book it? Then not."
    assert result.interrupts == ()


def test_a_question_that_is_talked_over_takes_the_answer() -> None:
    result = VirtualCall(approval(), [Says(0.8, "No, thank you."), HangsUp(6.0)]).run()
    assert thread(result) == [("ai", "Then not.")]


def test_a_crash_at_any_moment_leaves_what_was_heard() -> None:
    for tenths in range(5, 60, 5):
        at = tenths / 10
        result = VirtualCall(saying(HOURS), [Dies(at)]).run()
        texts = [text for _, text in thread(result)]
        assert all(HOURS.startswith(text) for text in texts)
        assert len(" ".join(texts).split()) <= len(result.played), at
        assert not texts or result.messages[0].additional_kwargs["interrupted"]


def test_structured_output_is_not_said_and_stays_on_the_thread() -> None:
    result = VirtualCall(saying('{"intent": "greeting"}'), [HangsUp(5.0)]).run()
    assert result.played == ()
    assert thread(result) == [("ai", '{"intent": "greeting"}')]
