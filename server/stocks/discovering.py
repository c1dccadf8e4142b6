"""What is worth a look now; who asks again within a minute is told what was found before."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from pydantic import AwareDatetime, BaseModel, Field

from graphs.stocks.discovery.discover import Discovery, discover
from store.journal import Journal
from tools.trading import Trading

FRESH: Final = timedelta(minutes=1)


class Momentum(BaseModel):
    """A share that passed every filter."""

    symbol: str
    price: float = Field(description="Last close, USD.")
    turnover: float = Field(description="Median of a month, USD a day.")
    surge: float = Field(description="Volume over the median of the quarter before.")
    high: float = Field(description="Close over the highest of the year before.")
    trend: float = Field(description="Return over half a year, as a fraction.")


class Filter(BaseModel):
    """What a filter did."""

    name: str
    left: int
    failed: int
    unknown: int


class AlphaDiscovery(BaseModel):
    """Momentum: what passed, and what failed which filter."""

    as_of: AwareDatetime
    recorded: bool
    day: date | None = Field(description="Last session that was looked at.")
    scanned: int
    found: list[Momentum]
    filters: list[Filter]
    base_rate: str = Field(description="How often such a find went well before.")
    explanation: list[str]


class CatalystView(BaseModel):
    """An event that may move a share."""

    kind: str
    symbol: str | None
    what: str
    knowable_at: AwareDatetime
    source: str
    url: str | None
    evidence: str
    base_rate: str


class CatalystDiscovery(BaseModel):
    """Events: what counts, and why the rest does not."""

    as_of: AwareDatetime
    recorded: bool
    looked_at: int
    found: list[CatalystView]
    explanation: list[str]


_Key = tuple[str, ...]
_found: WeakKeyDictionary[Journal, dict[_Key, asyncio.Task[Discovery]]] = WeakKeyDictionary()


async def discovered(trading: Trading, symbols: Sequence[str]) -> Discovery:
    """Return what is worth a look; one scan serves all who ask within a minute."""
    key, now = tuple(sorted(symbols)), trading.now()
    tasks = _found.setdefault(trading.journal, {})
    known = tasks.get(key)
    if known is not None and known.done() and not known.cancelled() and not known.exception():
        if timedelta(0) <= now - known.result().as_of < FRESH:
            return known.result()
        known = None
    elif known is not None and known.done():
        known = None
    if known is None:
        known = asyncio.create_task(discover(trading.market, key, now), name="discovery")
        tasks.clear()  # of other questions nothing is kept: they are seldom asked twice
        tasks[key] = known
    return await asyncio.shield(known)


def alpha(found: Discovery, *, recorded: bool) -> AlphaDiscovery:
    """Return the part that is about momentum."""
    scan = found.momentum.scan
    return AlphaDiscovery(
        as_of=found.as_of,
        recorded=recorded,
        day=scan.day,
        scanned=scan.scanned,
        found=[Momentum(**{f: getattr(s, f) for f in Momentum.model_fields}) for s in scan.found],
        filters=[Filter(**{f: getattr(s, f) for f in Filter.model_fields}) for s in scan.steps],
        base_rate=str(found.momentum.base_rate),
        explanation=found.momentum.explain(),
    )


def catalysts(found: Discovery, *, recorded: bool) -> CatalystDiscovery:
    """Return the part that is about events."""
    return CatalystDiscovery(
        as_of=found.as_of,
        recorded=recorded,
        looked_at=found.catalysts.looked_at,
        found=[
            CatalystView(
                kind=one.kind,
                symbol=one.symbol,
                what=one.what,
                knowable_at=one.known_since,
                source=one.source,
                url=one.url,
                evidence=one.evidence,
                base_rate=str(one.base_rate),
            )
            for one in found.catalysts.found
        ],
        explanation=list(found.catalysts.explain()),
    )
