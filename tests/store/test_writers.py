"""Many tasks that write to one SQLite file: each comes to its turn, whatever the machine does."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, text

from store.calls import Call, Calls
from store.database import open_database


def call(sid: str) -> Call:
    return Call(
        sid=sid,
        graph="g",
        thread_id="t",
        direction="inbound",
        carrier="twilio",
        status="in-progress",
        started_at=datetime.now(UTC),
    )


async def test_no_writer_waits_for_another_within_sqlite(tmp_path: Path) -> None:
    """With no patience at all in SQLite, nobody is refused."""

    async def slowly(*_: object) -> None:
        await asyncio.sleep(0.01)

    async with open_database(tmp_path) as engine:

        @event.listens_for(engine.sync_engine, "checkout")
        def impatient(connection: object, *_: object) -> None:
            cursor = connection.cursor()  # type: ignore[attr-defined]
            cursor.execute("PRAGMA busy_timeout=0")
            cursor.close()

        calls = Calls(engine, slowly)
        await asyncio.gather(*(calls.save(call(f"CA{n}")) for n in range(8)))
        assert len(await calls.list()) == 8


async def test_who_fails_or_is_cancelled_lets_the_next_one_write(tmp_path: Path) -> None:
    writing = asyncio.Event()

    async def follow(_session: object, now: Call, _before: object) -> None:
        writing.set()
        if now.sid == "CA-fails":
            raise OSError("disk full")
        if now.sid == "CA-hangs":
            await asyncio.sleep(3600)

    async with open_database(tmp_path) as engine:
        calls = Calls(engine, follow)
        with pytest.raises(OSError, match="disk full"):
            await calls.save(call("CA-fails"))
        writing.clear()
        hanging = asyncio.create_task(calls.save(call("CA-hangs")))
        await writing.wait()
        waiting = asyncio.create_task(calls.save(call("CA-waits")))
        async with asyncio.timeout(5), engine.connect() as reader:  # who reads does not wait
            assert (await reader.execute(text("SELECT count(*) FROM calls"))).scalar() == 0
        assert not waiting.done()
        hanging.cancel()
        async with asyncio.timeout(5):
            await waiting
        assert [c.sid for c in await calls.list()] == ["CA-waits"]
