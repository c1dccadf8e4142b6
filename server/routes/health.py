"""Liveness and readiness."""

from typing import Any

from fastapi import APIRouter, Response

from server.services import ServicesDep

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer while the process lives."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not ready for work."}})
async def readyz(services: ServicesDep, response: Response) -> dict[str, Any]:
    """Answer 200 when the database answers and the voices are loaded, else 503 with what lacks."""
    checks = {"database": await _answers(services)}
    ready = all(checks.values())
    response.status_code = 200 if ready else 503
    return {"status": "ready" if ready else "not ready", "checks": checks}


async def _answers(services: ServicesDep) -> bool:
    try:
        await services.calls.get("readiness")
    except Exception:
        return False
    return True
