"""Load of a process: how late its event loop is, and how many conversations in writing it holds."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from statistics import median
from typing import Final

LOOK_SECS: Final = 0.5
"""How often the loop is asked how late it is."""
LOOKS: Final = 9
"""Looks that decide together: one long stop of the loop is no load."""
RETRY_SECS: Final = 5
"""When it is worth asking again."""


class TooMuch(Exception):
    """No more is taken now; says why."""


class Load:
    """What a process has to do.

    Args:
        longest_lag_secs: how late the loop may be, at the median of the last looks.
        rooms: conversations in writing, and turns of chat, at once.
    """

    def __init__(self, longest_lag_secs: float, rooms: int) -> None:
        self._longest = longest_lag_secs
        self._rooms = rooms
        self._taken = 0
        self._lags: deque[float] = deque(maxlen=LOOKS)

    @property
    def lag_secs(self) -> float:
        """How late the loop is; 0 before it is known."""
        return median(self._lags) if len(self._lags) == LOOKS else 0.0

    @property
    def too_late(self) -> bool:
        """Whether the loop is too late for one more conversation of any kind."""
        return self.lag_secs > self._longest

    @contextlib.contextmanager
    def room(self, besides: int = 0) -> Iterator[None]:
        """Hold a conversation in writing while the context is open.

        Args:
            besides: turns that go on though whoever held a room for them has left.

        Raises:
            TooMuch: there are too many, or the loop is too late already.
        """
        if self._taken + besides >= self._rooms:
            raise TooMuch(f"This server holds {self._rooms} conversations in writing already.")
        if self.too_late:
            raise TooMuch("This server is too busy for one more conversation.")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look how late the loop is while the context is open."""
        looking = asyncio.create_task(self._look(), name="load")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait({looking})

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECS
            await asyncio.sleep(LOOK_SECS)
            self._lags.append(loop.time() - due)
