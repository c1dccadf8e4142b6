"""Which calls this server holds, so that no other one takes them or gives them up for lost."""

from collections.abc import Set
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from store.locks import ThreadLocks


def live(locks: ThreadLocks, sid: str, wait_secs: float = 0.0) -> AbstractAsyncContextManager[None]:
    """Show other servers that this one holds the call, while the context is open.

    Raises:
        TimeoutError: another one does, and has not let go in that many seconds.
    """
    return locks.hold(f"call:{sid}", wait_secs)


class LiveCalls:
    """The calls of this server, from the first sound to the end.

    Args:
        locks: those of all servers on the same records.
    """

    def __init__(self, locks: ThreadLocks) -> None:
        self.locks = locks
        self._taken: dict[str, AsyncExitStack] = {}

    @property
    def sids(self) -> Set[str]:
        """The calls."""
        return self._taken.keys()

    async def free(self, sid: str, wait_secs: float = 0.0) -> bool:
        """Whether no server holds a call, or lets go of it in time."""
        try:
            async with live(self.locks, sid, wait_secs):
                return True
        except TimeoutError:
            return False

    async def take(self, sid: str) -> None:
        """Take a call; one that this server has already stays its own.

        Raises:
            TimeoutError: another server has it.
        """
        async with AsyncExitStack() as stack:
            if sid not in self._taken:
                await stack.enter_async_context(live(self.locks, sid))
                self._taken[sid] = stack.pop_all()

    async def let_go(self, sid: str) -> None:
        """Let a call go that is over."""
        if taken := self._taken.pop(sid, None):
            await taken.aclose()

    async def let_all_go(self) -> None:
        """Let every call go, because the server stops."""
        for sid in list(self._taken):
            await self.let_go(sid)
