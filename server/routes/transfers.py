"""Webhooks of transfers: how one ended for the caller, and what the person is told and answers."""

from fastapi import APIRouter, HTTPException, Request, Response

from server.routes.voice import connect, genuine_fields, response
from server.services import ServicesDep
from voice.carriers import CARRIERS, Answer

router = APIRouter(prefix="/voice", tags=["voice"])


@router.post("/transferred")
async def transferred(request: Request, services: ServicesDep, transfer: str) -> Response:
    """Say what comes after a transfer: nothing more, or the bot again when nobody took the call."""
    carrier = CARRIERS["twilio"]
    fields = await genuine_fields(request, carrier, services)
    sid = fields.get("CallSid", "")
    known = await services.transferring.over(transfer, fields.get("DialCallStatus", ""))
    if known is None or known.call_sid != sid:
        raise HTTPException(404, "There is no such transfer of this call.")
    if known.state == "failed" and (ticket := await services.switchboard.reconnect(sid, anew=True)):
        return connect(request, services, carrier, ticket)
    await services.calls.end(sid, "completed")
    return response(carrier.hang_up())


@router.post("/briefing")
async def briefing(request: Request, services: ServicesDep, transfer: str) -> Response:
    """Tell a person what the call is about that waits for them, and ask whether they take it."""
    fields = await genuine_fields(request, CARRIERS["twilio"], services)
    answered_by = fields.get("AnsweredBy", "")
    return _known(await services.transferring.briefing(transfer, answered_by))


@router.post("/briefing/answer")
async def answer(request: Request, services: ServicesDep, transfer: str) -> Response:
    """Take the person's key."""
    fields = await genuine_fields(request, CARRIERS["twilio"], services)
    return _known(await services.transferring.answer(transfer, fields.get("Digits", "")))


@router.post("/briefed", status_code=204)
async def briefed(request: Request, services: ServicesDep, transfer: str) -> None:
    """Note that a person's call is over."""
    fields = await genuine_fields(request, CARRIERS["twilio"], services)
    await services.transferring.person_gone(transfer, fields.get("CallStatus", ""))


def _known(answer: Answer | None) -> Response:
    if answer is None:
        raise HTTPException(404, "There is no such transfer.")
    return response(answer)
