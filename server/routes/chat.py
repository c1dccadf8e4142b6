"""Chat with any graph: `POST /api/chat` as JSON or as an event stream, and threads as they are."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import StreamingResponse
from langchain_core.messages import BaseMessage, HumanMessage
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from faults import places
from graphs.questions import WrongAnswer, given
from graphs.threads import (
    THREAD_ID,
    AnswerRefused,
    Asked,
    Node,
    Policy,
    Reply,
    Resume,
    Said,
    Snapshot,
    ThreadBusy,
    Threads,
    Token,
    TurnSuperseded,
    TurnTimedOut,
    UnknownGraph,
)
from server.admission import admit, hold_room
from server.services import ServicesDep
from server.storable import storable

router = APIRouter(prefix="/api", tags=["chat"])
log = logging.getLogger(__name__)

ThreadId = Annotated[str, Field(pattern=THREAD_ID)]


class ChatRequest(BaseModel):
    """One turn; an empty message opens (or reopens) the conversation."""

    model_config = ConfigDict(extra="forbid")

    graph: str | None = Field(None, description="Name of the graph; the default one if missing.")
    thread_id: ThreadId | None = Field(None, description="The conversation; a new one if missing.")
    message: Annotated[str, AfterValidator(storable)] = Field(
        "", description="What the person says; nothing, or only white space, opens."
    )
    message_id: ThreadId | None = Field(
        None,
        description="Names the message: sent again, it is not taken twice; the answer is repeated.",
    )
    resume: Annotated[dict[str, Any] | None, AfterValidator(storable)] = Field(
        None,
        description="Answers to `interrupts` of the thread by their ids, instead of a message.",
    )
    on_busy: Policy = Field(
        "enqueue", description="When another turn runs on the thread: wait, take its place, or 409."
    )


class OpenQuestion(BaseModel):
    """A question that a graph asked by `interrupt()`."""

    id: str
    value: Any


class ChatReply(BaseModel):
    """What the graph answered, and the thread's state after it."""

    thread_id: str
    graph: str
    reply: str = Field(
        description="The graph's messages of this turn, and its open question, by blank lines."
    )
    done: bool = Field(description="Whether the graph has ended the conversation.")
    state: dict[str, Any] = Field(description="The graph's state, without its messages.")
    interrupt: Any = Field(None, description="What the graph waits for, if it called interrupt().")


class ThreadMessage(BaseModel):
    """One message of a thread."""

    id: str | None
    type: str
    content: Any
    interrupted: bool = Field(False, description="Cut short: the caller heard no more than this.")


class ThreadView(BaseModel):
    """A thread as the checkpoint has it."""

    graph: str
    thread_id: str
    messages: list[ThreadMessage]
    state: dict[str, Any]
    interrupts: list[OpenQuestion]
    next: list[str]


@router.post(
    "/chat",
    dependencies=[Depends(admit), Depends(hold_room)],
    response_model=ChatReply,
    responses={
        200: {"content": {"text/event-stream": {}}},
        404: {"description": "There is no graph of that name."},
        409: {"description": "Another turn runs on the thread, or took the place of this one."},
        413: {"description": "The message is too long."},
        429: {"description": "Too many requests from this address."},
        503: {"description": "Too many conversations at once; come back after `Retry-After`."},
        504: {"description": "The graph did not answer in time."},
    },
)
async def chat(body: ChatRequest, request: Request, services: ServicesDep) -> Any:
    """Run one turn.

    With `Accept: text/event-stream` the answer comes as events: `token` and `message` as the graph
    speaks, `interrupt` when it asks, `node` as its nodes finish, and last either `reply`, the same
    object as the JSON answer, or `error`. Tokens are shown early; what counts is in `reply`.

    While the graph waits for an answer, the message is read as that answer; `resume` gives it as
    JSON. A turn goes on and is kept when the client hangs up.
    """
    limit = services.settings.max_message_chars
    if len(body.message) > limit:
        raise HTTPException(
            413, f"The message has {len(body.message)} characters; at most {limit}."
        )
    graph = body.graph or services.settings.default_graph
    thread_id = body.thread_id or uuid4().hex
    _check_graph(services.threads, graph)
    said = await _said(body, services.threads, graph, thread_id)
    turn = services.threads.turn(graph, thread_id, said, policy=body.on_busy)
    if "text/event-stream" in request.headers.get("accept", ""):
        return StreamingResponse(_events(turn, graph, thread_id), media_type="text/event-stream")
    try:
        parts = [part async for part in turn]
    except (ThreadBusy, TurnSuperseded) as error:
        raise HTTPException(409, str(error)) from error
    except AnswerRefused as error:
        raise HTTPException(422, f"The graph refused the answer: {error}") from error
    except WrongAnswer as error:
        raise HTTPException(422, str(error)) from error
    return _reply(parts, graph, thread_id)


async def _said(body: ChatRequest, threads: Threads, graph: str, thread_id: str) -> Said:
    """Read what the person says, or what a program answers for them."""
    if body.resume is not None:
        if body.message.strip():
            raise HTTPException(422, "Give a message or resume, not both.")
        snapshot = await threads.snapshot(graph, thread_id)
        try:
            return Resume(given(snapshot.interrupts, body.resume))
        except WrongAnswer as error:
            raise HTTPException(422, str(error)) from error
    return HumanMessage(body.message, id=body.message_id) if body.message.strip() else None


@router.get("/graphs")
async def graphs(services: ServicesDep) -> dict[str, Any]:
    """List the graphs that are served, and which one is used when none is named."""
    return {"graphs": services.threads.names, "default": services.settings.default_graph}


@router.get(
    "/threads/{graph}/{thread_id}",
    responses={404: {"description": "There is no such graph, or nothing on that thread."}},
)
async def thread(
    graph: str, thread_id: Annotated[ThreadId, Path()], services: ServicesDep
) -> ThreadView:
    """Return the thread as the checkpoint has it."""
    _check_graph(services.threads, graph)
    snapshot = await services.threads.snapshot(graph, thread_id)
    if not snapshot.exists:
        raise HTTPException(404, f"Nothing was ever said on the thread {thread_id!r} of {graph!r}.")
    return ThreadView(
        graph=graph,
        thread_id=thread_id,
        messages=[_message(message) for message in snapshot.messages],
        state=_state(snapshot),
        interrupts=_open(snapshot),
        next=list(snapshot.next),
    )


def jsonable(value: Any) -> Any:
    """Make any state value JSON; what has no JSON form is shown as text."""
    try:
        return jsonable_encoder(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _check_graph(threads: Threads, graph: str) -> None:
    try:
        threads.graph(graph)
    except UnknownGraph as error:
        raise HTTPException(404, str(error)) from None


def _reply(parts: list[Any], graph: str, thread_id: str) -> ChatReply:
    texts = [part.text for part in parts if isinstance(part, Reply | Asked)]
    after: Snapshot = parts[-1]
    return ChatReply(
        thread_id=thread_id,
        graph=graph,
        reply="\n\n".join(texts),
        done=after.done,
        state=_state(after),
        interrupt=jsonable(after.interrupts[0].value) if after.interrupts else None,
    )


def _open(snapshot: Snapshot) -> list[OpenQuestion]:
    return [OpenQuestion(id=i.id, value=jsonable(i.value)) for i in snapshot.interrupts]


async def _events(turn: AsyncIterator[Any], graph: str, thread_id: str) -> AsyncIterator[str]:
    parts: list[Any] = []
    tokens: set[str] = set()
    try:
        async for part in turn:
            parts.append(part)
            match part:
                case Token(message_id, text):
                    tokens.add(message_id)
                    yield _event("token", {"id": message_id, "text": text})
                case Reply(message_id, text) if message_id not in tokens:
                    yield _event("message", {"id": message_id, "text": text})
                case Asked(interrupt_id, text):
                    yield _event("interrupt", {"id": interrupt_id, "text": text})
                case Node(name):
                    yield _event("node", {"name": name})
    except (ThreadBusy, TurnSuperseded, TurnTimedOut, AnswerRefused, WrongAnswer) as error:
        yield _event("error", {"detail": str(error)})
    except Exception as error:  # the status is sent already, so it is told as an event
        log.error("A turn of the graph %r failed: %s", graph, places(error))
        yield _event("error", {"detail": f"The graph failed: {type(error).__name__}."})
    else:
        yield _event("reply", _reply(parts, graph, thread_id).model_dump(mode="json"))


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _state(snapshot: Snapshot) -> dict[str, Any]:
    return {name: jsonable(value) for name, value in snapshot.values.items() if name != "messages"}


def _message(message: BaseMessage) -> ThreadMessage:
    return ThreadMessage(
        id=message.id,
        type=message.type,
        content=jsonable(message.content),
        interrupted=bool(message.additional_kwargs.get("interrupted")),
    )
