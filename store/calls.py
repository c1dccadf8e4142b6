"""Call records: one row a call, one row an utterance."""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime
from store.live_calls import live
from store.locks import ThreadLocks
from store.tickets import awaits_stream

LOST: Final = timedelta(days=1)
"""No call is as long: one that began before and has not ended has lost its end."""
Direction = Literal["inbound", "outbound", "browser"]
Status = Literal["dialling", "ringing", "in-progress", "completed", "failed"]
"""`dialling`: the carrier rings somebody for us; `ringing`: it has asked us for instructions."""
Unanswered = Literal["busy", "no-answer", "failed", "canceled"]
"""Why nobody took a call that we placed."""
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
    source: Literal["speech", "keys", "event", "text"] = "speech"
    interrupted: bool = False
    """Cut off: `text` is what was heard of it, a word less where in doubt."""
    message_id: str | None = None
    """Id of what the bot said; the message's on the thread, but for an apology or the like."""


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
    unanswered: Unanswered | None = None
    """Why nobody took an outbound call; None when somebody did."""
    recording: str | None = None
    """Name of the WAV in the recordings folder; None when the call was not recorded."""
    agent_id: str | None = None
    """The agent that holds the conversation; None where a graph was called by its name."""
    opening: dict[str, Any] = Field(default_factory=dict)
    """What the graph is given at the start, by keys of its state; see `graphs.events.Begin`."""
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
    unanswered: Mapped[str | None]
    recording: Mapped[str | None]
    agent_id: Mapped[str | None] = mapped_column(index=True)
    opening: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    transcript: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)
    latency: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)


class CallExists(ValueError):
    """A call of that sid is already recorded: the same webhook or stream came twice."""


Follow = Callable[[AsyncSession, Call, Call | None], Awaitable[None]]
"""Writes what follows from a change of a record, in the transaction that changes it: given the call
as it is now, and as it was, if there was one."""


async def _nothing(_session: AsyncSession, _now: Call, _before: Call | None) -> None:
    pass


class Calls:
    """The call records.

    Args:
        engine: of the records.
        follow: writes what follows from the begin, the answer and the end of a call.
    """

    def __init__(self, engine: AsyncEngine, follow: Follow = _nothing) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self._follow = follow

    async def create(self, call: Call) -> None:
        """Record a call that begins.

        Raises:
            CallExists: a call of that sid is already recorded.
        """
        try:
            async with self._session.begin() as session:
                session.add(_CallRow(**_columns(call)))
                await session.flush()
                await self._follow(session, call, None)
        except IntegrityError:
            raise CallExists(f"The call {call.sid} is already recorded.") from None

    async def save(self, call: Call) -> None:
        """Write the call as it is now over its earlier record."""
        async with self._session.begin() as session:
            row = await session.get(_CallRow, call.sid)
            before = _call(row) if row and _changed_state(row, call) else None
            await session.merge(_CallRow(**_columns(call)))
            if before or not row:
                await session.flush()
                await self._follow(session, call, before)

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

    async def since(
        self,
        moment: datetime,
        *,
        graph: str | None = None,
        agent_id: str | None = None,
        limit: int = 10_000,
    ) -> Sequence[Call]:
        """Return calls that began since a moment, the newest first."""
        query = select(_CallRow).where(_CallRow.started_at >= moment)
        if graph is not None:
            query = query.where(_CallRow.graph == graph)
        if agent_id is not None:
            query = query.where(_CallRow.agent_id == agent_id)
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_CallRow.started_at.desc()).limit(limit))
            return [_call(row) for row in rows]

    async def counts(self) -> dict[tuple[str, str], int]:
        """Return how many calls there are on record, by direction and status."""
        query = select(_CallRow.direction, _CallRow.status, func.count()).group_by(
            _CallRow.direction, _CallRow.status
        )
        async with self._session() as session:
            rows = (await session.execute(query)).all()
        return {(str(direction), str(status)): int(n) for direction, status, n in rows}

    async def last_with(self, person: str, graph: str, agent_id: str | None) -> Call | None:
        """Return the last call that a number made to, or had from, an agent; None if there is none.

        Args:
            person: the number.
            graph: of the agent.
            agent_id: the agent; None for the graph itself.
        """
        query = (
            select(_CallRow)
            .where(
                _CallRow.graph == graph,
                _CallRow.agent_id.is_(None) if agent_id is None else _CallRow.agent_id == agent_id,
                or_(
                    and_(_CallRow.direction == "inbound", _CallRow.from_number == person),
                    and_(_CallRow.direction == "outbound", _CallRow.to_number == person),
                ),
            )
            .order_by(_CallRow.started_at.desc())
            .limit(1)
        )
        async with self._session() as session:
            row = (await session.scalars(query)).first()
            return _call(row) if row else None

    async def count_from(self, number: str, since: datetime) -> int:
        """Count the calls that came from a number since a time."""
        query = (
            select(func.count())
            .select_from(_CallRow)
            .where(_CallRow.from_number == number, _CallRow.started_at >= since)
        )
        async with self._session() as session:
            return (await session.scalar(query)) or 0

    async def answered(self, sid: str) -> bool:
        """Note that a call we placed was answered; False when that was noted before."""
        query = (
            update(_CallRow)
            .where(_CallRow.sid == sid, _CallRow.status == "dialling")
            .values(status="ringing")
        )
        async with self._session.begin() as session:
            return bool((await session.execute(query)).rowcount)  # type: ignore[attr-defined]

    async def dialling(self, before: datetime) -> Sequence[Call]:
        """Return the calls that we placed before a moment and that nobody has answered yet."""
        query = select(_CallRow).where(_CallRow.status == "dialling", _CallRow.started_at < before)
        async with self._session() as session:
            return [_call(row) for row in (await session.scalars(query)).all()]

    async def end(
        self,
        sid: str,
        status: Status,
        failure: str | None = None,
        *,
        unanswered: Unanswered | None = None,
    ) -> bool:
        """End a call, unless it is over already: what its record then says stays."""
        going_on = ("dialling", "ringing", "in-progress")
        ended = {"status": status, "failure": failure, "ended_at": datetime.now(UTC)}
        query = (
            update(_CallRow)
            .where(_CallRow.sid == sid, _CallRow.status.in_(going_on))
            .values(**ended, unanswered=unanswered)
        )
        async with self._session.begin() as session:
            row = await session.get(_CallRow, sid)
            before = _call(row) if row else None
            if not (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                return False
            if row and before:
                await session.refresh(row)
                await self._follow(session, _call(row), before)
            return True

    async def fail_unfinished(
        self, reason: str, locks: ThreadLocks, caught_up: Callable[[Call], Awaitable[Call]]
    ) -> int:
        """Mark calls that a stopped process left open as failed; returns how many there were.

        Args:
            reason: why, for a person to read.
            locks: those of all servers on these records; what one of them holds is left. A call
                whose stream may still come is caught up, but not marked.
            caught_up: returns a call with what its record lacks, because the process has died.
        """
        query = select(_CallRow.sid).where(_CallRow.status.in_(("ringing", "in-progress")))
        async with self._session() as session:
            sids, failed = (await session.scalars(query)).all(), 0
        for sid in sids:
            with contextlib.suppress(TimeoutError):
                async with live(locks, sid):
                    if call := await self.get(sid):
                        await self.save(await caught_up(call))
                    if not await self._awaits_stream(sid):
                        failed += await self.end(sid, "failed", reason)
        return failed

    async def going_on(self, graph: str, thread_id: str) -> Sequence[Call]:
        """Return the calls on a thread that are placed, or held, and not over."""
        query = select(_CallRow).where(
            _CallRow.graph == graph,
            _CallRow.thread_id == thread_id,
            _CallRow.status.in_(("dialling", "ringing", "in-progress")),
        )
        async with self._session() as session:
            return [_call(row) for row in (await session.scalars(query)).all()]

    async def _awaits_stream(self, sid: str) -> bool:
        async with self._session() as session:
            return await awaits_stream(session, sid)

    async def begun_before(
        self, moment: datetime, *, now: datetime, agent_id: str | None = None
    ) -> Sequence[Call]:
        """Return the calls that began before a moment and are over, so that they can go.

        Args:
            moment: before which.
            now: the time; what began `LOST` ago is over, too, though nobody has told of its end.
            agent_id: only those of that agent.
        """
        over = _CallRow.ended_at.is_not(None) | (_CallRow.started_at < now - LOST)
        query = select(_CallRow).where(_CallRow.started_at < moment, over)
        if agent_id is not None:
            query = query.where(_CallRow.agent_id == agent_id)
        async with self._session() as session:
            return [_call(row) for row in (await session.scalars(query)).all()]

    async def delete(self, sid: str) -> None:
        """Delete the record of a call."""
        async with self._session.begin() as session:
            await session.execute(delete(_CallRow).where(_CallRow.sid == sid))


def _changed_state(row: _CallRow, call: Call) -> bool:
    was = (row.status, row.ended_at, row.answered_by)
    return was != (call.status, call.ended_at, call.answered_by)


def _columns(call: Call) -> dict[str, object]:
    return call.model_dump() | {
        "transcript": [utterance.model_dump(mode="json") for utterance in call.transcript],
        "latency": [turn.model_dump(mode="json") for turn in call.latency],
    }


def _call(row: _CallRow) -> Call:
    columns = {name: getattr(row, name) for name in Call.model_fields}
    return Call.model_validate({**columns, "opening": row.opening or {}})
