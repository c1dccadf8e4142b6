"""Talking with an agent over a socket, and the signatures that let a client without a key do so."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from faults import places
from server.convai import signatures
from server.convai.client_events import ClientEvents
from server.convai.config import ClientData
from server.convai.event_socket import POLICY_VIOLATION, CutOff, EventSocket
from server.convai.mapping import Prepared, Unusable, first_wrong
from server.convai.opening import begin, come_to_nothing, prepare
from server.convai.overrides import OverrideRefused
from server.convai.spoken_chat import FORMAT, RATE, SpokenChat
from server.convai.text_chat import TextChat
from server.routes.convai.agents import found
from server.routes.convai.shapes import Filter
from server.security import public_base
from server.services import Services, ServicesDep
from server.storable import storable
from store.admissions import AtItsLimit
from store.calls import Call
from store.conversations import conversation_id
from store.live_calls import live
from store.resources import NoSuchResource, Resource
from voice.load import TooMuch
from voice.phrases import phrase
from voice.record import CallLog
from voice.switchboard import CallRefused, CallReplayed

log = logging.getLogger(__name__)
router = APIRouter(tags=["conversations"])

INITIATION: Final = "conversation_initiation_client_data"
START_SECS: Final = 3.0
"""Time a client has to say what it begins with, before it is taken to have nothing to say."""
METADATA: Final = "conversation_initiation_metadata"
INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013
SOURCES: Final = frozenset(
    {
        "python_sdk",
        "js_sdk",
        "react_sdk",
        "react_native_sdk",
        "node_js_sdk",
        "swift_sdk",
        "android_sdk",
        "flutter_sdk",
        "widget",
    }
)


@router.get("/conversation/get-signed-url")
async def get_signed_url(
    connection: HTTPConnection,
    services: ServicesDep,
    agent_id: str,
    include_conversation_id: bool = False,
    branch_id: Filter = None,
) -> dict[str, Any]:
    """Return an address that opens conversations without a key, for 15 minutes.

    With `include_conversation_id` it opens that one, once.
    """
    await found(services, agent_id)
    thread_id = uuid4().hex if include_conversation_id else None
    signature = signatures.sign(services.workspace.secrets.key, agent_id, thread_id)
    base = "ws" + public_base(connection, services.settings).removeprefix("http")
    query = urlencode({"agent_id": agent_id, "conversation_signature": signature})
    answer: dict[str, Any] = {"signed_url": f"{base}/v1/convai/conversation?{query}"}
    return answer | ({"conversation_id": conversation_id(thread_id)} if thread_id else {})


@router.get("/conversation/token")
async def get_token(
    services: ServicesDep, agent_id: str, participant_name: Filter = None, branch_id: Filter = None
) -> dict[str, Any]:
    """Return a token for the socket's query (`token=`), good for 15 minutes.

    There is no WebRTC here: clients that only speak that cannot use it.
    """
    await found(services, agent_id)
    thread_id = uuid4().hex
    token = signatures.sign(services.workspace.secrets.key, agent_id, thread_id)
    return {"token": token, "conversation_id": conversation_id(thread_id)}


@router.websocket("/conversation")
async def conversation(websocket: WebSocket, services: ServicesDep) -> None:
    """Hold a conversation in ElevenLabs' events."""
    query = websocket.query_params
    agent_id, thread_id = query.get("agent_id", ""), None
    if given := query.get("conversation_signature") or query.get("token"):
        signed = signatures.read(services.workspace.secrets.key, given)
        if signed is None or agent_id not in ("", signed.agent_id):
            await websocket.close(POLICY_VIOLATION)  # before it is accepted: a 403
            return
        agent_id, thread_id = signed.agent_id, signed.thread_id
    await websocket.accept()
    socket = EventSocket(websocket)
    try:
        agent = await services.workspace.agents.get(storable(agent_id))
    except (NoSuchResource, ValueError):
        await socket.close(POLICY_VIOLATION, "There is no agent of that id.")
        return
    try:
        await _begin(socket, services, agent, thread_id or uuid4().hex)
    except CutOff as why:
        await socket.close(POLICY_VIOLATION, str(why))
    except WebSocketDisconnect:
        log.debug("A client left before its conversation began.")


async def _begin(socket: EventSocket, services: Services, agent: Resource, thread_id: str) -> None:
    first = await _first(socket)
    begins = first is not None and first.get("type") == INITIATION
    try:
        data = ClientData.model_validate(first if begins else {})
        ready = await prepare(services, agent, data, thread_id)
    except (OverrideRefused, Unusable) as error:
        await socket.close(POLICY_VIOLATION, str(error))
        return
    except ValidationError as error:
        await socket.close(POLICY_VIOLATION, f"{INITIATION}: {first_wrong(error)}")
        return
    said = data.source_info or {}
    source = str(said.get("source") or socket.websocket.query_params.get("source") or "unknown")
    written = ready.text_only or (first is not None and first.get("type") == "user_message")
    try:
        with services.load.room(services.threads.alone) if written else contextlib.nullcontext():
            if not await begin(
                services, ready, thread_id, source if source in SOURCES else "unknown"
            ):
                await socket.close(POLICY_VIOLATION, "The signature has been used.")
                return
            try:
                given = None if begins else first
                await _hold(socket, services, ready, agent.id, thread_id, given, written=written)
            finally:
                await asyncio.shield(_over(services, thread_id))
    except (AtItsLimit, TooMuch) as full:
        await socket.close(TRY_AGAIN_LATER, str(full))


async def _over(services: Services, thread_id: str) -> None:
    await services.desk.conversation_over(conversation_id(thread_id))
    await come_to_nothing(services, thread_id)  # where it was refused


async def _hold(
    socket: EventSocket,
    services: Services,
    ready: Prepared,
    agent_id: str,
    thread_id: str,
    first: dict[str, Any] | None,
    *,
    written: bool,
) -> None:
    """Hold the conversation, in speech or in writing."""
    name = conversation_id(thread_id)
    call = Call(
        sid=f"{'text' if written else 'web'}-{thread_id}",
        graph=ready.graph,
        thread_id=thread_id,
        direction="browser",
        carrier="text" if written else "browser",
        status="in-progress" if written else "ringing",
        started_at=datetime.now(UTC),
        agent_id=agent_id,
        opening=ready.opening(name, "text" if written else "browser", None),
    )
    limit = services.settings.max_message_chars
    events = ClientEvents(socket, services.threads, ready.graph, thread_id, limit)
    with services.desk.clients.connected(name, events.ask) as events.client:
        if written:
            async with live(services.locks, call.sid):
                await services.calls.create(call)
                await _write(socket, services, call, events, first)
        else:
            await _speak(socket, services, call, events)
        await events.settle()


def _metadata(call: Call) -> dict[str, Any]:
    return {
        "conversation_id": conversation_id(call.thread_id),
        "agent_output_audio_format": FORMAT,
        "user_input_audio_format": FORMAT,
    }


async def _speak(socket: EventSocket, services: Services, call: Call, events: ClientEvents) -> None:
    try:
        await services.switchboard.admit_agent(call)
    except CallRefused as refusal:
        await socket.close(TRY_AGAIN_LATER, phrase(refusal.phrase))
        return
    except CallReplayed as replay:
        await socket.close(POLICY_VIOLATION, str(replay))
        return
    reason = await services.switchboard.hold(
        call,
        socket.websocket,
        SpokenChat(socket, call, events),
        input_rate=RATE,
        output_rate=RATE,
        ready={"type": METADATA, f"{METADATA}_event": _metadata(call)},
    )
    await _tell_end(socket, reason)


async def _write(
    socket: EventSocket,
    services: Services,
    call: Call,
    events: ClientEvents,
    first: dict[str, Any] | None,
) -> None:
    call_log = CallLog(call, services.calls)
    call_log.open()
    reason = "failed"
    try:
        await socket.send(METADATA, **{f"{METADATA}_event": _metadata(call)})
        reason = await TextChat(socket, services.threads, call_log, events).run(first)
    except WebSocketDisconnect:
        reason = "hangup"
    except CutOff as why:
        reason = "hangup"
        await socket.close(POLICY_VIOLATION, str(why))
    except Exception as error:
        call_log.failed(f"The conversation broke off ({type(error).__name__}).")
        log.error("Conversation %s with %s broke off: %s", call.sid, call.graph, places(error))
    finally:
        await asyncio.shield(call_log.close("failed" if reason == "failed" else "completed"))
    await _tell_end(socket, reason)


async def _tell_end(socket: EventSocket, reason: str) -> None:
    if reason == "failed":
        await socket.close(INTERNAL_ERROR, "The conversation broke off.")
    elif reason != "hangup":
        await socket.close(1000, "The conversation has ended.")


async def _first(socket: EventSocket) -> dict[str, Any] | None:
    """Return the first event that a client sends in good time; None where it says nothing."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_SECS):
            return await socket.receive()
    return None
