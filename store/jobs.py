"""Jobs: what is to be done after the transaction that asks for it, by any process, at least once.

A job is a row. Who asks for it writes the row in the transaction of what it follows from, so that
there is never one without the other. Who does it writes down what came of it; until then it waits,
through crashes too. Doing it twice is made harmless by its key, which stays the same.

Jobs of one lane are begun one after the other, in the order in which they were asked for.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, BigInteger, Index, Integer, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, aliased, mapped_column

from store.database import Table, UtcDateTime
from store.inserting import insert_new

JobState = Literal["waiting", "done", "dead", "cancelled"]


class Job(BaseModel):
    """Something to be done, or done."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    key: str
    """What makes it the same thing again; the same on every attempt."""
    kind: str
    """Which handler does it."""
    owner: str | None = None
    """On whose behalf: no owner's jobs take all the places of the others'."""
    lane: str | None = None
    """Jobs of a lane are done one after the other; None: at any time."""
    data: dict[str, Any]
    state: JobState = "waiting"
    due_at: datetime
    attempts: int = 0
    """How many times it was begun."""
    asked_at: datetime
    began_at: datetime | None = None
    """When it was last begun."""
    finished_at: datetime | None = None
    result: dict[str, Any] | None = None
    """What came of the last attempt, as JSON."""
    error: str | None = None
    """Why the last attempt failed, for a person to read."""


class _JobRow(Table):
    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_due", "state", "due_at"),)

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    owner: Mapped[str | None] = mapped_column(index=True)
    lane: Mapped[str | None] = mapped_column(index=True)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(default="waiting")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    began_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str | None]


async def put_job(
    session: AsyncSession,
    kind: str,
    key: str,
    data: Mapping[str, Any],
    *,
    due_at: datetime | None = None,
    owner: str | None = None,
    lane: str | None = None,
) -> bool:
    """Ask for a job within a transaction; returns False when one of that key was asked for."""
    now = datetime.now(UTC)
    return await insert_new(
        session,
        _JobRow,
        key=key,
        kind=kind,
        owner=owner,
        lane=lane,
        data=dict(data),
        state="waiting",
        attempts=0,
        due_at=due_at or now,
        asked_at=now,
    )


class Jobs:
    """The jobs of all processes on these records."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self.asked = asyncio.Event()
        """Set when this process has asked for one; who looks for jobs need not wait longer."""

    async def put(
        self,
        kind: str,
        key: str,
        data: Mapping[str, Any],
        *,
        due_at: datetime | None = None,
        owner: str | None = None,
        lane: str | None = None,
    ) -> bool:
        """Ask for a job in a transaction of its own, see `put_job`."""
        async with self._session.begin() as session:
            new = await put_job(session, kind, key, data, due_at=due_at, owner=owner, lane=lane)
        self.asked.set()
        return new

    async def get(self, key: str) -> Job | None:
        """Return the job of that key, or None."""
        async with self._session() as session:
            row = await session.scalar(select(_JobRow).where(_JobRow.key == key))
            return Job.model_validate(row) if row else None

    async def due(
        self,
        kinds: Collection[str],
        now: datetime,
        *,
        limit: int = 100,
        not_of: Collection[str] = (),
        besides: Collection[str] = (),
    ) -> Sequence[Job]:
        """Return jobs that can be done now, those that are due longest first.

        Args:
            kinds: those that the asking process can do.
            now: the time.
            limit: how many at most.
            not_of: owners whose jobs are left out.
            besides: keys of jobs that are left out.
        """
        earlier = aliased(_JobRow)
        behind = exists().where(
            earlier.lane == _JobRow.lane,
            earlier.state == "waiting",
            earlier.number < _JobRow.number,
        )
        query = select(_JobRow).where(
            _JobRow.state == "waiting", _JobRow.due_at <= now, _JobRow.kind.in_(kinds), ~behind
        )
        if not_of:
            query = query.where(_JobRow.owner.is_(None) | _JobRow.owner.not_in(not_of))
        if besides:
            query = query.where(_JobRow.key.not_in(besides))
        async with self._session() as session:
            rows = await session.scalars(
                query.order_by(_JobRow.due_at, _JobRow.number).limit(limit)
            )
            return [Job.model_validate(row) for row in rows]

    async def begin(self, key: str, now: datetime) -> Job | None:
        """Count an attempt before it is made; None when there is nothing to do any more."""
        query = (
            update(_JobRow)
            .where(_JobRow.key == key, _JobRow.state == "waiting", _JobRow.due_at <= now)
            .values(attempts=_JobRow.attempts + 1, began_at=now)
            .returning(_JobRow)
        )
        async with self._session.begin() as session:
            row = await session.scalar(query)
            return Job.model_validate(row) if row else None

    async def settle(
        self,
        key: str,
        state: JobState,
        now: datetime,
        *,
        due_at: datetime | None = None,
        result: Mapping[str, Any] | None = None,
        error: str | None = None,
        forgiven: bool = False,
    ) -> None:
        """Write down what came of an attempt, unless the job was cancelled meanwhile.

        Args:
            key: the job.
            state: "waiting" for another attempt, else how it has ended.
            now: the time.
            due_at: when the other attempt is to be made.
            result: what came of it.
            error: why it failed.
            forgiven: whether the attempts so far do not count any more.
        """
        values: dict[str, Any] = {
            "state": state,
            "finished_at": None if state == "waiting" else now,
            "result": dict(result) if result is not None else None,
            "error": error,
        }
        if due_at:
            values["due_at"] = due_at
        if forgiven:
            values["attempts"] = 0
        query = update(_JobRow).where(_JobRow.key == key, _JobRow.state == "waiting")
        async with self._session.begin() as session:
            await session.execute(query.values(**values))

    async def again(self, key: str, now: datetime) -> Job | None:
        """Let a job be done once more, counting its attempts anew; None when there is none."""
        query = (
            update(_JobRow)
            .where(_JobRow.key == key)
            .values(state="waiting", due_at=now, attempts=0, finished_at=None, error=None)
            .returning(_JobRow)
        )
        async with self._session.begin() as session:
            row = await session.scalar(query)
            job = Job.model_validate(row) if row else None
        self.asked.set()
        return job

    async def cancel(self, key: str, now: datetime) -> bool:
        """Take back a job that waits; returns whether there was one."""
        query = (
            update(_JobRow)
            .where(_JobRow.key == key, _JobRow.state == "waiting")
            .values(state="cancelled", finished_at=now)
            .returning(_JobRow.key)
        )
        async with self._session.begin() as session:
            return bool((await session.execute(query)).all())

    async def delete_before(self, moment: datetime, *, besides: Collection[str] = ()) -> None:
        """Forget the jobs that ended before a moment, but for some kinds."""
        query = delete(_JobRow).where(
            _JobRow.state != "waiting", _JobRow.finished_at < moment, _JobRow.kind.not_in(besides)
        )
        async with self._session.begin() as session:
            await session.execute(query)

    async def forget(self, key: str) -> None:
        """Forget a job, whether it has ended or not."""
        query = delete(_JobRow).where(_JobRow.key == key)
        async with self._session.begin() as session:
            await session.execute(query)

    async def counts(self) -> dict[tuple[str, str], int]:
        """Return how many jobs there are, by kind and state."""
        query = select(_JobRow.kind, _JobRow.state, func.count()).group_by(
            _JobRow.kind, _JobRow.state
        )
        async with self._session() as session:
            rows = (await session.execute(query)).all()
        return {(str(kind), str(state)): int(n) for kind, state, n in rows}

    async def list(
        self,
        kind: str,
        *,
        owner: str | None = None,
        state: JobState | None = None,
        limit: int = 100,
    ) -> Sequence[Job]:
        """Return jobs of a kind, the newest first."""
        query = select(_JobRow).where(_JobRow.kind == kind)
        if owner is not None:
            query = query.where(_JobRow.owner == owner)
        if state is not None:
            query = query.where(_JobRow.state == state)
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_JobRow.number.desc()).limit(limit))
            return [Job.model_validate(row) for row in rows]
