"""Call records: one row a call, one row an utterance."""

import contextlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime
from store.locks import ThreadLocks

Direction = Literal["inbound", "outbound", "browser"]
Status = Literal["ringing", "in-progress", "completed", "failed"]
AnsweredBy = Literal["human", "machine", "menu", "fax", "unknown"]
"""Who took an outbound call; a menu is a system that asks for keys."""
Stage = Literal[
    "endpoint", "stt", "turn", "graph", "model", "overhead", "tts", "carrier", "lead_silence"
]


class Utterance(BaseModel):
    """What one side said, in order."""

    model_config = ConfigDict(frozen=True)

    role: Literal["caller", "bot"]
    text: str
    at: datetime
    """When it began, UTC."""
    source: Literal["speech", "keys", "event"] = "speech"
    interrupted: bool = False
    """Cut off: `text` is what was heard of it, a word less where in doubt."""


class LatencyPart(BaseModel):
    """One stretch of the wait for an answer, in milliseconds."""

    model_config = ConfigDict(frozen=True)

    stage: Stage
    name: str | None = None
    """The node of the graph, where there is one."""
    start_ms: float
    """Since the end of the caller's speech."""
    ms: float


class TurnLatency(BaseModel):
    """Where the time of one answer went, in milliseconds; None where it was not measured."""

    model_config = ConfigDict(frozen=True)

    turn: int
    at: datetime | None = None
    """When the caller's last sound was, UTC."""
    endpoint_ms: float | None = None
    """End of the caller's speech to the end of the turn being decided, speech to text included."""
    graph_ms: float | None = None
    """End of the turn to the first words of the answer."""
    tts_ms: float | None = None
    """First words of the answer to its first audio."""
    total_ms: float | None = None
    """End of the caller's speech to the first audio handed to the carrier."""
    ear_ms: float | None = None
    """End of the caller's speech to the first sound at the ear, as far as it can be known."""
    parts: list[LatencyPart] = Field(default_factory=list)
    """What the caller waited for, one after the other without a gap; they sum to `ear_ms`, those
    before `carrier` and `lead_silence` to `total_ms`."""


class Call(BaseModel):
    """The record of one call."""

    sid: str
    graph: str
    thread_id: str
    direction: Direction
    carrier: str
    status: Status
    outcome: str | None = None
    failure: str | None = None
    """Why the call failed, for a person to read."""
    from_number: str | None = None
    to_number: str | None = None
    started_at: datetime
    ended_at: datetime | None = None
    answered_by: AnsweredBy | None = None
    """Who took an outbound call; None where that was not asked."""
    recording: str | None = None
    """Name of the WAV in the recordings folder; None when the call was not recorded."""
    transcript: list[Utterance] = Field(default_factory=list)
    latency: list[TurnLatency] = Field(default_factory=list)


class _CallRow(Table):
    __tablename__ = "calls"

    sid: Mapped[str] = mapped_column(primary_key=True)
    graph: Mapped[str] = mapped_column(index=True)
    thread_id: Mapped[str] = mapped_column(index=True)
    direction: Mapped[str]
    carrier: Mapped[str]
    status: Mapped[str]
    outcome: Mapped[str | None]
    failure: Mapped[str | None]
    from_number: Mapped[str | None] = mapped_column(index=True)
    to_number: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[str | None]
    recording: Mapped[str | None]
    transcript: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)
    latency: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)


class CallExists(ValueError):
    """A call of that sid is already recorded: the same webhook or stream came twice."""


def live(locks: ThreadLocks, sid: str) -> AbstractAsyncContextManager[None]:
    """Show other servers that this one holds the call, while the context is open.

    Raises:
        TimeoutError: another one does.
    """
    return locks.hold(f"call:{sid}", 0)


class Calls:
    """The call records."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def create(self, call: Call) -> None:
        """Record a call that begins.

        Raises:
            CallExists: a call of that sid is already recorded.
        """
        try:
            async with self._session.begin() as session:
                session.add(_CallRow(**_columns(call)))
        except IntegrityError:
            raise CallExists(f"The call {call.sid} is already recorded.") from None

    async def save(self, call: Call) -> None:
        """Write the call as it is now over its earlier record."""
        async with self._session.begin() as session:
            await session.merge(_CallRow(**_columns(call)))

    async def get(self, sid: str) -> Call | None:
        """Return the call of that sid, or None."""
        async with self._session() as session:
            row = await session.get(_CallRow, sid)
            return _call(row) if row else None

    async def list(self, *, graph: str | None = None, limit: int = 100) -> Sequence[Call]:
        """Return the newest calls first, transcripts included."""
        query = select(_CallRow).order_by(_CallRow.started_at.desc()).limit(limit)
        if graph:
            query = query.where(_CallRow.graph == graph)
        async with self._session() as session:
            return [_call(row) for row in (await session.scalars(query)).all()]

    async def count_from(self, number: str, since: datetime) -> int:
        """Count the calls that came from a number since a time."""
        query = (
            select(func.count())
            .select_from(_CallRow)
            .where(_CallRow.from_number == number, _CallRow.started_at >= since)
        )
        async with self._session() as session:
            return (await session.scalar(query)) or 0

    async def end(self, sid: str, status: Status, failure: str | None = None) -> bool:
        """End a call, unless it is over already: what its record then says stays."""
        query = (
            update(_CallRow)
            .where(_CallRow.sid == sid, _CallRow.status.in_(("ringing", "in-progress")))
            .values(status=status, failure=failure, ended_at=datetime.now(UTC))
        )
        async with self._session.begin() as session:
            return bool((await session.execute(query)).rowcount)  # type: ignore[attr-defined]

    async def fail_unfinished(self, reason: str, locks: ThreadLocks) -> int:
        """Mark calls that a stopped process left open as failed; returns how many there were.

        Args:
            reason: why, for a person to read.
            locks: those of all servers on these records; what one of them holds is left.
        """
        query = select(_CallRow.sid).where(_CallRow.status.in_(("ringing", "in-progress")))
        async with self._session() as session:
            sids, failed = (await session.scalars(query)).all(), 0
        for sid in sids:
            with contextlib.suppress(TimeoutError):
                async with live(locks, sid):
                    failed += await self.end(sid, "failed", reason)
        return failed

    async def begun_before(self, moment: datetime) -> Sequence[Call]:
        """Return the calls that began before a moment, so that what belongs to them can go."""
        query = select(_CallRow).where(_CallRow.started_at < moment)
        async with self._session() as session:
            return [_call(row) for row in (await session.scalars(query)).all()]

    async def delete(self, sid: str) -> None:
        """Delete the record of a call."""
        async with self._session.begin() as session:
            await session.execute(delete(_CallRow).where(_CallRow.sid == sid))


def _columns(call: Call) -> dict[str, object]:
    return call.model_dump() | {
        "transcript": [utterance.model_dump(mode="json") for utterance in call.transcript],
        "latency": [turn.model_dump(mode="json") for turn in call.latency],
    }


def _call(row: _CallRow) -> Call:
    return Call.model_validate({name: getattr(row, name) for name in Call.model_fields})
