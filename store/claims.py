"""Claims: what is sent to somebody else's system once for each key, whatever happens meanwhile.

Who is about to do something claims its key and writes down what came of it. A claim without a
result is in doubt: its process died, or is still at it. What then is for who knows the other side.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime


class Claim(BaseModel):
    """Something that is done once."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    key: str
    kind: str
    subject: str
    """Whom it concerns: a number or an address, by which it is counted and deleted."""
    at: datetime
    result: dict[str, Any] | None = None
    """What came of it; None while that is not known."""


class _ClaimRow(Table):
    __tablename__ = "claims"

    key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Claims:
    """Everything that was claimed."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def begin(self, key: str, kind: str, subject: str, at: datetime) -> Claim | None:
        """Claim a key; None to the one who got it, else the claim that stands."""
        try:
            async with self._session.begin() as session:
                session.add(_ClaimRow(key=key, kind=kind, subject=subject, at=at, result=None))
            return None
        except IntegrityError:
            if standing := await self.get(key):
                return standing
            raise

    async def get(self, key: str) -> Claim | None:
        """Return the claim of a key, or None."""
        async with self._session() as session:
            row = await session.get(_ClaimRow, key)
            return Claim.model_validate(row) if row else None

    async def latest(self, kind: str, subject: str) -> Claim | None:
        """Return what was done last about somebody, of a kind; None if nothing was."""
        query = (
            select(_ClaimRow)
            .where(_ClaimRow.kind == kind, _ClaimRow.subject == subject)
            .where(_ClaimRow.result.is_not(None))
            .order_by(_ClaimRow.at.desc(), _ClaimRow.key)
            .limit(1)
        )
        async with self._session() as session:
            row = await session.scalar(query)
            return Claim.model_validate(row) if row else None

    async def finish(self, key: str, result: dict[str, Any]) -> None:
        """Write down what came of it."""
        query = update(_ClaimRow).where(_ClaimRow.key == key).values(result=result)
        async with self._session.begin() as session:
            await session.execute(query)

    async def give_up(self, key: str) -> None:
        """Let go of a claim of which it is certain that nothing was done."""
        query = delete(_ClaimRow).where(_ClaimRow.key == key, _ClaimRow.result.is_(None))
        async with self._session.begin() as session:
            await session.execute(query)

    async def count(self, kind: str, subject: str, since: datetime) -> int:
        """Count what was claimed about somebody since a time."""
        query = (
            select(func.count())
            .select_from(_ClaimRow)
            .where(_ClaimRow.kind == kind, _ClaimRow.subject == subject, _ClaimRow.at >= since)
        )
        async with self._session() as session:
            return (await session.scalar(query)) or 0

    async def forget(self, subject: str) -> int:
        """Delete what was claimed about somebody; returns how many there were."""
        query = delete(_ClaimRow).where(_ClaimRow.subject == subject).returning(_ClaimRow.key)
        async with self._session.begin() as session:
            return len((await session.scalars(query)).all())

    async def delete_before(self, moment: datetime) -> None:
        """Forget what was claimed before a moment; what is asked for again then is done again."""
        async with self._session.begin() as session:
            await session.execute(delete(_ClaimRow).where(_ClaimRow.at < moment))
