"""Batches of calls: who is to be called by which agent, and how far it is with each."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, Index, LargeBinary, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime
from store.jobs import Jobs, put_job
from store.webhooks import Seal

KIND: Final = "batch"
"""The kind of the job that goes through a batch."""
BatchStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled"]
RecipientStatus = Literal[
    "pending",
    "dispatched",
    "initiated",
    "in_progress",
    "completed",
    "failed",
    "cancelled",
    "voicemail",
]
ACTIVE: Final[tuple[RecipientStatus, ...]] = ("dispatched", "initiated", "in_progress")
"""Those that are being called."""


class Batch(BaseModel):
    """People to be called by an agent."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    agent_id: str
    phone_number_id: str | None = None
    from_number: str | None = None
    created_at: datetime
    scheduled_at: datetime
    """Nobody is called before."""
    timezone: str | None = None
    """In which the schedule was meant; shown only."""
    concurrency: int | None = Field(None, ge=1)
    """Most calls at once; None for the server's own limit."""
    calls_per_minute: float = Field(30.0, gt=0)
    """Most calls begun in a minute."""
    attempts: int = Field(1, ge=1)
    """How often somebody is called who does not answer or is engaged."""
    retry_minutes: float = Field(60.0, ge=0)
    """Time between two attempts."""
    telephony: dict[str, Any] = Field(default_factory=dict)
    """`telephony_call_config`."""
    status: BatchStatus = "pending"
    paused: bool = False
    retry_count: int = 0
    updated_at: datetime
    dispatched_at: datetime | None = None
    """When somebody was called last."""


class Recipient(BaseModel):
    """Somebody to be called."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    batch_id: str
    place: int
    phone_number: str
    status: RecipientStatus = "pending"
    due_at: datetime
    tries: int = 0
    """Attempts so far."""
    tries_left: int
    thread_id: str | None = None
    """Of the conversation of the newest attempt."""
    call_sid: str | None = None
    reason: str | None = None
    """Why it has failed, or waits; for a person to read."""
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> str:
        """Names the newest attempt: the same key never rings twice."""
        return f"batch:{self.id}:{self.tries}"


class _BatchRow(Table):
    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    agent_id: Mapped[str] = mapped_column(index=True)
    phone_number_id: Mapped[str | None]
    from_number: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    scheduled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    timezone: Mapped[str | None]
    concurrency: Mapped[int | None]
    calls_per_minute: Mapped[float]
    attempts: Mapped[int]
    retry_minutes: Mapped[float]
    telephony: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str]
    paused: Mapped[bool]
    retry_count: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    dispatched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class _RecipientRow(Table):
    __tablename__ = "batch_recipients"
    __table_args__ = (Index("recipients_due", "batch_id", "status", "due_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    batch_id: Mapped[str]
    place: Mapped[int]
    phone_number: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """`conversation_initiation_client_data`, which may hold secrets."""
    status: Mapped[str]
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tries: Mapped[int]
    tries_left: Mapped[int]
    thread_id: Mapped[str | None]
    call_sid: Mapped[str | None] = mapped_column(index=True)
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Batches:
    """The batches.

    Args:
        engine: of the records.
        jobs: woken when there is something to do.
        key: seals what is given for each recipient.
    """

    def __init__(self, engine: AsyncEngine, jobs: Jobs, key: Seal) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self._jobs = jobs
        self._key = key

    async def create(
        self, batch: Batch, recipients: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> None:
        """Write down a batch, its recipients and the job that calls them, all or nothing.

        Args:
            batch: what it is.
            recipients: of each the number, E.164, and the data given for its conversation.
        """
        now = batch.created_at
        rows = []
        for place, (number, data) in enumerate(recipients):
            recipient = f"{batch.id}_{place}_{secrets.token_hex(3)}"
            rows.append(
                _RecipientRow(
                    id=recipient,
                    batch_id=batch.id,
                    place=place,
                    phone_number=number,
                    sealed=self._key.seal(json.dumps(data), recipient),
                    status="pending",
                    due_at=batch.scheduled_at,
                    tries=0,
                    tries_left=batch.attempts,
                    created_at=now,
                    updated_at=now,
                )
            )
        async with self._session.begin() as session:
            session.add(_BatchRow(**batch.model_dump()))
            session.add_all(rows)
            await put_job(
                session,
                KIND,
                f"{KIND}:{batch.id}",
                {"batch_id": batch.id},
                due_at=batch.scheduled_at,
            )
        self._jobs.asked.set()

    async def get(self, batch_id: str) -> Batch | None:
        """Return the batch of that id, or None."""
        async with self._session() as session:
            row = await session.get(_BatchRow, batch_id)
            return Batch.model_validate(row) if row else None

    async def page(
        self, *, limit: int, before: str | None = None, agent_id: str | None = None
    ) -> Sequence[Batch]:
        """Return batches, the newest first; those after the one of an id, where one is given."""
        query = select(_BatchRow).order_by(_BatchRow.created_at.desc(), _BatchRow.id.desc())
        if agent_id is not None:
            query = query.where(_BatchRow.agent_id == agent_id)
        if before and (last := await self.get(before)):
            earlier = _BatchRow.created_at < last.created_at
            same = (_BatchRow.created_at == last.created_at) & (_BatchRow.id < last.id)
            query = query.where(earlier | same)
        async with self._session() as session:
            return [Batch.model_validate(row) for row in await session.scalars(query.limit(limit))]

    async def change(self, batch_id: str, **values: Any) -> None:
        """Change fields of a batch."""
        query = update(_BatchRow).where(_BatchRow.id == batch_id)
        async with self._session.begin() as session:
            await session.execute(query.values(updated_at=datetime.now(UTC), **values))

    async def recipients(
        self,
        batch_id: str,
        *,
        statuses: Collection[RecipientStatus] = (),
        due: datetime | None = None,
        limit: int = 10_000,
    ) -> Sequence[Recipient]:
        """Return recipients in their order, all or those of some statuses, or due by a time."""
        query = select(_RecipientRow).where(_RecipientRow.batch_id == batch_id)
        if statuses:
            query = query.where(_RecipientRow.status.in_(statuses))
        if due:
            query = query.where(_RecipientRow.due_at <= due)
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_RecipientRow.place).limit(limit))
            return [Recipient.model_validate(row) for row in rows]

    async def next_due(self, batch_id: str) -> datetime | None:
        """Return when the first of those who wait is due; None when nobody waits."""
        query = select(func.min(_RecipientRow.due_at)).where(
            _RecipientRow.batch_id == batch_id, _RecipientRow.status == "pending"
        )
        async with self._session() as session:
            found: datetime | None = await session.scalar(query)
            return found

    async def data(self, recipient_id: str) -> dict[str, Any]:
        """Return what was given for a recipient's conversation."""
        async with self._session() as session:
            row = await session.get_one(_RecipientRow, recipient_id)
        data: dict[str, Any] = json.loads(self._key.open(row.sealed, recipient_id))
        return data

    async def all_data(self, batch_id: str) -> Mapping[str, dict[str, Any]]:
        """Return what was given for each recipient's conversation, by id."""
        query = select(_RecipientRow.id, _RecipientRow.sealed)
        async with self._session() as session:
            rows = await session.execute(query.where(_RecipientRow.batch_id == batch_id))
            return {str(one): json.loads(self._key.open(sealed, one)) for one, sealed in rows}

    async def counts(self, batch_id: str) -> Mapping[str, int]:
        """Return how many recipients there are of each status."""
        return (await self.counts_of([batch_id]))[batch_id]

    async def counts_of(self, batch_ids: Collection[str]) -> Mapping[str, Mapping[str, int]]:
        """Return how many recipients there are of each status, batch by batch."""
        row = _RecipientRow
        query = (
            select(row.batch_id, row.status, func.count())
            .where(row.batch_id.in_(batch_ids))
            .group_by(row.batch_id, row.status)
        )
        found: dict[str, dict[str, int]] = {batch_id: {} for batch_id in batch_ids}
        async with self._session() as session:
            for batch_id, status, n in (await session.execute(query)).all():
                found[str(batch_id)][str(status)] = int(n)
        return found

    async def mark(
        self, recipient: Recipient, status: RecipientStatus, **values: Any
    ) -> Recipient | None:
        """Change a recipient, unless another has done so; returns it as it is then."""
        query = (
            update(_RecipientRow)
            .where(_RecipientRow.id == recipient.id, _RecipientRow.status == recipient.status)
            .values(status=status, updated_at=datetime.now(UTC), **values)
            .returning(_RecipientRow)
        )
        async with self._session.begin() as session:
            row = await session.scalar(query)
            return Recipient.model_validate(row) if row else None

    async def cancel(self, batch_id: str) -> None:
        """Call nobody more; calls that go on come to their end."""
        now = datetime.now(UTC)
        waiting = update(_RecipientRow).where(
            _RecipientRow.batch_id == batch_id, _RecipientRow.status == "pending"
        )
        unfinished = update(_BatchRow).where(
            _BatchRow.id == batch_id, _BatchRow.status.in_(("pending", "in_progress"))
        )
        async with self._session.begin() as session:
            await session.execute(unfinished.values(status="cancelled", updated_at=now))
            await session.execute(waiting.values(status="cancelled", updated_at=now))
        await self._again(batch_id, now)

    async def retry(self, batch: Batch) -> int:
        """Call those again whom no call has reached; returns how many there are."""
        now = datetime.now(UTC)
        unreached = (
            update(_RecipientRow)
            .where(
                _RecipientRow.batch_id == batch.id,
                _RecipientRow.status.in_(("failed", "cancelled")),
            )
            .values(
                status="pending",
                due_at=now,
                tries_left=batch.attempts,
                reason=None,
                updated_at=now,
            )
            .returning(_RecipientRow.id)
        )
        changed = (
            update(_BatchRow)
            .where(_BatchRow.id == batch.id)
            .values(status="in_progress", retry_count=_BatchRow.retry_count + 1, updated_at=now)
        )
        async with self._session.begin() as session:
            found = len((await session.execute(unreached)).all())
            if found:
                await session.execute(changed)
        await self._again(batch.id, now)
        return found

    async def delete(self, batch_id: str) -> None:
        """Forget a batch and whom it was to call; their conversations stay."""
        async with self._session.begin() as session:
            await session.execute(delete(_RecipientRow).where(_RecipientRow.batch_id == batch_id))
            await session.execute(delete(_BatchRow).where(_BatchRow.id == batch_id))
        await self._jobs.forget(f"{KIND}:{batch_id}")

    async def over_since(self, moment: datetime) -> Sequence[str]:
        """Return the ids of batches that are over and have not changed since a moment."""
        query = select(_BatchRow.id).where(
            _BatchRow.status.not_in(("pending", "in_progress")),
            _BatchRow.updated_at < moment,
            ~exists().where(
                _RecipientRow.batch_id == _BatchRow.id,
                _RecipientRow.status.in_(("pending", *ACTIVE))
                | (_RecipientRow.updated_at >= moment),
            ),
        )
        async with self._session() as session:
            return (await session.scalars(query)).all()

    async def wake(self, batch_id: str) -> None:
        """Have a batch looked at now."""
        await self._again(batch_id, datetime.now(UTC))

    async def _again(self, batch_id: str, now: datetime) -> None:
        await self._jobs.again(f"{KIND}:{batch_id}", now)
