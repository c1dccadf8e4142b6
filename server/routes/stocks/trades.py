"""Trades by hand: asked for, approved with a one-time code, carried out once."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from graphs.stocks.risk import Cut
from server.routes.stocks.approvals import ApprovalView, view_of
from server.routes.stocks.trading import (
    UNAVAILABLE,
    ApprovingDep,
    TradingDep,
    actor,
    broker_told,
)
from server.services import ServicesDep
from server.stocks.by_hand import ByHand, KeyTaken, NotPossible, Order
from server.stocks.by_hand import Symbol as Symbol
from store.intents import Intent
from tools.approving import Approving
from tools.approving import Order as Placed

router = APIRouter(prefix="/api/trades", tags=["stocks"], responses=UNAVAILABLE)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Names the order: sent again, it is the same approval. Needed to ask for one.",
    ),
]


class Approved(BaseModel):
    """The yes to an approval."""

    model_config = ConfigDict(extra="forbid")

    approval_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    code: str = Field(min_length=1, max_length=40, description="The one-time code.")
    channel: Literal["api", "page"] = "api"


def _kind(body: Any) -> str:
    """Tell an order from the yes to one, so that what is wrong is said of that alone."""
    fields = body if isinstance(body, dict) else getattr(body, "__dict__", {})
    return "approved" if {"approval_id", "code"} & fields.keys() else "order"


Wanted = Annotated[
    Annotated[Order, Tag("order")] | Annotated[Approved, Tag("approved")], Discriminator(_kind)
]


class Trade(BaseModel):
    """An order on its way."""

    status: Literal["awaiting_approval", "carried_out", "not_approved"]
    approval: ApprovalView
    cuts: list[Cut] = Field([], description="What the limits made smaller, where it is new.")
    orders: list[Placed] = Field([], description="What became of it at the broker.")


class Trades(BaseModel):
    """Orders that were decided, the newest first."""

    trades: list[Intent]
    bought_usd: Decimal
    sold_usd: Decimal


@router.get("")
async def trades(
    trading: TradingDep,
    symbol: Annotated[Symbol | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Trades:
    """List the orders that were decided and what became of them."""
    found = list(await trading.intents.list(symbol=symbol, limit=limit))
    sums = {"buy": Decimal(0), "sell": Decimal(0)}
    for one in found:
        sums[one.terms.side] += one.filled_qty * (one.average_price or 0)
    return Trades(trades=found, bought_usd=sums["buy"], sold_usd=sums["sell"])


@router.post(
    "/execute",
    responses={
        200: {"description": "It was approved before, or now, and carried out once."},
        202: {"model": Trade, "description": "It is open for approval; nothing is ordered yet."},
    },
)
async def execute(
    body: Wanted,
    request: Request,
    response: Response,
    services: ServicesDep,
    trading: TradingDep,
    acting: ApprovingDep,
    idempotency_key: Key = None,
) -> Trade:
    """Ask for an order, or approve one with its code; without a yes nothing is ever ordered.

    An order is sized by the limits, and opens an approval. Its code reaches the owner by the ways
    that are set up, and is shown by `POST /api/approvals/{id}/code`. With `approval_id` and `code`
    the order is placed at the broker, once, however often it is asked for.
    """
    if isinstance(body, Approved):
        return await _approved(body, request, services, acting)
    if idempotency_key is None:
        raise HTTPException(422, "The header Idempotency-Key is missing: it names the order.")
    try:
        with broker_told():
            approval, sized = await ByHand(trading, acting).propose(
                body, by=actor(request), key=idempotency_key
            )
    except (KeyTaken, NotPossible) as error:
        raise HTTPException(409, str(error)) from error
    services.jobs.asked.set()
    if approval.state == "approved":
        orders = await acting.carry_out(approval.id)
        return Trade(status="carried_out", approval=view_of(approval), orders=orders)
    if approval.state != "open":
        return Trade(status="not_approved", approval=view_of(approval))
    response.status_code = 202
    cuts = list(sized.cuts) if sized else []
    return Trade(status="awaiting_approval", approval=view_of(approval), cuts=cuts)


async def _approved(
    body: Approved, request: Request, services: ServicesDep, acting: Approving
) -> Trade:
    try:
        before = await acting.standing(body.approval_id)
        approval = await acting.answer(
            before.id, "approve", code=body.code, channel=body.channel, by=actor(request)
        )
    except LookupError as error:
        raise HTTPException(404, str(error)) from None
    services.jobs.asked.set()
    if approval.state == "approved":
        orders = await acting.carry_out(approval.id)
        return Trade(status="carried_out", approval=view_of(approval), orders=orders)
    if approval.wrong_codes > before.wrong_codes:
        left = "Nothing is approved any more." if approval.state == "refused" else "Try again."
        raise HTTPException(403, f"That is not the code of this approval. {left}")
    raise HTTPException(409, f"It is {approval.state}. {approval.reason or ''}".strip())
