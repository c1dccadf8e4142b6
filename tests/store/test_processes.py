"""Two processes, one thread: they take turns on it, and nothing of a turn is lost."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph

from store.checkpoints import Checkpoints
from store.database import open_checkpointer
from store.locks import open_locks

KEY = "counter:asha"
CONFIG: RunnableConfig = {"configurable": {"thread_id": KEY}}


def counter(saver: Checkpoints) -> Any:
    """Answers with the number of messages before the answer: a lost turn shows."""

    async def count(state: MessagesState) -> Any:
        await asyncio.sleep(0.005)
        return {"messages": [AIMessage(str(len(state["messages"])))]}

    graph = StateGraph(MessagesState)
    graph.add_node("count", count)
    graph.add_edge(START, "count")
    return graph.compile(checkpointer=saver)


async def take_turns(data_dir: Path, url: str | None, name: str, turns: int) -> None:
    """Be one of the processes, and print a line after each turn."""
    async with open_locks(data_dir, url) as locks, open_checkpointer(data_dir, url) as saver:
        graph = counter(saver)
        for number in range(turns):
            async with locks.hold(KEY, 60):
                value = {"messages": [HumanMessage(f"{name} {number}")]}
                await graph.ainvoke(value, CONFIG, durability="exit")
            print(name, number, flush=True)  # noqa: T201


@contextlib.asynccontextmanager
async def process(data_dir: Path, url: str | None, name: str, turns: int) -> AsyncIterator[Process]:
    """Another process that takes turns."""
    what = f"take_turns(Path({str(data_dir)!r}), {url!r}, {name!r}, {turns})"
    code = "import asyncio; from pathlib import Path\n"
    code += f"from tests.store.test_processes import take_turns; asyncio.run({what})"
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    try:
        yield run
    finally:
        with contextlib.suppress(ProcessLookupError):
            run.kill()
        await run.communicate()


async def conversation(data_dir: Path, url: str | None) -> list[str]:
    """What the thread holds."""
    async with open_checkpointer(data_dir, url) as saver:
        state = await counter(saver).aget_state(CONFIG)
        return [str(message.text) for message in state.values["messages"]]


async def test_no_turn_of_two_processes_is_lost(data_dir: Path, database_url: str | None) -> None:
    where = (data_dir, database_url)
    async with process(*where, "a", 25) as a, process(*where, "b", 25) as b:
        assert await asyncio.gather(a.wait(), b.wait()) == [0, 0]
    said = await conversation(*where)
    assert len(said) == 100
    assert said[1::2] == [str(2 * turn + 1) for turn in range(50)]
    for name in "ab":
        own = [text for text in said[::2] if text.startswith(name)]
        assert own == [f"{name} {number}" for number in range(25)]


async def test_a_process_killed_in_a_turn_holds_nobody_up(
    data_dir: Path, database_url: str | None
) -> None:
    """What it had answered is kept, what it was about to answer is not there by half."""
    where = (data_dir, database_url)
    async with process(*where, "a", 10_000) as a:
        assert a.stdout
        for _ in range(20):
            await asyncio.wait_for(a.stdout.readline(), 30)
        a.kill()  # it is in a turn nearly all the time
        answered = 20 + len((await a.communicate())[0].splitlines())
    async with process(*where, "b", 10) as b:
        assert await asyncio.wait_for(b.wait(), 30) == 0
    said = await conversation(*where)
    of_a = [text for text in said[::2] if text.startswith("a")]
    assert of_a == [f"a {number}" for number in range(len(of_a))]
    assert answered <= len(of_a) <= answered + 1
    assert said[1::2] == [str(2 * turn + 1) for turn in range(len(of_a) + 10)]
