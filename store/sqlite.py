"""LangGraph checkpoints in a SQLite file."""

import asyncio
import sqlite3
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

from store.checkpoints import MESSAGES, Change, Checkpoints, amended, first_id_at

T = TypeVar("T")

NEWEST = """
SELECT checkpoint_ns, MAX(checkpoint_id), type, checkpoint
FROM checkpoints WHERE thread_id = ? GROUP BY checkpoint_ns
"""
PENDING = """
SELECT task_id, idx, type, value FROM writes
WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? AND channel = ?
"""
REPLACE_CHECKPOINT = """
UPDATE checkpoints SET type = ?, checkpoint = ?
WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?
"""
REPLACE_PENDING = """
UPDATE writes SET type = ?, value = ?
WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? AND task_id = ? AND idx = ?
"""


class SqliteCheckpoints(SqliteSaver, Checkpoints):
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

    async def amend(self, config: RunnableConfig, change: Change) -> bool:
        """Change the messages of a thread in place, see `Checkpoints.amend`."""
        return await self._there(self._amend, str(config["configurable"]["thread_id"]), change)

    def _amend(self, thread_id: str, change: Change) -> bool:
        with self.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")  # no other process writes from here to the commit
            checkpoints, writes = [], []
            for ns, newest, kind, content in cursor.execute(NEWEST, (thread_id,)).fetchall():
                checkpoint = self.serde.loads_typed((kind, content))
                values = checkpoint["channel_values"]
                if (after := amended(values.get(MESSAGES), change, self.serde)) is not None:
                    values[MESSAGES] = after
                    blob = self.serde.dumps_typed(checkpoint)
                    checkpoints.append((*blob, thread_id, ns, newest))
                rows = cursor.execute(PENDING, (thread_id, ns, newest, MESSAGES)).fetchall()
                for task, index, *blob in rows:
                    written = self.serde.loads_typed(blob)
                    if (after := amended(written, change, self.serde)) is not None:
                        blob = self.serde.dumps_typed(after)
                        writes.append((*blob, thread_id, ns, newest, task, index))
            cursor.executemany(REPLACE_CHECKPOINT, checkpoints)
            cursor.executemany(REPLACE_PENDING, writes)
        return bool(checkpoints or writes)

    async def idle_since(self, moment: datetime) -> Sequence[str]:
        """Return the keys of idle threads, see `Checkpoints.idle_since`."""
        query = "SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING MAX(checkpoint_id) < ?"

        def idle() -> Sequence[str]:
            with self.cursor(transaction=False) as cursor:
                return [key for (key,) in cursor.execute(query, (first_id_at(moment),))]

        return await self._there(idle)
