"""PostgreSQL: its address, and the locks that all processes on one database share."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from psycopg import AsyncConnection, OperationalError, connect

from store.locks import ProcessLocks

log = logging.getLogger(__name__)

SESSION = """
SELECT set_config('tcp_keepalives_idle', '10', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false),
       set_config('idle_session_timeout', '0', false)
"""
"""A machine that vanished loses its locks within half a minute; one that is idle keeps them."""

LOST = (
    "A lock was lost with the connection to PostgreSQL while a turn ran; another process may have "
    "run one on the same thread."
)


def address(url: str, driver: str = "") -> str:
    """Return the address without the driver it names, or with another, such as `+psycopg`.

    Raises:
        ValueError: it is not the address of a PostgreSQL database.
    """
    scheme, separator, rest = url.partition("://")
    if scheme.partition("+")[0] not in ("postgres", "postgresql") or not separator:
        raise ValueError(
            "expected an address like postgresql://user:password@host:5432/name, "
            f"not one that begins with {scheme.partition(':')[0]!r}."
        )
    return f"postgresql{driver}://{rest}"


class Unreachable(ConnectionError):
    """PostgreSQL does not answer, or refuses; says what it said."""


def check_reachable(url: str) -> None:
    """See that the database lets us in.

    Raises:
        Unreachable: it does not.
    """
    try:
        connect(address(url), connect_timeout=5).close()
    except OperationalError as error:
        raise Unreachable(str(error).strip()) from None


class PostgresLocks(ProcessLocks):
    """Locks between all processes on one database: advisory locks of one connection's session.

    One connection holds any number of locks, and no question waits in the server: a lock that
    another process holds is asked for again and again, so that nobody keeps the others waiting.

    When the connection is lost, so are its locks. The next question makes a new one and first
    locks again what is still held here; what another process was quicker to take is logged. A
    connection pooler that gives one session to several clients must not stand in between.

    Args:
        url: the database, as `DATABASE_URL` has it.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._address = address(url)
        self._connection: AsyncConnection[Any] | None = None
        self._held: Counter[int] = Counter()  # a session may hold a lock several times
        self._turn = asyncio.Lock()
        self._asked: set[asyncio.Task[bool]] = set()

    async def aclose(self) -> None:
        """Wait for what was asked, and close the connection with all its locks."""
        await asyncio.gather(*self._asked, return_exceptions=True)
        if self._connection:
            await self._connection.close()

    async def _take(self, number: int) -> bool:
        asked = self._ask(self._lock(number))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            self._ask(self._undo(asked, number))
            raise

    async def _give_back(self, number: int) -> None:
        await asyncio.shield(self._ask(self._unlock(number)))

    def _ask(self, question: Coroutine[Any, Any, bool]) -> asyncio.Task[bool]:
        """Ask the server; who asked may go away, the answer is still taken in."""
        task = asyncio.create_task(question)
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        return task

    async def _lock(self, number: int) -> bool:
        async with self._turn:
            taken = await self._answer("SELECT pg_try_advisory_lock(%s)", number)
            self._held[number] += taken
            return taken

    async def _unlock(self, number: int) -> bool:
        async with self._turn:
            self._held[number] -= 1
            self._held += Counter()  # drops what is held no more
            try:
                given_back = await self._answer("SELECT pg_advisory_unlock(%s)", number)
            except OperationalError:
                given_back = False
            if not given_back:
                log.error(LOST)
            return given_back

    async def _undo(self, asked: asyncio.Task[bool], number: int) -> bool:
        return await asked and await self._unlock(number)

    async def _answer(self, question: str, number: int) -> bool:
        try:
            return await self._put(question, number)
        except OperationalError:
            if self._connection and not self._connection.closed:
                raise
            return await self._put(question, number)  # on a new connection

    async def _put(self, question: str, number: int) -> bool:
        if self._connection is None or self._connection.closed:
            self._connection = await self._connect()
        answer = await (await self._connection.execute(question, (number,))).fetchone()
        return bool(answer and answer[0])

    async def _connect(self) -> AsyncConnection[Any]:
        connection = await AsyncConnection.connect(
            self._address,
            autocommit=True,
            application_name="dialgraph locks",
            connect_timeout=10,
            keepalives_idle=10,
            tcp_user_timeout=20_000,
        )
        await connection.execute(SESSION)
        for number in self._held.elements():
            again = await connection.execute("SELECT pg_try_advisory_lock(%s)", (number,))
            if (await again.fetchone()) != (True,):
                log.error(LOST)
        return connection
