"""What calls come to, as JSON for plots and as Prometheus metrics."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, HTTPException, Query, Response

from server.analytics import analytics, standings
from server.market_metrics import market_metrics
from server.services import Services, ServicesDep
from store.calls import Call
from tools.market.quota import all_used

router = APIRouter(tags=["analytics"])
MOST_CALLS = 50_000
MOST_READ = 300
"""Conversations whose states are read: each takes about a millisecond."""


@router.get("/api/analytics")
async def get_analytics(
    services: ServicesDep,
    days: Annotated[int, Query(ge=1, le=3650)] = 30,
    agent_id: str | None = None,
    graph: str | None = None,
    organisation: str | None = None,
    zone: str = "UTC",
) -> dict[str, Any]:
    """Sum up the calls of the last days: counts, outcomes, durations, latency, cost."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise HTTPException(422, f"There is no time zone {zone!r}; try Europe/Berlin.") from None
    since = datetime.now(UTC) - timedelta(days=days)
    calls = await services.calls.since(since, graph=graph, agent_id=agent_id, limit=MOST_CALLS)
    if organisation is not None:
        calls = [c for c in calls if _organisation(c.opening) == organisation]
    prices = {part: Decimal(price) for part, price in services.settings.prices_per_minute.items()}
    summed_up = await asyncio.to_thread(analytics, calls, zone=zone, prices=prices)
    return {
        "since": since.isoformat(),
        "truncated": len(calls) == MOST_CALLS,
        **summed_up,
        "standings": standings(await _states(services, calls)),
    }


async def _states(services: Services, calls: Sequence[Call]) -> list[Mapping[str, Any]]:
    """Return the states that the newest conversations ended in, of those that began to talk."""
    talked = [
        call
        for call in calls
        if call.ended_at and call.transcript and call.graph in services.threads.names
    ]
    threads = {(call.graph, call.thread_id): None for call in talked[:MOST_READ]}
    found = [await services.threads.snapshot(*thread) for thread in threads]
    return [snapshot.values for snapshot in found if snapshot.exists]


@router.get("/metrics", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    """Show the calls of the records, of all servers, in the text format of Prometheus."""
    lines = ["# HELP dialgraph_calls_total Calls on record.", "# TYPE dialgraph_calls_total gauge"]
    for (direction, status), count in sorted((await services.calls.counts()).items()):
        labels = f'direction="{direction}",status="{status}"'
        lines.append(f"dialgraph_calls_total{{{labels}}} {count}")
    lines += [
        "# HELP dialgraph_calls_active Calls this server holds.",
        "# TYPE dialgraph_calls_active gauge",
        f"dialgraph_calls_active {services.switchboard.active}",
        "# HELP dialgraph_jobs Jobs on record, by kind and state.",
        "# TYPE dialgraph_jobs gauge",
    ]
    for (kind, state), count in sorted((await services.jobs.counts()).items()):
        lines.append(f'dialgraph_jobs{{kind="{kind}",state="{state}"}} {count}')
    lines += market_metrics(all_used())
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8")


def _organisation(opening: dict[str, Any]) -> str | None:
    agent = opening.get("agent")
    return agent.get("organisation") if isinstance(agent, dict) else None
