"""Text messages: `/sms/incoming`, Twilio's webhook for a message that comes in."""

from fastapi import APIRouter, HTTPException, Request, Response

from graphs.threads import UnknownGraph
from server.routes.voice import MAX_NUMBER, SID, genuine_fields, response
from server.services import ServicesDep
from voice.carriers import CARRIERS
from voice.reception import Inbound, Reached
from voice.texting import Message

router = APIRouter(prefix="/sms", tags=["voice"])

MAX_BODY = 1600


@router.post("/incoming")
async def incoming(request: Request, services: ServicesDep, graph: str | None = None) -> Response:
    """Answer a text message, on the thread of the person and the agent."""
    fields = await genuine_fields(request, CARRIERS["twilio"], services)
    sid, person, ours = (fields.get(name, "") for name in ("MessageSid", "From", "To"))
    if not SID.fullmatch(sid) or not person:
        raise HTTPException(422, "The fields MessageSid and From are needed.")
    if max(len(person), len(ours)) > MAX_NUMBER or "\0" in person + ours:
        raise HTTPException(422, f"From and To may have up to {MAX_NUMBER} characters each.")
    reached = None
    if services.reception and not graph:
        reached = await services.reception(Inbound(ours, person, sid, "sms"))
    try:
        reached = reached or Reached(services.switchboard.graph_for(graph, ours))
    except UnknownGraph as error:
        raise HTTPException(404, str(error)) from error
    body = fields.get("Body", "").replace("\0", "")[:MAX_BODY]
    return response(await services.texting.answer(Message(sid, person, ours, body), reached))
