"""Housekeeping: what is older than `retention_days` is deleted, at the start and every hour."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from faults import places
from server.convai.opening import come_to_nothing
from server.services import Services
from server.stocks.analysing import ANALYSIS
from server.turn_log import forget_calls
from settings import Settings
from store.batches import KIND as BATCH
from store.call_events import after_call_key
from store.calls import Call
from store.conversations import conversation_id
from store.resources import Resource
from voice.flight import flight_files

log = logging.getLogger(__name__)
T = TypeVar("T")

INTERVAL_SECS = 3600
MOST_AGENTS = 10_000


@contextlib.asynccontextmanager
async def keep_house(settings: Settings, services: Services) -> AsyncIterator[None]:
    """Delete expired records in the background while the context is open."""
    task = asyncio.create_task(_every_hour(settings, services), name="housekeeping")
    try:
        yield
    finally:
        while not task.done():  # what is deleted at that moment may turn it into another error
            task.cancel()
            await asyncio.wait({task}, timeout=1)


async def _every_hour(settings: Settings, services: Services) -> None:
    while True:
        await _tried(delete_expired(settings, services, datetime.now(UTC)))
        await asyncio.sleep(INTERVAL_SECS)


async def delete_expired(settings: Settings, services: Services, now: datetime) -> None:
    """Delete threads, call records, recordings, batches that are older than they may become.

    That is `retention_days` since their last use, and for the calls of an agent whose
    `platform_settings.privacy.retention_days` are fewer, so many days since they began. Only what
    is over goes. What cannot be deleted now holds up nothing else, and is tried again.
    """
    gone: list[str] = []
    if settings.retention_days:
        moment = now - timedelta(days=settings.retention_days)
        await _each(services.checkpoints.idle_since(moment), partial(_delete_thread, services))
        await _tried(services.dialler.forget(moment))
        await _tried(services.transferring.forget(moment))
        await _tried(services.texting.forget(moment))
        await _tried(services.outbox.delete_before(moment))
        await _tried(services.jobs.delete_before(moment, besides=(BATCH, ANALYSIS)))
        await _tried(services.expiring.delete_before(moment, now))
        await _each(services.batches.over_since(moment), services.batches.delete)
        old = services.calls.begun_before(moment, now=now)
        await _each(old, lambda call: _delete(services, call, gone))
        nothing = services.workspace.conversations.come_to_nothing(moment)
        await _each(nothing, partial(come_to_nothing, services))
    await _tried(services.admissions.forget(now))
    await _tried(services.classic.clean_up())
    await _tried(_delete_by_agent(services, now, gone))
    await _tried(asyncio.to_thread(forget_calls, settings.data_dir, gone))
    await _tried(services.workspace.forget_deleted())
    await _tried(services.checkpoints.forget_deleted())


async def _delete_by_agent(services: Services, now: datetime, gone: list[str]) -> None:
    agents = await services.workspace.agents.page(size=MOST_AGENTS, fits=_has_retention)
    for agent in agents.items:
        moment = now - timedelta(days=_retention(agent))
        old = services.calls.begun_before(moment, now=now, agent_id=agent.id)
        await _each(old, lambda call: _delete_worked_up(services, call, gone))


async def _delete_thread(services: Services, key: str) -> None:
    graph, _, thread_id = key.partition(":")
    await services.threads.delete(graph, thread_id)
    await services.workspace.secrets.forget(conversation_id(thread_id))


async def _each(listing: Awaitable[Iterable[T]], deleting: Callable[[T], Awaitable[None]]) -> None:
    """Delete what is listed, one by one."""

    async def all_of_it() -> None:
        for one in await listing:
            await _tried(deleting(one))

    await _tried(all_of_it())


async def _tried(deleting: Awaitable[None]) -> None:
    try:
        await deleting
    except Exception as error:
        log.error("Not deleted; it is tried again in an hour: %s", places(error))


async def _delete_worked_up(services: Services, call: Call, gone: list[str]) -> None:
    """Delete a call and its thread, unless they are still needed."""
    after = await services.jobs.get(after_call_key(call))
    if after and after.state == "waiting":
        return
    if not await services.calls.going_on(call.graph, call.thread_id):
        await services.threads.delete(call.graph, call.thread_id)
        await _delete(services, call, gone)


async def _delete(services: Services, call: Call, gone: list[str]) -> None:
    """Delete a call's record and all beside it, but for its thread; its sid is added to `gone`."""
    if call.recording:
        recording = services.switchboard.recordings / call.recording
        await asyncio.to_thread(recording.unlink, missing_ok=True)
    for flight in flight_files(services.switchboard.recordings, call.sid):
        await asyncio.to_thread(flight.unlink, missing_ok=True)
    await services.outbox.delete_of(conversation_id(call.thread_id))
    await services.workspace.secrets.forget(conversation_id(call.thread_id))
    await services.workspace.conversations.delete(call.thread_id)
    await services.dialler.forget_thread(call.thread_id)
    await services.calls.delete(call.sid)
    gone.append(call.sid)


def _retention(agent: Resource) -> int:
    """Return the days that an agent's calls are kept; -1, as ElevenLabs has it, for no limit.

    `zero_retention_mode` keeps a call no longer than it takes to work it up.
    """
    privacy = (agent.document.get("platform_settings") or {}).get("privacy") or {}
    days = 0 if privacy.get("zero_retention_mode") is True else privacy.get("retention_days")
    return days if isinstance(days, int) else -1


def _has_retention(agent: Resource) -> bool:
    return _retention(agent) >= 0
