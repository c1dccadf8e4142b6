"""Requests that must not be done twice: what an earlier one like it began."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

KEPT = timedelta(days=1)
"""How long a name of a request is remembered."""


class Request(BaseModel):
    """A request that was made."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    name: str
    """What makes it the same again: a key of the client's, or a digest of what it asks."""
    digest: str
    """Of what it asks."""
    thread_id: str
    """Conversation, or batch of calls, that it began."""
    at: datetime


class _RequestRow(Table):
    __tablename__ = "api_requests"

    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    thread_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Requests:
    """The requests; who looks one up and adds it holds a lock on its name."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def get(self, name: str, within: timedelta = KEPT) -> Request | None:
        """Return the request of that name, if it was made a short while ago."""
        async with self._session() as session:
            row = await session.get(_RequestRow, name)
        if row is None or datetime.now(UTC) - row.at > within:
            return None
        return Request.model_validate(row)

    async def put(self, name: str, digest: str, thread_id: str) -> None:
        """Remember a request, and forget those of long ago."""
        now = datetime.now(UTC)
        async with self._session.begin() as session:
            await session.execute(delete(_RequestRow).where(_RequestRow.at < now - KEPT))
            await session.merge(_RequestRow(name=name, digest=digest, thread_id=thread_id, at=now))
