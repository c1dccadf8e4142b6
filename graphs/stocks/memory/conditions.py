"""Conditions of a thesis, and how they stand by what is known on a close.

A price is meant as shares were on the day of the thesis: a split since moves it along. What is not
recorded leaves a condition open; it is never taken for met or failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tools.market.bars import Floats, Series
from tools.market.evidence import Datum, FromTheFuture, Kind

State = Literal["open", "met", "failed"]
WARNS_AT = 0.5
"""Share of the way to failing at which an open condition speaks against its thesis."""
FELL = 0.02
"""Fall of a probability since the thesis, in points of 1, that speaks against it."""


class _Condition(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str = Field(min_length=1)
    since: date
    """Session on whose close it was stated."""
    by: date
    """Session on whose close it can be told."""


class Reaches(_Condition):
    """It closes above a price (or below it) on some session."""

    kind: Literal["reaches"] = "reaches"
    price: Decimal = Field(gt=0)
    above: bool = True


class Keeps(_Condition):
    """It never closes below a price (or above it)."""

    kind: Literal["keeps"] = "keeps"
    price: Decimal = Field(gt=0)
    above: bool = True


class Beats(_Condition):
    """It returns more than the index, from the close after `since` to that of `by`."""

    kind: Literal["beats"] = "beats"


class StaysLikely(_Condition):
    """The consensus does not fall to a probability or below it."""

    kind: Literal["stays_likely"] = "stays_likely"
    above: float = Field(gt=0, lt=1)
    at_first: float = Field(gt=0, lt=1)
    """The probability when it was stated."""


class Happens(_Condition):
    """Something of a kind becomes known, such as a filing or an approval."""

    kind: Literal["happens"] = "happens"
    what: Kind
    named: str = ""
    """Words that its name or value has; any will do where empty."""


Condition = Annotated[Reaches | Keeps | Beats | StaysLikely | Happens, Field(discriminator="kind")]
CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known on a close.

    Attributes:
        as_of: the time.
        day: the last session that was over.
        series: by symbol, up to that session.
        index: what shares are measured against, up to that session.
        probabilities: of the consensus by symbol, with their times, the oldest first.
        data: what else became known.

    Raises:
        FromTheFuture: something in it is of later.
    """

    as_of: datetime
    day: date
    series: Mapping[str, Series] = field(default_factory=dict)
    index: Series | None = None
    probabilities: Mapping[str, Sequence[tuple[datetime, float]]] = field(default_factory=dict)
    data: Sequence[Datum] = ()

    def __post_init__(self) -> None:
        last = np.datetime64(self.day)
        for one in [*self.series.values(), *([self.index] if self.index else [])]:
            if len(one) and one.days[-1] > last:
                raise FromTheFuture(f"{one.symbol} has prices of {one.days[-1]}, after {self.day}.")
        times = [at for said in self.probabilities.values() for at, _ in said]
        if any(at > self.as_of for at in (*times, *(datum.knowable_at for datum in self.data))):
            raise FromTheFuture(f"Something was known only after {self.as_of:%Y-%m-%d %H:%M} UTC.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a condition stands.

    Attributes:
        state: `open` until it can be told.
        why: in a sentence.
        warns: whether an open one goes against its thesis.
    """

    state: State
    why: str
    warns: bool = False


def judge(condition: Condition, facts: Facts) -> Verdict:
    """Return how a condition stands by what is known."""
    match condition:
        case Reaches():
            return _reaches(condition, facts)
        case Keeps():
            return _keeps(condition, facts)
        case Beats():
            return _beats(condition, facts)
        case StaysLikely():
            return _stays_likely(condition, facts)
        case Happens():
            return _happens(condition, facts)


def _reaches(one: Reaches, facts: Facts) -> Verdict:
    days, closes = _closes(one, facts)
    level, way = float(one.price), "above" if one.above else "below"
    hits = closes > level if one.above else closes < level
    if hits.any():
        n = int(np.argmax(hits))
        return Verdict("met", f"{one.symbol} closed at {closes[n]:.2f} on {days[n]}.")
    if _over(one, facts, days):
        return Verdict("failed", f"{one.symbol} did not close {way} {level:.2f} by {one.by}.")
    if len(closes):
        text = f"{one.symbol} is at {closes[-1]:.2f}, not yet {way} {level:.2f}."
        return Verdict("open", text)
    return _unknown(one)


def _keeps(one: Keeps, facts: Facts) -> Verdict:
    days, closes = _closes(one, facts)
    level, way = float(one.price), "below" if one.above else "above"
    hits = closes < level if one.above else closes > level
    if hits.any():
        n = int(np.argmax(hits))
        text = f"{one.symbol} closed at {closes[n]:.2f} on {days[n]}, {way} {level:.2f}."
        return Verdict("failed", text)
    if _over(one, facts, days):
        return Verdict("met", f"{one.symbol} never closed {way} {level:.2f} until {one.by}.")
    start = _close_on(one, facts)
    if start is None or not len(closes):
        return _unknown(one)
    used = (start - closes[-1]) / (start - level) if start != level else 1.0
    if used >= WARNS_AT:
        text = f"{one.symbol} is at {closes[-1]:.2f}, {used:.0%} of the way to {level:.2f}."
        return Verdict("open", text, warns=True)
    return Verdict("open", f"{one.symbol} is at {closes[-1]:.2f}, clear of {level:.2f}.")


def _beats(one: Beats, facts: Facts) -> Verdict:
    own, market = facts.series.get(one.symbol), facts.index
    if own is None or market is None:
        return _unknown(one)
    gained, theirs = _gain(own, one), _gain(market, one)
    if gained is None or theirs is None:
        return Verdict("open", f"{one.symbol} is measured from the close after {one.since} on.")
    text = f"{one.symbol} returned {gained:+.1%}, the index {theirs:+.1%}"
    if len(own) and own.days[-1] >= np.datetime64(one.by):
        beat = gained > theirs
        return Verdict("met" if beat else "failed", f"{text}, from {one.since} to {one.by}.")
    return Verdict("open", f"{text} so far.", warns=gained < theirs)


def _stays_likely(one: StaysLikely, facts: Facts) -> Verdict:
    said = [(at, p) for at, p in facts.probabilities.get(one.symbol, ()) if at.date() > one.since]
    inside = [(at, p) for at, p in said if at.date() <= one.by]
    for at, p in inside:
        if p <= one.above:
            return Verdict(
                "failed", f"The consensus on {one.symbol} fell to {p:.1%} on {at:%Y-%m-%d}."
            )
    if facts.day >= one.by:
        if not inside:
            return _unknown(one)
        return Verdict("met", f"The consensus on {one.symbol} stayed above {one.above:.1%}.")
    if not inside:
        return _unknown(one)
    now = inside[-1][1]
    text = f"The consensus on {one.symbol} is {now:.1%}, at first {one.at_first:.1%}."
    return Verdict("open", text, warns=now <= one.at_first - FELL)


def _happens(one: Happens, facts: Facts) -> Verdict:
    for datum in sorted(facts.data, key=lambda row: row.knowable_at):
        day = datum.knowable_at.date()
        words = f"{datum.name} {datum.value}".casefold()
        fits = datum.kind == one.what and datum.symbol == one.symbol
        if fits and one.since < day <= one.by and one.named.casefold() in words:
            return Verdict("met", f"{one.symbol}: {datum.name} became known on {day}.")
    if facts.day >= one.by:
        return Verdict("failed", f"{one.symbol}: no {one.what} {one.named} by {one.by}.")
    return Verdict("open", f"{one.symbol}: no {one.what} {one.named} yet.")


def _closes(one: Condition, facts: Facts) -> tuple[Sequence[date], Floats]:
    """Return sessions after `since` up to `by`, and closes in the shares of `since`."""
    series = facts.series.get(one.symbol)
    if series is None:
        return [], np.zeros(0)
    inside = (series.days > np.datetime64(one.since)) & (series.days <= np.datetime64(one.by))
    return series.days[inside].astype(object).tolist(), _in_shares_of(series, one.since)[inside]


def _close_on(one: Condition, facts: Facts) -> float | None:
    series = facts.series.get(one.symbol)
    if series is None:
        return None
    before = np.flatnonzero(series.days <= np.datetime64(one.since))
    return float(_in_shares_of(series, one.since)[before[-1]]) if len(before) else None


def _in_shares_of(series: Series, day: date) -> Floats:
    """Return closes as if no split had come after a day, and those before it had."""
    later = [a.factor for a in series.actions if a.kind == "split" and a.day > day]
    return series.adjusted(dividends=False) * float(np.prod(later))


def _gain(series: Series, one: Condition) -> float | None:
    """Return the return with dividends from the first close after `since`; None before that."""
    inside = (series.days > np.datetime64(one.since)) & (series.days <= np.datetime64(one.by))
    closes = series.adjusted()[inside]
    return float(closes[-1] / closes[0] - 1) if len(closes) else None


def _over(one: Condition, facts: Facts, days: Sequence[date]) -> bool:
    """Whether the last session is known; a day that is over without a price tells nothing."""
    return bool(days) and facts.day >= one.by


def _unknown(one: Condition) -> Verdict:
    return Verdict("open", f"{one.symbol}: what would tell is not known.")
