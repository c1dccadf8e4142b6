"""Tools with which a conversation finds a time and books it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from langchain_core.tools import BaseTool, ToolException

from store.bookings import SlotTaken
from tools.calendar import Calendar, CalendarFailed, Clock
from tools.conversation import Conversation
from tools.crm import email_address
from tools.effects import IdempotencyKey, tool
from tools.organisation import Organisation

OFFERED = 6
"""Most slots that a tool returns: more cannot be listened to."""
NEAREST = 3
"""Most slots that are proposed in place of one that is not free."""
_DAYS = 3
"""Days over which they are spread, where there are more."""


PartOfDay = Literal["morning", "afternoon", "evening"]
_PARTS: Mapping[PartOfDay, tuple[time, time]] = {
    "morning": (time(0), time(12)),
    "afternoon": (time(12), time(17)),
    "evening": (time(17), time.max),
}


def booking_tools(
    calendar: Calendar,
    conversation: Conversation,
    organisation: Organisation,
    clock: Clock = lambda: datetime.now(UTC),
) -> list[BaseTool]:
    """Return the tools by which a conversation finds a time and books it.

    Times go in and out in the organisation's time zone, or in one that is named.

    Args:
        calendar: where appointments are kept.
        conversation: with whom.
        organisation: whose calendar it is.
        clock: tells the time, UTC.
    """
    rules, name = organisation.calendar, conversation.organisation

    async def free(first: datetime, last: datetime, minutes: int) -> Sequence[datetime]:
        try:
            return await calendar.slots(name, first, last, minutes)
        except CalendarFailed as error:
            raise ToolException(str(error)) from None

    @tool(effect=False, parse_docstring=True)
    async def find_slots(
        not_before: str | None = None,
        not_after: str | None = None,
        wished: str | None = None,
        part_of_day: PartOfDay | None = None,
        time_from: str | None = None,
        time_until: str | None = None,
        minutes: int | None = None,
        timezone: str | None = None,
    ) -> dict[str, Any]:
        """Find times at which an appointment can be booked; those nearest where none is as wished.

        Args:
            wished: The one time that is wished, ISO 8601, such as 2026-11-24T15:00.
            part_of_day: The part of the day that is wished.
            time_from: Earliest time of the day that is wished, such as 14:00.
            time_until: Time of the day before which it is to begin, such as 16:00.
            not_before: Earliest day or time, ISO 8601, such as 2026-11-24 or 2026-11-24T15:00.
            not_after: Latest day or time, ISO 8601; a day counts to its end.
            minutes: Length, where another than the usual one is wanted.
            timezone: IANA name of the zone in which the times are, if not the organisation's.
        """
        zone, length = zone_of(timezone, organisation), _length(minutes, organisation)
        now = clock()
        first = moment(not_before, zone, time.min) if not_before else now
        furthest = now + timedelta(days=rules.days_ahead)
        last = moment(not_after, zone, time.max) if not_after else furthest
        at = moment(wished, zone, None) if wished else None
        begins, ends = _PARTS[part_of_day] if part_of_day else (time.min, time.max)
        begins = max(begins, _of_day(time_from)) if time_from else begins
        ends = min(ends, _of_day(time_until)) if time_until else ends
        found = await free(max(first, now), min(last, furthest), length)
        found = [start for start in found if begins <= start.astimezone(zone).time() < ends]
        as_wished = at in found if at else bool(found)
        if as_wished:
            told = [at] if at else spread(found, zone)
        else:  # a closed day, a time that is taken: what is nearest to it
            every = await free(now, furthest, length)
            wanted = first if not_before else now
            if begins > time.min:
                day = wanted.astimezone(zone).date()
                wanted = datetime.combine(day, begins, zone).astimezone(UTC)
            told = nearest(every, at or wanted)
        return {
            "timezone": str(zone),
            "minutes": length,
            "slots": [spoken_time(start, zone) for start in told],
            "as_wished": as_wished,
            "more": len(found) > len(told),
        }

    @tool(effect=True, parse_docstring=True)
    async def book_appointment(
        start: str,
        name_of_attendee: str,
        key: IdempotencyKey,
        email: str | None = None,
        minutes: int | None = None,
        timezone: str | None = None,
    ) -> dict[str, Any]:
        """Book an appointment at a time that was found free and that the person has agreed to.

        Args:
            key: Of the effect.
            start: When it begins, ISO 8601, as it was found.
            name_of_attendee: Who comes.
            email: Where the invitation goes.
            minutes: Length, where another than the usual one is wanted.
            timezone: IANA name of the zone in which the time is, if not the organisation's.
        """
        zone, length = zone_of(timezone, organisation), _length(minutes, organisation)
        at = moment(start, zone, None)
        attendee = {
            "name": name_of_attendee.strip(),
            "email": email_address(email) if email else "",
            "phone": conversation.caller or "",
            "timezone": str(zone),
            "conversation_id": conversation.id,
        }
        if not attendee["name"]:
            raise ToolException("Ask for the name of who comes.")
        try:
            booked = await calendar.book(name, at, length, attendee, key=str(key))
        except SlotTaken as error:
            furthest = clock() + timedelta(days=rules.days_ahead)
            following = await free(min(max(at, clock()), furthest), furthest, length)
            others = "; ".join(spoken_time(slot, zone)["spoken"] for slot in following[:3])
            hint = f" Free after that: {others}." if others else ""
            raise ToolException(f"{error} Nothing was booked.{hint}") from None
        except CalendarFailed as error:
            raise ToolException(str(error)) from None
        return {
            "booked": True,
            "id": booked.id,
            "what": booked.title,
            "minutes": length,
            "timezone": str(zone),
            **spoken_time(booked.start, zone),
        }

    return [find_slots, book_appointment]


def spoken_time(start: datetime, zone: ZoneInfo) -> dict[str, str]:
    """Return a time in a zone as ISO 8601 and as it is said."""
    there = start.astimezone(zone)
    clock = f"{there:%I:%M %p}".lstrip("0").replace(":00", "")
    return {
        "start": there.isoformat(timespec="minutes"),
        "spoken": f"{there:%A} {there.day} {there:%B} at {clock}",
    }


def zone_of(named: str | None, organisation: Organisation) -> ZoneInfo:
    """Return the time zone of that name, or the organisation's for None.

    Raises:
        ToolException: there is none of that name.
    """
    try:
        return ZoneInfo(named or organisation.timezone)
    except (KeyError, ValueError, OSError):
        raise ToolException(f"{named!r} is not an IANA time zone, such as Asia/Kolkata.") from None


def _length(minutes: int | None, organisation: Organisation) -> int:
    rules = organisation.calendar
    allowed = sorted({rules.minutes, *rules.other_minutes})
    if minutes is not None and minutes not in allowed:
        lengths = " or ".join(map(str, allowed))
        raise ToolException(f"An appointment of {minutes} minutes is not offered: {lengths}.")
    return minutes or rules.minutes


def _of_day(text: str) -> time:
    try:
        return time.fromisoformat(text.strip())
    except ValueError:
        raise ToolException(f"{text!r} is not a time of the day such as 14:00.") from None


def moment(text: str, zone: ZoneInfo, of_day: time | None) -> datetime:
    """Read a time in ISO 8601, in a zone unless it names its own; UTC.

    Args:
        text: the time.
        zone: in which it is.
        of_day: at which a day alone is taken; None where a day alone is no time.

    Raises:
        ToolException: it is no time.
    """
    try:
        read = datetime.fromisoformat(text.strip())
        if of_day is not None and len(text.strip()) <= 10:
            read = datetime.combine(read.date(), of_day)
        elif len(text.strip()) <= 10:
            raise ValueError
        local = read if read.tzinfo else read.replace(tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ToolException(
            f"{text!r} is not a time such as 2026-11-24T15:00; expected ISO 8601."
        ) from None


def spread(found: Sequence[datetime], zone: ZoneInfo) -> list[datetime]:
    """Take few of many free times: of the first days, each from early to late.

    Args:
        found: ascending.
        zone: in which the days are counted.
    """
    days: dict[date, list[datetime]] = {}
    for start in found:
        days.setdefault(start.astimezone(zone).date(), []).append(start)
    first = list(days.values())[:_DAYS]
    each = OFFERED // len(first) if first else 0
    return [
        day[at * len(day) // each] if len(day) > each else day[at]
        for day in first
        for at in range(min(each, len(day)))
    ]


def nearest(found: Sequence[datetime], at: datetime) -> list[datetime]:
    """Return the free times nearest to one, ascending.

    Args:
        found: ascending.
        at: the time.
    """
    return sorted(sorted(found, key=lambda start: abs(start - at))[:NEAREST])
