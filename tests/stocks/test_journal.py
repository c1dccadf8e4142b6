"""The journal: append-only, sealed, each thing once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import open_database
from store.journal import Broken, Journal
from tests.stocks.conftest import MORNING


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with open_database(tmp_path) as engine:
        yield engine


@pytest.fixture
async def journal(engine: AsyncEngine) -> Journal:
    journal = Journal(engine)
    for i in range(5):
        await journal.append("order", {"n": i, "word": "naïve ₹"}, key=f"k{i}", at=MORNING)
    return journal


async def test_a_whole_chain_is_counted(journal: Journal) -> None:
    assert await journal.verify() == 5


async def test_what_is_told_twice_is_written_once(journal: Journal) -> None:
    again = await journal.append("order", {"n": 99}, key="k2", at=MORNING)
    assert (again.seq, again.body["n"]) == (3, 2)
    assert await journal.verify() == 5


@pytest.mark.parametrize(
    ("sql", "seq"),
    [
        ("UPDATE journal SET body = '{\"n\": 7}' WHERE seq = 3", 3),
        ("UPDATE journal SET kind = 'fill' WHERE seq = 2", 2),
        ("UPDATE journal SET at = '2020-01-01 00:00:00.000000' WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq = 2", 3),
        ("UPDATE journal SET hash = 'x' WHERE seq = 4", 4),
        ("UPDATE journal SET previous = 'x' WHERE seq = 5", 5),
    ],
)
async def test_a_row_that_was_touched_is_named(
    journal: Journal, engine: AsyncEngine, sql: str, seq: int
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(sql))
    found = await journal.verify()
    assert isinstance(found, Broken) and found.seq == seq


async def test_rows_cut_off_at_the_end_are_told_by_the_kept_head(
    journal: Journal, engine: AsyncEngine
) -> None:
    head = await journal.head()
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM journal WHERE seq = 5"))
    assert await journal.verify() == 4
    assert await journal.head() != head


async def test_those_who_write_at_once_make_one_chain(engine: AsyncEngine) -> None:
    journals = [Journal(engine) for _ in range(4)]
    await asyncio.gather(
        *(
            journal.append("vote", {"n": n}, key=f"{n}", at=MORNING)
            for n in range(20)
            for journal in journals
        )
    )
    assert await journals[0].verify() == 20


async def test_entries_are_found_by_kind_and_from_a_place(journal: Journal) -> None:
    await journal.append("halt", {"reason": "x"}, key="h", at=MORNING)
    assert [row.seq async for row in journal.entries("halt")] == [6]
    assert [row.seq async for row in journal.entries(after=4)] == [5, 6]
    last = await journal.last("order", "fill")
    assert last and last.seq == 5
