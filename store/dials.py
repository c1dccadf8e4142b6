"""Calls that we place: written down before anybody is asked to place them.

A row is made first, under a key of whoever wants the call, so that the same wish is never dialled
twice; its id goes to the carrier with the addresses of our webhooks and comes back with them.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

DialStatus = Literal["dialling", "placed", "refused", "failed", "lost"]
"""`dialling`: the carrier was, or is being, asked and has not been heard to answer; `lost`: who
asked did not live to hear, and the carrier has no such call, so that it may be asked anew."""


class Dial(BaseModel):
    """One call that somebody wants placed."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str = Field(default_factory=lambda: secrets.token_urlsafe(18))
    """Names it to the carrier's webhooks; cannot be guessed."""
    key: str
    """Of whoever wants the call; the same key is the same call."""
    to: str
    """E.164."""
    from_number: str
    """E.164."""
    purpose: Literal["conversation", "transfer"] = "conversation"
    graph: str
    thread_id: str = Field(default_factory=lambda: str(uuid4()))
    agent_id: str | None = None
    opening: dict[str, Any] = Field(default_factory=dict)
    """What the graph is given at the start."""
    status: DialStatus = "dialling"
    sid: str | None = None
    """The carrier's, once it is known."""
    failure: str | None = None
    """Why there was no call, for a person to read."""
    reasons: list[dict[str, Any]] = Field(default_factory=list)
    """Why it was refused: `code` and `sentence` of each."""
    began_at: datetime = Field(default_factory=lambda: datetime.now(UTC))


class _DialRow(Table):
    __tablename__ = "dials"

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    to: Mapped[str] = mapped_column(index=True)
    from_number: Mapped[str]
    purpose: Mapped[str]
    graph: Mapped[str]
    thread_id: Mapped[str] = mapped_column(index=True)
    agent_id: Mapped[str | None]
    opening: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(index=True)
    sid: Mapped[str | None] = mapped_column(unique=True)
    failure: Mapped[str | None]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Dials:
    """The calls that we place."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def create(self, dial: Dial) -> None:
        """Write down a call before it is placed."""
        async with self._session.begin() as session:
            session.add(_DialRow(**dial.model_dump()))

    async def get(self, dial_id: str) -> Dial | None:
        """Return the one of that id, or None."""
        async with self._session() as session:
            row = await session.get(_DialRow, dial_id)
            return Dial.model_validate(row) if row else None

    async def of_key(self, key: str) -> Dial | None:
        """Return the one of that key, or None."""
        return await self._one(_DialRow.key == key)

    async def change(self, dial_id: str, status: DialStatus, **values: Any) -> None:
        """Note what became of it; one whose sid is known stays placed."""
        query = update(_DialRow).where(_DialRow.id == dial_id, _DialRow.sid.is_(None))
        async with self._session.begin() as session:
            await session.execute(query.values(status=status, **values))

    async def placed(self, dial_id: str, sid: str) -> bool:
        """Note the carrier's sid; returns False when that call belongs to another one."""
        query = update(_DialRow).where(_DialRow.id == dial_id, _DialRow.sid.is_(None))
        try:
            async with self._session.begin() as session:
                await session.execute(query.values(status="placed", sid=sid, failure=None))
        except IntegrityError:
            return False
        found = await self.get(dial_id)
        return found is not None and found.sid == sid

    async def unanswered(self, before: datetime) -> Sequence[Dial]:
        """Return those about which the carrier was asked before a moment and has not answered."""
        query = select(_DialRow).where(_DialRow.status == "dialling", _DialRow.began_at < before)
        async with self._session() as session:
            return [Dial.model_validate(row) for row in (await session.scalars(query)).all()]

    async def delete_before(self, moment: datetime) -> None:
        """Delete those that were wanted before a moment."""
        async with self._session.begin() as session:
            await session.execute(delete(_DialRow).where(_DialRow.began_at < moment))

    async def blank(self, thread_id: str) -> None:
        """Forget whom the calls of a thread were for, and with what; their keys stay taken."""
        query = update(_DialRow).where(_DialRow.thread_id == thread_id)
        async with self._session.begin() as session:
            await session.execute(query.values(to="", opening={}))

    async def _one(self, condition: Any) -> Dial | None:
        async with self._session() as session:
            row = (await session.scalars(select(_DialRow).where(condition))).first()
            return Dial.model_validate(row) if row else None
