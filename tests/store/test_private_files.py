"""What is kept is for its owner only, and what was deleted is gone from the files."""

import asyncio
import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy import event, text

from store.database import forget_deleted, open_checkpointer, open_database
from store.private import private_folder
from voice.recorder import Recorder


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """That of most systems: others may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


async def test_databases_their_logs_and_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    async with open_database(folder) as engine, open_checkpointer(folder):
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE words (word TEXT)"))
        files = {file.name: mode(file) for file in folder.iterdir() if file.is_file()}
    assert {"records.sqlite", "records.sqlite-wal", "threads.sqlite"} <= files.keys()
    assert {name: found for name, found in files.items() if found != "600"} == {}
    assert (mode(folder), mode(folder.parent)) == ("700", "700")


async def test_a_database_of_an_earlier_version_becomes_private(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "records.sqlite").executescript("CREATE TABLE a (b);").close()
    (tmp_path / "records.sqlite").chmod(0o644)
    async with open_database(tmp_path):
        assert mode(tmp_path / "records.sqlite") == "600"


def test_a_folder_that_somebody_else_has_made_stays_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    assert mode(private_folder(shared)) == "755"


async def test_a_recording_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "recordings" / "a.wav"
    async with Recorder(file, 8000, 8000) as recorder:
        recorder.caller(bytes(320))
    assert (mode(file), mode(file.parent)) == ("600", "700")


async def test_a_deleted_row_is_in_no_file_any_more(tmp_path: Path) -> None:
    async with open_database(tmp_path) as engine:
        for statement in (
            "CREATE TABLE words (word TEXT)",
            "INSERT INTO words VALUES ('mangosteen')",
            "DELETE FROM words",
        ):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
        await forget_deleted(engine)
        assert [f.name for f in tmp_path.iterdir() if b"mangosteen" in f.read_bytes()] == []


async def test_who_is_cut_off_while_reading_keeps_no_deleted_row_alive(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that left during its request kept the log of SQLite from ever being emptied."""
    async with open_database(tmp_path) as engine:
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE words (word TEXT)"))
            many = [{"word": f"mangosteen {number}"} for number in range(300)]
            await connection.execute(text("INSERT INTO words VALUES (:word)"), many)

        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def leave(*_: Any) -> None:
            if (task := asyncio.current_task()) in reading:
                asyncio.get_running_loop().call_soon(task.cancel)  # while the statement runs

        async def read() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT * FROM words"))

        reading = [asyncio.create_task(read()) for _ in range(20)]
        cut_off = await asyncio.gather(*reading, return_exceptions=True)  # with their tracebacks
        assert all(isinstance(one, asyncio.CancelledError) for one in cut_off)
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM words"))
        await forget_deleted(engine)
        assert [f.name for f in tmp_path.iterdir() if b"mangosteen" in f.read_bytes()] == []
    assert not caplog.records


async def test_a_log_that_somebody_reads_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.sqlite.READERS_SECS", 0.01)
    async with open_database(tmp_path) as engine:
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE words (word TEXT)"))
            await connection.execute(text("INSERT INTO words VALUES ('a'), ('b')"))
        with contextlib.closing(sqlite3.connect(tmp_path / "records.sqlite")) as backup:
            reading = backup.execute("SELECT * FROM words")
            assert reading.fetchone() == ("a",)  # and one to come
            async with engine.begin() as connection:
                await connection.execute(text("DELETE FROM words"))
            await forget_deleted(engine)
    assert "stays in the log" in caplog.text


async def test_a_deleted_thread_is_in_no_file_any_more(tmp_path: Path) -> None:
    async with open_checkpointer(tmp_path) as saver:
        for number in range(3):
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"word": f"mangosteen {number}"}
            at: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
            await saver.aput(at, checkpoint, {}, {})
        await saver.adelete_thread("t")
        await saver.forget_deleted()
        assert [f.name for f in tmp_path.iterdir() if b"mangosteen" in f.read_bytes()] == []
