"""Conversations as the API lists them: call records, with what was given and found out of each."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    JSON,
    ColumnElement,
    String,
    and_,
    cast,
    delete,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, aliased, mapped_column

from store.calls import Call, Status, _call, _CallRow
from store.database import Table, UtcDateTime, alone
from store.inserting import insert_new
from store.jobs import _JobRow
from store.pages import Page, decode, encode

PREFIX = "conv_"
AFTER_CALL: Final = "after_call"
"""The kind of the job that works up a call that is over."""
Success = Literal["success", "failure", "unknown"]


def conversation_id(thread_id: str) -> str:
    """Return the id that a thread has over the API: a UUID loses its dashes."""
    return PREFIX + thread_id.replace("-", "") if _is_uuid(thread_id) else PREFIX + thread_id


def _threads_of(conversation: str) -> list[str]:
    """Return the threads that a conversation's id may be of."""
    thread_id = conversation.removeprefix(PREFIX)
    return [thread_id, str(UUID(thread_id))] if _is_uuid(thread_id) else [thread_id]


def _is_uuid(text: str) -> bool:
    try:
        return UUID(text).hex == text.replace("-", "")
    except ValueError:
        return False


class About(BaseModel):
    """What is known of a conversation beside its call record."""

    model_config = ConfigDict(from_attributes=True)

    thread_id: str
    user_id: str | None = None
    initiation: dict[str, Any] = Field(default_factory=dict)
    """`conversation_initiation_client_data` as it came, without the values of `secret__`."""
    warnings: list[str] = Field(default_factory=list)
    source: str = "unknown"
    text_only: bool = False
    tool_names: list[str] = Field(default_factory=list)
    feedback: dict[str, Any] | None = None
    analysis: dict[str, Any] | None = None
    """In ElevenLabs' shape; None before it is made."""
    call_successful: Success = "unknown"


class _AboutRow(Table):
    __tablename__ = "conversations"

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(index=True)
    initiation: Mapped[dict[str, Any]] = mapped_column(JSON)
    warnings: Mapped[list[str]] = mapped_column(JSON)
    source: Mapped[str]
    text_only: Mapped[bool]
    tool_names: Mapped[list[str]] = mapped_column(JSON)
    feedback: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    analysis: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    call_successful: Mapped[str] = mapped_column(index=True)
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A call and what is known of it."""

    call: Call
    about: About
    processing: bool = False
    """Whether its call is over and is still being worked up."""

    @property
    def id(self) -> str:
        """Its id over the API."""
        return conversation_id(self.call.thread_id)

    @property
    def agent_id(self) -> str:
        """The agent that held it; a graph that was called by its name stands for itself."""
        return self.call.agent_id or self.call.graph


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations a list is of; None where it does not matter."""

    agent_id: str | None = None
    user_id: str | None = None
    call_successful: Success | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    min_secs: float | None = None
    max_secs: float | None = None
    tool_names: Collection[str] = ()
    search: str | None = None
    text_only: bool | None = None
    sources: Collection[str] = ()
    statuses: Collection[Status] | None = None
    """Of the call."""
    processing: bool | None = None
    """Of the calls that are over, only those that are still being worked up, or only others."""


class Conversations:
    """The conversations."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self._dialect = engine.dialect.name

    async def get(self, conversation: str) -> Conversation | None:
        """Return a conversation by its id over the API, or None."""
        query = (
            select(_CallRow, _AboutRow, _processing())
            .outerjoin(_AboutRow, _AboutRow.thread_id == _CallRow.thread_id)
            .where(_CallRow.thread_id.in_(_threads_of(conversation)))
            .order_by(_CallRow.started_at.desc())
            .limit(1)
        )
        async with self._session() as session:
            found = (await session.execute(query)).first()
        return _conversation(*found) if found else None

    async def calls_of(self, conversation: str) -> Sequence[Call]:
        """Return every call on the conversation's thread, the newest first."""
        query = (
            select(_CallRow)
            .where(_CallRow.thread_id.in_(_threads_of(conversation)))
            .order_by(_CallRow.started_at.desc())
        )
        async with self._session() as session:
            return [_call(row) for row in (await session.scalars(query)).all()]

    async def page(
        self, wanted: Wanted, *, size: int, cursor: str | None = None, descending: bool = True
    ) -> Page[Conversation]:
        """Return some conversations by when they began, and where the next begin.

        A thread with several calls is one conversation, that of its newest call.

        Raises:
            BadCursor: the cursor is not of such a list.
        """
        later = aliased(_CallRow)
        query = (
            select(_CallRow, _AboutRow, _processing())
            .outerjoin(_AboutRow, _AboutRow.thread_id == _CallRow.thread_id)
            .where(
                *_conditions(wanted, self._dialect),
                not_(
                    exists().where(
                        later.thread_id == _CallRow.thread_id,
                        tuple_(later.started_at, later.sid)
                        > tuple_(_CallRow.started_at, _CallRow.sid),
                    )
                ),
            )
            .limit(size + 1)
        )
        place = tuple_(_CallRow.started_at, _CallRow.sid)
        if cursor:
            moment, sid = decode(cursor, datetime)
            here = tuple_(literal(moment, UtcDateTime()), literal(sid))
            query = query.where(place < here if descending else place > here)
        order = (
            (_CallRow.started_at.desc(), _CallRow.sid.desc())
            if descending
            else (_CallRow.started_at, _CallRow.sid)
        )
        async with self._session() as session:
            rows = (await session.execute(query.order_by(*order))).all()
        found = [_conversation(*row) for row in rows[:size]]
        more = len(rows) > size
        return Page(found, encode(found[-1].call.started_at, found[-1].call.sid) if more else None)

    async def last_calls(self, agent_ids: Collection[str]) -> Mapping[str, datetime]:
        """Return when the newest conversation of each agent began, of those that have one."""
        query = (
            select(_CallRow.agent_id, func.max(_CallRow.started_at))
            .where(_CallRow.agent_id.in_(agent_ids))
            .group_by(_CallRow.agent_id)
        )
        async with self._session() as session:
            return {str(agent): moment for agent, moment in (await session.execute(query)).all()}

    async def about(self, thread_id: str) -> About:
        """Return what is known of a thread beside its calls."""
        async with self._session() as session:
            row = await session.get(_AboutRow, thread_id)
        return About.model_validate(row) if row else About(thread_id=thread_id)

    async def begin(self, about: About) -> bool:
        """Write what a conversation is begun with; False where it was begun before."""
        async with self._session.begin() as session:
            values = {**about.model_dump(), "begun_at": datetime.now(UTC)}
            return await insert_new(session, _AboutRow, **values)

    async def come_to_nothing(self, moment: datetime) -> Sequence[str]:
        """Return the threads that were begun before a moment and have no call on record."""
        query = select(_AboutRow.thread_id).where(
            _AboutRow.begun_at < moment, ~exists().where(_CallRow.thread_id == _AboutRow.thread_id)
        )
        async with self._session() as session:
            return (await session.scalars(query)).all()

    async def note(self, thread_id: str, **known: Any) -> About:
        """Change some of what is known of a conversation, by the names of `About`'s fields."""
        async with self._session.begin() as session:
            await alone(session)
            row = await session.get(_AboutRow, thread_id, with_for_update=True)
            before = About.model_validate(row) if row else About(thread_id=thread_id)
            after = About.model_validate(before.model_dump() | known)
            await session.merge(_AboutRow(**after.model_dump()))
        return after

    async def delete(self, thread_id: str) -> None:
        """Delete what is known of a conversation; its calls are the call records' to delete."""
        async with self._session.begin() as session:
            await session.execute(delete(_AboutRow).where(_AboutRow.thread_id == thread_id))


def _conditions(wanted: Wanted, dialect: str) -> list[ColumnElement[bool]]:
    call, about = _CallRow, _AboutRow
    found: list[ColumnElement[bool]] = []
    if wanted.agent_id is not None:
        by_graph = and_(call.agent_id.is_(None), call.graph == wanted.agent_id)
        found.append(or_(call.agent_id == wanted.agent_id, by_graph))
    if wanted.user_id is not None:
        found.append(about.user_id == wanted.user_id)
    if wanted.call_successful is not None:
        found.append(func.coalesce(about.call_successful, "unknown") == wanted.call_successful)
    if wanted.started_after is not None:
        found.append(call.started_at >= wanted.started_after)
    if wanted.started_before is not None:
        found.append(call.started_at <= wanted.started_before)
    if wanted.tool_names:
        written = cast(about.tool_names, String)
        found.append(
            or_(*(written.contains(_in_json(n), autoescape=True) for n in wanted.tool_names))
        )
    if wanted.search:
        said = func.lower(cast(call.transcript, String))
        found.append(said.contains(_in_json(wanted.search)[1:-1].lower(), autoescape=True))
    if wanted.text_only is not None:
        found.append(func.coalesce(about.text_only, false()) == wanted.text_only)
    if wanted.sources:
        found.append(about.source.in_(wanted.sources))
    if wanted.statuses is not None:
        found.append(call.status.in_(wanted.statuses))
    if wanted.processing is not None:
        worked_up = _processing() if wanted.processing else not_(_processing())
        found.append(or_(call.status != "completed", worked_up))
    seconds = _seconds(dialect)
    if wanted.min_secs is not None:
        found.append(seconds >= wanted.min_secs)
    if wanted.max_secs is not None:
        found.append(seconds <= wanted.max_secs)
    return found


def _processing() -> ColumnElement[bool]:
    """Return whether what is to be found out of a call that is over still is to be."""
    waits = exists().where(
        _JobRow.kind == AFTER_CALL,
        _JobRow.state == "waiting",
        _JobRow.data["sid"].as_string() == _CallRow.sid,
    )
    return and_(func.coalesce(cast(_AboutRow.analysis, String), "null") == "null", waits)


def _seconds(dialect: str) -> ColumnElement[Any]:
    """Return how long a call lasted, in seconds; nothing while it goes on."""
    began, ended = _CallRow.started_at, _CallRow.ended_at
    if dialect == "postgresql":
        return func.extract("epoch", ended - began)
    return (func.julianday(ended) - func.julianday(began)) * 86400.0


def _in_json(text: str) -> str:
    """Return a text as it stands in a JSON column: quoted, other scripts escaped."""
    return json.dumps(text)


def _conversation(call: _CallRow, about: _AboutRow | None, processing: bool) -> Conversation:
    known = About.model_validate(about) if about else About(thread_id=call.thread_id)
    return Conversation(_call(call), known, bool(processing))
