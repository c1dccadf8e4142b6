"""One turn at a time on a thread: who waits, who gives way, who is refused."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Literal

from graphs.turn import Turn, TurnTimedOut
from store.locks import ThreadLocks

Policy = Literal["enqueue", "supersede", "reject"]
"""What a turn does that finds another one on its thread: wait for it, take its place, or give up.

It takes the place of a turn of its own process; one of another process is waited for."""


class ThreadBusy(RuntimeError):
    """Another turn runs on the thread, and this one was not to wait for it."""


class Precedence:
    """Knows the turns that run in this process, and keeps those of others apart by locks.

    Args:
        locks: keep turns of one thread apart.
        longest_wait: for an earlier turn, in seconds.
    """

    def __init__(self, locks: ThreadLocks, longest_wait: float) -> None:
        self._locks = locks
        self._longest_wait = longest_wait
        self._running: dict[str, Turn] = {}

    async def take(self, key: str, policy: Policy) -> contextlib.AsyncExitStack:
        """Take a thread for a turn, as the policy says; closing what is returned gives it back.

        Raises:
            ThreadBusy: another turn runs, and the policy is to reject.
            TurnTimedOut: another turn did not end in time.
        """
        await self._make_way(key, policy)
        taken = contextlib.AsyncExitStack()
        wait = 0.0 if policy == "reject" else self._longest_wait
        await taken.enter_async_context(self._hold(key, wait))
        taken.callback(self._running.pop, key, None)
        return taken

    def runs(self, key: str, turn: Turn) -> None:
        """Note which turn it is that has taken a thread."""
        self._running[key] = turn

    def between_turns(self, key: str) -> contextlib.AbstractAsyncContextManager[None]:
        """Hold a thread on which no turn runs while the context is open.

        Raises:
            TurnTimedOut: a turn that runs did not end in time.
        """
        return self._hold(key, self._longest_wait)

    async def _make_way(self, key: str, policy: Policy) -> None:
        running = self._running.get(key)
        if running is None or policy == "enqueue":
            return
        if policy == "reject":
            raise _busy(key)
        running.superseded = True
        await running.stop()

    @contextlib.asynccontextmanager
    async def _hold(self, key: str, wait: float) -> AsyncGenerator[None]:
        try:
            hold = self._locks.hold(key, wait)
            await hold.__aenter__()
        except TimeoutError as error:
            if not wait:
                raise _busy(key) from error
            late = f"An earlier turn on the thread {_thread_id(key)!r} did not end in time."
            raise TurnTimedOut(late) from error
        try:
            yield
        finally:
            await hold.__aexit__(None, None, None)


def key_of(graph: str, thread_id: str) -> str:
    """Return what a thread of a graph is called among the threads of all graphs."""
    return f"{graph}:{thread_id}"


def _thread_id(key: str) -> str:
    return key.partition(":")[2]


def _busy(key: str) -> ThreadBusy:
    return ThreadBusy(f"A turn is running on the thread {_thread_id(key)!r}.")
