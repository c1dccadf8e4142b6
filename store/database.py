"""The database: SQLite files in the data folder, or PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, event, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from store.checkpoints import Checkpoints
from store.locks import open_locks
from store.sqlite import SqliteCheckpoints

SETUP_SECS = 60.0
"""Longest wait for another process that makes the tables."""


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
async def open_database(
    data_dir: Path, database_url: str | None = None
) -> AsyncIterator[AsyncEngine]:
    """Open the records, creating folder and tables when they are missing.

    Args:
        data_dir: the folder that holds everything kept.
        database_url: the PostgreSQL database that holds the records instead, if any.
    """
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    engine = _postgres(database_url) if database_url else _sqlite(data_dir / "records.sqlite")
    try:
        async with (
            open_locks(data_dir, database_url) as locks,
            locks.hold("tables of the records", SETUP_SECS),
            engine.begin() as connection,
        ):
            await connection.run_sync(Table.metadata.create_all)
            await connection.run_sync(_add_missing_columns)
        yield engine
    finally:
        await engine.dispose()


def _add_missing_columns(connection: Connection) -> None:
    """Add columns that tables made by an earlier version lack; such columns may be empty."""
    known = inspect(connection)
    for table in Table.metadata.sorted_tables:
        there = {column["name"] for column in known.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(connection.dialect)
                connection.execute(
                    text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}")
                )


def _sqlite(path: Path) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "connect")
    def _wait_for_writers(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA busy_timeout=10000")
        cursor.close()

    return engine


def _postgres(url: str) -> AsyncEngine:
    from store.postgres import address

    return create_async_engine(address(url, driver="+psycopg"), pool_pre_ping=True)


@contextlib.asynccontextmanager
async def open_checkpointer(
    data_dir: Path, database_url: str | None = None
) -> AsyncIterator[Checkpoints]:
    """Open the LangGraph checkpoints: every thread of every graph.

    Args:
        data_dir: the folder that holds everything kept.
        database_url: the PostgreSQL database that holds the checkpoints instead, if any.
    """
    if database_url:  # only who uses PostgreSQL waits for its driver
        from store.postgres_checkpoints import open_postgres_checkpointer

        async with open_postgres_checkpointer(database_url) as checkpoints:
            yield checkpoints
        return
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    saver = await asyncio.to_thread(SqliteCheckpoints, data_dir / "threads.sqlite")
    try:
        yield saver
    finally:
        await asyncio.to_thread(saver.close)
