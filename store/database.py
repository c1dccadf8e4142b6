"""The database: SQLite files in the data folder."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from sqlalchemy import DateTime, Dialect, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator


class Table(DeclarativeBase):
    """Base of every table."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, also on SQLite, which forgets the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored; use an aware UTC time.")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what was stored as an aware UTC time."""
        return value.replace(tzinfo=UTC) if value else None


@contextlib.asynccontextmanager
async def open_database(data_dir: Path) -> AsyncIterator[AsyncEngine]:
    """Open the records in `data_dir`, creating folder and tables when they are missing."""
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    engine = create_async_engine(f"sqlite+aiosqlite:///{data_dir / 'records.sqlite'}")

    @event.listens_for(engine.sync_engine, "connect")
    def _wait_for_writers(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA busy_timeout=10000")
        cursor.close()

    try:
        async with engine.begin() as connection:
            await connection.run_sync(Table.metadata.create_all)
        yield engine
    finally:
        await engine.dispose()


class Checkpoints(AsyncSqliteSaver):
    """LangGraph's SQLite checkpointer, which can also tell which threads fell idle."""

    async def idle_since(self, moment: datetime) -> list[str]:
        """Return the keys of the threads whose newest checkpoint is older than a moment.

        LangGraph's checkpoint ids are UUIDs of version 6 and so sort by the time they were made.
        """
        await self.setup()
        ticks = int(moment.timestamp() * 10_000_000) + _UUID_EPOCH_TICKS
        high, middle, low = ticks >> 28, ticks >> 12 & 0xFFFF, ticks & 0x0FFF
        oldest_kept = f"{high:08x}-{middle:04x}-6{low:03x}"
        query = "SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING MAX(checkpoint_id) < ?"
        async with self.lock, self.conn.execute(query, (oldest_kept,)) as rows:
            return [key async for (key,) in rows]


_UUID_EPOCH_TICKS = 0x01B21DD213814000
"""Ticks of 100 ns from the epoch of UUIDs, 1582-10-15, to that of Unix (RFC 9562, 5.1)."""


@contextlib.asynccontextmanager
async def open_checkpointer(data_dir: Path) -> AsyncIterator[Checkpoints]:
    """Open the LangGraph checkpoints in `data_dir`: every thread of every graph."""
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    async with aiosqlite.connect(data_dir / "threads.sqlite") as connection:
        await connection.execute("PRAGMA busy_timeout=10000")
        saver = Checkpoints(connection)
        await saver.setup()
        yield saver
