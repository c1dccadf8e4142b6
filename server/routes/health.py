"""Liveness and readiness."""

import asyncio
import logging
from typing import Any

from fastapi import APIRouter, Response

from server.services import ServicesDep

router = APIRouter(tags=["health"])
log = logging.getLogger(__name__)

DEADLINE_SECS = 2.0
"""Time the database has to answer, in seconds."""


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer while the process lives."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not ready for work."}})
async def readyz(services: ServicesDep, response: Response) -> dict[str, Any]:
    """Answer 200 while work is taken, else 503 with the reason.

    The voices were loaded before the start. A server that is told to stop says so at once, so that
    a load balancer sends it nothing more while the calls that go on come to their end.
    """
    checks = {"database": await _answers(services)}
    reason = None
    if services.switchboard.draining:
        reason = "The server is stopping: calls that go on come to their end, no more are taken."
    elif not checks["database"]:
        reason = "The database does not answer; the server's log says why."
    response.status_code = 503 if reason else 200
    return {"status": "not ready" if reason else "ready", "reason": reason, "checks": checks}


async def _answers(services: ServicesDep) -> bool:
    try:
        async with asyncio.timeout(DEADLINE_SECS):
            await services.calls.get("readiness")
    except Exception as error:
        log.error("The database does not answer: %s", type(error).__name__)
        return False
    return True
