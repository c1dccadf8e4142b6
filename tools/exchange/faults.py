"""Faults on demand: what a broker's network does on a bad day, at the call that is named."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "504_after",
    "504_before",
    "html_502",
    "html_401",
    "429",
    "drop_before",
    "drop_after",
    "slow",
    "malformed",
    "partial",
    "cancel_race",
]
"""What goes wrong: `after` means that the exchange did it all the same, and nobody was told."""


class Fault(BaseModel):
    """One thing that goes wrong, some times.

    Attributes:
        on: method and start of the path: `POST /v2/orders`.
        kind: what goes wrong.
        times: how often.
        secs: how long a `slow` answer takes.
    """

    model_config = ConfigDict(extra="forbid")

    on: str = "POST /v2/orders"
    kind: Kind
    times: int = Field(1, ge=1)
    secs: float = Field(1.0, ge=0, le=60)


class Faults:
    """The faults that are still to happen, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def take(self, called: str, *kinds: Kind) -> Fault | None:
        """Return the first fault for a call, of certain kinds or any but those of matching."""
        for fault in self.waiting:
            wanted = fault.kind in kinds if kinds else fault.kind not in ("partial", "cancel_race")
            if wanted and called.startswith(fault.on):
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
                return fault
        return None


async def answer_with_faults(
    faults: Faults, request: Request, go_on: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Answer a request, or let happen what was asked for."""
    fault = faults.take(f"{request.method} {request.url.path}")
    if fault is None:
        return await go_on(request)
    if fault.kind == "slow":
        await asyncio.sleep(fault.secs)
        return await go_on(request)
    if fault.kind in ("504_after", "drop_after", "malformed"):
        answer = await go_on(request)
        if fault.kind == "malformed":
            return Response(
                '{"id": "', status_code=answer.status_code, media_type="application/json"
            )
    if fault.kind in ("drop_before", "drop_after"):
        # fewer bytes than were announced: the server closes the connection in mid-answer
        return StreamingResponse(iter(()), 200, {"content-length": "64"})
    if fault.kind == "429":
        body = {"code": 42910000, "message": "rate limit exceeded"}
        return JSONResponse(body, 429, {"X-RateLimit-Remaining": "0"})
    if fault.kind == "html_401":
        return HTMLResponse("<html><h1>401 Authorization Required</h1></html>", 401)
    status = 502 if fault.kind == "html_502" else 504
    return HTMLResponse(f"<html><h1>{status} Gateway</h1></html>", status)
