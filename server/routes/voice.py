"""Telephone webhooks and media streams, and the voice of the browser."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response, WebSocket
from starlette.requests import HTTPConnection
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from graphs.threads import THREAD_ID, UnknownGraph
from server.convai.opening import come_to_nothing
from server.security import is_local, is_same_origin, public_base
from server.services import Services, ServicesDep
from store.calls import Status
from store.tickets import Ticket, TicketRefused
from voice.browser import INPUT_RATE, OUTPUT_RATE, BrowserSerializer
from voice.carriers import CARRIERS, Answer, Carrier, StreamStart, Webhook, read_json
from voice.carriers.twilio import ANSWERED_BY
from voice.dialler import WHY_BY_STATUS
from voice.phrases import phrase
from voice.reception import Inbound, Reached
from voice.switchboard import CallRefused, CallReplayed

log = logging.getLogger(__name__)
router = APIRouter(tags=["voice"])

START_SECS = 10.0
"""Time a stream has to say which call it is, in seconds."""
POLICY_VIOLATION = 1008
MAX_THREAD_ID = 128
MAX_FORM_BYTES = 65_536
MAX_FIELDS = 100
MAX_NUMBER = 256
"""Longest telephone number or SIP address taken, in characters."""
SID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_ENDED: Mapping[str, Status] = {
    "completed": "completed",
    "busy": "failed",
    "failed": "failed",
    "no-answer": "failed",
    "canceled": "failed",
}


@router.post("/voice/incoming")
async def incoming(
    request: Request,
    services: ServicesDep,
    graph: str | None = None,
    dial: str | None = None,
    thread: Annotated[str | None, Query(pattern=THREAD_ID)] = None,
) -> Response:
    """Answer a call: connect it to a graph by media stream.

    `dial` is the name that we have given to a call of our own; else the number called chooses.
    `thread` is a conversation that goes on: what it left open is asked again.
    """
    carrier = CARRIERS["twilio"]
    fields = await genuine_fields(request, carrier, services)
    return await _answer(request, services, carrier, fields, graph, dial, thread)


@router.get("/voice/exotel/incoming")
@router.post("/voice/exotel/incoming")
async def exotel_incoming(
    request: Request, services: ServicesDep, graph: str | None = None
) -> Response:
    """Answer Exotel's Voicebot applet with the address of a media stream."""
    carrier = CARRIERS["exotel"]
    fields = await genuine_fields(request, carrier, services)
    numbers = {
        "From": fields.get("CallFrom", fields.get("From", "")),
        "To": fields.get("CallTo", fields.get("To", "")),
    }
    return await _answer(request, services, carrier, {**fields, **numbers}, graph)


@router.post("/voice/continue")
async def go_on(request: Request, services: ServicesDep) -> Response:
    """Say what comes after a media stream: hang up, or connect the same thread again."""
    carrier = CARRIERS["twilio"]
    fields = await genuine_fields(request, carrier, services)
    if answer := await services.switchboard.transferred(fields.get("CallSid", "")):
        return response(answer)
    ticket = await services.switchboard.reconnect(fields.get("CallSid", ""))
    if ticket is None:
        return response(carrier.hang_up())
    return connect(request, services, carrier, ticket)


@router.post("/twiml/voice_outbound")
@router.get("/twiml/voice_outbound")
async def voice_outbound(
    request: Request, services: ServicesDep, graph: str | None = None, dial: str | None = None
) -> Response:
    """Answer a call that we have placed; the older name of `/voice/incoming`."""
    return await incoming(request, services, graph, dial)


@router.post("/voice/status", status_code=204)
async def status(request: Request, services: ServicesDep, dial: str | None = None) -> None:
    """Take the carrier's news of a call."""
    fields = await genuine_fields(request, CARRIERS["twilio"], services)
    sid, news = fields.get("CallSid", ""), fields.get("CallStatus", "")
    if why := WHY_BY_STATUS.get(news):
        await services.dialler.ended(sid, why, dial)
    elif dial and sid:
        await services.dialler.answered(dial, sid)
    if ended := _ENDED.get(news):
        await services.switchboard.news.hung_up(sid, ended)


@router.post("/voice/answered", status_code=204)
async def answered(request: Request, services: ServicesDep) -> None:
    """Take the carrier's word for who has taken a call (Twilio's `AsyncAmdStatusCallback`)."""
    fields = await genuine_fields(request, CARRIERS["twilio"], services)
    if found := ANSWERED_BY.get(fields.get("AnsweredBy", "")):
        who, records = found
        await services.switchboard.news.answered_by(fields.get("CallSid", ""), who, records=records)


@router.websocket("/ws/voice/{call_sid}")
async def stream(websocket: WebSocket, call_sid: str, services: ServicesDep) -> None:
    """Carry the sound of a call; the stream's first message must hold the token of its call."""
    name = await services.switchboard.carrier_of(call_sid)
    carrier = CARRIERS.get(name or "")
    if carrier is None or (
        "x-twilio-signature" in websocket.headers
        and not _signed(websocket, carrier, services, {}, websocket_scheme=True)
    ):
        await websocket.close(POLICY_VIOLATION)  # before it is accepted: a 403
        return
    await websocket.accept()
    start = await _first_message(websocket, carrier)
    try:
        if start is None or start.call_sid not in ("", call_sid):
            raise TicketRefused("The stream did not say which call it belongs to.")
        token = start.parameters.get("token") or websocket.query_params.get("token", "")
        call = await services.switchboard.claim(call_sid, token)
    except TicketRefused as refusal:
        log.warning("A media stream was refused: %s", refusal)
        await _close(websocket, POLICY_VIOLATION, str(refusal))
        return
    await services.switchboard.hold(
        call,
        websocket,
        carrier.serializer(start),
        input_rate=carrier.sample_rate,
        output_rate=carrier.sample_rate,
    )
    await _close(websocket)


@router.websocket("/demo/voice/{session_id}")
async def browser(websocket: WebSocket, session_id: str, services: ServicesDep) -> None:
    """Carry a conversation with a page of this server."""
    if not is_same_origin(websocket):
        await websocket.close(POLICY_VIOLATION)
        return
    await websocket.accept()
    try:
        async with asyncio.timeout(START_SECS):
            start = read_json(await websocket.receive_text())
        if start.get("type") != "start":
            raise ValueError("expected the message start")
        thread_id = start.get("thread_id")
        if thread_id and (len(str(thread_id)) > MAX_THREAD_ID or "\0" in str(thread_id)):
            raise ValueError(f"expected a thread_id of at most {MAX_THREAD_ID} letters")
        call = await services.switchboard.admit_browser(
            str(start.get("graph") or services.settings.default_graph),
            str(thread_id) if thread_id else None,
        )
    except (TimeoutError, WebSocketDisconnect):
        await _close(websocket, POLICY_VIOLATION)
        return
    except CallReplayed as replay:
        raise HTTPException(403, str(replay)) from None
    except CallRefused as refusal:
        await _refuse_page(websocket, phrase(refusal.phrase))
        return
    except UnknownGraph as error:
        await _refuse_page(websocket, str(error))
        return
    except KeyError:
        await _refuse_page(websocket, "The conversation could not start: expected a text message.")
        return
    except ValueError as error:
        await _refuse_page(websocket, f"The conversation could not start: {error}.")
        return
    serializer = BrowserSerializer(call)
    await services.switchboard.hold(
        call,
        websocket,
        serializer,
        input_rate=INPUT_RATE,
        output_rate=OUTPUT_RATE,
        ready=serializer.ready(),
    )
    await _close(websocket)


async def genuine_fields(
    request: Request, carrier: Carrier, services: Services
) -> Mapping[str, str]:
    """Return the fields of a webhook that really comes from the carrier.

    Raises:
        HTTPException: 403 when it does not, 413 when its form is too large.
    """
    if carrier.configured(services.settings):
        worth_reading = carrier.proof in request.headers
    else:
        worth_reading = is_local(request, services.settings)
    if worth_reading:
        fields = await _fields(request)
        if _signed(request, carrier, services, fields):
            return fields
    log.warning("A webhook of %s was refused: its origin is not proved.", carrier.name)
    raise HTTPException(
        403,
        "This webhook is not signed by the carrier. Set the carrier's credentials and "
        "DIALGRAPH_PUBLIC_URL; without credentials only programs on this machine may call.",
    )


async def _fields(request: Request) -> Mapping[str, str]:
    if request.method == "GET":
        return dict(request.query_params)
    left = MAX_FORM_BYTES

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, f"The form is larger than {MAX_FORM_BYTES} bytes.")
        return message

    form = Request(request.scope, receive).form(max_fields=MAX_FIELDS, max_part_size=MAX_FORM_BYTES)
    async with form as given:
        return {name: str(value) for name, value in given.items()}


async def _answer(
    request: Request,
    services: Services,
    carrier: Carrier,
    fields: Mapping[str, str],
    graph: str | None,
    dial_id: str | None = None,
    thread_id: str | None = None,
) -> Response:
    sid, caller, called = (fields.get(name) for name in ("CallSid", "From", "To"))
    if not sid or not SID.fullmatch(sid):
        raise HTTPException(
            422,
            "The field CallSid is missing or odd: expected up to 64 letters and digits, - or _.",
        )
    if max(len(caller or ""), len(called or "")) > MAX_NUMBER:
        raise HTTPException(422, f"From and To may have up to {MAX_NUMBER} characters each.")
    if "\0" in f"{caller}{called}":
        raise HTTPException(422, "From and To may not hold the character U+0000.")
    outbound = fields.get("Direction", "").startswith("outbound")
    reached: Reached | None = None
    try:
        dial = await services.dialler.answered(dial_id, sid) if dial_id else None
        if dial_id and dial is None:
            raise HTTPException(404, "No call was placed under that name, or it was another one.")
        if services.reception and not (dial or graph or outbound):
            reached = await services.reception(Inbound(called or "", caller or "", sid))
        named = dial.graph if dial else reached.graph if reached else graph
        name = services.switchboard.graph_for(named, caller if outbound else called)
        ticket = await services.switchboard.expect(
            sid,
            name,
            carrier.name,
            direction="outbound" if outbound else "inbound",
            caller=caller,
            called=called,
            dial=dial,
            agent_id=reached.agent_id if reached else None,
            opening=reached.opening if reached else None,
            thread_id=reached.thread_id if reached else thread_id,
        )
        if found := ANSWERED_BY.get(fields.get("AnsweredBy", "")):
            await services.switchboard.news.answered_by(sid, found[0], records=found[1])
    except UnknownGraph as error:
        raise HTTPException(404, str(error)) from error
    except CallReplayed as replay:
        raise HTTPException(403, str(replay)) from None
    except CallRefused as refusal:
        if reached and reached.thread_id:
            await come_to_nothing(services, reached.thread_id)
        return response(carrier.refuse(phrase(refusal.phrase)))
    return connect(request, services, carrier, ticket)


def _signed(
    connection: HTTPConnection,
    carrier: Carrier,
    services: Services,
    fields: Mapping[str, str],
    *,
    websocket_scheme: bool = False,
) -> bool:
    settings = services.settings
    if not carrier.configured(settings):
        rehearsal = not any(other.configured(settings) for other in CARRIERS.values())
        return rehearsal and is_local(connection, settings)
    base = public_base(connection, settings)
    if websocket_scheme:
        base = _stream_base(base)
    query = f"?{connection.url.query}" if connection.url.query else ""
    headers = {name.lower(): value for name, value in connection.headers.items()}
    return carrier.genuine(
        Webhook(f"{base}{connection.url.path}{query}", fields, headers), settings
    )


def connect(request: Request, services: Services, carrier: Carrier, ticket: Ticket) -> Response:
    """Answer the carrier with the address of the media stream of a call."""
    base = public_base(request, services.settings)
    return response(
        carrier.connect(
            f"{_stream_base(base)}/ws/voice/{ticket.sid}",
            {"token": ticket.token},
            f"{base}/voice/continue",
        )
    )


def _stream_base(base: str) -> str:
    return "ws" + base.removeprefix("http")


def response(answer: Answer) -> Response:
    """Answer the carrier."""
    return Response(answer.content, answer.status, media_type=answer.media_type)


async def _first_message(websocket: WebSocket, carrier: Carrier) -> StreamStart | None:
    """Read up to the message that begins the stream; None when it does not come in time."""
    with contextlib.suppress(TimeoutError, WebSocketDisconnect, KeyError):
        async with asyncio.timeout(START_SECS):
            for _ in range(10):
                start = carrier.read_start(read_json(await websocket.receive_text()))
                if start:
                    return start
    return None


async def _refuse_page(websocket: WebSocket, message: str) -> None:
    await websocket.send_json({"type": "error", "message": message})
    await _close(websocket, POLICY_VIOLATION)


async def _close(websocket: WebSocket, code: int = 1000, reason: str = "") -> None:
    """Close a stream, unless the other side already has."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(1.0):
            await websocket.close(code, reason)
