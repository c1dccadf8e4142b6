"""Call records in tables that an earlier version has made."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from store.calls import Call, Calls
from store.database import open_database


async def test_a_database_of_an_earlier_version_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    earlier = Call(
        sid="CA1",
        graph="g",
        thread_id="t",
        direction="outbound",
        carrier="twilio",
        status="completed",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    async with open_database(tmp_path) as engine:
        await Calls(engine).create(earlier)
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE calls DROP COLUMN answered_by"))
    async with open_database(tmp_path) as engine:
        calls = Calls(engine)
        assert await calls.get("CA1") == earlier
        await calls.save(earlier.model_copy(update={"answered_by": "machine"}))
        found = await calls.get("CA1")
    assert found is not None and found.answered_by == "machine"
