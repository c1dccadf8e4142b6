"""Transfers of callers to people: each once, found by whichever server is asked next."""

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

State = Literal["asked", "ringing", "accepted", "moved", "done", "failed"]
"""`asked`: the caller is to be connected; `ringing`: the person is rung and the caller stays with
the bot; `accepted`: the person waits for the caller; `moved`: the caller was sent there; `done`,
`failed`: it is over."""


class TransferRecord(BaseModel):
    """One transfer."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str = Field(default_factory=lambda: secrets.token_urlsafe(18))
    """Names it to the carrier's webhooks, and the conference; cannot be guessed."""
    call_sid: str
    message_id: str
    """Of the message that announced it."""
    to: str
    """Number of the person, E.164."""
    warm: bool = False
    briefing: str = ""
    language: str = "en"
    """Of the briefing."""
    state: State
    why: str | None = None
    """Why it failed: `busy`, `no-answer`, `declined`, `voicemail`, `canceled`, `failed`."""
    told: bool = False
    """Whether the graph was told that it failed."""
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))


class _TransferRow(Table):
    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(primary_key=True)
    of: Mapped[str] = mapped_column(unique=True)
    """Call and message: the same message transfers once."""
    call_sid: Mapped[str] = mapped_column(index=True)
    message_id: Mapped[str]
    to: Mapped[str]
    warm: Mapped[bool]
    briefing: Mapped[str]
    language: Mapped[str]
    state: Mapped[str]
    why: Mapped[str | None]
    told: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Transfers:
    """The transfers."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def create(self, transfer: TransferRecord) -> bool:
        """Write a transfer down; returns False when its message has transferred before."""
        of = f"{transfer.call_sid} {transfer.message_id}"
        try:
            async with self._session.begin() as session:
                session.add(_TransferRow(of=of, **transfer.model_dump()))
        except IntegrityError:
            return False
        return True

    async def get(self, transfer_id: str) -> TransferRecord | None:
        """Return the one of that id, or None."""
        async with self._session() as session:
            row = await session.get(_TransferRow, transfer_id)
            return TransferRecord.model_validate(row) if row else None

    async def last_of(self, call_sid: str) -> TransferRecord | None:
        """Return the last transfer of a call, or None."""
        query = (
            select(_TransferRow)
            .where(_TransferRow.call_sid == call_sid)
            .order_by(_TransferRow.at.desc())
        )
        async with self._session() as session:
            row = (await session.scalars(query)).first()
            return TransferRecord.model_validate(row) if row else None

    async def move(
        self, transfer_id: str, to: State, *, out_of: Collection[State], why: str | None = None
    ) -> bool:
        """Change the state of a transfer; returns False, and does not, where it is in another."""
        query = (
            update(_TransferRow)
            .where(_TransferRow.id == transfer_id, _TransferRow.state.in_(out_of))
            .values(state=to, why=why)
        )
        async with self._session.begin() as session:
            return bool((await session.execute(query)).rowcount)  # type: ignore[attr-defined]

    async def take_failure(self, call_sid: str) -> TransferRecord | None:
        """Return a transfer of a call that failed and of which the graph was not told; once."""
        last = await self.last_of(call_sid)
        if last is None or last.state != "failed" or last.told:
            return None
        query = (
            update(_TransferRow)
            .where(_TransferRow.id == last.id, _TransferRow.told.is_(False))
            .values(told=True)
        )
        async with self._session.begin() as session:
            taken = bool((await session.execute(query)).rowcount)  # type: ignore[attr-defined]
        return last if taken else None

    async def delete_before(self, moment: datetime) -> None:
        """Delete those that were made before a moment."""
        async with self._session.begin() as session:
            await session.execute(delete(_TransferRow).where(_TransferRow.at < moment))
