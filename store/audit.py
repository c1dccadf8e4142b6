"""The audit trail: who changed what and when, over the API or the command line."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

Action = Literal["create", "update", "delete", "rotate", "revoke", "call"]


class Change(BaseModel):
    """One row of the trail."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    at: datetime
    actor: str
    """Id of the key that was used; `server-key`, `local` or `command-line` where there was none."""
    action: Action
    kind: str
    """What was changed: agent, tool, secret, key, ..."""
    resource_id: str


class _AuditRow(Table):
    __tablename__ = "audit_trail"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str]
    action: Mapped[str]
    kind: Mapped[str]
    resource_id: Mapped[str] = mapped_column(index=True)


def note(session: AsyncSession, actor: str, action: Action, kind: str, resource_id: str) -> None:
    """Add a row in the transaction that makes the change, so that neither is without the other."""
    session.add(
        _AuditRow(
            at=datetime.now(UTC), actor=actor, action=action, kind=kind, resource_id=resource_id
        )
    )


class AuditTrail:
    """Reads the trail, and writes rows for changes that are not in this database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine)

    async def note(self, actor: str, action: Action, kind: str, resource_id: str) -> None:
        """Add a row."""
        async with self._session.begin() as session:
            note(session, actor, action, kind, resource_id)

    async def latest(self, limit: int = 100) -> Sequence[Change]:
        """Return the newest rows first."""
        query = select(_AuditRow).order_by(_AuditRow.id.desc()).limit(limit)
        async with self._session() as session:
            return [Change.model_validate(row) for row in (await session.scalars(query)).all()]
