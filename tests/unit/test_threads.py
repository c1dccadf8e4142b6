"""Threads: one turn at a time, kept through a restart."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from graphs.catalogue import GraphNotLoaded, load_graph
from graphs.eligibility.graph import graph as eligibility
from graphs.threads import Graph, Node, Reply, Snapshot, Threads, Token, TurnTimedOut, UnknownGraph
from store.database import open_checkpointer
from store.locks import ProcessLocks
from tests import sample_graphs

GRAPHS = {
    "parrot": sample_graphs.parrot,
    "counter": sample_graphs.counter,
    "stuck": sample_graphs.stuck,
}


async def say(threads: Threads, graph: str, thread: str, text: str | None) -> list[Any]:
    said = HumanMessage(text) if text is not None else None
    return [part async for part in threads.turn(graph, thread, said)]


async def test_a_turn_without_a_message_opens_the_conversation(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        *parts, after = await say(Threads(GRAPHS, saver), "parrot", "a", None)
    assert [part.text for part in parts if isinstance(part, Reply)] == ["Hello. Say something."]
    assert [message.type for message in after.messages] == ["ai"]


async def test_a_model_is_heard_word_by_word_and_not_twice(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        parts = await say(Threads(GRAPHS, saver), "parrot", "a", "one two")
    assert "".join(p.text for p in parts if isinstance(p, Token)).strip() == "You said: one two"
    assert [part.text.strip() for part in parts if isinstance(part, Reply)] == ["You said: one two"]
    assert [part.name for part in parts if isinstance(part, Node)] == ["answer"]
    assert isinstance(parts[-1], Snapshot)


async def test_turns_that_arrive_together_wait_for_one_another(tmp_path: Path) -> None:
    """LangGraph alone keeps two of ten messages here, without an error."""
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads(GRAPHS, saver)
        await asyncio.gather(*(say(threads, "counter", "a", str(n)) for n in range(5)))
        messages = (await threads.snapshot("counter", "a")).messages
    assert [m.text for m in messages if m.type == "ai"] == ["1", "2", "3", "4", "5"]


async def test_threads_of_different_graphs_do_not_meet(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads(GRAPHS, saver)
        await say(threads, "counter", "a", "x")
        assert not (await threads.snapshot("parrot", "a")).exists


async def test_a_thread_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        await say(Threads(GRAPHS, saver), "counter", "a", "x")
    async with open_checkpointer(tmp_path) as saver:
        *_, after = await say(Threads(GRAPHS, saver), "counter", "a", "y")
    assert [m.text for m in after.messages] == ["x", "1", "y", "2"]


async def test_a_turn_that_takes_too_long_is_ended_and_keeps_what_was_said(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads(GRAPHS, saver, turn_timeout=0.05)
        with pytest.raises(TurnTimedOut, match="'stuck' did not answer within 0.05 seconds"):
            await say(threads, "stuck", "a", "x")
        messages = (await threads.snapshot("stuck", "a")).messages
    assert [message.text for message in messages] == ["x"]


async def test_an_unknown_graph_is_named_with_those_that_exist(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        with pytest.raises(UnknownGraph, match="no graph 'x'. Served here: parrot, counter, stuck"):
            await say(Threads(GRAPHS, saver), "x", "a", "x")


async def test_a_deleted_thread_is_gone(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads(GRAPHS, saver)
        await say(threads, "counter", "a", "x")
        await threads.delete("counter", "a")
        assert not (await threads.snapshot("counter", "a")).exists


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("graph.py", "is not of the form path.py:graph"),
        ("missing.py:graph", "There is no file 'missing.py'"),
        ("broken.py:graph", "broken.py does not import: ZeroDivisionError"),
        ("number.py:graph", "'graph' in number.py is int; expected a compiled StateGraph"),
        ("number.py:other", "There is no 'other' in number.py"),
        ("number.py:make", "'make' in number.py makes no graph: division by zero"),
        ("silent.py:graph", "'graph' in silent.py has no `messages` in its state"),
    ],
)
def test_a_graph_that_does_not_load_says_why(
    address: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "number.py").write_text("graph = 7\ndef make(): 1 / 0")
    (tmp_path / "silent.py").write_text(
        "from langgraph.graph import START, StateGraph\n"
        "builder = StateGraph(int).add_node('a', lambda state: state).add_edge(START, 'a')\n"
        "graph = builder.compile()"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GraphNotLoaded, match=reason):
        load_graph(address)


def test_a_graph_from_outside_may_import_the_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_graph.py").write_text("from tests.sample_graphs import parrot")
    (tmp_path / "mine.py").write_text("from neighbour_of_graph import parrot as graph")
    assert load_graph(f"{tmp_path / 'mine.py'}:graph") is sample_graphs.parrot


@pytest.mark.parametrize("parameters", ["", "config"])
def test_a_function_that_makes_a_graph_is_called_for_it(tmp_path: Path, parameters: str) -> None:
    code = f"from tests.sample_graphs import parrot\ndef graph({parameters}):\n    return parrot"
    (tmp_path / "factory.py").write_text(code)
    assert load_graph(f"{tmp_path / 'factory.py'}:graph") is sample_graphs.parrot


async def test_a_turn_that_was_answered_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    killed = f"""
import asyncio, os, signal
from pathlib import Path
from graphs.threads import Threads
from langchain_core.messages import HumanMessage
from store.database import open_checkpointer
from store.locks import ProcessLocks
from tests import sample_graphs

async def talk():
    async with open_checkpointer(Path({str(tmp_path)!r})) as saver:
        threads = Threads({{"counter": sample_graphs.counter}}, saver)
        async for _ in threads.turn("counter", "a", HumanMessage("x")):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(talk())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", killed)
    assert await process.wait() == -signal.SIGKILL
    async with open_checkpointer(tmp_path) as saver:
        after = await Threads(GRAPHS, saver).snapshot("counter", "a")
    assert [message.text for message in after.messages] == ["x", "1"]


async def test_the_snapshot_of_a_turn_is_what_the_checkpoint_holds(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads({"eligibility": eligibility}, saver)
        *_, after = await say(threads, "eligibility", "a", "I am salaried")
        assert after == await threads.snapshot("eligibility", "a")


async def test_the_snapshot_of_an_interrupted_turn_holds_the_question(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads({"approval": approval()}, saver)
        *_, after = await say(threads, "approval", "a", "buy")
        assert after == await threads.snapshot("approval", "a")
    assert [question.value for question in after.interrupts] == ["Shall I?"]
    assert after.next == ("ask",)


def approval() -> Graph:
    def ask(_state: MessagesState) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage(str(interrupt("Shall I?")))]}

    return StateGraph(MessagesState).add_node(ask).add_edge(START, "ask").compile()


async def test_a_listener_that_is_slow_is_not_interrupted_by_the_clock(tmp_path: Path) -> None:
    """The clock once cancelled whoever listened, and the call fell silent."""
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads(GRAPHS, saver, turn_timeout=0.2)
        turn = threads.turn("parrot", "a", HumanMessage("one two three four"))
        with pytest.raises(TurnTimedOut):
            async for _part in turn:
                await asyncio.sleep(0.3)


async def test_a_turn_waits_for_an_earlier_one_no_longer_than_a_turn_may_take(
    tmp_path: Path,
) -> None:
    async with open_checkpointer(tmp_path) as saver:
        locks = ProcessLocks()
        threads = Threads(GRAPHS, saver, turn_timeout=0.3, locks=locks)
        less_patient = Threads(GRAPHS, saver, turn_timeout=0.05, locks=locks)
        first = asyncio.create_task(say(threads, "stuck", "a", "x"))
        await asyncio.sleep(0.1)
        with pytest.raises(TurnTimedOut, match="An earlier turn on the thread 'a'"):
            await say(less_patient, "stuck", "a", "y")
        with pytest.raises(TurnTimedOut):
            await first


async def test_what_a_model_writes_behind_the_scenes_is_not_for_the_person(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        threads = Threads({"discreet": sample_graphs.discreet}, saver)
        parts = await say(threads, "discreet", "a", "secret")
    assert [p.text for p in parts if isinstance(p, Token | Reply)] == ["Thank you."]
