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
    """Answer 200 when the database answers, else 503; the voices were loaded before the start."""
    checks = {"database": await _answers(services)}
    ready = all(checks.values())
    response.status_code = 200 if ready else 503
    return {"status": "ready" if ready else "not ready", "checks": checks}


async def _answers(services: ServicesDep) -> bool:
    try:
        async with asyncio.timeout(DEADLINE_SECS):
            await services.calls.get("readiness")
    except Exception as error:
        log.error("The database does not answer: %s", type(error).__name__)
        return False
    return True
