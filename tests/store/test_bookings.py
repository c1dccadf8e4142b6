"""The embedded calendar: no time is had twice, whoever asks and from wherever."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.bookings import Booking, Bookings, NoBooking, SlotTaken, Whose, cells
from store.database import open_database

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

BOOK = """
import asyncio, sys
from pathlib import Path
from store.bookings import Bookings, SlotTaken
from store.database import open_database
from tests.store.test_bookings import NOON, booking

async def one(bookings, n):
    try:
        await bookings.book(booking(n * 10), key=f"{sys.argv[3]} {n}")
    except SlotTaken:
        return 0
    return 1

async def main(folder, url):
    async with open_database(Path(folder), url or None) as engine:
        bookings = Bookings(engine)
        print(sum(await asyncio.gather(*(one(bookings, n) for n in range(12)))))

asyncio.run(main(*sys.argv[1:3]))
"""


def booking(minutes: int = 0, length: int = 30, calendar: str = "acme") -> Booking:
    start = NOON + timedelta(minutes=minutes)
    return Booking(
        id=uuid4().hex,
        calendar=calendar,
        start=start,
        end=start + timedelta(minutes=length),
        title="demo",
        attendee={"name": "Asha", "phone": "+919876543210"},
        created_at=NOON,
    )


@pytest.fixture
async def bookings(data_dir: Path, database_url: str | None) -> AsyncIterator[Bookings]:
    async with open_database(data_dir, database_url) as engine:
        yield Bookings(engine)


async def test_of_many_who_want_one_time_one_gets_it(bookings: Bookings) -> None:
    wanted = (bookings.book(booking(), key=str(n)) for n in range(20))
    got = await asyncio.gather(*wanted, return_exceptions=True)
    assert sum(isinstance(one, SlotTaken) for one in got) == 19
    assert len(await bookings.list("acme")) == 1


async def test_of_many_processes_none_gets_what_another_has(
    bookings: Bookings, data_dir: Path, database_url: str | None
) -> None:
    arguments = (str(data_dir), database_url or "")
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", BOOK, *arguments, str(n), stdout=PIPE
        )
        for n in range(2)
    ]
    got = [int((await process.communicate())[0]) for process in processes]
    made = sorted(await bookings.list("acme"), key=lambda one: one.start)
    assert 1 <= len(made) == sum(got) <= 5
    for earlier, later in zip(made, made[1:], strict=False):
        assert earlier.end <= later.start


async def test_a_booking_asked_for_again_is_the_one_that_was_made(bookings: Bookings) -> None:
    made = await asyncio.gather(*(bookings.book(booking(), key="k") for _ in range(10)))
    assert len({one.id for one in made}) == 1


@pytest.mark.parametrize("minutes", [-25, -5, 5, 25])
async def test_what_overlaps_is_refused(bookings: Bookings, minutes: int) -> None:
    await bookings.book(booking(), key="1")
    with pytest.raises(SlotTaken):
        await bookings.book(booking(minutes), key="2")


async def test_what_only_touches_is_not(bookings: Bookings) -> None:
    for n, minutes in enumerate((0, 30, -30)):
        await bookings.book(booking(minutes), key=str(n))
    await bookings.book(booking(calendar="other"), key="0")


async def test_the_pause_after_a_booking_is_nobody_elses(bookings: Bookings) -> None:
    await bookings.book(booking(), key="1", until=NOON + timedelta(minutes=40))
    with pytest.raises(SlotTaken):
        await bookings.book(booking(35), key="2")
    await bookings.book(booking(40), key="3")


async def test_a_booking_that_is_cancelled_frees_its_time(bookings: Bookings) -> None:
    made = await bookings.book(booking(), key="1")
    theirs = Whose(conversation_id="none", phone="+919876543210")
    for calendar, whose in (("other", theirs), ("acme", Whose(conversation_id="none"))):
        with pytest.raises(NoBooking):
            await bookings.cancel(calendar, made.id, whose, key="c")
    await bookings.cancel("acme", made.id, theirs, key="c")
    await bookings.cancel("acme", made.id, theirs, key="c")  # asked again: nothing more
    assert await bookings.taken("acme", NOON, NOON + timedelta(hours=1)) == frozenset()
    await bookings.book(booking(), key="2")


async def test_bookings_are_found_by_the_number(bookings: Bookings) -> None:
    made = await bookings.book(booking(), key="1")
    assert await bookings.list(phone="+919876543210") == [made]
    assert await bookings.list(phone="+15550100") == []


@given(st.integers(0, 2000), st.integers(1, 100), st.integers(0, 2000), st.integers(1, 100))
def test_cells_meet_where_times_overlap(a: int, long: int, b: int, wide: int) -> None:
    five = timedelta(minutes=5)
    first, second = (NOON + a * five, NOON + (a + long) * five), (NOON + b * five,)
    other = (second[0], second[0] + wide * five)
    overlap = first[0] < other[1] and other[0] < first[1]
    assert bool(set(cells(*first)) & set(cells(*other))) == overlap


def test_a_time_that_is_on_no_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="whole five minutes"):
        cells(NOON + timedelta(minutes=3), NOON + timedelta(minutes=33))
