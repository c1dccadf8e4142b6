"""LangGraph checkpoints in PostgreSQL."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

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
from store.database import SETUP_SECS
from store.postgres import PostgresLocks, address

CONNECTIONS = 10
"""Checkpoints read or written at once; more wait for a moment."""

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

ALONE = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"
"""Who changes what is kept of a thread waits for who does: they lock rows in different orders."""

REWRITING = 0x64674350
"""Sets these locks apart from any other's."""

KEPT = """
SELECT type, blob, thread_id, checkpoint_ns, channel, version FROM checkpoint_blobs
WHERE thread_id = %s AND channel = %s ORDER BY checkpoint_ns, version FOR UPDATE
"""
REPLACE_KEPT = """
UPDATE checkpoint_blobs SET type = %s, blob = %s
WHERE thread_id = %s AND checkpoint_ns = %s AND channel = %s AND version = %s
"""
WRITTEN = """
SELECT type, blob, thread_id, checkpoint_ns, checkpoint_id, task_id, idx FROM checkpoint_writes
WHERE thread_id = %s AND channel = %s
ORDER BY checkpoint_ns, checkpoint_id, task_id, idx FOR UPDATE
"""
REPLACE_WRITTEN = """
UPDATE checkpoint_writes SET type = %s, blob = %s
WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s AND task_id = %s AND idx = %s
"""
FORGET_EARLIER = "DELETE FROM {} WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id < %s"
FORGET_BLOBS = """
DELETE FROM checkpoint_blobs kept WHERE thread_id = %s AND checkpoint_ns = %s AND NOT EXISTS (
    SELECT FROM checkpoints WHERE thread_id = kept.thread_id AND checkpoint_ns = kept.checkpoint_ns
        AND checkpoint -> 'channel_versions' ->> kept.channel = kept.version
)
"""
FORGET_CALLS = """
WITH ended AS (
    DELETE FROM checkpoints WHERE thread_id = %s AND checkpoint_ns LIKE '%%:%%'
        AND metadata -> 'parents' ->> '' < %s RETURNING checkpoint_ns AS ns
), writes AS (
    DELETE FROM checkpoint_writes USING ended WHERE thread_id = %s AND checkpoint_ns = ns
)
DELETE FROM checkpoint_blobs USING ended WHERE thread_id = %s AND checkpoint_ns = ns
"""
IDLE = "SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING MAX(checkpoint_id) < %s"


class PostgresCheckpoints(AsyncPostgresSaver, Checkpoints):
    """LangGraph's PostgreSQL checkpointer, on a pool of connections.

    Args:
        pool: its connections commit by themselves and return rows as dictionaries.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        # LangGraph's lock is for one connection; it would let the pool use one at a time.
        self.lock = contextlib.nullcontext()  # type: ignore[assignment]

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint in place of the earlier ones, see `Checkpoints`."""
        if needs_history(metadata):
            return await super().aput(config, checkpoint, metadata, new_versions)
        saved = await super().aput(without_parent(config), checkpoint, metadata, new_versions)
        thread_id, ns, newest = (saved["configurable"][key] for key in PLACE)
        async with self._cursor(pipeline=True) as cursor:  # one trip, one transaction
            await cursor.execute(ALONE, (REWRITING, thread_id))
            for table in ("checkpoints", "checkpoint_writes"):
                await cursor.execute(FORGET_EARLIER.format(table), (thread_id, ns, newest))
            await cursor.execute(FORGET_BLOBS, (thread_id, ns))
            if ns == "":
                await cursor.execute(FORGET_CALLS, (thread_id, newest, thread_id, thread_id))
        return saved

    async def amend(self, config: RunnableConfig, change: Change) -> bool:
        """Change the messages of a thread in place, see `Checkpoints.amend`."""
        thread_id, changed = str(config["configurable"]["thread_id"]), False
        async with self._cursor() as cursor, cursor.connection.transaction():
            await cursor.execute(ALONE, (REWRITING, thread_id))
            for select, replace in ((KEPT, REPLACE_KEPT), (WRITTEN, REPLACE_WRITTEN)):
                await cursor.execute(select, (thread_id, MESSAGES))
                for row in await cursor.fetchall():
                    kind, content, *key = row.values()
                    before = self.serde.loads_typed((kind, content))
                    if (after := amended(before, change, self.serde)) is not None:
                        await cursor.execute(replace, (*self.serde.dumps_typed(after), *key))
                        changed = True
        return changed

    async def idle_since(self, moment: datetime) -> Sequence[str]:
        """Return the keys of idle threads, see `Checkpoints.idle_since`."""
        async with self._cursor() as cursor:
            await cursor.execute(IDLE, (first_id_at(moment),))
            return [row["thread_id"] for row in await cursor.fetchall()]

    async def compact(self) -> None:
        """Free the space of what was deleted, see `Checkpoints.compact`."""
        async with self._cursor() as cursor:
            await cursor.execute("VACUUM checkpoints, checkpoint_blobs, checkpoint_writes")


@contextlib.asynccontextmanager
async def open_postgres_checkpointer(url: str) -> AsyncIterator[PostgresCheckpoints]:
    """Open the checkpoints in a PostgreSQL database, creating their tables when missing.

    Args:
        url: the database, as `DATABASE_URL` has it.
    """
    pool: Pool = AsyncConnectionPool(
        address(url),
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        check=AsyncConnectionPool.check_connection,
        min_size=1,
        max_size=CONNECTIONS,
        open=False,
    )
    async with pool, contextlib.aclosing(PostgresLocks(url)) as locks:
        saver = PostgresCheckpoints(pool)
        async with locks.hold("the tables of the checkpoints", SETUP_SECS):
            await saver.setup()
        yield saver
