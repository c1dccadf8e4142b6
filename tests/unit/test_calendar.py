"""What a calendar offers: within opening hours, after the notice, through changes of the clock."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import ToolMessage
from pydantic import ValidationError

from store.bookings import Bookings, cells
from store.database import open_database
from tools.booking import booking_tools
from tools.calendar import EmbeddedCalendar, free_slots
from tools.conversation import Conversation
from tools.organisation import Organisation

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)  # a Monday, nine in New York


def organisation(zone: str = "America/New_York", **rules: Any) -> Organisation:
    hours = {"monday": ("09:00", "11:00"), "tuesday": ("09:00", "10:00")}
    return Organisation.model_validate(
        {"name": "Acme", "timezone": zone, "opening_hours": hours, "calendar": rules}
    )


def offered(about: Organisation, now: datetime = NOW, days: int = 14, **more: Any) -> list[str]:
    zone = ZoneInfo(about.timezone)
    wanted = {"taken": (), "first": now, "last": now + timedelta(days=days), "minutes": 30} | more
    found = free_slots(about, now=now, **wanted)
    return [f"{slot.astimezone(zone):%a %d %H:%M}" for slot in found]


def test_slots_are_within_the_opening_hours_and_after_the_notice() -> None:
    assert offered(organisation(notice_hours=1), days=7) == [
        "Mon 23 10:00", "Mon 23 10:30", "Tue 24 09:00", "Tue 24 09:30",
    ]  # fmt: skip


def test_nothing_is_offered_beyond_the_days_ahead_or_on_a_closed_day() -> None:
    about = organisation(days_ahead=8, closed=[date(2026, 11, 24)], notice_hours=24)
    assert offered(about) == ["Mon 30 09:00", "Mon 30 09:30", "Mon 30 10:00", "Mon 30 10:30"]


def test_a_booked_time_and_the_pause_before_it_are_not_offered() -> None:
    ten = datetime(2026, 11, 23, 15, tzinfo=UTC)
    taken = cells(ten, ten + timedelta(minutes=30))
    about = organisation(notice_hours=0, pause_minutes=15, step_minutes=15)
    assert offered(about, taken=taken, days=1) == ["Mon 23 09:00", "Mon 23 09:15", "Mon 23 10:30"]


def test_a_day_may_have_a_pause_at_noon() -> None:
    spans = {"monday": [["09:00", "10:00"], ["13:00", "14:00"]]}
    about = organisation(hours=spans, notice_hours=0, step_minutes=60)
    assert offered(about, days=1) == ["Mon 23 09:00", "Mon 23 13:00"]


def test_hours_stay_those_of_the_wall_when_the_clock_changes() -> None:
    before = datetime(2027, 3, 8, 12, tzinfo=UTC)
    about = organisation(notice_hours=0, step_minutes=60)
    assert offered(about, before) == [
        "Mon 08 09:00", "Mon 08 10:00", "Tue 09 09:00",
        "Mon 15 09:00", "Mon 15 10:00", "Tue 16 09:00",
    ]  # fmt: skip
    days = {slot.hour for slot in free_slots(about, (), before, before, before + timedelta(14), 30)}
    assert days == {13, 14, 15}, "nine in the morning is another hour of UTC after the change"


ZONES = ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from([15, 30, 45, 60]),
    st.integers(0, 6),
)
def test_every_slot_is_in_hours_free_and_after_the_notice(
    zone: str, at: datetime, minutes: int, notice: int
) -> None:
    now, about = at.replace(tzinfo=UTC), organisation(zone, notice_hours=notice)
    taken = set(cells(*[datetime(2027, 6, 7, hour, tzinfo=UTC) for hour in (2, 20)]))
    last = now + timedelta(days=9)
    for slot in free_slots(about, taken, now, now, last, minutes):
        local = slot.astimezone(ZoneInfo(zone))
        opens, closes = about.opening_hours[("monday", "tuesday")[local.weekday()]]
        end = (slot + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone))
        assert opens <= local.time() and end.time() <= closes
        assert slot >= now + timedelta(hours=notice)
        assert not taken & set(cells(slot, slot + timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"opening_hours": {"monday": ["10:00", "09:00"]}},
        {"opening_hours": {"monday": ["09:03", "17:00"]}},
        {"calendar": {"minutes": 31}},
        {"calendar": {"backend": "calcom"}},
        {"timezone": "Mars/Olympus"},
    ],
)
def test_a_calendar_that_could_not_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Organisation.model_validate({"name": "Acme"} | wrong)


@pytest.fixture
async def tools(tmp_path: Path) -> Any:
    about = organisation(notice_hours=0, other_minutes=[60])
    talk = Conversation(id="c1", organisation="acme", caller="+15550100")
    async with open_database(tmp_path) as engine:
        calendar = EmbeddedCalendar(Bookings(engine), lambda _: about, lambda: NOW)
        made = booking_tools(calendar, talk, about, lambda: NOW)
        yield {tool.name: tool for tool in made} | {"calendar": calendar}


async def call(tool: Any, call_id: str = "k", **arguments: Any) -> Any:
    tool.handle_tool_error = True
    given = {"type": "tool_call", "name": tool.name, "args": arguments, "id": call_id}
    message = await tool.ainvoke(given)
    assert isinstance(message, ToolMessage)
    return message


async def test_a_slot_that_was_found_is_booked_and_found_no_more(tools: Any) -> None:
    found = await call(tools["find_slots"], not_before="2026-11-23", not_after="2026-11-23")
    assert '"start": "2026-11-23T09:00-05:00"' in found.content
    assert "Monday 23 November at 9 AM" in found.content
    booked = await call(
        tools["book_appointment"], start="2026-11-23T09:00", name_of_attendee="Asha"
    )
    assert '"booked": true' in booked.content
    again = await call(tools["find_slots"], not_before="2026-11-23", not_after="2026-11-23")
    assert "T09:00" not in again.content


async def test_a_time_that_is_taken_comes_back_with_others(tools: Any) -> None:
    book = tools["book_appointment"]
    await call(book, start="2026-11-23T09:00", name_of_attendee="Asha")
    taken = await call(book, "other", start="2026-11-23T09:00", name_of_attendee="Ravi")
    assert taken.status == "error"
    assert "Nothing was booked. Free after that: Monday 23 November at 9:30 AM" in taken.content


async def test_the_same_call_books_once(tools: Any) -> None:
    book = tools["book_appointment"]
    first = await call(book, start="2026-11-23T09:00", name_of_attendee="Asha")
    again = await call(book, start="2026-11-23T09:00", name_of_attendee="Asha")
    assert first.content == again.content


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"start": "tomorrow"}, "is not a time"),
        ({"start": "2026-11-23"}, "is not a time"),
        ({"start": "2026-11-23T09:10"}, "not free"),
        ({"start": "2026-11-23T22:00"}, "not free"),
        ({"start": "2020-01-01T09:00"}, "not free"),
        ({"start": "9999-12-30T23:59"}, "not free"),
        ({"start": "2026-11-23T09:00", "minutes": 45}, "30 or 60"),
        ({"start": "2026-11-23T09:00", "timezone": "Nowhere/../etc"}, "IANA"),
        ({"start": "2026-11-23T09:00", "email": "no address"}, "e-mail"),
        ({"start": "2026-11-23T09:00", "name_of_attendee": " "}, "name"),
    ],
)
async def test_what_cannot_be_booked_is_told_in_a_sentence(
    tools: Any, arguments: dict[str, Any], why: str
) -> None:
    told = await call(tools["book_appointment"], **({"name_of_attendee": "Asha"} | arguments))
    assert told.status == "error" and why in told.content


async def test_times_are_told_in_the_zone_that_is_named(tools: Any) -> None:
    found = await call(tools["find_slots"], timezone="Asia/Kolkata")
    assert '"start": "2026-11-23T19:30+05:30"' in found.content
    booked = await call(
        tools["book_appointment"],
        start="2026-11-23T19:30",
        timezone="Asia/Kolkata",
        name_of_attendee="Asha",
    )
    assert '"booked": true' in booked.content


def test_the_model_does_not_see_the_key(tools: Any) -> None:
    assert "key" not in tools["book_appointment"].tool_call_schema.model_json_schema()["properties"]
