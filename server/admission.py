"""Admission: how many requests a minute one address may make, and how many at once all may."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import HTTPException
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.requests import HTTPConnection

from server.security import client_host
from server.services import ServicesDep
from voice.load import RETRY_SECS, TooMuch

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


async def hold_room(services: ServicesDep) -> AsyncIterator[None]:
    """Refuse what this process has no room for, with 503 and when to come back."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(services.load.room(services.threads.alone))
        except TooMuch as why:
            headers = {"Retry-After": str(RETRY_SECS)}
            raise HTTPException(503, f"{why} Try again soon.", headers=headers) from None
        yield
