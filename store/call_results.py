"""Call results: what came of the call that one request waits for, as the classic form keeps it."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, computed_field
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime
from store.inserting import insert_new


class CallResult(BaseModel):
    """One request, and the digit that its call ended with."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    request_id: str
    thread_id: str
    """The run that the call is about."""
    approval_id: str | None = None
    """What is asked in the call; None before there is something to ask."""
    digit: str | None = None
    """The key that decided: 1 yes, 2 no; None where none was pressed."""
    created_at: datetime
    pressed_at: datetime | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def timestamp(self) -> int | None:
        """When the key was pressed, in seconds since 1970."""
        return int(self.pressed_at.timestamp()) if self.pressed_at else None


class _Row(Table):
    __tablename__ = "call_results"

    request_id: Mapped[str] = mapped_column(primary_key=True)
    thread_id: Mapped[str] = mapped_column(unique=True)
    approval_id: Mapped[str | None] = mapped_column(index=True)
    digit: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    pressed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CallResults:
    """The call results."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def open(self, request_id: str, thread_id: str) -> None:
        """Note that a request waits for a call; noted again it changes nothing."""
        async with self._session.begin() as session:
            await insert_new(
                session,
                _Row,
                request_id=request_id,
                thread_id=thread_id,
                created_at=datetime.now(UTC),
            )

    async def get(self, request_id: str) -> CallResult | None:
        """Return the one of a request, or None."""
        return await self._one(_Row.request_id == request_id)

    async def of_thread(self, thread_id: str) -> CallResult | None:
        """Return the one of a run, or None."""
        return await self._one(_Row.thread_id == thread_id)

    async def asks(self, request_id: str, approval_id: str) -> None:
        """Note what is asked in the call."""
        await self._change(request_id, approval_id=approval_id)

    async def pressed(self, request_id: str, digit: str) -> None:
        """Note the key that decided."""
        await self._change(request_id, digit=digit, pressed_at=datetime.now(UTC))

    async def delete_before(self, moment: datetime) -> None:
        """Forget the requests of before a moment; what was decided is kept with its approval."""
        async with self._session.begin() as session:
            await session.execute(delete(_Row).where(_Row.created_at < moment))

    async def _change(self, request_id: str, **values: Any) -> None:
        query = update(_Row).where(_Row.request_id == request_id)
        async with self._session.begin() as session:
            await session.execute(query.values(**values))

    async def _one(self, condition: Any) -> CallResult | None:
        async with self._session() as session:
            row = (await session.scalars(select(_Row).where(condition))).first()
            return CallResult.model_validate(row) if row else None
