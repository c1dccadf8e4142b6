"""How long a decision takes: the pure step, the graph without persistence, and with SQLite.

Run `python -m benchmarks.decision`. Sentences are new to the parsers, so that no cache helps,
except where the table says so.
"""

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from rich.console import Console
from rich.table import Table

from graphs.eligibility.graph import graph
from graphs.eligibility.rules import load_rules
from graphs.eligibility.state import Event, Interview
from graphs.eligibility.step import step
from graphs.threads import Graph, Threads
from store.database import open_checkpointer

CONVERSATIONS = 400
AT = datetime(2026, 11, 21, tzinfo=UTC)


def conversations(salt: int) -> Iterator[list[str]]:
    """Conversations of five turns that were never heard before."""
    for number in range(salt, salt + CONVERSATIONS):
        yield [
            f"Hello, this is caller {number}",
            f"haan ji, main naukri karta hoon, {number}",
            f"meri salary {25_000 + 7 * number} rupaye mahina hai",
            f"why do you ask, {number}",
            f"main Mumbai mein rehta hoon, caller {number}",
        ]


def time_steps(salt: int) -> list[float]:
    """Milliseconds of each step; a salt used before finds every sentence read already."""
    rules, times = load_rules(), list[float]()
    for said in conversations(salt):
        state = Interview()
        for text in said:
            event = Event("said", AT, text, "speech")
            began = time.perf_counter()
            state, _ = step(state, event, rules)
            times.append((time.perf_counter() - began) * 1000)
        assert state.outcome == "eligible", (said, state)
    return times


async def time_plain_graph() -> list[float]:
    """Milliseconds of graph runs that take a whole thread as input and persist nothing."""
    times = []
    for said in conversations(10_001):
        began = time.perf_counter()
        await graph.ainvoke({"messages": [HumanMessage(said[1])]})
        times.append((time.perf_counter() - began) * 1000)
    return times


def echo() -> Graph:
    """The smallest LangGraph graph that answers: what the framework itself costs."""

    async def answer(state: MessagesState) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage("Which city do you live in?")]}

    builder = StateGraph(MessagesState)
    builder.add_node(answer)
    builder.add_edge(START, "answer")
    return builder.compile()


async def time_threads(graph: Graph) -> list[float]:
    """Milliseconds of each turn through `Threads` on SQLite: streamed, durable, snapshot taken."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_checkpointer(Path(folder)) as checkpointer:
            threads = Threads({"eligibility": graph}, checkpointer)
            for number, said in enumerate(itertools.islice(conversations(20_001), 100)):
                for text in said:
                    began = time.perf_counter()
                    async for _ in threads.turn("eligibility", str(number), HumanMessage(text)):
                        pass
                    times.append((time.perf_counter() - began) * 1000)
    return times


def main() -> None:
    """Print the table."""
    measured = [
        ("pure step, parsers included", time_steps(1), ""),
        ("pure step, sentence read before", time_steps(1), "p99 under 0.1 ms"),
        ("graph, nothing persisted", asyncio.run(time_plain_graph()), ""),
        ("graph turn, durable on SQLite", asyncio.run(time_threads(graph)), "p50 under 3 ms"),
        ("one empty node, the same way", asyncio.run(time_threads(echo())), ""),
    ]
    step_p50 = statistics.median(measured[1][1])
    table = Table(title="The eligibility decision, milliseconds")
    for heading in ("what", "runs", "p50", "p99", "p50 in steps", "target"):
        table.add_column(heading, justify="left" if heading in ("what", "target") else "right")
    for what, times, target in measured:
        p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
        table.add_row(
            what, str(len(times)), f"{p50:.3f}", f"{p99:.3f}", f"{p50 / step_p50:.1f}", target
        )
    Console().print(table)


if __name__ == "__main__":
    main()
