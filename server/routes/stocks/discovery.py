"""What is worth a look, and what is remembered of what was believed."""

from typing import Annotated

from fastapi import APIRouter, Query

from graphs.stocks.memory.recall import Memory, recall
from server.routes.stocks.trading import UNAVAILABLE, TradingDep
from server.stocks.by_hand import Symbol
from server.stocks.discovering import (
    AlphaDiscovery,
    CatalystDiscovery,
    alpha,
    catalysts,
    discovered,
)

router = APIRouter(prefix="/api", tags=["stocks"], responses=UNAVAILABLE)

Symbols = Annotated[
    list[Symbol],
    Query(
        alias="symbol",
        max_length=200,
        description="Given several times; those that the settings name when missing.",
    ),
]


@router.get("/alpha-discovery")
async def alpha_discovery(trading: TradingDep, symbols: Symbols = []) -> AlphaDiscovery:  # noqa: B006
    """Scan for volume, breakout and trend; what passes nothing is explained filter by filter."""
    found = await discovered(trading, symbols or trading.symbols)
    return alpha(found, recorded=trading.recorded)


@router.get("/catalyst-discovery")
async def catalyst_discovery(
    trading: TradingDep,
    symbols: Symbols = [],  # noqa: B006
) -> CatalystDiscovery:
    """Look for approvals, filings, deals and surprises, each with since when it was knowable."""
    found = await discovered(trading, symbols or trading.symbols)
    return catalysts(found, recorded=trading.recorded)


@router.get("/portfolio/memory")
async def memory(trading: TradingDep, symbols: Symbols = []) -> Memory:  # noqa: B006
    """Return theses and how they stand, three sessions of views, positions, patterns."""
    return await recall(trading.theses, trading.now(), symbols or None)
