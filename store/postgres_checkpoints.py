"""LangGraph checkpoints in PostgreSQL."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from store.checkpoints import MESSAGES, Change, Checkpoints, amended, first_id_at
from store.postgres import PostgresLocks, address

CONNECTIONS = 10
"""Checkpoints read or written at once; more wait for a moment."""

SETUP_SECS = 60.0
"""Longest wait for another process that makes the tables."""

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

NEWEST = """
SELECT DISTINCT ON (checkpoint_ns)
    checkpoint_ns, checkpoint_id, checkpoint -> 'channel_versions' ->> %s AS version
FROM checkpoints WHERE thread_id = %s ORDER BY checkpoint_ns, checkpoint_id DESC
"""
KEPT = """
SELECT type, blob FROM checkpoint_blobs
WHERE thread_id = %s AND checkpoint_ns = %s AND channel = %s AND version = %s FOR UPDATE
"""
REPLACE_KEPT = """
UPDATE checkpoint_blobs SET type = %s, blob = %s
WHERE thread_id = %s AND checkpoint_ns = %s AND channel = %s AND version = %s
"""
PENDING = """
SELECT task_id, idx, type, blob FROM checkpoint_writes
WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s AND channel = %s FOR UPDATE
"""
REPLACE_PENDING = """
UPDATE checkpoint_writes SET type = %s, blob = %s
WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s AND task_id = %s AND idx = %s
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

    async def amend(self, config: RunnableConfig, change: Change) -> bool:
        """Change the messages of a thread in place, see `Checkpoints.amend`."""
        thread_id, changed = str(config["configurable"]["thread_id"]), False

        async def rewrite(cursor: Any, replace: str, row: DictRow, *where: Any) -> bool:
            after = amended(self.serde.loads_typed((row["type"], row["blob"])), change, self.serde)
            if after is None:
                return False
            await cursor.execute(replace, (*self.serde.dumps_typed(after), *where))
            return True

        async with self._cursor() as cursor, cursor.connection.transaction():
            await cursor.execute(NEWEST, (MESSAGES, thread_id))
            for newest in await cursor.fetchall():
                ns, checkpoint_id = newest["checkpoint_ns"], newest["checkpoint_id"]
                where = (thread_id, ns, MESSAGES, newest["version"])
                await cursor.execute(KEPT, where)
                for row in await cursor.fetchall():
                    changed |= await rewrite(cursor, REPLACE_KEPT, row, *where)
                pending = (thread_id, ns, checkpoint_id)
                await cursor.execute(PENDING, (*pending, MESSAGES))
                for row in await cursor.fetchall():
                    task = (row["task_id"], row["idx"])
                    changed |= await rewrite(cursor, REPLACE_PENDING, row, *pending, *task)
        return changed

    async def idle_since(self, moment: datetime) -> Sequence[str]:
        """Return the keys of idle threads, see `Checkpoints.idle_since`."""
        async with self._cursor() as cursor:
            await cursor.execute(IDLE, (first_id_at(moment),))
            return [row["thread_id"] for row in await cursor.fetchall()]


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
