"""Calendars: what may be offered, and the embedded one.

What may be offered is computed from the organisation's opening hours, in its time zone and through
changes of the clock. A time that is booked is asked of the calendar again: it must still be one
that is offered, and `store/bookings.py` lets nobody have it twice.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

from store.bookings import Booking, Bookings, NoBooking, SlotTaken, Whose, cells
from tools.organisation import DAYS, Organisation

__all__ = [
    "Booking",
    "Calendar",
    "CalendarFailed",
    "EmbeddedCalendar",
    "NoBooking",
    "SlotTaken",
    "Whose",
    "free_slots",
]

Clock = Callable[[], datetime]


class CalendarFailed(RuntimeError):
    """The calendar did not do it; the message says why, for a person to read."""


class Calendar(Protocol):
    """Where appointments are kept."""

    async def slots(
        self, organisation: str, first: datetime, last: datetime, minutes: int
    ) -> Sequence[datetime]:
        """Return when an appointment may begin, from `first` to before `last`, UTC, ascending."""

    async def book(
        self,
        organisation: str,
        start: datetime,
        minutes: int,
        attendee: Mapping[str, str],
        *,
        key: str,
    ) -> Booking:
        """Book an appointment, once for each key.

        Raises:
            SlotTaken: the time is not free, or was never offered.
            CalendarFailed: it could not be booked for another reason.
        """

    async def upcoming(self, organisation: str, whose: Whose) -> Sequence[Booking]:
        """Return somebody's appointments that are not over, the first first.

        Raises:
            CalendarFailed: it cannot be told.
        """

    async def move(
        self, organisation: str, booking_id: str, whose: Whose, start: datetime, *, key: str
    ) -> Booking:
        """Give an appointment another time, once for each key.

        Raises:
            NoBooking: they have none of that id.
            SlotTaken: the time is not free, or was never offered.
            CalendarFailed: it could not be moved for another reason.
        """

    async def cancel(self, organisation: str, booking_id: str, whose: Whose, *, key: str) -> None:
        """Cancel an appointment, once for each key.

        Raises:
            NoBooking: they have none of that id.
            CalendarFailed: it could not be cancelled for another reason.
        """


def free_slots(
    organisation: Organisation,
    taken: Collection[int],
    now: datetime,
    first: datetime,
    last: datetime,
    minutes: int,
) -> list[datetime]:
    """Return when an appointment may begin, UTC, ascending.

    Args:
        organisation: its opening hours, time zone and rules.
        taken: cells that are booked, as `store.bookings.cells` counts them.
        now: nothing is offered sooner than the notice after it.
        first: the earliest.
        last: all begin before it.
        minutes: how long the appointment is.
    """
    rules, zone = organisation.calendar, ZoneInfo(organisation.timezone)
    earliest = max(first, now + timedelta(hours=rules.notice_hours))
    latest = min(last, now + timedelta(days=rules.days_ahead))
    length, pause = timedelta(minutes=minutes), timedelta(minutes=rules.pause_minutes)
    found: list[datetime] = []
    day = earliest.astimezone(zone).date()
    while day <= latest.astimezone(zone).date():
        for opens, closes in (
            _hours(organisation, DAYS[day.weekday()]) if (day not in rules.closed) else ()
        ):
            start = datetime.combine(day, opens, zone).astimezone(UTC)
            end = datetime.combine(day, closes, zone).astimezone(UTC)
            while start + length <= end:
                free = not set(cells(start, start + length + pause)) & set(taken)
                if earliest <= start < latest and free:
                    found.append(start)
                start += timedelta(minutes=rules.step_minutes)
        day += timedelta(days=1)
    return found


def _hours(organisation: Organisation, day: Any) -> Sequence[tuple[Any, Any]]:
    if organisation.calendar.hours is not None:
        return organisation.calendar.hours.get(day, ())
    span = organisation.opening_hours.get(day)
    return (span,) if span else ()


class EmbeddedCalendar:
    """The calendar in the project's own database, one for each organisation.

    Args:
        bookings: where they are written.
        organisation: reads an organisation by its name; blocks.
        clock: tells the time, UTC.
    """

    def __init__(
        self,
        bookings: Bookings,
        organisation: Callable[[str], Organisation],
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._bookings = bookings
        self._organisation = organisation
        self._clock = clock

    async def slots(
        self, organisation: str, first: datetime, last: datetime, minutes: int
    ) -> Sequence[datetime]:
        """Return when an appointment may begin; see `Calendar`."""
        about = await asyncio.to_thread(self._organisation, organisation)
        now, rules = self._clock(), about.calendar
        first, last = max(first, now), min(last, now + timedelta(days=rules.days_ahead))
        if first >= last:
            return []
        until = last + timedelta(minutes=minutes + rules.pause_minutes)
        taken = await self._bookings.taken(organisation, _floor(first), _floor(until) + _CELL)
        return free_slots(about, taken, now, first, last, minutes)

    async def book(
        self,
        organisation: str,
        start: datetime,
        minutes: int,
        attendee: Mapping[str, str],
        *,
        key: str,
    ) -> Booking:
        """Book an appointment, once for each key; see `Calendar`."""
        if done := await self._bookings.of_key(organisation, key):
            return done
        about = await asyncio.to_thread(self._organisation, organisation)
        if start not in await self.slots(organisation, start, start + _CELL, minutes):
            raise SlotTaken("That time is not free.")
        end = start + timedelta(minutes=minutes)
        booking = Booking(
            id=uuid4().hex,
            calendar=organisation,
            start=start,
            end=end,
            title=about.calendar.meeting,
            attendee=dict(attendee),
            created_at=self._clock(),
        )
        pause = timedelta(minutes=about.calendar.pause_minutes)
        return await self._bookings.book(booking, key=key, until=end + pause)

    async def upcoming(self, organisation: str, whose: Whose) -> Sequence[Booking]:
        """Return somebody's appointments that are not over; see `Calendar`."""
        return await self._bookings.upcoming(organisation, whose, self._clock())

    async def move(
        self, organisation: str, booking_id: str, whose: Whose, start: datetime, *, key: str
    ) -> Booking:
        """Give an appointment another time, once for each key; see `Calendar`."""
        about = await asyncio.to_thread(self._organisation, organisation)
        mine = await self._bookings.upcoming(organisation, whose, self._clock())
        booked = next((one for one in mine if one.id == booking_id), None)
        if booked is not None and booked.start != start:
            minutes = int((booked.end - booked.start).total_seconds()) // 60
            if start not in await self._free_but_for(about, booked, start, minutes):
                raise SlotTaken("That time is not free.")
        pause = timedelta(minutes=about.calendar.pause_minutes)
        return await self._bookings.move(
            organisation, booking_id, whose, start, key=key, pause=pause
        )

    async def _free_but_for(
        self, about: Organisation, booked: Booking, start: datetime, minutes: int
    ) -> Sequence[datetime]:
        """Return whether a time is free once a booking has left its own, as a list of it."""
        pause = timedelta(minutes=about.calendar.pause_minutes)
        until = _floor(start) + timedelta(minutes=minutes) + pause + _CELL
        taken = await self._bookings.taken(booked.calendar, _floor(start), until)
        left = taken - set(cells(booked.start, booked.end + pause))
        return free_slots(about, left, self._clock(), start, start + _CELL, minutes)

    async def cancel(self, organisation: str, booking_id: str, whose: Whose, *, key: str) -> None:
        """Cancel an appointment, once for each key; see `Calendar`."""
        await self._bookings.cancel(organisation, booking_id, whose, key=key)


_CELL = timedelta(minutes=5)


def _floor(at: datetime) -> datetime:
    return at - (at - datetime(2000, 1, 1, tzinfo=UTC)) % _CELL
