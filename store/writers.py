"""One writer at a time on a SQLite file, those of one process in the order in which they came.

SQLite lets one transaction write. Who waits for it looks again now and then, in a thread, with no
order among those who wait; a transaction of ours lasts several turns of the event loop. On a busy
machine some waited longer than `busy_timeout` and got `SQLITE_BUSY`: 19 of 49 records written by
12 tasks on a loop that was late by 0.2 s. So tasks of one process wait for each other in a queue.
"""

import asyncio
import contextlib
from typing import Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

QUEUE_SECS: Final = 60.0
"""Longest wait for the others of this process, in seconds; then SQLite decides."""
_READING: Final = ("SELECT", "PRAGMA")
_WRITES: Final = "writes"


def queue_writers(engine: AsyncEngine) -> None:
    """Let the transactions of an engine write one after the other."""
    writer = asyncio.Lock()

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def _take_turns(
        connection: Connection,
        _cursor: Any,
        statement: str,
        _parameters: Any,
        _context: Any,
        _executemany: bool,
    ) -> None:
        if connection.info.get(_WRITES) or statement.lstrip().upper().startswith(_READING):
            return
        with contextlib.suppress(TimeoutError):
            await_only(asyncio.wait_for(writer.acquire(), QUEUE_SECS))
            connection.info[_WRITES] = True

    @event.listens_for(engine.sync_engine, "checkin")
    def _next(_connection: Any, record: Any) -> None:
        if record.info.pop(_WRITES, False):
            writer.release()
