"""Conversations: listed, read, heard, judged, deleted."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel

from server.convai.config import Text
from server.convai.conversation import summary, whole
from server.convai.redacting import redacted
from server.routes.convai.shapes import (
    Actor,
    Cursor,
    Filter,
    Id,
    PageSize,
    Search,
    missing,
    refuse,
    wrong,
)
from server.services import Services, ServicesDep
from server.turn_log import forget_calls
from store.calls import Status
from store.conversations import Conversation, Wanted
from store.pages import BadCursor
from store.resources import NoSuchResource, Resource
from voice.flight import flight_files

router = APIRouter(tags=["conversations"])
Unix = Annotated[int | None, Query(ge=0, le=253_402_300_799)]
Secs = Annotated[int | None, Query(ge=0, le=10**9)]
Shown = Literal["initiated", "in-progress", "processing", "done", "failed"]
_STATUSES: dict[Shown, tuple[Status, ...]] = {
    "initiated": ("dialling", "ringing"),
    "in-progress": ("in-progress",),
    "processing": ("completed",),
    "done": ("completed",),
    "failed": ("failed",),
}


class Feedback(BaseModel):
    """What a person thought of it; nothing takes an earlier opinion back."""

    feedback: Literal["like", "dislike"] | None = None


@router.get("/conversations")
async def list_conversations(
    request: Request,
    services: ServicesDep,
    page_size: PageSize = 30,
    cursor: Cursor = None,
    agent_id: Filter = None,
    user_id: Filter = None,
    call_successful: Literal["success", "failure", "unknown"] | None = None,
    call_start_after_unix: Unix = None,
    call_start_before_unix: Unix = None,
    call_duration_min_secs: Secs = None,
    call_duration_max_secs: Secs = None,
    tool_names: Annotated[list[Text] | None, Query()] = None,
    search: Search = None,
    text_only: bool | None = None,
    conversation_initiation_source: Filter = None,
    exclude_statuses: Annotated[list[Shown] | None, Query()] = None,
    summary_mode: Literal["exclude", "include"] = "exclude",
    sort_direction: Literal["asc", "desc"] = "desc",
) -> dict[str, Any]:
    """List conversations, the newest first; `search` is part of what was said.

    Another of ElevenLabs' filters gets 422: a list that is not filtered looks like one that is.
    """
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    if others := sorted(request.query_params.keys() - known):
        wrong(["query", others[0]], "Conversations are not filtered by that here; leave it out.")
    without = set(exclude_statuses or ())
    kept = {s for shown in set(_STATUSES) - without for s in _STATUSES[shown]}
    wanted = Wanted(
        agent_id=agent_id,
        user_id=user_id,
        call_successful=call_successful,
        started_after=_moment(call_start_after_unix),
        started_before=_moment(call_start_before_unix),
        min_secs=call_duration_min_secs,
        max_secs=call_duration_max_secs,
        tool_names=tool_names or (),
        search=search,
        text_only=text_only,
        sources=[conversation_initiation_source] if conversation_initiation_source else (),
        statuses=sorted(kept) if without else None,
        processing="done" in without if without & {"processing", "done"} else None,
    )
    try:
        page = await services.workspace.conversations.page(
            wanted, size=page_size, cursor=cursor, descending=sort_direction == "desc"
        )
    except BadCursor as error:
        wrong(["query", "cursor"], str(error))
    names = await services.workspace.agents.names({c.agent_id for c in page.items})
    listed = [
        summary(conversation, names.get(conversation.agent_id)) for conversation in page.items
    ]
    if summary_mode == "exclude":
        listed = [item | {"transcript_summary": None} for item in listed]
    return {
        "conversations": listed,
        "next_cursor": page.cursor,
        "has_more": page.cursor is not None,
    }


@router.get("/conversations/{conversation_id}")
async def get_conversation(
    conversation_id: Id,
    services: ServicesDep,
    format: Literal["json"] = "json",  # noqa: A002 (ElevenLabs' name)
) -> dict[str, Any]:
    """Return a conversation with its transcript; while it goes on, as far as it has come."""
    return await described(services, await found(services, conversation_id))


@router.delete("/conversations/{conversation_id}")
async def delete_conversation(
    conversation_id: Id, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Delete everything kept of a conversation: its words, sound, secrets and record.

    One that goes on must end first.
    """
    conversation = await found(services, conversation_id)
    calls = await services.workspace.conversations.calls_of(conversation_id)
    if any(call.ended_at is None for call in calls):
        refuse(400, "conversation_in_progress", "The conversation goes on; end it first.")
    graph, thread_id = conversation.call.graph, conversation.call.thread_id
    await services.threads.delete(graph, thread_id)
    for call in calls:
        files = [*flight_files(services.switchboard.recordings, call.sid)]
        if call.recording:
            files.append(services.switchboard.recordings / call.recording)
        for file in files:
            await asyncio.to_thread(file.unlink, missing_ok=True)
        await services.calls.delete(call.sid)
    sids = [call.sid for call in calls]
    await asyncio.to_thread(forget_calls, services.settings.data_dir, sids)
    await services.outbox.delete_of(conversation.id)
    await services.workspace.secrets.forget(conversation.id)
    await services.workspace.conversations.delete(thread_id)
    await services.dialler.forget_thread(thread_id)
    await services.workspace.audit.note(actor, "delete", "conversation", conversation.id)
    await services.workspace.forget_deleted()
    await services.checkpoints.forget_deleted()
    return {}


@router.get(
    "/conversations/{conversation_id}/audio",
    response_class=FileResponse,
    responses={200: {"content": {"audio/wav": {}}}},
)
async def conversation_audio(conversation_id: Id, services: ServicesDep) -> FileResponse:
    """Return the sound as a WAV: the person on the left, the agent on the right."""
    call = (await found(services, conversation_id)).call
    path = services.switchboard.recordings / (call.recording or "")
    if not call.recording or not await asyncio.to_thread(path.is_file):
        refuse(404, "no_audio", f"The conversation {conversation_id!r} was not recorded.")
    return FileResponse(path, media_type="audio/wav", filename=call.recording)


@router.post("/conversations/{conversation_id}/feedback")
async def conversation_feedback(
    conversation_id: Id, body: Feedback, services: ServicesDep
) -> dict[str, Any]:
    """Note whether a person liked the conversation."""
    conversation = await found(services, conversation_id)
    thread_id = conversation.call.thread_id
    await services.workspace.conversations.note(
        thread_id,
        feedback={
            "type": "thumbs",
            "overall_score": body.feedback,
            "likes": int(body.feedback == "like"),
            "dislikes": int(body.feedback == "dislike"),
        },
    )
    return {}


async def found(services: Services, conversation_id: str) -> Conversation:
    """Return a conversation.

    Raises:
        HTTPException: 404, there is none of that id.
    """
    conversation = await services.workspace.conversations.get(conversation_id)
    if conversation is None:
        missing("conversation", conversation_id)
    return conversation


async def described(services: Services, conversation: Conversation) -> dict[str, Any]:
    """Return a conversation in ElevenLabs' shape, as it is read and as webhooks send it."""
    call = conversation.call
    messages, values = [], {}
    if call.graph in services.threads.names:
        snapshot = await services.threads.snapshot(call.graph, call.thread_id)
        messages, values = snapshot.messages, dict(snapshot.values)
    ours = call.from_number if call.direction == "outbound" else call.to_number
    number_id = ""
    if ours and call.carrier in ("twilio", "exotel"):
        page = await services.workspace.phone_numbers.page(
            size=1, fits=lambda number: number.document.get("phone_number") == ours
        )
        number_id = page.items[0].id if page.items else ""
    agent = await _agent(services, conversation.agent_id)
    told = whole(conversation, agent.name if agent else None, messages, values, number_id)
    return redacted(told, agent.document) if agent else told


async def agent_name(services: Services, agent_id: str) -> str | None:
    """Return what an agent is called; None when there is no such agent."""
    return (await services.workspace.agents.names([agent_id])).get(agent_id)


async def _agent(services: Services, agent_id: str) -> Resource | None:
    try:
        return await services.workspace.agents.get(agent_id)
    except NoSuchResource:
        return None


def _moment(unix: int | None) -> datetime | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC)
