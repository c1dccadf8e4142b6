"""The portfolio: what is held, what it was worth, whether trading works, and the kill switch."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from server.routes.stocks.trading import UNAVAILABLE, TradingDep, actor, broker_told
from server.services import ServicesDep
from server.stocks.portfolio import Health, History, Portfolio, Positions
from server.storable import storable

router = APIRouter(prefix="/api/portfolio", tags=["stocks"], responses=UNAVAILABLE)


class Halt(BaseModel):
    """Why nothing is to be bought."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, AfterValidator(storable)] = Field(
        "A person has stopped it.", min_length=1, max_length=300
    )


@router.get("/positions")
async def positions(services: ServicesDep, trading: TradingDep) -> Positions:
    """Return what is held as the broker has it now, with what was last found of each symbol."""
    with broker_told():
        return await Portfolio(trading, services.jobs).positions()


@router.get("/history")
async def history(services: ServicesDep, trading: TradingDep) -> History:
    """Return what the account was worth at the end of each day, and now."""
    with broker_told():
        return await Portfolio(trading, services.jobs).history()


@router.get("/health")
async def health(services: ServicesDep, trading: TradingDep) -> Health:
    """Return whether the broker is reached, the books are right, and buying is allowed."""
    return await Portfolio(trading, services.jobs).health()


@router.post("/halt")
async def halt(body: Halt, request: Request, services: ServicesDep, trading: TradingDep) -> Health:
    """Throw the kill switch: nothing is bought from now on; sales and cancels still pass."""
    await trading.broker.halt(f"{body.reason} (by {actor(request)})")
    return await Portfolio(trading, services.jobs).health()


@router.post("/resume")
async def resume(request: Request, services: ServicesDep, trading: TradingDep) -> Health:
    """Let buying go on, on the word of whoever asks."""
    await trading.broker.resume(actor(request))
    return await Portfolio(trading, services.jobs).health()


@router.post("/adopt")
async def adopt(request: Request, services: ServicesDep, trading: TradingDep) -> Health:
    """Take what the broker holds as what we hold, on the word of whoever asks, and go on buying.

    For books that differ because of what was done elsewhere: a trade by hand, a split of shares.
    """
    with broker_told():
        await trading.broker.adopt(actor(request))
    return await Portfolio(trading, services.jobs).health()
