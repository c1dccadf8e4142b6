"""Analyses in the background: a durable job runs the stocks graph on a thread of its own."""

import hashlib
from collections.abc import Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Final
from uuid import uuid4

from langchain_core.messages import HumanMessage

from graphs.precedence import key_of
from graphs.stocks.run import run_id_of
from graphs.threads import Threads
from server.jobs.work import Done, Outcome, Retry, Work
from store.jobs import Job, Jobs

ANALYSIS: Final = "stock_analysis"
"""Kind of the job; its key ends in the run's id."""
GRAPH: Final = "stocks"


async def ask_for_analysis(
    jobs: Jobs, symbols: Sequence[str], *, by: str, key: str | None = None
) -> str:
    """Ask for an analysis, and return the id of its run; that of the first where asked again.

    Args:
        jobs: where it waits to be run.
        symbols: what is looked at; what the settings name where there are none.
        by: who asks.
        key: names the request; the same one is run once.
    """
    name = hashlib.sha256(f"{by}:{key}".encode()).hexdigest()[:24] if key else uuid4().hex[:24]
    thread_id = f"analysis-{name}"
    run_id = run_id_of(key_of(GRAPH, thread_id), thread_id)
    named = ", ".join(f"${symbol}" for symbol in symbols)  # the sign says that it is no word
    data = {
        "run_id": run_id,
        "graph": GRAPH,
        "thread_id": thread_id,
        "symbols": list(symbols),
        "text": f"Analyse {named}." if symbols else "What should I buy?",
    }
    await jobs.put(ANALYSIS, f"{ANALYSIS}:{run_id}", data)
    return run_id


class Analysing:
    """Runs what was asked for.

    Args:
        threads: on which the graph runs.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    @property
    def work(self) -> Work:
        """The kind of job that it is; a run that was cut short goes on where it was."""
        return Work(self.run, Retry(4, timedelta(seconds=2), timedelta(minutes=1)), 300.0)

    async def run(self, job: Job) -> Outcome:
        """Run one; its id makes a second time the same run."""
        said = HumanMessage(job.data["text"], id=job.data["thread_id"])
        turn = self._threads.turn(job.data["graph"], job.data["thread_id"], said)
        async with aclosing(turn):
            async for _ in turn:
                pass
        return Done()
