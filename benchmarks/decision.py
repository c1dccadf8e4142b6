"""How long a decision takes: the pure step, the graph without persistence, and with SQLite.

Run `python -m benchmarks.decision`. Sentences are new to the parsers, so that no cache helps,
except where the table says so. The limits to compare with: what LangGraph takes for one node that
decides nothing, and what SQLite takes to write as much with and without waiting for the disk.

A step is shorter than a time slice of a busy machine: of each sentence the median counts over
rounds in which only the number in it differs.
"""

import asyncio
import itertools
import os
import resource
import sqlite3
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
ROUNDS = 7
AT = datetime(2026, 11, 21, tzinfo=UTC)


def conversations(salt: int) -> Iterator[list[str]]:
    """Conversations of five turns that were never heard before."""
    for number in range(salt, salt + CONVERSATIONS):
        yield [
            f"Hello, this is caller {number}",
            f"haan ji, main naukri karta hoon, {number}",
            f"meri salary {25_000 + 7 * number} rupaye mahina hai",
            f"why do you ask, {number}",
            f"main Mumbai mein rehta hoon, {number}",
        ]


def time_steps(*salts: int) -> list[float]:
    """Milliseconds of each step; a salt used before finds every sentence read already."""
    rounds = [_time_steps(salt) for salt in salts]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def _time_steps(salt: int) -> list[float]:
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


def time_commits(synchronous: str) -> list[float]:
    """Milliseconds to write what a turn writes, in SQLite alone; FULL waits for the disk."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "bare.sqlite")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("CREATE TABLE turns (content BLOB)")
        for _ in range(200):
            content = os.urandom(4096)
            began = time.perf_counter()
            connection.execute("INSERT INTO turns VALUES (?)", (content,))
            connection.commit()
            times.append((time.perf_counter() - began) * 1000)
        connection.close()
    return times


def bytes_in(folder: str) -> int:
    """Bytes of all files of a folder."""
    return sum(file.stat().st_size for file in Path(folder).iterdir())


async def grow(turns: int) -> tuple[list[float], list[int]]:
    """Milliseconds, and bytes on disk, after each turn of one long thread."""
    times, sizes = list[float](), list[int]()
    with tempfile.TemporaryDirectory() as folder:
        async with open_checkpointer(Path(folder)) as checkpointer:
            threads = Threads({"eligibility": graph}, checkpointer)
            for number in range(turns):
                said = HumanMessage(f"why do you ask, {number}")
                began = time.perf_counter()
                async for _ in threads.turn("eligibility", "long", said):
                    pass
                times.append((time.perf_counter() - began) * 1000)
                sizes.append(bytes_in(folder))
    return times, sizes


def main() -> None:
    """Print the table."""
    salts = [100_000 + 1_000 * number for number in range(ROUNDS)]
    empty = asyncio.run(time_threads(echo()))
    measured = [
        ("pure step, new sentences", time_steps(*salts), "p99 under 0.1 ms"),
        ("pure step, sentences read before", time_steps(salts[-1]), ""),
        ("graph, nothing persisted", asyncio.run(time_plain_graph()), ""),
        ("graph turn, durable on SQLite", asyncio.run(time_threads(graph)), "p50 under 3 ms"),
        ("limit: one empty node, the same way", empty, ""),
        ("limit: 4 KB committed, as durable", time_commits("NORMAL"), ""),
        ("4 KB committed, waiting for the disk", time_commits("FULL"), ""),
    ]
    node_p50 = statistics.median(empty)
    table = Table(title="The eligibility decision, milliseconds")
    for heading in ("what", "runs", "p50", "p99", "p50 in empty nodes", "target"):
        table.add_column(heading, justify="left" if heading in ("what", "target") else "right")
    for what, times, target in measured:
        p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
        table.add_row(
            what, str(len(times)), f"{p50:.3f}", f"{p99:.3f}", f"{p50 / node_p50:.2f}", target
        )
    Console(width=110).print(table)
    times, sizes = asyncio.run(grow(200))
    for first in (0, 100):
        part = statistics.median(times[first : first + 100])
        grown = (sizes[first + 99] - sizes[first]) / 1e6
        print(f"one thread, turns {first + 1} to {first + 100}: p50 {part:.2f} ms, {grown:.2f} MB")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"memory of the process at most {most:.0f} MB; load of the machine {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
