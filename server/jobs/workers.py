"""The workers: do the jobs that are due, here or in any other process on the same records.

A job belongs to whoever holds the lock of its key. The lock goes with its process, so that what a
killed one had begun is begun again by another within a second, under the same key.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

from faults import places
from server.jobs.work import Done, Failed, Later, Outcome, Work
from store.jobs import Job, Jobs
from store.locks import ThreadLocks

log = logging.getLogger(__name__)

LOOK_SECS = 1.0
"""How often it is looked what others have asked for, or has become due, in seconds."""
LEFT_SECS = 0.5
"""Time in which a job that another process does is not asked for, in seconds."""
AT_ONCE = 32
"""Jobs done at once by this process."""
AT_ONCE_OF_OWNER = 4
"""Jobs of one owner done at once: an address that does not answer holds up no other one."""
DEATHS = 20
"""Attempts, beyond those a job has, of which nobody lived to say what came, until it is given up.
"""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Workers:
    """Does jobs.

    Args:
        jobs: where they are.
        locks: those of all processes on the same records.
        kinds: what can be done here, by kind.
        now: the clock.
    """

    def __init__(
        self,
        jobs: Jobs,
        locks: ThreadLocks,
        kinds: Mapping[str, Work],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._jobs = jobs
        self._locks = locks
        self._kinds = kinds
        self._now = now
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._owners: Counter[str | None] = Counter()
        self._left: dict[str, float] = {}
        """Until when jobs that cannot be done here now are left out, by key."""

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Do jobs while the context lasts; what is under way at its end is begun again later."""
        loop = asyncio.create_task(self._keep_looking(), name="workers")
        try:
            yield
        finally:
            tasks = {loop, *self._under_way.values()}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def run_due(self) -> int:
        """Do what is due, and what becomes due by that, at once; returns how many were begun."""
        begun = 0
        while await self._look():
            begun += len(self._under_way)
            await asyncio.wait([*self._under_way.values()])
        return begun

    async def _keep_looking(self) -> None:
        while True:
            self._jobs.asked.clear()
            try:
                while await self._look():
                    pass  # owners whose places are taken are left out of the next look
            except Exception as error:
                log.error("Jobs could not be read, trying again: %s", places(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECS):
                    await self._jobs.asked.wait()

    async def _look(self) -> int:
        """Begin what is due and has a place; returns how many were begun."""
        free = AT_ONCE - len(self._under_way)
        if free <= 0:
            return 0
        full = [o for o, n in self._owners.items() if o is not None and n >= AT_ONCE_OF_OWNER]
        moment = asyncio.get_running_loop().time()
        self._left = {key: until for key, until in self._left.items() if until > moment}
        due = await self._jobs.due(
            [*self._kinds],
            self._now(),
            limit=free,
            not_of=full,
            besides={*self._under_way, *self._left},
        )
        begun = 0
        for job in due:
            if job.owner is None or self._owners[job.owner] < AT_ONCE_OF_OWNER:
                self._start(job)
                begun += 1
        return begun

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._attempt(job), name=f"job {job.key}")
        self._under_way[job.key] = task
        self._owners[job.owner] += 1
        task.add_done_callback(lambda _: self._over(job))

    def _over(self, job: Job) -> None:
        del self._under_way[job.key]
        self._owners -= Counter([job.owner])
        self._jobs.asked.set()

    async def _attempt(self, job: Job) -> None:
        try:
            async with self._locks.hold(f"job:{job.key}", 0):
                begun = await self._jobs.begin(job.key, self._now())
                if begun:
                    await self._settle(begun, await self._outcome(begun))
        except TimeoutError:  # another process does it
            self._leave(job, LEFT_SECS)
        except Exception as error:
            log.error("The job %s is left for later: %s", job.kind, places(error))
            self._leave(job, LOOK_SECS)

    def _leave(self, job: Job, secs: float) -> None:
        """Leave a job out for a while, so that those behind it have its place."""
        self._left[job.key] = asyncio.get_running_loop().time() + secs

    async def _outcome(self, job: Job) -> Outcome:
        work = self._kinds[job.kind]
        if job.attempts > work.retry.attempts + DEATHS:
            return Failed("Every process that began it died over it.", final=True)
        try:
            async with asyncio.timeout(work.deadline_secs):
                return await work.do(job)
        except TimeoutError:
            return Failed(f"It took longer than {work.deadline_secs:g} s.")
        except Exception as error:
            log.error("A job of kind %s failed: %s", job.kind, places(error))
            return Failed(f"It failed here ({type(error).__name__}); the server's log says where.")

    async def _settle(self, job: Job, outcome: Outcome) -> None:
        now = self._now()
        match outcome:
            case Done(result):
                await self._jobs.settle(job.key, "done", now, result=result)
            case Later(at, result):
                await self._jobs.settle(
                    job.key, "waiting", now, due_at=at, result=result, forgiven=True
                )
            case Failed(error, result, not_before, final):
                wait = None if final else self._kinds[job.kind].retry.wait(job.attempts)
                if wait is None:
                    await self._jobs.settle(job.key, "dead", now, result=result, error=error)
                else:
                    due_at = max(now + wait, not_before or now)
                    await self._jobs.settle(
                        job.key, "waiting", now, due_at=due_at, result=result, error=error
                    )
