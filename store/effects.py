"""The journal of effects: what tools did to the world, each thing once.

A tool with an effect begins by claiming its key. Whoever claims it first, of all tasks and
processes, does it and writes down the result; who comes later reads that instead of doing it again.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime


class Effect(BaseModel):
    """One thing that a tool did, does, or was about to do when its process ended."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    key: str
    """What makes it the same thing again: of its thread, turn and tool call."""
    graph: str
    thread_id: str
    turn_id: str
    tool: str
    arguments: dict[str, Any]
    began_at: datetime
    finished_at: datetime | None = None
    """When it was done or failed; None while it goes on, or when nobody lived to say."""
    result: Any = None
    """What the tool returned, as JSON."""
    error: str | None = None
    """Why it failed, for a person to read."""
    settled_at: datetime | None = None
    """When its turn was on the thread, with the result."""


class EffectNotOpen(LookupError):
    """No effect of that key has begun and not finished: its outcome is known or it never began."""


class _EffectRow(Table):
    __tablename__ = "effects"

    key: Mapped[str] = mapped_column(primary_key=True)
    graph: Mapped[str]
    thread_id: Mapped[str] = mapped_column(index=True)
    turn_id: Mapped[str]
    tool: Mapped[str]
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    error: Mapped[str | None]
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class Effects:
    """The journal."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def begin(
        self,
        key: str,
        *,
        graph: str,
        thread_id: str,
        turn_id: str,
        tool: str,
        arguments: Mapping[str, Any],
    ) -> Literal["begun"] | Effect:
        """Claim an effect before doing it.

        Returns:
            "begun" to the one who is to do it now; to everybody else the effect as it is: with its
            result or error, or with neither while the first goes on, or has died over it.
        """
        row = _EffectRow(
            key=key,
            graph=graph,
            thread_id=thread_id,
            turn_id=turn_id,
            tool=tool,
            arguments=dict(arguments),
            began_at=datetime.now(UTC),
        )
        try:
            async with self._session.begin() as session:
                session.add(row)
            return "begun"
        except IntegrityError:
            if existing := await self.get(key):
                return existing
            raise

    async def finish(self, key: str, result: Any) -> None:
        """Write down what an effect returned.

        Args:
            key: the effect, begun before.
            result: anything that JSON can hold.

        Raises:
            EffectNotOpen: it has finished already, or has not begun.
        """
        await self._close(key, result=result)

    async def fail(self, key: str, error: str) -> None:
        """Write down that an effect failed, and why.

        Raises:
            EffectNotOpen: it has finished already, or has not begun.
        """
        await self._close(key, error=error)

    async def _close(self, key: str, **outcome: Any) -> None:
        query = (
            update(_EffectRow)
            .where(_EffectRow.key == key, _EffectRow.finished_at.is_(None))
            .values(finished_at=datetime.now(UTC), **outcome)
            .returning(_EffectRow.key)
        )
        async with self._session.begin() as session:
            if not (await session.scalars(query)).all():
                raise EffectNotOpen(f"No effect {key!r} has begun and not finished.")

    async def get(self, key: str) -> Effect | None:
        """Return the effect of that key, or None."""
        async with self._session() as session:
            row = await session.get(_EffectRow, key)
            return Effect.model_validate(row) if row else None

    async def of_thread(self, graph: str, thread_id: str) -> Sequence[Effect]:
        """Return the effects of a thread, in the order in which they began."""
        query = select(_EffectRow).where(
            _EffectRow.graph == graph, _EffectRow.thread_id == thread_id
        )
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_EffectRow.began_at, _EffectRow.key))
            return [Effect.model_validate(row) for row in rows]

    async def settle(self, graph: str, thread_id: str, turn_id: str) -> None:
        """Write down that a turn is on its thread, with what came of its effects."""
        query = (
            update(_EffectRow)
            .where(
                _EffectRow.graph == graph,
                _EffectRow.thread_id == thread_id,
                _EffectRow.turn_id == turn_id,
            )
            .values(settled_at=datetime.now(UTC))
        )
        async with self._session.begin() as session:
            await session.execute(query)

    async def unsettled(self) -> Sequence[Effect]:
        """Return the effects whose turn is not on its thread, the oldest first.

        Their turn goes on, or its process died.
        """
        query = select(_EffectRow).where(_EffectRow.settled_at.is_(None))
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_EffectRow.began_at, _EffectRow.key))
            return [Effect.model_validate(row) for row in rows]

    async def delete_of_thread(self, graph: str, thread_id: str) -> None:
        """Delete what the journal has of a thread, when the thread itself is deleted."""
        query = delete(_EffectRow).where(
            _EffectRow.graph == graph, _EffectRow.thread_id == thread_id
        )
        async with self._session.begin() as session:
            await session.execute(query)
