"""The complete workflow behind one request: a run, its call, its approval, what was traded."""

import asyncio
from contextlib import aclosing
from typing import Any, Final

from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from graphs.threads import Asked, Reply, Snapshot
from server.services import Services
from server.stocks.quotes import Quote, quotes
from store.approvals import State
from store.call_results import CallResult
from store.intents import Terms
from tools.approving import approving
from tools.market.evidence import Datum

GRAPH: Final = "stocks"
LOOK_SECS: Final = 0.5


class Workflow(BaseModel):
    """What came of a request."""

    request_id: str
    thread_id: str
    query: str
    reply: str
    """What the run said, its question included."""
    outcome: str | None
    """What it came to; None while it is not over."""
    done: bool
    live: bool | None = None
    """Whether it is about real money; None where nothing is to be approved."""
    approval_id: str | None = None
    approval: State | None = None
    market: list[Quote] = []
    """What was looked at, as it stood: prices and their last change."""
    terms: list[Terms] = []
    call_result: CallResult | None = None
    """Request id, digit, timestamp and time of the request, as the call left them."""


async def run_workflow(
    services: Services, request_id: str, query: str, wait_secs: float
) -> Workflow:
    """Run it, and wait for its call and its end.

    Args:
        services: what the server works with.
        request_id: names it; also its thread.
        query: what is asked.
        wait_secs: longest wait; the run goes on all the same.
    """
    await services.call_results.open(request_id, request_id)
    said: list[str] = []
    turn = services.threads.turn(GRAPH, request_id, HumanMessage(query, id=request_id))
    async with aclosing(turn):
        async for event in turn:
            if isinstance(event, Reply | Asked):
                said.append(event.text)
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_secs
    while True:
        snapshot = await services.threads.snapshot(GRAPH, request_id)
        if not snapshot.interrupts or loop.time() >= until:
            return await _told(services, request_id, query, said, snapshot)
        await asyncio.sleep(LOOK_SECS)


async def _told(
    services: Services, request_id: str, query: str, said: list[str], snapshot: Snapshot
) -> Workflow:
    about: dict[str, Any] = {}
    if approval_id := snapshot.values.get("approval_id"):
        approval = await (await approving(services.desk)).standing(str(approval_id))
        about = {
            "live": approval.live,
            "approval_id": approval.id,
            "approval": approval.state,
            "terms": list(approval.terms),
        }
    evidence = [Datum.model_validate(one) for one in snapshot.values.get("evidence") or ()]
    last = [str(message.text) for message in snapshot.messages[-1:] if message.type == "ai"]
    return Workflow(
        request_id=request_id,
        thread_id=request_id,
        query=query,
        reply="\n\n".join(dict.fromkeys([*said, *last])),
        outcome=snapshot.outcome,
        done=not snapshot.interrupts,
        market=quotes(snapshot.values.get("symbols") or [], evidence),
        call_result=await services.call_results.get(request_id),
        **about,
    )
