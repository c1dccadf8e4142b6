"""What models have cost, what is left of the budget, and how they answered."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter

from server.routes.stocks.trading import UNAVAILABLE, TradingDep
from server.stocks.costs import Costs, costs
from tools.market.quota import all_used

router = APIRouter(prefix="/api", tags=["stocks"], responses=UNAVAILABLE)
MOST_VOTES = 5000
"""Votes that are counted, the newest."""


@router.get("/spending")
async def spending(trading: TradingDep) -> Costs:
    """Sum up what was spent by day, model and analyst, with limits, speed, errors, cache hits."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    charges = await trading.spending.since(midnight - timedelta(days=30))
    votes = await trading.journal.newest("vote", MOST_VOTES)
    return costs(charges, votes, trading.budget, now, all_used())
