"""Batch calling: goes through a batch at its pace, in hours allowed, each attempt once.

A recipient is written down as called before the carrier is asked, under a key of the attempt. A
process that dies in between is followed by one that asks again with the same key, which the
dialler knows: nobody is rung twice for one attempt, and nobody is left out.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from faults import places
from server.jobs.work import Done, Later, Outcome, Retry, Work
from server.jobs.workers import utc_now
from store.batches import ACTIVE, Batch, Batches, BatchStatus, Recipient, RecipientStatus
from store.calls import Call, Calls
from store.jobs import Job
from voice.dialler import DiallingFailed, DiallingRefused

log = logging.getLogger(__name__)

LOOK: Final = timedelta(seconds=1)
"""How often it is looked how the calls go."""
LONGEST: Final = timedelta(minutes=5)
"""How often at least it is looked whether somebody may be called by now."""
AT_ONCE: Final = 10
"""Most calls that are placed in one look."""


class NotNow(Exception):
    """Somebody may not be called now, but may be at a time."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until


class NotAtAll(Exception):
    """Somebody may not be called, or cannot be; the text says why."""


class Caller(Protocol):
    """Calls people by an agent."""

    async def check(self, batch: Batch, recipient: Recipient) -> None:
        """See that somebody may be called now; counts nothing.

        Raises:
            NotNow, NotAtAll: they may not.
        """
        ...

    async def call(self, batch: Batch, recipient: Recipient) -> Call:
        """Place the call of an attempt; asked again for it, return the one that was placed.

        Raises:
            NotNow: its agent may not begin one more conversation by now.
            NotAtAll: it cannot be placed.
            DiallingRefused: it is not allowed.
            DiallingFailed: the carrier did not place it.
        """
        ...


class Campaigns:
    """Goes through batches.

    Args:
        batches: whom to call.
        calls: how calls went.
        caller: places them.
        most_at_once: calls of a batch that names no limit.
        now: the clock.
    """

    def __init__(
        self,
        batches: Batches,
        calls: Calls,
        caller: Caller,
        most_at_once: int = 10,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._batches = batches
        self._calls = calls
        self._caller = caller
        self._most_at_once = most_at_once
        self._now = now

    @property
    def work(self) -> Work:
        """The kind of job that this is; it is never given up."""
        return Work(self.go_on, Retry(10**6, timedelta(seconds=5), timedelta(minutes=5)), 300.0)

    async def go_on(self, job: Job) -> Outcome:
        """Look how calls of a batch have gone, place those whose turn it is, and say when next."""
        batch = await self._batches.get(job.data["batch_id"])
        if batch is None:
            return Done()
        now = self._now()
        if batch.status == "pending":
            await self._batches.change(batch.id, status="in_progress")
        active = await self._batches.recipients(batch.id, statuses=ACTIVE)
        unsaid = [one for one in active if one.call_sid is None]  # nobody lived to say
        await asyncio.gather(*(self._place(batch, one) for one in unsaid))
        for recipient in active:
            if recipient.call_sid is not None:
                await self._look_after(batch, recipient, recipient.call_sid, now)
        if not batch.paused and batch.status != "cancelled":
            await self._call_next(batch, now)
        return await self._until(batch, now)

    async def _until(self, batch: Batch, now: datetime) -> Outcome:
        counts = await self._batches.counts(batch.id)
        waiting = counts.get("pending", 0)
        if any(counts.get(status) for status in ACTIVE):
            return Later(now + LOOK, dict(counts))
        if waiting == 0 or batch.status == "cancelled":
            if batch.status in ("pending", "in_progress"):
                await self._batches.change(batch.id, status=_verdict(counts))
            return Done(dict(counts))
        if batch.paused:
            return Later(now + LONGEST, dict(counts))
        due = await self._batches.next_due(batch.id) or now
        return Later(min(max(due, now + LOOK), now + LONGEST), dict(counts))

    async def _look_after(
        self, batch: Batch, recipient: Recipient, sid: str, now: datetime
    ) -> None:
        """Take over how a call goes."""
        call = await self._calls.get(sid)
        if call is None:
            await self._batches.mark(recipient, "failed", reason="The record was deleted.")
        elif call.ended_at is None:
            status: RecipientStatus = "in_progress" if call.status == "in-progress" else "initiated"
            if status != recipient.status:
                await self._batches.mark(recipient, status)
        elif call.unanswered in ("busy", "no-answer"):
            reason = call.failure or "Nobody answered."
            again = recipient.tries_left > 0 and batch.status != "cancelled"
            due_at = now + timedelta(minutes=batch.retry_minutes)
            status = "pending" if again else "failed"
            await self._batches.mark(recipient, status, reason=reason, due_at=due_at)
        elif call.status == "failed":
            await self._batches.mark(recipient, "failed", reason=call.failure)
        else:
            machine = call.answered_by in ("machine", "fax")
            await self._batches.mark(recipient, "voicemail" if machine else "completed")

    async def _call_next(self, batch: Batch, now: datetime) -> None:
        counts = await self._batches.counts(batch.id)
        active = sum(counts.get(status, 0) for status in ACTIVE)
        free = (batch.concurrency or self._most_at_once) - active
        room = min(free, AT_ONCE, allowance(batch.dispatched_at, now, batch.calls_per_minute))
        if room <= 0:
            return
        waiting: tuple[RecipientStatus, ...] = ("pending",)
        due = await self._batches.recipients(
            batch.id, statuses=waiting, due=now, limit=AT_ONCE * 10
        )
        begun: list[Recipient] = []
        for recipient in due:
            if len(begun) == room:
                break
            if dispatched := await self._dispatched(batch, recipient):
                begun.append(dispatched)
        if begun:
            await self._batches.change(batch.id, dispatched_at=now)
            await asyncio.gather(*(self._place(batch, one) for one in begun))

    async def _dispatched(self, batch: Batch, recipient: Recipient) -> Recipient | None:
        """Write down that somebody is called now; None when they may not be."""
        try:
            await self._caller.check(batch, recipient)
        except NotNow as wait:
            await self._batches.mark(recipient, "pending", due_at=wait.until, reason=str(wait))
        except NotAtAll as refusal:
            await self._batches.mark(recipient, "failed", reason=str(refusal))
        else:
            return await self._batches.mark(
                recipient,
                "dispatched",
                tries=recipient.tries + 1,
                tries_left=recipient.tries_left - 1,
                thread_id=uuid.uuid4().hex,
                call_sid=None,
                reason=None,
            )
        return None

    async def _place(self, batch: Batch, recipient: Recipient) -> None:
        try:
            call = await self._caller.call(batch, recipient)
        except NotNow as wait:
            await self._wait(recipient, wait)
        except DiallingRefused as refusal:
            await self._put_off(batch, recipient, refusal)
        except (NotAtAll, DiallingFailed) as failure:
            await self._batches.mark(recipient, "failed", reason=str(failure))
        except Exception as error:  # it is asked again, under the same key
            log.error("A call of a batch is left for later: %s", places(error))
        else:
            await self._batches.mark(recipient, "initiated", call_sid=call.sid)

    async def _put_off(self, batch: Batch, recipient: Recipient, refusal: DiallingRefused) -> None:
        """Leave somebody for later who was not reached in the hours allowed; no try is counted."""
        try:
            await self._caller.check(batch, recipient)
        except NotNow as wait:
            await self._wait(recipient, wait)
        except NotAtAll as never:
            await self._batches.mark(recipient, "failed", reason=str(never))
        else:
            await self._batches.mark(recipient, "failed", reason=str(refusal))

    async def _wait(self, recipient: Recipient, wait: NotNow) -> None:
        """Leave somebody for later who was not called after all; no try is counted."""
        values = {"due_at": wait.until, "tries_left": recipient.tries_left + 1}
        await self._batches.mark(recipient, "pending", reason=str(wait), **values)


def allowance(last: datetime | None, now: datetime, calls_per_minute: float) -> int:
    """Return how many calls may begin now: those that the time since the last has room for.

    Args:
        last: when calls were begun last; None for never.
        now: the time.
        calls_per_minute: most calls begun in a minute.
    """
    if last is None:
        return 1
    longest = max(60 / calls_per_minute, 2.0)  # what was not used up is not made up for
    secs = min((now - last).total_seconds(), longest)
    return max(int(secs * calls_per_minute / 60 + 1e-9), 0)


def _verdict(counts: Mapping[str, int]) -> BatchStatus:
    reached = any(counts.get(status) for status in ("completed", "voicemail"))
    return "completed" if reached or not counts else "failed"
