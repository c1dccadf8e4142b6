"""Calls back that were promised: each is a row with a number and a time, until somebody rings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

State = Literal["waiting", "dialled", "refused", "cancelled"]


class CallBack(BaseModel):
    """A call that was promised."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    number: str
    """E.164."""
    due_at: datetime
    """UTC."""
    organisation: str
    agent_id: str = ""
    conversation_id: str = ""
    """The conversation in which it was promised."""
    about: str = ""
    """What it is about, for whoever rings."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Anything else the graph is to be opened with."""
    state: State = "waiting"
    reason: str | None = None
    """Why it was refused, or is put off."""
    created_at: datetime


class _CallBackRow(Table):
    __tablename__ = "call_backs"

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str] = mapped_column(index=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    organisation: Mapped[str]
    agent_id: Mapped[str]
    conversation_id: Mapped[str] = mapped_column(index=True)
    about: Mapped[str]
    values: Mapped[dict[str, Any]] = mapped_column("opening", JSON)
    state: Mapped[str]
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CallBacks:
    """The calls that were promised."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def promise(self, call_back: CallBack, *, key: str) -> CallBack:
        """Write down a promise, once for each key; returns the one that stands."""
        try:
            async with self._session.begin() as session:
                session.add(_CallBackRow(**call_back.model_dump(), key=key))
            return call_back
        except IntegrityError:
            query = select(_CallBackRow).where(_CallBackRow.key == key)
            async with self._session() as session:
                existing = await session.scalar(query)
            if existing is None:
                raise
            return CallBack.model_validate(existing)

    async def due(self, now: datetime, *, limit: int = 100) -> Sequence[CallBack]:
        """Return the promises whose time has come, the oldest first.

        Whoever dials one does it with its id as the key, so that two who both found it ring once,
        and marks it `dialled` after that.
        """
        query = (
            select(_CallBackRow)
            .where(_CallBackRow.state == "waiting", _CallBackRow.due_at <= now)
            .order_by(_CallBackRow.due_at, _CallBackRow.id)
            .limit(limit)
        )
        async with self._session() as session:
            return [CallBack.model_validate(row) for row in await session.scalars(query)]

    async def mark(self, call_back_id: str, state: State, reason: str | None = None) -> bool:
        """End the waiting of a promise; returns whether it was waiting."""
        return await self._change(call_back_id, state=state, reason=reason)

    async def put_off(self, call_back_id: str, until: datetime, reason: str) -> bool:
        """Move a promise to a later time; returns whether it was waiting."""
        return await self._change(call_back_id, due_at=until, reason=reason)

    async def _change(self, call_back_id: str, **values: Any) -> bool:
        query = (
            update(_CallBackRow)
            .where(_CallBackRow.id == call_back_id, _CallBackRow.state == "waiting")
            .values(**values)
            .returning(_CallBackRow.id)
        )
        async with self._session.begin() as session:
            return bool((await session.scalars(query)).all())

    async def of_number(self, number: str) -> Sequence[CallBack]:
        """Return every promise to a number, the latest first."""
        query = select(_CallBackRow).where(_CallBackRow.number == number)
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_CallBackRow.due_at.desc()))
            return [CallBack.model_validate(row) for row in rows]

    async def delete_before(self, moment: datetime) -> None:
        """Forget promises that were due before a moment and wait no more."""
        over = (_CallBackRow.state != "waiting", _CallBackRow.due_at < moment)
        async with self._session.begin() as session:
            await session.execute(delete(_CallBackRow).where(*over))

    async def delete_of(self, number: str) -> int:
        """Delete every promise to a number; returns how many there were."""
        query = delete(_CallBackRow).where(_CallBackRow.number == number)
        async with self._session.begin() as session:
            return len((await session.scalars(query.returning(_CallBackRow.id))).all())


def new_id() -> str:
    """Return the id of a new promise."""
    return f"callback_{uuid4().hex}"
