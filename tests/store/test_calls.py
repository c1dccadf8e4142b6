"""Call records: in tables that an earlier version has made, and of servers that are gone."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from store.calls import Call, Calls, Utterance, _call, _CallRow
from store.database import open_database
from store.live_calls import live
from store.locks import open_locks

MORNING = datetime(2026, 1, 1, tzinfo=UTC)


def ringing(sid: str) -> Call:
    return Call(
        sid=sid,
        graph="g",
        thread_id="t",
        direction="inbound",
        carrier="twilio",
        status="ringing",
        started_at=MORNING,
    )


async def test_a_server_fails_the_calls_that_nobody_holds(
    data_dir: Path, database_url: str | None
) -> None:
    where = (data_dir, database_url)
    async with (
        open_database(*where) as engine,
        open_locks(*where) as living,
        open_locks(*where) as starting,
        live(living, "CA-held"),
    ):
        calls = Calls(engine)
        for sid in ("CA-held", "CA-left"):
            await calls.create(ringing(sid))
        over = ringing("CA-over").model_copy(update={"status": "completed", "ended_at": MORNING})
        await calls.create(over)

        async def caught_up(call: Call) -> Call:
            said = Utterance(role="bot", text="Hello.", at=MORNING)
            return call.model_copy(update={"transcript": [said]})

        assert await calls.fail_unfinished("gone", starting, caught_up) == 1
        found = {call.sid: (call.status, call.failure) for call in await calls.list()}
        assert found == {
            "CA-held": ("ringing", None),
            "CA-left": ("failed", "gone"),
            "CA-over": ("completed", None),
        }
        heard = {call.sid: [line.text for line in call.transcript] for call in await calls.list()}
        assert heard == {"CA-held": [], "CA-left": ["Hello."], "CA-over": []}


async def test_a_database_of_an_earlier_version_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    earlier = Call(
        sid="CA1",
        graph="g",
        thread_id="t",
        direction="outbound",
        carrier="twilio",
        status="completed",
        started_at=MORNING,
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


async def test_many_calls_are_not_built_on_the_loop_that_sends_audio(
    data_dir: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 records with words held it up for 190 ms, and with it every call that went on."""
    threads: list[bool] = []

    def built(row: _CallRow) -> Call:
        threads.append(threading.current_thread() is threading.main_thread())
        return _call(row)

    async with open_database(data_dir, database_url) as engine:
        calls = Calls(engine)
        for number in range(120):
            await calls.create(ringing(f"CA{number}"))
        monkeypatch.setattr("store.calls._call", built)
        found = await calls.since(MORNING, limit=110)
    assert len({call.sid for call in found}) == 110
    assert threads == [False] * 110
