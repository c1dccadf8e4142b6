"""Remembering a run: what it saw and believed, and how older theses stand by now."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from graphs.stocks.memory.conditions import Facts
from graphs.stocks.memory.theses import is_over, review, thesis_of
from graphs.stocks.state import Json, State
from store.theses import Review, Sighting, Thesis
from tools.broker import Refused, Unsure
from tools.broker.alpaca import Held
from tools.exchange.sessions import new_york
from tools.market.bars import Series
from tools.market.evidence import Datum
from tools.market.provider import ProviderFailed
from tools.trading import Trading


async def remember(trading: Trading, state: State, horizon: int) -> None:
    """Write down a run, and look at all theses again; told twice, it is written once.

    Args:
        trading: what is traded with; its journal gets every thesis and how each stands.
        state: of the run, at its end.
        horizon: sessions that its forecasts look ahead.
    """
    run_id, as_of = state["run_id"], datetime.fromisoformat(state["as_of"])
    session = date.fromisoformat(state["session"])
    by = await asyncio.to_thread(lambda: new_york().ahead(session, 1 + horizon))
    believed = await open_theses(trading, as_of)
    symbols = sorted({*state["symbols"], *(one.symbol for one in believed)})
    series = await _bars(trading, symbols, as_of)
    held = await _held(trading)
    picked = {one["symbol"] for one in state.get("sized") or [] if Decimal(one["shares"]) > 0}
    for one in state.get("consensus") or []:
        symbol = one["symbol"]
        seen = _sighting(run_id, one, session, as_of, series.get(symbol), symbol in picked, held)
        await trading.theses.see(seen)
        own = series.get(symbol)
        if symbol in picked and own is not None and len(own) and one["probability"] is not None:
            case = _argument(state, symbol)
            thesis = thesis_of(
                run_id, own, one["probability"], case, as_of=as_of, by=by, horizon=horizon
            )
            if await trading.theses.open(thesis):
                await _note(trading, "thesis", thesis.id, thesis.model_dump(mode="json"), as_of)
    data = [Datum.model_validate(row) for row in state.get("evidence") or []]
    await look_again(trading, as_of, session, data)


async def open_theses(trading: Trading, as_of: datetime) -> list[Thesis]:
    """Return the theses that may still change, as of a time."""
    over = {
        one.thesis_id for one in await trading.theses.reviews(as_of=as_of) if is_over(one.standing)
    }
    return [one for one in await trading.theses.theses(as_of=as_of) if one.id not in over]


async def look_again(
    trading: Trading, as_of: datetime, session: date, data: Sequence[Datum] = ()
) -> list[Review]:
    """Look at every thesis that is not over by what was known on a close; returns the new reviews.

    Args:
        trading: what is traded with.
        as_of: the time; nothing of later is read.
        session: the last session that was over then. A thesis of that same close has nothing new.
        data: what else became known.
    """
    believed = [one for one in await open_theses(trading, as_of) if one.day < session]
    if not believed:
        return []
    series = await _bars(trading, sorted({one.symbol for one in believed}), as_of)
    try:
        index = await trading.market.benchmark(as_of)
    except ProviderFailed:
        index = None
    said: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    for seen in await trading.theses.sightings(as_of=as_of):
        if seen.probability is not None:
            said[seen.symbol].append((seen.as_of, seen.probability))
    facts = Facts(as_of, session, series, index, said, data)
    found = []
    for thesis in believed:
        one = review(thesis, facts)
        if await trading.theses.review(one):
            found.append(one)
            await _note(trading, "review", one.id, one.model_dump(mode="json"), as_of)
    return found


async def _bars(trading: Trading, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Series]:
    """Return the prices; what is not told leaves conditions open."""
    try:
        return await trading.market.bars(symbols, as_of)
    except ProviderFailed:
        return {}


async def _held(trading: Trading) -> Mapping[str, Held] | None:
    """Return what is held by symbol; None where the broker does not tell."""
    try:
        return {one.symbol: one for one in await trading.account.positions()}
    except (Refused, Unsure):
        return None


def _sighting(
    run_id: str,
    one: Json,
    session: date,
    as_of: datetime,
    series: Series | None,
    picked: bool,
    held: Mapping[str, Held] | None,
) -> Sighting:
    own = held.get(one["symbol"]) if held is not None else None
    close = Decimal(str(round(float(series.close[-1]), 4))) if series and len(series) else None
    return Sighting(
        run_id=run_id,
        symbol=one["symbol"],
        day=session,
        as_of=as_of,
        probability=one["probability"],
        low=one["low"],
        high=one["high"],
        close=close,
        picked=picked,
        shares=None if held is None else own.qty if own else Decimal(0),
        average_price=own.average_price if own else None,
    )


def _argument(state: State, symbol: str) -> str:
    """Return the first claim for a symbol, of who is surest of it; empty where there is none."""
    cases = [
        (one["probability"], one["bull"][0]["text"])
        for one in state.get("answers") or []
        if one["symbol"] == symbol and one["state"] == "opinion" and one["bull"]
    ]
    return str(max(cases)[1]) if cases else ""


async def _note(trading: Trading, kind: str, id_: str, body: Json, at: datetime) -> None:
    await trading.journal.append(kind, body, key=f"{kind}:{id_}", at=at)
