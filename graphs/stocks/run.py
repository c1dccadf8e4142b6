"""The steps of a run that act or look something up, apart from the graph that orders them."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Final

import numpy as np
from langchain_core.runnables import RunnableConfig

from graphs.stocks.account import book_of, prices_of
from graphs.stocks.analysts import panel
from graphs.stocks.consensus import Consensus, agree
from graphs.stocks.ledger import Earned, begin_with_history, earned, forecasts_of, grade
from graphs.stocks.opinion import ANSWER, Answer
from graphs.stocks.risk import Conviction, Price, Sized, dispose
from graphs.stocks.state import Json, State
from tools.broker import Refused, Unsure
from tools.desk import desk_of
from tools.exchange.sessions import new_york
from tools.market.bars import Series
from tools.market.provider import ProviderFailed, SourceFailed
from tools.trading import Trading

MOST_SYMBOLS: Final = 40
"""Most symbols of one run."""


def run_id_of(thread_id: str, message_id: str) -> str:
    """Name a run by what has started it."""
    return hashlib.sha256(f"{thread_id}:{message_id}".encode()).hexdigest()[:24]


async def trading_of(config: RunnableConfig) -> Trading:
    """Return what the run trades with."""
    return await (await desk_of(config)).trading()


async def begin(trading: Trading, run_id: str, symbols: Sequence[str], thread: str) -> datetime:
    """Write down that a run begins, or has begun before; returns the time of the market then.

    Args:
        trading: what is traded with.
        run_id: the run.
        symbols: what it is about.
        thread: graph and conversation, with a colon between.
    """
    body = {
        "run_id": run_id,
        "symbols": list(symbols),
        "thread": thread,
        "at": trading.now().isoformat(),
    }
    entry = await trading.journal.append("run", body, key=f"run:{run_id}", at=trading.now())
    return datetime.fromisoformat(entry.body["at"])


async def collect(trading: Trading, run_id: str, symbols: Sequence[str], as_of: datetime) -> State:
    """Collect what is known at a time, with what the analysts that are code make of it."""
    # Those that are looked at anyway are what a single symbol is compared with.
    looked_at = list(dict.fromkeys([*symbols, *trading.symbols]))[:MOST_SYMBOLS]
    told = await trading.market.data(looked_at, as_of)
    failures = list(told.failures)
    series: Mapping[str, Series] = {}
    try:
        series = await trading.market.bars(looked_at, as_of)
    except ProviderFailed as error:
        failures.append(SourceFailed(provider="prices by the day", problem=str(error)))
    session = await asyncio.to_thread(last_session, as_of)
    scores = await asyncio.to_thread(panel.scores, series, told.data, np.datetime64(session))
    data = [datum for datum in told.data if datum.symbol in (None, *symbols)]
    rows = [{"id": datum.id, **datum.model_dump(mode="json")} for datum in data]
    await trading.journal.append(
        "evidence",
        {"run_id": run_id, "data": rows, "failed": [one.model_dump() for one in failures]},
        key=f"evidence:{run_id}",
        at=as_of,
    )
    turnover = {s: one.turnover() for s, one in series.items() if s in symbols}
    return State(
        session=session.isoformat(),
        evidence=[datum.model_dump(mode="json") for datum in data],
        sources_failed=[one.model_dump() for one in failures],
        scores=scores,
        turnover={s: value for s, value in turnover.items() if np.isfinite(value)},
    )


def last_session(as_of: datetime) -> date:
    """Return the last session of the exchange that was over at a time; blocks once a second."""
    sessions = new_york()
    opens, closes = sessions.last(as_of)
    if closes > as_of:
        opens, _ = sessions.last(opens.replace(hour=0, minute=0))
    return opens.date()


async def learn(trading: Trading, session: date, horizon: int) -> Earned:
    """Return what analysts have earned by a session, after grading what is due."""
    await begin_with_history(trading, horizon)
    await grade(trading, session, trading.now())
    return await earned(trading.forecasts, session, horizon)


def answers_of(state: State) -> list[Answer]:
    """Return what analysts answered."""
    return [ANSWER.validate_python(row) for row in state.get("answers") or []]


async def consensus(trading: Trading, state: State, known: Earned, horizon: int) -> State:
    """Let the answers agree; each vote, and what it forecasts, is written down."""
    answers, run_id = answers_of(state), state["run_id"]
    at, session = datetime.fromisoformat(state["as_of"]), date.fromisoformat(state["session"])
    found = [
        agree(
            symbol,
            [one for one in answers if one.symbol == symbol],
            known.standings,
            known.likeness,
        )
        for symbol in state["symbols"]
    ]
    votes = [
        ("vote", one.model_dump(mode="json"), f"vote:{run_id}:{one.analyst}:{one.symbol}")
        for one in answers
    ]
    beliefs = [("consensus", dumped(one), f"consensus:{run_id}:{one.symbol}") for one in found]
    rows = [(kind, {"run_id": run_id, **body}, key) for kind, body, key in [*votes, *beliefs]]
    await trading.journal.append_all(rows, at=at)
    due_on = await asyncio.to_thread(lambda: new_york().ahead(session, 1 + horizon))
    await trading.forecasts.add(forecasts_of(answers, known, run_id, session, due_on))
    return State(
        consensus=[dumped(one) for one in found],
        standings={
            name: {
                "weight": one.weight,
                "graded": one.calibration.graded,
                **known.scores.get(name, {}),
            }
            for name, one in known.standings.items()
        },
        base_rate=known.base if known.graded else None,
        cost_usd=str(await trading.spending.of_run(run_id)),
    )


def dumped(one: Consensus) -> Json:
    """Return a consensus as JSON."""
    plain: Json = json.loads(json.dumps(asdict(one)))
    return plain


async def size(trading: Trading, state: State) -> State:
    """Size what is believed in, within the limits; each cut is written down."""
    run_id, now = state["run_id"], trading.now()
    convictions = [
        Conviction(one["symbol"], one["probability"], one["effective_voters"])
        for one in state.get("consensus") or []
        if one["probability"] is not None
    ]
    sized: list[Sized] = []
    prices: dict[str, Price] = {}
    halted = await trading.broker.halted()
    if convictions:
        try:
            book, blocked = await book_of(trading, now, run_id)
        except (Refused, Unsure):
            return State(sized=[], prices={}, broker_silent=True)
        symbols = {*(one.symbol for one in convictions), *book.shares}
        prices = await prices_of(trading, sorted(symbols), state.get("turnover") or {})
        limits = trading.limits
        picks = state["request"]["picks"]
        if picks:
            limits = limits.model_copy(update={"picks": min(picks, limits.picks)})
        sized = dispose(convictions, book, prices, limits, now=now, halted=halted or blocked)
    for one in sized:
        for cut in one.cuts:
            body = {"run_id": run_id, "symbol": one.symbol, **cut.model_dump(mode="json")}
            key = f"cut:{run_id}:{one.symbol}:{cut.rule}"
            await trading.journal.append("cut", body, key=key, at=now)
    return State(
        sized=[one.model_dump(mode="json") for one in sized],
        prices={symbol: str(price.ask) for symbol, price in prices.items()},
    )


async def conclude(trading: Trading, state: State, text: str, outcome: str) -> None:
    """Write down what a run has come to, before anybody is asked about it."""
    kept = ("run_id", "session", "sized", "prices", "standings", "base_rate", "debate", "stale")
    body = {name: state.get(name) for name in kept} | {"text": text, "outcome": outcome}
    key = f"briefing:{state['run_id']}"
    await trading.journal.append("briefing", body, key=key, at=trading.now())
