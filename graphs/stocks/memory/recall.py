"""What is remembered as of a time: theses, the last three sessions, positions, patterns."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final

from pydantic import BaseModel, ConfigDict

from graphs.stocks.memory.theses import is_over
from graphs.stocks.track_record import wilson
from store.theses import Review, Sighting, Theses, Thesis

SESSIONS: Final = 3
"""Of the rolling view."""
LEAST: Final = 5
"""Cases below which a share is not called a pattern."""
IN_A_ROW: Final = 3
"""Sightings of one direction that are called a pattern."""


class _Remembered(BaseModel):
    model_config = ConfigDict(frozen=True)


class Held(_Remembered):
    """A thesis, and how it stood last."""

    thesis: Thesis
    last: Review | None
    """None until a session has passed."""


class Row(_Remembered):
    """A symbol through the last sessions: the last sighting of each, the oldest first."""

    symbol: str
    sightings: tuple[Sighting, ...]
    change: float | None
    """Of the probability from the first of them to the last, in points of 1."""
    moved: float | None
    """Of the close, as a fraction; None where it is not known, or after a split."""


class Step(_Remembered):
    """What became of a position between two runs."""

    at: datetime
    shares: Decimal
    """Held after it."""
    bought: Decimal
    """Shares; negative where they were sold, or merged."""
    average_price: Decimal | None
    close: Decimal | None
    gain: Decimal | None
    """Of what is held, by the close, USD; None where some was bought after that close."""


class Position(_Remembered):
    """The history of a position."""

    symbol: str
    open: bool
    steps: tuple[Step, ...]


class Pattern(_Remembered):
    """Something that comes again; a share always with how many cases it is of."""

    kind: str
    symbol: str | None
    text: str
    n: int
    share: float | None = None
    low: float | None = None
    high: float | None = None
    """90 % interval of the share (Wilson)."""


class Memory(_Remembered):
    """What is remembered as of a time; nothing of later is in it."""

    as_of: datetime
    theses: tuple[Held, ...]
    """The newest first."""
    rolling: tuple[Row, ...]
    positions: tuple[Position, ...]
    patterns: tuple[Pattern, ...]


async def recall(store: Theses, as_of: datetime, symbols: Sequence[str] | None = None) -> Memory:
    """Read what is remembered.

    Args:
        store: the rows.
        as_of: nothing of later is read.
        symbols: only of these; of all where it is None.
    """
    theses = [t for t in await store.theses(as_of=as_of) if not symbols or t.symbol in symbols]
    reviews = await store.reviews(as_of=as_of)
    seen = [s for s in await store.sightings(as_of=as_of) if not symbols or s.symbol in symbols]
    last = {review.thesis_id: review for review in reviews}
    held = tuple(Held(thesis=one, last=last.get(one.id)) for one in theses)
    positions = positions_of(seen)
    return Memory(
        as_of=as_of,
        theses=held,
        rolling=rolling_view(seen),
        positions=positions,
        patterns=patterns_of(held, seen, positions),
    )


def rolling_view(seen: Sequence[Sighting], sessions: int = SESSIONS) -> tuple[Row, ...]:
    """Return each symbol through the last sessions in which anything was seen."""
    days = sorted({one.day for one in seen})[-sessions:]
    by_symbol: dict[str, dict[date, Sighting]] = defaultdict(dict)
    for one in sorted(seen, key=lambda s: s.as_of):
        if one.day in days:
            by_symbol[one.symbol][one.day] = one
    rows = []
    for symbol, found in sorted(by_symbol.items()):
        rows_of = tuple(found[day] for day in sorted(found))
        first, last = rows_of[0], rows_of[-1]
        change = moved = None
        if first.day == last.day:  # seen on one close: nothing to compare
            rows.append(Row(symbol=symbol, sightings=rows_of, change=None, moved=None))
            continue
        if first.probability is not None and last.probability is not None:
            change = last.probability - first.probability
        if first.close and last.close:
            moved = float(last.close / first.close - 1)
        rows.append(Row(symbol=symbol, sightings=rows_of, change=change, moved=moved))
    return tuple(rows)


def positions_of(seen: Sequence[Sighting]) -> tuple[Position, ...]:
    """Return the history of everything that was ever held, a step for each change of it."""
    by_symbol: dict[str, list[Sighting]] = defaultdict(list)
    for one in sorted(seen, key=lambda s: s.as_of):
        if one.shares is not None:
            by_symbol[one.symbol].append(one)
    found = []
    for symbol, rows in sorted(by_symbol.items()):
        steps, before, bought_on = list[Step](), Decimal(0), date.min
        for one in rows:
            if one.shares is not None and one.shares != before:
                bought_on = one.day if one.shares > before else bought_on
                steps.append(_step(one, before, bought_on))
                before = one.shares
        if steps:
            if rows[-1].as_of != steps[-1].at and before:
                steps.append(_step(rows[-1], before, bought_on))
            found.append(Position(symbol=symbol, open=bool(before), steps=tuple(steps)))
    return tuple(found)


def _step(one: Sighting, before: Decimal, bought_on: date) -> Step:
    """Return a step; `bought_on` is the last close before the newest shares were bought."""
    gain, shares = None, one.shares or Decimal(0)
    if shares and one.close and one.average_price and one.day > bought_on:
        gain = (one.close - one.average_price) * shares
    return Step(
        at=one.as_of,
        shares=shares,
        bought=shares - before,
        average_price=one.average_price,
        close=one.close,
        gain=gain,
    )


def patterns_of(
    held: Sequence[Held], seen: Sequence[Sighting], positions: Sequence[Position]
) -> tuple[Pattern, ...]:
    """Return what comes again: how theses end, what rises or falls, what is held against all."""
    return (
        *_ends(held),
        *_failing(held),
        *_rows_of_one_direction(seen),
        *_held_though_broken(held, positions),
    )


def _ends(held: Sequence[Held]) -> list[Pattern]:
    over = [one.last for one in held if one.last and is_over(one.last.standing)]
    if len(over) < LEAST:
        return []
    confirmed = sum(one.standing == "confirmed" for one in over)
    return [_share("theses confirmed", "of the theses that ended were confirmed", confirmed, over)]


def _failing(held: Sequence[Held]) -> list[Pattern]:
    """Return by which condition theses break."""
    broken = [one.last for one in held if one.last and one.last.standing == "broken"]
    if len(broken) < LEAST:
        return []
    counted = Counter(kind for one in broken for kind in one.failed)
    return [
        _share("broken by", f"of the broken theses broke by {kind}", n, broken)
        for kind, n in counted.most_common()
    ]


def _share(kind: str, text: str, n: int, of: Sequence[Review]) -> Pattern:
    share = n / len(of)
    low, high = wilson(share, len(of))
    said = f"{n} of {len(of)} {text} ({low:.0%} to {high:.0%})."
    return Pattern(kind=kind, symbol=None, text=said, n=len(of), share=share, low=low, high=high)


def _rows_of_one_direction(seen: Sequence[Sighting]) -> list[Pattern]:
    by_symbol: Mapping[str, list[float]] = defaultdict(list)
    for one in sorted(seen, key=lambda s: s.as_of):
        if one.probability is not None:
            by_symbol[one.symbol].append(one.probability)
    found = []
    for symbol, said in sorted(by_symbol.items()):
        steps = [after - before for before, after in pairwise(said)]
        for way, sign in (("rising", 1), ("falling", -1)):
            n = next((i for i, s in enumerate(reversed(steps)) if s * sign <= 0), len(steps))
            if n >= IN_A_ROW:
                text = f"The consensus on {symbol} is {way} for {n} runs, to {said[-1]:.1%}."
                found.append(Pattern(kind=way, symbol=symbol, text=text, n=n))
    return found


def _held_though_broken(held: Sequence[Held], positions: Sequence[Position]) -> list[Pattern]:
    still = {one.symbol for one in positions if one.open}
    newest: dict[str, Held] = {}
    for one in reversed(held):
        newest[one.thesis.symbol] = one
    return [
        Pattern(
            kind="held though broken",
            symbol=symbol,
            text=f"{symbol} is held, and its thesis of {one.thesis.day} is broken: "
            f"{one.last.reasons[0]}",
            n=1,
        )
        for symbol, one in sorted(newest.items())
        if symbol in still and one.last and one.last.standing == "broken"
    ]
