"""LangGraph checkpoints in a SQLite file."""

import asyncio
import logging
import sqlite3
import time
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
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

from store.checkpoints import (
    MESSAGES,
    PLACE,
    Change,
    Checkpoints,
    amended,
    first_id_at,
    needs_history,
    without_parent,
)
from store.private import private_file

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_SECS = 10.0
"""Longest wait of a statement for another process."""
READERS_SECS = 1.0
"""Longest wait for readers before the log can be emptied: nobody can write meanwhile."""
WAL_SECS = 10.0
"""Longest wait for others that open a new file at the same moment."""
LOG_INTO_FILE = "PRAGMA wal_checkpoint(TRUNCATE)"
"""Its answer begins with 1 if somebody read for too long for the log to be emptied, else with 0."""
CHECKPOINTS = "SELECT rowid, type, checkpoint FROM checkpoints WHERE thread_id = ?"
WRITES = "SELECT rowid, type, value FROM writes WHERE thread_id = ? AND channel = ?"
REPLACE_CHECKPOINT = "UPDATE checkpoints SET type = ?, checkpoint = ? WHERE rowid = ?"
REPLACE_WRITE = "UPDATE writes SET type = ?, value = ? WHERE rowid = ?"
FORGET_EARLIER = "DELETE FROM {} WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?"
ENDED_CALLS = """
SELECT DISTINCT checkpoint_ns FROM checkpoints
WHERE thread_id = ? AND checkpoint_ns LIKE '%:%'
    AND json_extract(CAST(metadata AS TEXT), '$.parents.""') < ?
"""
FORGET_CALL = "DELETE FROM {} WHERE thread_id = ? AND checkpoint_ns = ?"


def prepare(execute: Callable[[str], Any]) -> None:
    """Let readers go on while somebody writes (WAL), and overwrite what is deleted by zeros.

    The overwriting costs about 12 us a transaction of 20 kB; without it words stay in the file.

    Of two processes that make this of a new file at once, SQLite refuses one without waiting,
    whatever its timeout is; it tries again here.

    Raises:
        sqlite3.OperationalError: it was refused for `WAL_SECS`.
    """
    deadline = time.monotonic() + WAL_SECS
    while True:
        try:
            execute("PRAGMA journal_mode=WAL")
            execute("PRAGMA secure_delete=ON")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # this runs on a thread of the database's own


def empty_log(execute: Callable[[str], Any]) -> None:
    """Write the log into the file and leave nothing in it, outside of any transaction.

    Writers wait meanwhile. When somebody reads for longer than `READERS_SECS`, such as a backup,
    what was deleted stays in the log, and that is logged.
    """
    execute(f"PRAGMA busy_timeout={READERS_SECS * 1000:.0f}")
    busy, *_ = execute(LOG_INTO_FILE).fetchone()
    execute(f"PRAGMA busy_timeout={BUSY_SECS * 1000:.0f}")  # who is cancelled loses the connection
    if busy:
        log.warning(
            "What was deleted stays in the log of the database while another program reads it. "
            "A server tries again every hour."
        )


class ClosingConnection(sqlite3.Connection):
    """A connection that ends its reading when it is closed.

    SQLite keeps what a statement reads for as long as the statement lives, closed connection or
    not, and Python ends it when its cursor is collected. Of a task that was cancelled the traceback
    holds the cursor: until then nobody could empty the log, and words that were deleted stayed in
    it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cursors: weakref.WeakSet[sqlite3.Cursor] = weakref.WeakSet()

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        """Make a cursor that is closed with the connection at the latest."""
        cursor = super().cursor(factory)
        self._cursors.add(cursor)
        return cursor

    def close(self) -> None:
        """Close the cursors, then the connection."""
        for cursor in list(self._cursors):
            cursor.close()
        super().close()


class SqliteCheckpoints(SqliteSaver, Checkpoints):
    """LangGraph's SQLite checkpointer on a thread of its own, one hop to it an operation.

    LangGraph's own `AsyncSqliteSaver` takes six to read a checkpoint and three to write one.

    A commit is handed to the operating system: it outlives the process, killed or not. After a
    power failure the last turns may be missing, the file is whole (`synchronous=NORMAL` in WAL).

    Args:
        path: the file, made when it is missing; they are kept in memory when None.
    """

    def __init__(self, path: Path | None) -> None:
        file = private_file(path) if path else ":memory:"
        connection = sqlite3.connect(file, timeout=BUSY_SECS, check_same_thread=False)
        super().__init__(connection)
        prepare(self.conn.execute)
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
        """Save a checkpoint in place of the earlier ones, see `Checkpoints`."""
        if needs_history(metadata):
            return await self._there(self.put, config, checkpoint, metadata, new_versions)
        place = without_parent(config)
        return await self._there(self._replace, place, checkpoint, metadata, new_versions)

    def _replace(self, place: RunnableConfig, *checkpoint: Any) -> RunnableConfig:
        saved = self.put(place, *checkpoint)
        thread_id, ns, newest = (saved["configurable"][key] for key in PLACE)
        with self.cursor() as cursor:
            for table in ("checkpoints", "writes"):
                cursor.execute(FORGET_EARLIER.format(table), (thread_id, ns, newest))
            if ns == "":
                for (call,) in cursor.execute(ENDED_CALLS, (thread_id, newest)).fetchall():
                    for table in ("checkpoints", "writes"):
                        cursor.execute(FORGET_CALL.format(table), (thread_id, call))
        return saved

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

    async def amend(self, config: RunnableConfig, change: Change) -> bool:
        """Change the messages of a thread in place, see `Checkpoints.amend`."""
        return await self._there(self._amend, str(config["configurable"]["thread_id"]), change)

    def _amend(self, thread_id: str, change: Change) -> bool:
        with self.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")  # no other process writes from here to the commit
            checkpoints, writes = [], []
            for row, *content in cursor.execute(CHECKPOINTS, (thread_id,)).fetchall():
                checkpoint = self.serde.loads_typed(content)
                values = checkpoint["channel_values"]
                if (after := amended(values.get(MESSAGES), change, self.serde)) is not None:
                    values[MESSAGES] = after
                    checkpoints.append((*self.serde.dumps_typed(checkpoint), row))
            for row, *content in cursor.execute(WRITES, (thread_id, MESSAGES)).fetchall():
                written = self.serde.loads_typed(content)
                if (after := amended(written, change, self.serde)) is not None:
                    writes.append((*self.serde.dumps_typed(after), row))
            cursor.executemany(REPLACE_CHECKPOINT, checkpoints)
            cursor.executemany(REPLACE_WRITE, writes)
        return bool(checkpoints or writes)

    async def idle_since(self, moment: datetime) -> Sequence[str]:
        """Return the keys of idle threads, see `Checkpoints.idle_since`."""
        query = "SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING MAX(checkpoint_id) < ?"

        def idle() -> Sequence[str]:
            with self.cursor(transaction=False) as cursor:
                return [key for (key,) in cursor.execute(query, (first_id_at(moment),))]

        return await self._there(idle)

    async def compact(self) -> None:
        """Write the file anew without what was deleted, and empty its log."""

        def rewrite() -> None:
            self.conn.commit()
            self.conn.execute("VACUUM")
            empty_log(self.conn.execute)

        await self._there(rewrite)

    async def forget_deleted(self) -> None:
        """See that what was deleted is in no file any more, see `Checkpoints`."""

        def forget() -> None:
            self.conn.commit()
            empty_log(self.conn.execute)

        await self._there(forget)
