"""Admission: how many requests a minute one address may make."""

from fastapi import HTTPException
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.requests import HTTPConnection

from server.security import client_host
from server.services import ServicesDep

_limiter = MovingWindowRateLimiter(MemoryStorage())


async def admit(connection: HTTPConnection, services: ServicesDep) -> None:
    """Refuse an address that asked too often, with 429 and when to come back.

    Counted in each process by itself: several servers admit the sum.
    """
    per_minute = services.settings.requests_per_minute
    address = client_host(connection, services.settings)
    limit = RateLimitItemPerMinute(per_minute)
    if not await _limiter.hit(limit, address):
        raise HTTPException(
            429,
            f"More than {per_minute} requests a minute from this address; try again soon.",
            headers={"Retry-After": "60"},
        )
