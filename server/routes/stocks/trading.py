"""What the routes about stocks share: what is traded with, and how it is told that it fails."""

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import Depends, HTTPException, Request

from server.services import ServicesDep
from tools.approving import Approving, approving
from tools.market.provider import ProviderFailed, UnknownProvider
from tools.trading import Trading, TradingNotConfigured

UNAVAILABLE: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "The broker did not answer, or trading is not set up; `detail` says why."}
}


async def _trading(services: ServicesDep) -> Trading:
    try:
        return await services.desk.trading()
    except (TradingNotConfigured, UnknownProvider, ProviderFailed, TimeoutError) as error:
        raise HTTPException(503, f"Trading is not set up: {error}") from error


TradingDep = Annotated[Trading, Depends(_trading)]


async def _approving(services: ServicesDep, _: TradingDep) -> Approving:
    return await approving(services.desk)


ApprovingDep = Annotated[Approving, Depends(_approving)]


@contextlib.contextmanager
def broker_told() -> Iterator[None]:
    """Answer 503 where the broker does not tell what is asked."""
    from tools.broker import Refused, Unsure

    try:
        yield
    except (Refused, Unsure) as error:
        raise HTTPException(503, f"The broker does not tell: {error}") from error


def actor(request: Request) -> str:
    """Return who asks, for the record."""
    return str(getattr(request.state, "actor", "local"))
