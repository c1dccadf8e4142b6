"""News of a call for the server that holds it, which the carrier has brought to another one."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, delete
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

KEPT = timedelta(days=1)
"""How long news stays that nobody takes; its call is over by then."""


class News(BaseModel):
    """One thing that the carrier has said."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    sid: str
    kind: Literal["answered_by", "over"]
    """`answered_by`: who has taken the call. `over`: its stream has ended, for the carrier."""
    data: dict[str, Any]


class _NewsRow(Table):
    __tablename__ = "call_news"

    id: Mapped[int] = mapped_column(primary_key=True)
    sid: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CallNews:
    """The news that no server has taken yet.

    Args:
        engine: of the records.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def tell(self, news: News) -> None:
        """Leave news for the server that holds the call, or comes to hold it."""
        async with self._session.begin() as session:
            session.add(_NewsRow(**news.model_dump(), at=datetime.now(UTC)))

    async def take(self, sids: Collection[str]) -> Sequence[News]:
        """Take the news of the calls that this server holds, the oldest first."""
        query = delete(_NewsRow).where(_NewsRow.sid.in_(sids)).returning(_NewsRow)
        async with self._session.begin() as session:
            rows = (await session.scalars(query)).all()
            return [News.model_validate(row) for row in sorted(rows, key=lambda row: row.id)]

    async def forget(self) -> None:
        """Delete news that nobody has taken."""
        query = delete(_NewsRow).where(_NewsRow.at < datetime.now(UTC) - KEPT)
        async with self._session.begin() as session:
            await session.execute(query)
