"""The classic form: `/voice` plays and gathers, `/gather` takes keys, `/my-api/agent` does it all.

`/voice` and `/gather` are the carrier's, which signs them; `/audio/{filename}` serves what is
played under names that nobody can guess, and only until the call is over.
"""

import asyncio
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse

from server.admission import admit
from server.routes.voice import SID, genuine_fields, response
from server.security import public_base
from server.services import Services, ServicesDep
from server.stocks.classic import ClassicApproval
from server.stocks.workflow import Workflow, run_workflow
from store.call_results import CallResult
from voice.carriers import CARRIERS

router = APIRouter(tags=["stocks"])


@router.post("/voice")
async def voice(request: Request, services: ServicesDep) -> Response:
    """Play the briefing and gather a digit."""
    return await _turn(request, services, 0, 0)


@router.post("/gather")
async def gather(
    request: Request,
    services: ServicesDep,
    turn: Annotated[int, Query(ge=0, le=100)] = 1,
    waited: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """Take the keys that were pressed, or that none was, and say what follows."""
    return await _turn(request, services, turn, waited)


async def _turn(request: Request, services: Services, turn: int, waited: int) -> Response:
    fields = await genuine_fields(request, CARRIERS["twilio"], services)
    sid = fields.get("CallSid", "")
    if not SID.fullmatch(sid):
        raise HTTPException(422, "The field CallSid is missing or odd.")
    result = await services.call_results.get(request.query_params.get("request", ""))
    if result is None or result.approval_id is None:
        raise HTTPException(404, "No request of that name waits for a call.")
    if turn == 0:
        await services.calls.answered(sid)
    person = fields.get("To" if _outbound(fields.get("Direction", "")) else "From", "")
    answer = await services.classic.answer(
        sid,
        result.request_id,
        turn,
        fields.get("Digits", ""),
        ClassicApproval(services, result, person),
        public_base(request, services.settings),
        waited,
    )
    return response(answer)


@router.get("/audio/{filename}", responses={404: {"description": "There is no such file."}})
async def audio(filename: str, services: ServicesDep) -> FileResponse:
    """Serve speech for the carrier to play; it is deleted when the call is over."""
    path = await asyncio.to_thread(services.classic.file, filename)
    if path is None:
        raise HTTPException(404, "There is no such file; those of a call go with it.")
    return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": "no-store"})


@router.get("/my-api/agent", dependencies=[Depends(admit)])
async def agent(
    services: ServicesDep,
    query: Annotated[str, Query(max_length=2000)] = "What should I buy?",
    wait: Annotated[float, Query(ge=0, le=3600, description="Longest wait, seconds.")] = 900,
) -> Workflow:
    """Run the complete workflow: request, data, analysis, briefing, call, approval, orders.

    The call is the classic one. It returns when the run is over, or after `wait` seconds with what
    there is by then; `request_id` names it in `GET /my-api/agent/{request_id}`.
    """
    if "stocks" not in services.threads.names:
        raise HTTPException(404, "The graph stocks is not served here.")
    return await run_workflow(services, uuid4().hex, query, wait)


@router.get("/my-api/agent/{request_id}", responses={404: {"description": "No such request."}})
async def call_result(request_id: str, services: ServicesDep) -> CallResult:
    """Return the result of the call of a request, as far as there is one."""
    found = await services.call_results.get(request_id)
    if found is None:
        raise HTTPException(404, f"There is no request {request_id!r}.")
    return found


def _outbound(direction: str) -> bool:
    return direction.startswith("outbound")
