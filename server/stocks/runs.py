"""Runs of the stocks graph as they are on record: how far each is, what it found, what it cost.

A run is read from the journal, which every process writes and nobody changes; so one that was begun
by telephone or in the chat is found here too.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field

from graphs.stocks.consensus import Consensus
from graphs.stocks.opinion import Answer
from graphs.stocks.risk import Rule, Sized
from server.stocks.analysing import ANALYSIS
from store.approvals import State as ApprovalState
from store.jobs import Job, Jobs
from store.journal import Entry
from store.spending import Charge
from tools.market.evidence import Kind
from tools.market.provider import SourceFailed
from tools.trading import Trading

STEPS: Final = ("begun", "evidence", "votes", "consensus", "briefing")
"""What is on record of a run, in its order."""
GIVEN_UP: Final = timedelta(minutes=15)
"""Time after which a run that nobody goes on with is not thought to be running."""
_MOST: Final = 500

RunState = Literal["running", "done", "failed"]


class Known(BaseModel):
    """A datum (`tools.market.evidence.Datum`), with the id at which claims point."""

    id: str
    symbol: str | None
    kind: Kind
    name: str
    value: Decimal | str
    unit: str | None
    source: str
    as_of: AwareDatetime
    knowable_at: AwareDatetime
    url: str | None


class RunCut(BaseModel):
    """A rule that made an order smaller, or prevented it."""

    symbol: str
    rule: Rule
    before: Decimal
    after: Decimal
    why: str


class Run(BaseModel):
    """A run in a line."""

    run_id: str
    graph: str | None = Field(None, description="Graph in which it runs.")
    thread_id: str | None = Field(None, description="Its conversation.")
    as_of: AwareDatetime | None = Field(
        None, description="Time of the market at which it began; None before it has."
    )
    symbols: list[str]
    state: RunState
    problem: str | None = Field(None, description="Why it failed.")
    steps: list[str] = Field(description="What is on record of it, of " + ", ".join(STEPS) + ".")
    outcome: str | None = None
    approval: ApprovalState | None = Field(
        None, description="How the approval stands of what it proposed."
    )
    consensus: list[Consensus] = []
    cost_usd: Decimal = Decimal(0)


class WholeRun(Run):
    """A run with all that it rests on."""

    recorded: bool = Field(description="Whether prices are recorded ones of the past.")
    live: bool = Field(description="Whether real money is traded.")
    session: str | None = Field(None, description="Last session that was over when it began.")
    briefing: str | None = None
    answers: list[Answer] = []
    evidence: list[Known] = []
    sources_failed: list[SourceFailed] = []
    cuts: list[RunCut] = []
    sized: list[Sized] = []
    debate: list[dict[str, Any]] = []
    standings: dict[str, dict[str, Any]] = {}
    stale: list[Any] = Field(
        [], description="Older answers of analysts that could not be asked; they count for nothing."
    )
    base_rate: float | None = None
    charges: list[Charge] = []
    approval_id: str | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs.

    Attributes:
        trading: whose journal it is.
        jobs: those that run in the background.
    """

    trading: Trading
    jobs: Jobs

    async def newest(self, limit: int, symbol: str | None = None) -> list[Run]:
        """Return the newest first, those that have not begun before them."""
        entries = await self.trading.journal.newest("run", _MOST if symbol else limit)
        if symbol:
            entries = [one for one in entries if symbol in one.body["symbols"]][:limit]
        begun = [one.body["run_id"] for one in entries]
        waiting = [
            _waiting(job)
            for job in await self.jobs.list(ANALYSIS, limit=limit)
            if job.data["run_id"] not in begun and job.state != "done"
        ]
        if symbol:
            waiting = [one for one in waiting if symbol in one.symbols]
        if not entries:
            return waiting
        since = min(one.seq for one in entries)
        prefixes = [f"{kind}:{run}" for run in begun for kind in ("consensus", "briefing")]
        rows = await self._rows(prefixes, since)
        return [
            *waiting,
            *[await self._run(one, rows.get(one.body["run_id"], [])) for one in entries],
        ]

    async def get(self, run_id: str) -> WholeRun | None:
        """Return a run; None where there is none."""
        entry = await self.trading.journal.get(f"run:{run_id}")
        if entry is None:
            job = await self.jobs.get(f"{ANALYSIS}:{run_id}")
            if job is None:
                return None
            about = _waiting(job).model_dump()
            return WholeRun(**about, recorded=self.trading.recorded, live=self.trading.live)
        kinds = ("evidence", "vote", "consensus", "cut", "briefing")
        rows = (await self._rows([f"{kind}:{run_id}" for kind in kinds], entry.seq)).get(run_id, [])
        run = await self._run(entry, rows)
        charges = await self.trading.spending.list(run_id=run_id)
        approval = await self.trading.approvals.of_run(run_id)
        told = next((row.body for row in rows if row.kind == "evidence"), {})
        end = next((row.body for row in rows if row.kind == "briefing"), {})
        kept = ("session", "sized", "debate", "standings", "stale", "base_rate")
        return WholeRun(
            **run.model_dump(),
            recorded=self.trading.recorded,
            live=self.trading.live,
            briefing=end.get("text"),
            answers=[_without_run(row.body) for row in rows if row.kind == "vote"],
            evidence=told.get("data", []),
            sources_failed=told.get("failed", []),
            cuts=[RunCut(**row.body) for row in rows if row.kind == "cut"],
            charges=list(charges),
            approval_id=approval.id if approval else None,
            **{name: end[name] for name in kept if end.get(name) is not None},
        )

    async def latest_of(self, symbols: Sequence[str]) -> dict[str, Entry]:
        """Return the newest consensus on each symbol, of those that are not long ago."""
        found: dict[str, Entry] = {}
        for entry in await self.trading.journal.newest("consensus", _MOST):
            if entry.body["symbol"] in symbols:
                found.setdefault(entry.body["symbol"], entry)
        return found

    async def _rows(self, prefixes: Sequence[str], since: int) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for row in await self.trading.journal.under(prefixes, since=since):
            found.setdefault(row.body["run_id"], []).append(row)
        return found

    async def _run(self, entry: Entry, rows: Sequence[Entry]) -> Run:
        run_id = entry.body["run_id"]
        graph, _, thread = str(entry.body.get("thread", "")).partition(":")
        kinds = {row.kind for row in rows}
        end = next((row.body for row in rows if row.kind == "briefing"), None)
        job = await self.jobs.get(f"{ANALYSIS}:{run_id}")
        state, problem = _standing(entry, end, job, self.trading.now())
        approval = await self.trading.approvals.of_run(run_id)
        named = {"evidence": "evidence", "vote": "votes", "consensus": "consensus"}
        steps = ["begun", *(step for kind, step in named.items() if kind in kinds)]
        return Run(
            run_id=run_id,
            graph=graph or None,
            thread_id=thread or None,
            as_of=entry.body["at"],
            symbols=entry.body["symbols"],
            state=state,
            problem=problem,
            steps=[*steps, "briefing"] if end else steps,
            outcome=end["outcome"] if end else None,
            approval=approval.state if approval else None,
            consensus=[_without_run(row.body) for row in rows if row.kind == "consensus"],
            cost_usd=await self.trading.spending.of_run(run_id),
        )


def _standing(
    entry: Entry, end: Mapping[str, Any] | None, job: Job | None, now: datetime
) -> tuple[RunState, str | None]:
    if job is not None and job.state == "waiting" and not job.error:
        return "running", None
    if end is not None:
        return "done", None
    if job is not None and job.state in ("dead", "cancelled", "done"):
        return "failed", job.error or "It ended before it had come to anything."
    if job is None and now - entry.at > GIVEN_UP:
        return "failed", "It was not finished."
    return "running", None


def _waiting(job: Job) -> Run:
    """Return a run that has not begun yet, or never did."""
    return Run(
        run_id=job.data["run_id"],
        graph=job.data["graph"],
        thread_id=job.data["thread_id"],
        symbols=job.data["symbols"],
        state="running" if job.state == "waiting" else "failed",
        problem=job.error,
        steps=[],
    )


def _without_run(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "run_id"}


async def wait_for(runs: Runs, run_id: str, secs: float) -> WholeRun | None:
    """Return a run when it is over, or as it stands after some time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + secs
    while True:
        found = await runs.get(run_id)
        if found is None or found.state != "running" or loop.time() >= until:
            return found
        await asyncio.sleep(0.1)
