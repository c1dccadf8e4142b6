"""Approvals over the API, and as a page: what is open, and the one answer that counts."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from server.services import ServicesDep
from server.stocks.approval_page import missing_page, page
from store.approvals import Approval, Channel, State, Verdict
from store.intents import Terms
from tools.approving import Approving, approving

router = APIRouter(tags=["stocks"])

ApprovalId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class ApprovalView(BaseModel):
    """A question to the owner, and what became of it."""

    id: str
    run_id: str
    graph: str
    thread_id: str
    live: bool = Field(description="Whether it is about real money.")
    state: State
    reason: str | None
    briefing: str
    terms: list[Terms]
    digest: str = Field(description="SHA-256 over the terms, to which the answer is bound.")
    prices: dict[str, Decimal]
    band_pct: Decimal
    opened_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    channel: Channel | None
    answered_by: str | None
    wrong_codes: int


class Answer(BaseModel):
    """A yes or a no."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    code: str = Field("", max_length=40, description="One-time code; a no needs none.")
    channel: Literal["api", "page", "slack", "email"] = Field(
        "api", description="On which way the owner came here."
    )


class Code(BaseModel):
    """The one-time code."""

    code: str


_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such approval."}}


@router.get("/api/approvals")
async def approvals(
    services: ServicesDep,
    state: State | None = None,
    limit: int = Query(100, ge=1, le=1000),
) -> list[ApprovalView]:
    """List approvals, the newest first."""
    acting = await approving(services.desk)
    return [view_of(one) for one in await acting.approvals.list(state, limit)]


@router.get("/api/approvals/{approval_id}", responses=_FOUND)
async def approval(approval_id: ApprovalId, services: ServicesDep) -> ApprovalView:
    """Return an approval as it stands now."""
    return view_of(await _standing(await approving(services.desk), approval_id))


@router.post("/api/approvals/{approval_id}", responses=_FOUND)
async def answer(
    approval_id: ApprovalId, body: Answer, request: Request, services: ServicesDep
) -> ApprovalView:
    """Answer; the first answer wins, and what it says is then carried out once.

    A wrong code is 403; the answer to what is settled already is the approval as it stands.
    """
    acting = await approving(services.desk)
    before = await _standing(acting, approval_id)
    by = str(getattr(request.state, "actor", "local"))
    after = await acting.answer(
        approval_id, body.verdict, code=body.code, channel=body.channel, by=by
    )
    services.jobs.asked.set()
    if after.wrong_codes > before.wrong_codes:
        left = "Nothing is approved any more." if after.state == "refused" else "Try again."
        raise HTTPException(403, f"That is not the code of this approval. {left}")
    return view_of(after)


@router.post("/api/approvals/{approval_id}/code", responses=_FOUND)
async def code(approval_id: ApprovalId, request: Request, services: ServicesDep) -> Code:
    """Show the one-time code, for whoever may write here; that it was shown is in the journal."""
    acting = await approving(services.desk)
    found = await _standing(acting, approval_id)
    if found.state != "open":
        raise HTTPException(409, f"The approval is {found.state}; its code opens nothing.")
    by = str(getattr(request.state, "actor", "local"))
    body = {"approval": approval_id, "by": by}
    await acting.journal.append(
        "code_shown", body, key=f"code:{approval_id}:{by}", at=acting.clock()
    )
    return Code(code=acting.code(found))


@router.get("/approvals/{approval_id}", include_in_schema=False)
async def approval_page(approval_id: str, services: ServicesDep, via: str = "page") -> HTMLResponse:
    """Show an approval, to be answered."""
    acting = await approving(services.desk)
    try:
        found = await acting.standing(approval_id)
    except LookupError:
        return HTMLResponse(missing_page(), 404)
    return HTMLResponse(page(found, via), headers={"Cache-Control": "no-store"})


async def _standing(acting: Approving, approval_id: str) -> Approval:
    try:
        return await acting.standing(approval_id)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None


def view_of(one: Approval) -> ApprovalView:
    """Return what is shown of an approval."""
    fields = one.model_dump(include=set(ApprovalView.model_fields))
    return ApprovalView(**fields, digest=one.digest)
