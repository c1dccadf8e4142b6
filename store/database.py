"""The database: SQLite files in the data folder, or PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, event, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from store.checkpoints import Checkpoints
from store.locks import open_locks
from store.private import private_file, private_folder
from store.sqlite import BUSY_SECS, ClosingConnection, SqliteCheckpoints, empty_log, prepare
from store.writers import queue_writers

Database = AsyncEngine
"""The records, opened; for those who hand them on."""
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
    await asyncio.to_thread(private_folder, data_dir)
    if database_url:
        engine = _postgres(database_url)
    else:  # SQLAlchemy looks for the file, which blocks
        engine = await asyncio.to_thread(_sqlite, data_dir / "records.sqlite")
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


async def forget_deleted(engine: AsyncEngine) -> None:
    """See that what was deleted is in no file any more: of SQLite, its log still holds it.

    PostgreSQL's log is its administrator's.
    """
    if engine.dialect.name == "sqlite":
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            await connection.run_sync(lambda there: empty_log(there.exec_driver_sql))


async def alone(session: AsyncSession) -> None:
    """Let nobody else write until the transaction ends: for who reads, decides, and writes.

    SQLite's begins with the first write, so what was read before it may be another's by then. On
    PostgreSQL rows are locked as they are read (`with_for_update`).
    """
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")


def _sqlite(path: Path) -> AsyncEngine:
    # Who waits for a turn to write holds a connection: were they bounded, those who wait could keep
    # the one who writes from what it has to read meanwhile.
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{private_file(path)}",
        connect_args={"factory": ClosingConnection},
        max_overflow=-1,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _wait_for_writers(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECS * 1000:.0f}")
        prepare(cursor.execute)
        cursor.close()

    queue_writers(engine)
    return engine


def _postgres(url: str) -> AsyncEngine:
    from store.postgres import address

    return create_async_engine(
        address(url, driver="+psycopg"), pool_pre_ping=True, hide_parameters=True
    )


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
    await asyncio.to_thread(private_folder, data_dir)
    saver = await asyncio.to_thread(SqliteCheckpoints, data_dir / "threads.sqlite")
    try:
        yield saver
    finally:
        await asyncio.to_thread(saver.close)
