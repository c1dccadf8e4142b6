"""Scans come while the exchange is open, and what they find is told once."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph

from graphs.stocks.state import Input, State
from graphs.threads import Threads
from server.jobs.stock_scans import ALERT, SCAN, SUMMARY, StockScans, next_scan, next_summary
from server.jobs.workers import Workers
from settings import Settings
from store.claims import Claims
from store.database import open_checkpointer, open_database
from store.jobs import Jobs
from store.journal import Journal
from store.locks import open_locks
from store.theses import Theses, Thesis
from tests.jobs.conftest import Clock
from tools.broker import Unsure
from tools.exchange.sessions import new_york
from tools.messages import InDoubt, Messages, NotSent

HALF_HOUR = timedelta(minutes=30)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "scan", "what"),
    [
        ("2026-11-20 14:00", "2026-11-20 14:30", "half an hour before the opening"),
        ("2026-11-20 14:30", "2026-11-20 15:00", "at the opening"),
        ("2026-11-20 20:29", "2026-11-20 20:30", "before the last one"),
        ("2026-11-20 20:30", "2026-11-23 14:30", "a weekend"),
        ("2026-11-25 21:30", "2026-11-27 14:30", "Thanksgiving"),
        ("2026-11-27 17:30", "2026-11-30 14:30", "the short day after it"),
        ("2026-07-01 13:00", "2026-07-01 13:30", "summer time"),
    ],
)
def test_scans_follow_the_calendar_of_the_exchange(now: str, scan: str, what: str) -> None:
    assert next_scan(new_york(), at(now), HALF_HOUR) == at(scan), what


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    st.datetimes(datetime(2024, 1, 5), datetime(2027, 12, 1)).map(lambda d: d.replace(tzinfo=UTC)),
    st.integers(5, 390).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_every_scan_is_while_the_exchange_is_open_and_none_is_left_out(
    now: datetime, every: timedelta
) -> None:
    sessions = new_york()
    found = next_scan(sessions, now, every)
    opens, _ = sessions.last(found)
    assert found > now and sessions.is_open(found) and (found - opens) % every == timedelta(0)
    assert found - every <= now or found == opens


def test_a_day_is_summed_up_after_its_close() -> None:
    assert next_summary(new_york(), at("2026-11-27 15:00")) == at("2026-11-27 18:15")
    assert next_summary(new_york(), at("2026-11-27 18:15")) == at("2026-11-30 21:15")


# The jobs


class Sender:
    """Keeps what is sent; fails as it is told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.error: Exception | None = None

    async def send(self, to: str, subject: str, text: str, key: str) -> str:
        if self.error:
            raise self.error
        self.sent.append((to, subject, text))
        return f"sent {len(self.sent)}"

    async def find(self, to: str, text: str, key: str, since: datetime) -> str | None:
        raise InDoubt("Nobody can say.")


@dataclasses.dataclass
class Scanning:
    """Scans with everything about them."""

    scans: StockScans
    jobs: Jobs
    workers: Workers
    clock: Clock
    slack: Sender
    email: Sender
    runs: list[str]
    sized: list[Mapping[str, Any]]
    trading: Any
    threads: Threads


async def no_halt() -> None:
    return None


@contextlib.asynccontextmanager
async def scanning(data_dir: Path, **more: Any) -> AsyncIterator[Scanning]:
    given = {"stock_scans": True, "owner_email": "owner@example.com"} | more
    settings, clock, slack, email = Settings(**given), Clock(), Sender(), Sender()
    clock.now = at("2026-11-20 14:00")
    runs: list[str] = []
    sized: list[Mapping[str, Any]] = []

    async def run(state: State) -> dict[str, Any]:
        runs.append(str(state["messages"][-1].text))
        return {
            "briefing": "Buy.", "sized": list(sized), "session": "2026-11-19",
            "messages": [AIMessage("Buy.")],
        }  # fmt: skip

    builder = StateGraph(State, input_schema=Input)
    builder.add_node(run)
    builder.add_edge(START, "run")
    builder.add_edge("run", END)
    async with (
        open_database(data_dir) as engine,
        open_checkpointer(data_dir) as checkpointer,
        open_locks(data_dir) as locks,
    ):
        account = SimpleNamespace(standing=silent, positions=silent)
        trading: Any = SimpleNamespace(
            broker=SimpleNamespace(halted=no_halt),
            journal=Journal(engine),
            theses=Theses(engine),
            account=account,
            market=None,
            recorded=True,
            live=False,
            now=clock,
        )

        async def opened() -> Any:
            return trading

        jobs, threads = Jobs(engine), Threads({"stocks": builder.compile()}, checkpointer)
        messages = Messages(Claims(engine), {"slack": slack, "email": email}, clock)
        scans = StockScans(settings, jobs, threads, messages, opened, clock)
        workers = Workers(jobs, locks, scans.kinds, clock)
        yield Scanning(scans, jobs, workers, clock, slack, email, runs, sized, trading, threads)


async def silent() -> Any:
    raise Unsure("The broker gave no answer.")


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Scanning]:
    async with scanning(tmp_path) as made:
        yield made


def pick(symbol: str, shares: str = "10") -> dict[str, Any]:
    return {"symbol": symbol, "shares": shares, "limit_price": "12.50", "probability": 0.561}


async def go_to(on: Scanning, text: str) -> None:
    on.clock.now = at(text)
    await on.workers.run_due()


async def test_scans_go_on_by_themselves_through_the_day_and_to_the_next(on: Scanning) -> None:
    await on.scans.begin()
    while on.clock.now < at("2026-11-23 15:00"):
        waiting = [one for kind in (SCAN, SUMMARY) for one in await on.jobs.list(kind)]
        on.clock.now = min(one.due_at for one in waiting if one.state == "waiting")
        await on.workers.run_due()
    done = [job.key for job in await on.jobs.list(SCAN, state="done")]
    assert len(on.runs) == len(done) == 13 + 2
    assert f"{SCAN}:20261120T1430" in done and f"{SCAN}:20261123T1500" in done
    assert [job.key for job in await on.jobs.list(SUMMARY, state="done")] == [
        f"{SUMMARY}:20261120T2115"
    ]


async def test_what_is_found_again_is_told_once_a_session_on_each_channel(on: Scanning) -> None:
    on.sized[:] = [pick("AAPL"), pick("MSFT", "0")]
    await on.scans.begin()
    for now in ("2026-11-20 14:30", "2026-11-20 15:00", "2026-11-20 15:30"):
        await go_to(on, now)
    on.sized.append(pick("IBM"))
    await go_to(on, "2026-11-20 16:00")
    assert len(on.runs) == 4
    for sender, to in ((on.slack, "owner"), (on.email, "owner@example.com")):
        assert [(one[0], one[1]) for one in sender.sent] == [(to, "Pick: AAPL"), (to, "Pick: IBM")]
    assert "10 shares of AAPL at 12.50 USD at most" in on.slack.sent[0][2]
    assert "probability of 56.1%" in on.slack.sent[0][2]


async def test_a_scan_that_is_done_again_runs_the_graph_once(on: Scanning) -> None:
    on.sized[:] = [pick("AAPL")]
    await on.scans.begin()
    await go_to(on, "2026-11-20 14:30")
    await on.jobs.again(f"{SCAN}:20261120T1430", on.clock.now)  # as after a crash at its end
    await on.workers.run_due()
    assert len(on.runs) == 1 and len(on.slack.sent) == 1


async def test_a_server_that_slept_scans_next_time_and_not_for_what_it_missed(
    on: Scanning,
) -> None:
    await on.scans.begin()
    await go_to(on, "2026-11-20 17:10")
    assert on.runs == []
    missed = await on.jobs.get(f"{SCAN}:20261120T1430")
    assert missed and missed.result == {"left_out": "it would have come too late"}
    await go_to(on, "2026-11-20 17:30")
    assert len(on.runs) == 1


async def test_an_alert_that_is_refused_is_tried_again_and_one_in_doubt_is_not(
    on: Scanning,
) -> None:
    on.sized[:] = [pick("AAPL")]
    on.slack.error, on.email.error = NotSent("Slack refused it."), InDoubt("No answer.")
    await on.scans.begin()
    await go_to(on, "2026-11-20 14:30")
    on.slack.error = on.email.error = None
    await go_to(on, "2026-11-20 14:59")
    assert len(on.slack.sent) == 1 and on.email.sent == []
    dead = await on.jobs.get(f"{ALERT}:pick:2026-11-19:AAPL:email")
    assert dead and dead.state == "dead" and dead.error == "No answer."


async def test_a_halt_is_told_once(on: Scanning) -> None:
    async def halted() -> str:
        return "The book differs."

    on.trading.broker.halted = halted
    await on.trading.journal.append("halt", {"reason": "x"}, key="h", at=on.clock.now)
    await on.scans.begin()
    await go_to(on, "2026-11-20 14:30")
    await go_to(on, "2026-11-20 15:00")
    assert [one[1] for one in on.slack.sent] == ["Trading is halted"]


async def test_the_day_is_summed_up_by_email_and_says_what_is_not_known(on: Scanning) -> None:
    await on.scans.begin()
    await go_to(on, "2026-11-20 21:15")
    ((to, subject, text),) = on.email.sent
    assert (to, subject) == ("owner@example.com", "Trading on 2026-11-20")
    assert "recorded ones of the past" in text and "The broker did not tell" in text
    assert on.slack.sent == []


async def test_a_thesis_that_broke_is_told(on: Scanning) -> None:
    class Silent:
        async def bars(self, *_: Any) -> dict[str, Any]:
            return {}

        async def benchmark(self, *_: Any) -> None:
            return None

    on.trading.market = Silent()
    waits = {"kind": "happens", "symbol": "A", "since": "2026-11-18", "by": "2026-11-20"}
    await on.trading.theses.open(
        Thesis(
            run_id="r", symbol="A", text="x", conditions=({**waits, "what": "filing"},),
            opened_at=at("2026-11-18 22:00"), day=date(2026, 11, 18), by=date(2026, 11, 20),
        )
    )  # fmt: skip
    await on.scans.begin()
    await go_to(on, "2026-11-20 21:15")
    assert [one[1] for one in on.slack.sent] == ["A thesis is broken"]
    assert "no filing" in on.slack.sent[0][2]
    assert "Thesis broken" in on.email.sent[-1][2] or "Thesis broken" in on.email.sent[0][2]


async def test_nothing_is_scanned_unless_it_is_wanted(tmp_path: Path) -> None:
    async with scanning(tmp_path, stock_scans=False) as off:
        await off.scans.begin()
        assert await off.jobs.list(SCAN) == []
        await off.jobs.put(SCAN, "old", {"at": off.clock.now.isoformat()}, due_at=off.clock.now)
        await off.workers.run_due()
        assert off.runs == [] and [job.state for job in await off.jobs.list(SCAN)] == ["done"]


async def test_a_channel_that_is_not_configured_is_not_asked(tmp_path: Path) -> None:
    async with scanning(tmp_path, owner_email=None) as on:
        on.sized[:] = [pick("AAPL", str(Decimal(1)))]
        await on.scans.begin()
        await go_to(on, "2026-11-20 14:30")
        assert len(on.slack.sent) == 1 and on.email.sent == []
        assert len(await on.jobs.list(ALERT)) == 1
