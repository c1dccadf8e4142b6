"""One turn at a time on a thread: locks that tasks and processes take turns on.

Inside a process who comes first is served first. Between processes the lock belongs to whoever
finds it free; a process that dies, however it dies, gives back what it held.
"""

import asyncio
import contextlib
import os
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

ASK_SECS = 10.0
"""Longest wait for an answer to whether a lock is free, also by who would not wait for the lock."""
FIRST_LOOK_SECS, LONGEST_WAIT_SECS = 0.001, 0.025
"""How soon a lock that another process holds is looked at again, at first and at most."""


class ThreadLocks(Protocol):
    """Locks by name."""

    def hold(self, key: str, timeout: float) -> AbstractAsyncContextManager[None]:
        """Hold the lock of that name while the context is open.

        Args:
            key: what is locked; a name of any length.
            timeout: longest wait for it, in seconds; 0 asks once.

        Raises:
            TimeoutError: others held it all that time.
        """
        ...


class ProcessLocks:
    """Locks between the tasks of one event loop, and the queue in front of all other locks."""

    def __init__(self) -> None:
        self._queues: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def hold(self, key: str, timeout: float) -> AsyncIterator[None]:  # noqa: ASYNC109
        """Hold the lock of that name, see `ThreadLocks.hold`."""
        number = _number(key)
        # Found by number and not by name: were two names ever to share one, they would share the
        # queue as well, and no lock is asked for twice.
        queue = self._queues.setdefault(number, asyncio.Lock())
        taken, loop = False, asyncio.get_running_loop()
        until = loop.time() + timeout
        try:
            async with asyncio.timeout(timeout):
                await queue.acquire()
            taken, wait = True, FIRST_LOOK_SECS
            async with asyncio.timeout_at(max(until, loop.time() + ASK_SECS)):
                while not await self._take(number):
                    if loop.time() >= until:
                        raise TimeoutError
                    await asyncio.sleep(wait)
                    wait = min(2 * wait, LONGEST_WAIT_SECS)
        except BaseException:
            if taken:
                queue.release()
            raise
        try:
            yield
        finally:
            try:
                await self._give_back(number)
            finally:
                queue.release()

    async def _take(self, number: int) -> bool:
        """Take the lock of that number from other processes, when it is free."""
        return True

    async def _give_back(self, number: int) -> None:
        """Let other processes have the lock of that number."""


class FileLocks(ProcessLocks):
    """Locks between the processes of one machine: single bytes, locked, of one empty file.

    A lock on a byte needs no byte there, so any number of names leaves one file of no length.
    On Linux the locks belong to the file as it was opened here ("open file description locks",
    fcntl(2)) and exclude every other opening, also in the same process; elsewhere they are the
    process's, and one process must not open the same file twice.

    Args:
        path: the file, made when it is missing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def close(self) -> None:
        """Close the file, and so give back every lock."""
        os.close(self._file)

    async def _take(self, number: int) -> bool:
        return _lock_byte(self._file, number)

    async def _give_back(self, number: int) -> None:
        _unlock_byte(self._file, number)


if sys.platform == "win32":  # no fcntl there: one process to a data folder

    def _lock_byte(file: int, at: int) -> bool:
        return True

    def _unlock_byte(file: int, at: int) -> None:
        pass

else:
    import fcntl

    def _lock_byte(file: int, at: int) -> bool:
        try:
            _set_lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB, at)
        except (BlockingIOError, PermissionError):  # fcntl(2) allows both for "held by another"
            return False
        return True

    def _unlock_byte(file: int, at: int) -> None:
        _set_lock(file, fcntl.LOCK_UN, at)

    def _set_lock(file: int, operation: int, at: int) -> None:
        if sys.platform == "linux":
            kind = fcntl.F_UNLCK if operation == fcntl.LOCK_UN else fcntl.F_WRLCK
            # struct flock: type, whence, start, length, process (0 for this kind of lock)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, 0, at, 1, 0))
        else:
            fcntl.lockf(file, operation, 1, at)


@contextlib.asynccontextmanager
async def open_locks(data_dir: Path, database_url: str | None = None) -> AsyncIterator[ThreadLocks]:
    """Open the locks that belong to the records: of the data folder, or of PostgreSQL.

    Args:
        data_dir: the folder that holds everything kept.
        database_url: the PostgreSQL database that holds the records instead, if any.
    """
    if database_url:
        from store.postgres import PostgresLocks  # only who uses PostgreSQL waits for its driver

        async with contextlib.aclosing(PostgresLocks(database_url)) as locks:
            yield locks
    else:
        await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
        with contextlib.closing(FileLocks(data_dir / "locks")) as locks:
            yield locks


def _number(key: str) -> int:
    """The number that stands for a name in a file or in PostgreSQL: 63 bits of its digest."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8, person=b"dialgraph").digest()) >> 1
