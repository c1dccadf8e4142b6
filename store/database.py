"""The database: SQLite files in the data folder."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlalchemy import DateTime, Dialect, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

T = TypeVar("T")


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


class Checkpoints(SqliteSaver):
    """LangGraph's SQLite checkpointer on a thread of its own, one hop to it an operation.

    LangGraph's own `AsyncSqliteSaver` takes six to read a checkpoint and three to write one.

    A commit is handed to the operating system: it outlives the process, killed or not. After a
    power failure the last turns may be missing, the file is whole (`synchronous=NORMAL` in WAL).

    Args:
        path: the file, made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(sqlite3.connect(path, timeout=10, check_same_thread=False))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self.conn.execute("PRAGMA synchronous=NORMAL")
        self.setup()

    def close(self) -> None:
        """Finish what was begun and close the file."""
        self._thread.shutdown()
        self.conn.close()

    async def _there(self, operation: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, operation, *args)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read a checkpoint with what waits to be written to it."""
        return await self._there(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, the newest first."""

        def listed() -> Sequence[CheckpointTuple]:
            return tuple(self.list(config, filter=filter, before=before, limit=limit))

        for checkpoint in await self._there(listed):
            yield checkpoint

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint."""
        return await self._there(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Save what a task wrote before its step was complete."""
        await self._there(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete everything kept of a thread."""
        await self._there(self.delete_thread, thread_id)

    async def idle_since(self, moment: datetime) -> Sequence[str]:
        """Return the keys of the threads whose newest checkpoint is older than a moment.

        LangGraph's checkpoint ids are UUIDs of version 6 and so sort by the time they were made.
        """
        ticks = int(moment.timestamp() * 10_000_000) + _UUID_EPOCH_TICKS
        high, middle, low = ticks >> 28, ticks >> 12 & 0xFFFF, ticks & 0x0FFF
        oldest_kept = f"{high:08x}-{middle:04x}-6{low:03x}"
        query = "SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING MAX(checkpoint_id) < ?"

        def idle() -> Sequence[str]:
            with self.cursor(transaction=False) as cursor:
                return [key for (key,) in cursor.execute(query, (oldest_kept,))]

        return await self._there(idle)


_UUID_EPOCH_TICKS = 0x01B21DD213814000
"""Ticks of 100 ns from the epoch of UUIDs, 1582-10-15, to that of Unix (RFC 9562, 5.1)."""


@contextlib.asynccontextmanager
async def open_checkpointer(data_dir: Path) -> AsyncIterator[Checkpoints]:
    """Open the LangGraph checkpoints in `data_dir`: every thread of every graph."""
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    saver = await asyncio.to_thread(Checkpoints, data_dir / "threads.sqlite")
    try:
        yield saver
    finally:
        await asyncio.to_thread(saver.close)
