"""Turns that came by webhook: what was given, and what was answered, so that each happens once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, delete, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime
from store.inserting import insert_new


class CarrierTurn(BaseModel):
    """One turn."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    key: str
    """Of the webhook; one that is sent again has the same."""
    conversation: str
    """The call or thread it belongs to."""
    given: dict[str, Any]
    """What the person said, or where that is to be had."""
    result: dict[str, Any] | None
    """What was answered; None while that is not known."""
    at: datetime


class _CarrierTurnRow(Table):
    __tablename__ = "carrier_turns"

    key: Mapped[str] = mapped_column(primary_key=True)
    conversation: Mapped[str] = mapped_column(index=True)
    given: Mapped[dict[str, Any]] = mapped_column(JSON)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class CarrierTurns:
    """The turns that came by webhook."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def take(self, key: str, conversation: str, given: Mapping[str, Any]) -> CarrierTurn:
        """Write a turn down unless it is there; returns it as it is on record."""
        async with self._session.begin() as session:
            await insert_new(
                session,
                _CarrierTurnRow,
                key=key,
                conversation=conversation,
                given=dict(given),
                result=None,
                at=datetime.now(UTC),
            )
        found = await self.get(key)
        assert found  # noqa: S101 - written two lines above
        return found

    async def get(self, key: str) -> CarrierTurn | None:
        """Return the one of that key, or None."""
        async with self._session() as session:
            row = await session.get(_CarrierTurnRow, key)
            return CarrierTurn.model_validate(row) if row else None

    async def finish(self, key: str, result: Mapping[str, Any]) -> None:
        """Write down what was answered."""
        query = update(_CarrierTurnRow).where(_CarrierTurnRow.key == key)
        async with self._session.begin() as session:
            await session.execute(query.values(result=dict(result)))

    async def delete_before(self, moment: datetime) -> None:
        """Delete those that came before a moment."""
        async with self._session.begin() as session:
            await session.execute(delete(_CarrierTurnRow).where(_CarrierTurnRow.at < moment))
