"""The checks that need no model: data are cut, changed and planted, and answers compared.

Each has a control: a leak that is planted on purpose, which the same check has to find. A check
whose control is not found shows nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import get_args

import numpy as np

from graphs.stocks.analysts.quant import SIGNALS, Signal, stated
from graphs.stocks.memory.recall import recall
from graphs.stocks.replay.history import SESSIONS, History
from graphs.stocks.replay.policies import ByConsensus
from graphs.stocks.replay.replay import Rules, replay
from graphs.stocks.track_record import Floats
from store.forecasts import Forecast, Forecasts
from store.theses import Review, Sighting, Theses, Thesis
from tools.market.evidence import Datum, Evidence, FromTheFuture, Kind
from tools.market.provider import Market, Provider

MINUTE = timedelta(minutes=1)
LOOK_BACK = 2 * SESSIONS
"""Sessions before a day that its answers are made of, twice what any analyst reads."""
LATER = 63
"""Sessions after a day that are shown, and cut off."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check has found.

    Attributes:
        name: what was done.
        about: to what.
        tried: how often.
        leaked: in how many of them something of later was found.
        control: whether the leak that was planted for the check itself was found.
        example: where the first was found; empty where none was.
    """

    name: str
    about: str
    tried: int
    leaked: int
    control: bool
    example: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing leaked, by a check that can find something."""
        return self.tried > 0 and self.leaked == 0 and self.control


def sampled(history: History, samples: int, seed: int = 0) -> list[int]:
    """Return sessions on which decisions can be made, drawn at random, in order.

    Raises:
        ValueError: the history is too short.
    """
    choices = np.arange(SESSIONS - 1, len(history) - 1)
    if not len(choices):
        raise ValueError(f"{len(history)} sessions are too few; {SESSIONS + 1} are needed.")
    drawn = np.random.default_rng(seed).choice(choices, min(samples, len(choices)), replace=False)
    return sorted(drawn.tolist())


# Truncation


def tomorrow(closes: Floats) -> Floats:
    """Return the next session's return: an analyst that cannot be, planted as a control."""
    found = np.full_like(closes, np.nan)
    found[:-1] = closes[1:] / closes[:-1] - 1
    return found


def truncation(
    history: History, sessions: Sequence[int], signals: Mapping[str, Signal] = SIGNALS
) -> list[Check]:
    """Ask each analyst that is code about days, with the days after them and without."""
    days = [str(day) for day in history.days]
    _, closes = history.closes(len(history))
    caught = bool(_differences(tomorrow, closes, sessions))
    found = []
    for name, signal in signals.items():
        wrong = _differences(signal, closes, sessions)
        example = f"on {days[wrong[0]]}" if wrong else ""
        name_of = "answers without the days after"
        found.append(Check(name_of, name, len(sessions), len(wrong), caught, example))
    return found


def _differences(signal: Signal, closes: Floats, sessions: Sequence[int]) -> list[int]:
    """Return the sessions on which the days after them make a difference."""
    found = []
    for session in sessions:
        start = max(0, session + 1 - LOOK_BACK)
        known, more = closes[start : session + 1], closes[start : session + 1 + LATER]
        without, with_ = stated(signal(known))[-1], stated(signal(more))[len(known) - 1]
        if not np.allclose(without, with_, rtol=0, atol=1e-12, equal_nan=True):
            found.append(session)
    return found


# Another future


def another_future(history: History, session: int) -> History:
    """Return a history that is the same up to a session, and wildly different after it."""
    later = np.arange(len(history)) > session
    first_day = history.days[session]
    series = {}
    for n, (symbol, one) in enumerate(history.series.items()):
        factor = np.where(one.days > first_day, 3.0 ** (n % 5 - 1), 1.0)
        actions = tuple(a for a in one.actions if np.datetime64(a.day) <= first_day)
        series[symbol] = replace(
            one, open=one.open * factor, close=one.close * factor, actions=actions
        )
    return replace(history, series=series, index=history.index / np.where(later, 2.0, 1.0))


class Leaky(History):
    """A history that tells the next session's closes too: planted as a control."""

    __slots__ = ()

    def until(self, session: int) -> History:
        """Return one session too many, passed off as known."""
        honest = History.until(self, session)
        more = History.until(self, min(session + 1, len(self) - 1))
        told = {
            symbol: replace(
                one,
                open=more.series[symbol].open[-len(one) :],
                close=more.series[symbol].close[-len(one) :],
            )
            for symbol, one in honest.series.items()
        }
        return replace(honest, series=told)


def decisions(history: History, rules: Rules, sessions: Sequence[int]) -> Check:
    """Replay a history with another future after some sessions: nothing before may differ."""
    cuts = [session for session in sessions if session + rules.horizon + 1 < len(history)]
    wrong = [cut for cut in cuts if _told(history, rules, cut)]
    leaky = Leaky(history.name, history.series, history.days, history.index, history.notes)
    caught = any(_told(leaky, rules, _decided_on(cut, rules)) for cut in cuts[:2])
    example = f"before {history.days[wrong[0]]}" if wrong else ""
    about = "decisions, orders and fills"
    return Check("another future after a day", about, len(cuts), len(wrong), caught, example)


def _decided_on(session: int, rules: Rules) -> int:
    """Return the last session up to this one on whose close is decided."""
    return session - (session - SESSIONS + 1) % rules.horizon


def _told(history: History, rules: Rules, cut: int) -> bool:
    """Whether a replay up to a session differs when what comes after it does."""
    horizon = min(cut + rules.horizon + 2, len(history) - 1)  # what is later cannot matter
    part = replace(
        history,
        series=History.until(history, horizon).series,
        days=history.days[: horizon + 1],
        index=history.index[: horizon + 1],
    )
    return _until(part, rules, cut) != _until(another_future(part, cut), rules, cut)


def _until(history: History, rules: Rules, cut: int) -> object:
    policy, last = ByConsensus(rules), history.days[cut].astype(object)
    done = replay(history, policy, rules)
    made = [
        (one.day, one.answers, one.consensus, one.sized, one.orders)
        for one in policy.decided
        if one.day <= last
    ]
    return made, [fill for fill in done.fills if fill.day <= last]


# Planted data


def planted_evidence(moments: Sequence[datetime]) -> Check:
    """Plant data of every kind that become known a minute later; none may be taken as evidence."""
    kinds, leaked, taken = get_args(Kind), 0, 0
    for at in moments:
        for kind in kinds:
            about = {"kind": kind, "name": "planted", "value": "x", "source": "planted"}
            # About the past, known only later: the trap of filings and revised figures.
            past = about | {"as_of": at - timedelta(days=30)}
            try:
                Evidence(at, [Datum.model_validate(past | {"knowable_at": at + MINUTE})])
                leaked += 1
            except FromTheFuture:
                pass
            taken += len(Evidence(at, [Datum.model_validate(past | {"knowable_at": at - MINUTE})]))
    tried = len(moments) * len(kinds)
    return Check("data known a minute later", "evidence", tried, leaked, taken == tried)


@dataclass(frozen=True, slots=True)
class Planted:
    """A provider that tells what nobody can know yet."""

    name: str = "planted"

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return a datum of tomorrow for each symbol."""
        later = as_of + timedelta(days=1)
        about = {"kind": "news", "name": "planted", "value": "x", "source": self.name}
        return [
            Datum.model_validate(about | {"symbol": s, "as_of": as_of, "knowable_at": later})
            for s in symbols
        ]


async def market(
    providers: Sequence[Provider], symbols: Sequence[str], moments: Sequence[datetime]
) -> Check:
    """Ask the market data chosen about times of the past; nothing of later may be told."""
    asked, leaked, caught, example = Market([*providers, Planted()]), 0, True, ""
    for at in moments:
        told = await asked.data(symbols, at)
        caught &= any(one.provider == "planted" for one in told.failures)
        late = any(datum.knowable_at > at or datum.as_of > at for datum in told.data)
        bars = await asked.bars(symbols, at)
        late |= any(one.days[-1] > np.datetime64(at.date()) for one in bars.values() if len(one))
        leaked += late
        example = example or (f"at {at:%Y-%m-%d %H:%M}" if late else "")
    names = ", ".join(one.name for one in providers)
    return Check("market data as of the past", names, len(moments), leaked, caught, example)


async def memory(store: Theses, moments: Sequence[datetime]) -> Check:
    """Plant memories of a minute later; none may be read at the time, all of them afterwards."""
    leaked, caught = 0, True
    for n, at in enumerate(moments):
        thesis, rows = _memories(n, at + MINUTE)
        await store.open(thesis)
        for row in rows:
            await (store.review(row) if isinstance(row, Review) else store.see(row))
        early, late = await recall(store, at), await recall(store, at + MINUTE)
        symbol = thesis.symbol
        leaked += symbol in str(early) or any(row.id in str(early) for row in rows)
        caught &= any(h.thesis == thesis and h.last for h in late.theses)
        caught &= any(row.symbol == symbol for row in late.rolling)
    return Check("memories of a minute later", "memory", len(moments), leaked, caught)


def _memories(n: int, at: datetime) -> tuple[Thesis, list[Review | Sighting]]:
    name, symbol, day = f"planted {n}", f"PLANTED{n}", at.date()
    thesis = Thesis(
        run_id=name, symbol=symbol, text="planted", conditions=({"kind": "beats"},),
        opened_at=at, day=day, by=day,
    )  # fmt: skip
    review = Review(thesis_id=thesis.id, day=day, as_of=at, standing="stands", reasons=("planted",))
    seen = Sighting(run_id=name, symbol=symbol, day=day, as_of=at, shares=Decimal(1))
    return thesis, [review, seen]


async def ledger(store: Forecasts, days: Sequence[date], horizon: int) -> Check:
    """Plant grades of forecasts that are due a day later; none may count before that day."""
    leaked, caught = 0, True
    for n, day in enumerate(days):
        due = day + timedelta(days=1)
        planted = Forecast(
            analyst=f"planted {n}", symbol="X", run_id="planted", day=day - timedelta(days=30),
            due_on=due, horizon_days=horizon, stated=0.6, believed=0.6, base=0.5,
            outcome=True, excess=0.1, graded_at=datetime(1990, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        await store.add([planted])
        names = {row.analyst for row in await store.graded(day, horizon)}
        leaked += planted.analyst in names
        caught &= planted.analyst in {r.analyst for r in await store.graded(due, horizon)}
    return Check("grades of a day later", "track records", len(days), leaked, caught)
