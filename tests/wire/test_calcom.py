"""Cal.com over the wire, against a local server that speaks its v2 API."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.bookings import NoBooking, SlotTaken, Whose
from store.claims import Claims
from store.database import open_database
from tests.wire.servers import KEY, served
from tests.wire.servers.calcom import CalCom as Server
from tools.calcom import CalCom
from tools.calendar import CalendarFailed
from tools.organisation import Organisation

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
ASHA = {"name": "Asha", "email": "asha@example.com", "phone": "+12125550142", "timezone": "UTC"}
RULES = {"backend": "calcom", "calcom_event_type": 42}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def calendar(server: Server, tmp_path: Path) -> AsyncIterator[CalCom]:
    about = Organisation.model_validate({"name": "Acme", "calendar": RULES})
    async with open_database(tmp_path) as engine, served(server.app) as address:
        made = CalCom(KEY, address, Claims(engine), lambda _: about, lambda: NINE)
        yield made
        await made.aclose()


async def book(calendar: CalCom, key: str = "k", start: datetime = NINE) -> str:
    return (await calendar.book("acme", start, 30, ASHA, key=key)).id


async def test_a_slot_is_found_booked_and_found_no_more(calendar: CalCom, server: Server) -> None:
    last = NINE + timedelta(hours=2)
    assert len(await calendar.slots("acme", NINE, last, 30)) == 4
    made = await calendar.book("acme", NINE, 30, ASHA, key="k")
    assert (made.start, made.end) == (NINE, NINE + timedelta(minutes=30))
    assert NINE not in await calendar.slots("acme", NINE, last, 30)
    (body,) = server.bodies
    assert (body["eventTypeId"], body["start"]) == (42, "2026-11-24T09:00:00Z")
    assert body["attendee"] == {
        "name": "Asha", "email": ASHA["email"], "timeZone": "UTC", "phoneNumber": ASHA["phone"],
    }  # fmt: skip


async def test_what_was_booked_and_not_answered_is_booked_once(
    calendar: CalCom, server: Server
) -> None:
    server.lose_answers = 1
    with pytest.raises(CalendarFailed, match="502"):
        await book(calendar)
    assert {await book(calendar), await book(calendar)} == set(server.bookings)


async def test_a_time_that_is_taken_is_told_as_such_and_another_may_be_booked(
    calendar: CalCom, server: Server
) -> None:
    await book(calendar, "1")
    with pytest.raises(SlotTaken):
        await book(calendar, "2")
    await book(calendar, "2", NINE + timedelta(minutes=30))
    assert len(server.bookings) == 2


async def test_a_ration_that_is_used_up_is_waited_for(calendar: CalCom, server: Server) -> None:
    server.faults.refuse = [429, 429]
    assert await book(calendar) in server.bookings


async def test_without_an_address_nothing_is_booked(calendar: CalCom, server: Server) -> None:
    with pytest.raises(CalendarFailed, match="e-mail"):
        await calendar.book("acme", NINE, 30, {"name": "Asha", "email": ""}, key="k")
    assert not server.bodies


ASHAS = Whose(conversation_id="c", phone=ASHA["phone"], email=ASHA["email"])
TEN = NINE + timedelta(hours=1)


async def upcoming(calendar: CalCom) -> list[datetime]:
    return [one.start for one in await calendar.upcoming("acme", ASHAS)]


async def test_a_booking_is_moved_once_and_its_old_time_is_free_again(
    calendar: CalCom, server: Server
) -> None:
    booked = await book(calendar)
    moved = await calendar.move("acme", booked, ASHAS, TEN, key="m")
    again = await calendar.move("acme", booked, ASHAS, TEN, key="m")
    assert (moved.id, moved.start) == (again.id, TEN) and moved.id != booked
    assert await upcoming(calendar) == [TEN]
    assert NINE in await calendar.slots("acme", NINE, NINE + timedelta(hours=2), 30)
    assert [body["start"] for body in server.bodies] == [
        "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z",
    ]  # fmt: skip


async def test_a_move_of_which_the_answer_is_lost_is_found_and_not_made_again(
    calendar: CalCom, server: Server
) -> None:
    booked = await book(calendar)
    server.lose_answers = 1
    with pytest.raises(CalendarFailed, match="502"):
        await calendar.move("acme", booked, ASHAS, TEN, key="m")
    assert (await calendar.move("acme", booked, ASHAS, TEN, key="m")).start == TEN
    assert len(server.bodies) == 2


async def test_a_move_to_a_time_that_is_taken_leaves_the_booking_where_it_is(
    calendar: CalCom,
) -> None:
    booked = await book(calendar)
    await book(calendar, "other", TEN)
    with pytest.raises(SlotTaken):
        await calendar.move("acme", booked, ASHAS, TEN, key="m")
    half = NINE + timedelta(minutes=30)
    assert (await calendar.move("acme", booked, ASHAS, half, key="m")).start == half


async def test_a_booking_is_cancelled_once_though_the_answer_is_lost(
    calendar: CalCom, server: Server
) -> None:
    booked = await book(calendar)
    server.lose_answers = 1
    with pytest.raises(CalendarFailed, match="502"):
        await calendar.cancel("acme", booked, ASHAS, key="c")
    await calendar.cancel("acme", booked, ASHAS, key="c")
    assert await upcoming(calendar) == [] and len(server.bodies) == 2


async def test_nobody_moves_or_cancels_what_somebody_else_has_booked(
    calendar: CalCom, server: Server
) -> None:
    booked = await book(calendar)
    stranger = Whose(conversation_id="c", phone="+12125550199", email=ASHA["email"])
    with pytest.raises(NoBooking):
        await calendar.move("acme", booked, stranger, TEN, key="m")
    with pytest.raises(NoBooking):
        await calendar.cancel("acme", booked, stranger, key="c")
    assert await upcoming(calendar) == [NINE] and len(server.bodies) == 1
