"""Wishes that clients repeat when they were not answered: each is carried out once."""

import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Header

from server.convai.config import Sent, Text
from server.routes.convai.shapes import refuse
from server.services import Services

SAME_WITHIN: Final = timedelta(minutes=2)
"""Time in which the same wish again is the wish before: clients repeat what was not answered."""
WAIT_SECS: Final = 60.0
"""Longest wait for the same wish that is being carried out, in seconds."""
IdempotencyKey = Annotated[Text | None, Header(max_length=200)]


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish, which nobody else carries out meanwhile."""

    name: str
    digest: str
    begun: str | None
    """Id of what an earlier one like it has begun."""


@contextlib.asynccontextmanager
async def wished(
    services: Services, kind: str, body: Sent, idempotency_key: str | None
) -> AsyncIterator[Wish]:
    """Hold a wish while it is carried out.

    The same body within two minutes is the same wish, as is the same key within a day.

    Args:
        services: those of the server.
        kind: of wish, for those without a key.
        body: what is asked for.
        idempotency_key: the client's own name for the wish, if any.

    Raises:
        HTTPException: the key was used for another wish.
    """
    digest = hashlib.sha256(json.dumps(body.sent(), sort_keys=True).encode()).hexdigest()
    name = f"key:{idempotency_key}" if idempotency_key else f"{kind}:{digest}"
    requests = services.workspace.requests
    async with services.locks.hold(f"outbound:{name}", WAIT_SECS):
        before = (
            await requests.get(name) if idempotency_key else await requests.get(name, SAME_WITHIN)
        )
        if before and before.digest != digest:
            refuse(409, "idempotency_key_reused", "The Idempotency-Key was used for another wish.")
        yield Wish(name, digest, before.thread_id if before else None)
