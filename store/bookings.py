"""The embedded calendar's bookings: no two at the same time, however many ask at once.

A booking holds cells of five minutes, one row a cell, and a cell can be held once. So two bookings
that overlap cannot both be written, on SQLite or PostgreSQL, from any number of servers.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, ColumnElement, Select, UniqueConstraint, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

CELL_SECS = 300
"""Length of a cell; bookings begin and end on one."""


class Booking(BaseModel):
    """An appointment in the embedded calendar."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    calendar: str
    start: datetime
    """UTC."""
    end: datetime
    """UTC; without the pause after it."""
    title: str
    attendee: dict[str, Any] = Field(default_factory=dict)
    """Who comes: `name`, `email`, `phone`, `timezone`, as far as they are known."""
    created_at: datetime


class Whose(BaseModel):
    """Who asks for their bookings; nothing of it is what somebody claims."""

    model_config = ConfigDict(frozen=True)

    conversation_id: str
    phone: str | None = None
    """E.164, the number they are connected by."""
    email: str | None = None


class SlotTaken(ValueError):
    """Another booking has that time, or a part of it."""


class _BookingRow(Table):
    __tablename__ = "bookings"
    __table_args__ = (UniqueConstraint("calendar", "key", name="booking_key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    calendar: Mapped[str] = mapped_column(index=True)
    key: Mapped[str]
    start: Mapped[datetime] = mapped_column("starts_at", UtcDateTime, index=True)
    end: Mapped[datetime] = mapped_column("ends_at", UtcDateTime)
    title: Mapped[str]
    attendee: Mapped[dict[str, Any]] = mapped_column(JSON)
    phone: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class _CellRow(Table):
    __tablename__ = "booked_cells"

    calendar: Mapped[str] = mapped_column(primary_key=True)
    cell: Mapped[int] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(index=True)


class _ChangeRow(Table):
    __tablename__ = "booking_changes"

    calendar: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(index=True)


class NoBooking(LookupError):
    """There is no such booking, or it is somebody else's."""


def cells(start: datetime, end: datetime) -> range:
    """Return the cells between two times.

    Raises:
        ValueError: one of them is not on a full five minutes, or nothing is between them.
    """
    first, last = start.timestamp(), end.timestamp()
    if first % CELL_SECS or last % CELL_SECS or last <= first:
        raise ValueError(f"{start:%H:%M} to {end:%H:%M} is not a number of whole five minutes.")
    return range(int(first) // CELL_SECS, int(last) // CELL_SECS)


class Bookings:
    """What is booked in every embedded calendar."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def taken(self, calendar: str, start: datetime, end: datetime) -> frozenset[int]:
        """Return the cells between two times that are booked."""
        within = cells(start, end)
        query = select(_CellRow.cell).where(
            _CellRow.calendar == calendar,
            _CellRow.cell >= within.start,
            _CellRow.cell < within.stop,
        )
        async with self._session() as session:
            return frozenset((await session.scalars(query)).all())

    async def book(
        self,
        booking: Booking,
        *,
        key: str,
        until: datetime | None = None,
    ) -> Booking:
        """Write a booking, once for each key.

        Args:
            booking: what is to be booked.
            key: what makes it the same booking when it is asked for again.
            until: end of the pause after it, which is nobody else's either.

        Returns:
            The booking of that key, which was there before when it is asked for again.

        Raises:
            SlotTaken: another booking has a part of the time.
        """
        row = _BookingRow(
            **booking.model_dump(), key=key, phone=booking.attendee.get("phone") or None
        )
        held = [
            _CellRow(calendar=booking.calendar, cell=cell, booking_id=booking.id)
            for cell in cells(booking.start, until or booking.end)
        ]
        if existing := await self.of_key(booking.calendar, key):
            return existing
        try:
            async with self._session.begin() as session:
                session.add(row)
                await session.flush()
                session.add_all(held)
        except IntegrityError:
            if existing := await self.of_key(booking.calendar, key):
                return existing
            raise SlotTaken("That time has just been taken.") from None
        return booking

    async def of_key(self, calendar: str, key: str) -> Booking | None:
        """Return the booking that was made with a key, or None."""
        query = select(_BookingRow).where(_BookingRow.calendar == calendar, _BookingRow.key == key)
        async with self._session() as session:
            row = await session.scalar(query)
            return Booking.model_validate(row) if row else None

    async def list(
        self, calendar: str | None = None, *, phone: str | None = None, limit: int = 100
    ) -> Sequence[Booking]:
        """Return bookings, the latest first, of a calendar or of everybody's with a number."""
        query = select(_BookingRow).order_by(_BookingRow.start.desc()).limit(limit)
        if calendar:
            query = query.where(_BookingRow.calendar == calendar)
        if phone:
            query = query.where(_BookingRow.phone == phone)
        async with self._session() as session:
            return [Booking.model_validate(row) for row in await session.scalars(query)]

    async def upcoming(self, calendar: str, whose: Whose, after: datetime) -> Sequence[Booking]:
        """Return somebody's bookings that end after a moment, the first first."""
        query = (
            select(_BookingRow)
            .where(_BookingRow.calendar == calendar, _BookingRow.end > after, _theirs(whose))
            .order_by(_BookingRow.start)
        )
        async with self._session() as session:
            return [Booking.model_validate(row) for row in await session.scalars(query)]

    async def move(
        self,
        calendar: str,
        booking_id: str,
        whose: Whose,
        start: datetime,
        *,
        key: str,
        pause: timedelta = timedelta(0),
    ) -> Booking:
        """Give a booking another time, once for each key; its length stays.

        Raises:
            NoBooking: they have none of that id.
            SlotTaken: another booking has a part of the time.
        """
        async with self._session() as session:
            known = await session.get(_ChangeRow, (calendar, key))
            row = await session.scalar(_one(calendar, booking_id, whose))
            if row is None:
                raise NoBooking("There is no such booking.")
            if known is not None:
                return Booking.model_validate(row)
            end = start + (row.end - row.start)
            held = [
                _CellRow(calendar=calendar, cell=cell, booking_id=booking_id)
                for cell in cells(start, end + pause)
            ]
            try:
                session.add(_ChangeRow(calendar=calendar, key=key, booking_id=booking_id))
                await session.execute(delete(_CellRow).where(_CellRow.booking_id == booking_id))
                await session.flush()
                row.start, row.end = start, end
                session.add_all(held)
                await session.commit()
            except IntegrityError:
                await session.rollback()
                raise SlotTaken("That time has just been taken.") from None
            return Booking.model_validate(row)

    async def cancel(self, calendar: str, booking_id: str, whose: Whose, *, key: str) -> None:
        """Delete a booking and free its time, once for each key.

        Raises:
            NoBooking: they have none of that id.
        """
        async with self._session.begin() as session:
            if await session.get(_ChangeRow, (calendar, key)) is not None:
                return
            row = await session.scalar(_one(calendar, booking_id, whose))
            if row is None:
                raise NoBooking("There is no such booking.")
            session.add(_ChangeRow(calendar=calendar, key=key, booking_id=booking_id))
            await session.execute(delete(_CellRow).where(_CellRow.booking_id == booking_id))
            await session.delete(row)


def _one(calendar: str, booking_id: str, whose: Whose) -> Select[_BookingRow]:
    own = (_BookingRow.id == booking_id, _BookingRow.calendar == calendar)
    return select(_BookingRow).where(*own, _theirs(whose))


def _theirs(whose: Whose) -> ColumnElement[bool]:
    """Whose a booking is: of their number, or of the conversation it was made in."""
    here = _BookingRow.attendee["conversation_id"].as_string() == whose.conversation_id
    return or_(here, _BookingRow.phone == whose.phone) if whose.phone else here
