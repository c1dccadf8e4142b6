"""Admissions: that an agent holds no more conversations at once, nor in a day, than it may.

Each conversation is written down by its thread before it is recorded as a call; asked for again it
is not counted twice. What is counted is both: calls on record, and what was let in and has none
yet, or none any more.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, delete, exists, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.calls import LOST, _CallRow
from store.database import Table, UtcDateTime
from store.locks import ThreadLocks

WAIT_SECS: Final = 10.0
"""Longest wait for others who are let in to the same agent, in seconds."""
BEGINNING: Final = timedelta(minutes=2)
"""Until then what was let in has a call on record, or has come to nothing."""
SOON: Final = timedelta(seconds=30)
"""When it is worth asking again of an agent that holds too many conversations now."""
KEPT: Final = timedelta(days=2)
"""How long it is known what was let in: a day, and whoever's clock is behind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many conversations an agent may hold; None for any number."""

    at_once: int | None = None
    a_day: int | None = None
    """From midnight to midnight, UTC."""


class AtItsLimit(Exception):
    """An agent may not hold one more conversation; says why, in a code too, and until when."""

    def __init__(self, code: str, sentence: str, until: datetime) -> None:
        super().__init__(sentence)
        self.code = code
        self.until = until


class _Row(Table):
    __tablename__ = "admissions"

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    agent_id: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Admissions:
    """Whom the agents have let in.

    Args:
        engine: of the records.
        locks: of the records; of many that come at once, in any process, none is let in too many.
        longest: of a call that is spoken; one that began before is over, though nobody has said so.
    """

    def __init__(self, engine: AsyncEngine, locks: ThreadLocks, longest: timedelta) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self._locks = locks
        self._longest = longest

    async def admit(self, agent_id: str, thread_id: str, limits: Limits) -> None:
        """Let one more conversation in; the same thread again is the same conversation.

        Raises:
            AtItsLimit: the agent may not hold one more.
        """
        if limits == Limits():
            return
        now = datetime.now(UTC)
        async with (
            self._locks.hold(f"admission:{agent_id}", WAIT_SECS),
            self._session.begin() as session,
        ):
            if await session.get(_Row, thread_id):
                return
            await self._check(session, agent_id, limits, now)
            session.add(_Row(thread_id=thread_id, agent_id=agent_id, at=now))

    async def check(self, agent_id: str, limits: Limits) -> None:
        """See whether an agent may hold one more conversation now; nothing is counted.

        Raises:
            AtItsLimit: it may not.
        """
        if limits != Limits():
            async with self._session() as session:
                await self._check(session, agent_id, limits, datetime.now(UTC))

    async def withdraw(self, thread_id: str) -> None:
        """Forget what was let in and has come to nothing."""
        async with self._session.begin() as session:
            await session.execute(delete(_Row).where(_Row.thread_id == thread_id))

    async def forget(self, now: datetime) -> None:
        """Forget what no limit counts any more."""
        async with self._session.begin() as session:
            await session.execute(delete(_Row).where(_Row.at < now - KEPT))

    async def _check(
        self, session: AsyncSession, agent_id: str, limits: Limits, now: datetime
    ) -> None:
        if limits.at_once is not None:
            at_once = await _count(session, *self._going_on(agent_id, now))
            if at_once >= limits.at_once:
                raise AtItsLimit(
                    "agent_concurrency_limit",
                    f"The agent holds {at_once} conversations, and may hold {limits.at_once} at "
                    "once (platform_settings.call_limits.agent_concurrency_limit).",
                    now + SOON,
                )
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if limits.a_day is not None:
            today = await _count(
                session,
                select(_CallRow.thread_id).where(
                    _CallRow.agent_id == agent_id, _CallRow.started_at >= midnight
                ),
                select(_Row.thread_id).where(_Row.agent_id == agent_id, _Row.at >= midnight),
            )
            if today >= limits.a_day:
                raise AtItsLimit(
                    "daily_limit",
                    f"The agent has begun {today} conversations since midnight UTC, and may begin "
                    f"{limits.a_day} a day (platform_settings.call_limits.daily_limit).",
                    midnight + timedelta(days=1),
                )

    def _going_on(self, agent_id: str, now: datetime) -> tuple[Any, Any]:
        written = and_(_CallRow.carrier == "text", _CallRow.started_at > now - LOST)
        on_record = select(_CallRow.thread_id).where(
            _CallRow.agent_id == agent_id,
            _CallRow.status.in_(("dialling", "ringing", "in-progress")),
            or_(written, _CallRow.started_at > now - self._longest),
        )
        beginning = select(_Row.thread_id).where(
            _Row.agent_id == agent_id,
            _Row.at > now - BEGINNING,
            ~exists().where(_CallRow.thread_id == _Row.thread_id),
        )
        return on_record, beginning


async def _count(session: AsyncSession, *threads: Any) -> int:
    return await session.scalar(select(func.count()).select_from(union(*threads).subquery())) or 0
