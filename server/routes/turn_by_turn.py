"""Calls without a media stream: `/voice/inbound` and `/voice/recording-callback`."""

import uuid
from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request, Response

from graphs.threads import UnknownGraph
from server.convai.opening import come_to_nothing
from server.routes.voice import SID, genuine_fields, response
from server.security import public_base
from server.services import ServicesDep
from store.calls import TURN_BY_TURN, Call, CallExists
from voice.admission import CallRefused
from voice.carriers import CARRIERS
from voice.phrases import phrase
from voice.reception import Inbound, Reached, about_the_call

router = APIRouter(prefix="/voice", tags=["voice"])


@router.post("/inbound")
async def inbound(request: Request, services: ServicesDep, graph: str | None = None) -> Response:
    """Answer a call turn by turn: greet, then record what the caller says."""
    carrier = CARRIERS["twilio"]
    fields = await genuine_fields(request, carrier, services)
    sid, caller, called = (fields.get(name, "") for name in ("CallSid", "From", "To"))
    if not SID.fullmatch(sid):
        raise HTTPException(422, "The field CallSid is missing or odd.")
    call = await services.calls.get(sid)
    if call is None:
        reached: Reached | None = None
        try:
            if services.reception and not graph:
                reached = await services.reception(Inbound(called, caller, sid))
            named = reached.graph if reached else graph
            name = services.switchboard.graph_for(named, called)
            await services.switchboard.admit(caller)
        except UnknownGraph as error:
            raise HTTPException(404, str(error)) from error
        except CallRefused as refusal:
            if reached and reached.thread_id:
                await come_to_nothing(services, reached.thread_id)
            return response(carrier.refuse(phrase(refusal.phrase)))
        thread_id = (reached.thread_id if reached else None) or str(uuid.uuid4())
        about = about_the_call(thread_id, "inbound", caller, called)
        call = Call(
            sid=sid,
            graph=name,
            thread_id=thread_id,
            direction="inbound",
            carrier=TURN_BY_TURN,
            status="in-progress",
            from_number=caller,
            to_number=called,
            started_at=datetime.now(UTC),
            agent_id=reached.agent_id if reached else None,
            opening={**about, **(reached.opening if reached else {})},
        )
        try:
            await services.calls.create(call)
        except CallExists:
            call = await services.calls.get(sid) or call
    if call.carrier != TURN_BY_TURN:
        raise HTTPException(403, "The call has a media stream.")
    base = public_base(request, services.settings)
    return response(await services.turn_by_turn.answer(call, 0, {}, base))


@router.post("/recording-callback")
async def recording_callback(
    request: Request, services: ServicesDep, turn: int = 1, waited: int = 0, after: str = ""
) -> Response:
    """Take what the caller said, or keyed, or that it was nothing; answer, and listen again."""
    carrier = CARRIERS["twilio"]
    fields = dict(await genuine_fields(request, carrier, services))
    call = await services.calls.get(fields.get("CallSid", ""))
    if call is None or call.carrier != TURN_BY_TURN or turn < 0:
        raise HTTPException(404, "There is no such call that is held turn by turn.")
    if after == "dial":
        status = fields.get("DialCallStatus", "")
        if status in ("completed", "answered"):
            await services.calls.end(call.sid, "completed")
            return response(carrier.hang_up())
        fields |= {"failed": "transfer", "why": status}
    base = public_base(request, services.settings)
    return response(await services.turn_by_turn.answer(call, turn, fields, base, waited))
