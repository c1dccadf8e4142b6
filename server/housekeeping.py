"""Housekeeping: what is older than `retention_days` is deleted, at the start and every hour."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from server.services import Services
from server.turn_log import forget_calls
from settings import Settings
from store.calls import Call
from store.conversations import conversation_id
from store.resources import Resource
from voice.flight import flight_files

log = logging.getLogger(__name__)

INTERVAL_SECS = 3600
MOST_AGENTS = 10_000


@contextlib.asynccontextmanager
async def keep_house(settings: Settings, services: Services) -> AsyncIterator[None]:
    """Delete expired records in the background while the context is open."""
    task = asyncio.create_task(_every_hour(settings, services), name="housekeeping")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _every_hour(settings: Settings, services: Services) -> None:
    while True:
        try:
            await delete_expired(settings, services, datetime.now(UTC))
        except Exception:
            log.exception("Housekeeping failed; it is tried again in an hour.")
        await asyncio.sleep(INTERVAL_SECS)


async def delete_expired(settings: Settings, services: Services, now: datetime) -> None:
    """Delete threads, call records and recordings that are older than they may become.

    That is `retention_days` since their last use, and for the calls of an agent whose
    `platform_settings.privacy.retention_days` are fewer, so many days since they began.
    """
    gone: list[Call] = []
    if settings.retention_days:
        moment = now - timedelta(days=settings.retention_days)
        for key in await services.checkpoints.idle_since(moment):
            graph, _, thread_id = key.partition(":")
            await services.threads.delete(graph, thread_id)
        await services.dialler.forget(moment)
        await services.transferring.forget(moment)
        await services.texting.forget(moment)
        await services.outbox.delete_before(moment)
        for call in await services.calls.begun_before(moment):
            await _delete(services, call)
            gone.append(call)
    await services.classic.clean_up()
    agents = await services.workspace.agents.page(size=MOST_AGENTS, fits=_has_retention)
    for agent in agents.items:
        moment = now - timedelta(days=_retention(agent))
        for call in await services.calls.begun_before(moment, agent.id):
            await services.threads.delete(call.graph, call.thread_id)
            await _delete(services, call)
            gone.append(call)
    await asyncio.to_thread(forget_calls, settings.data_dir, [call.sid for call in gone])


async def _delete(services: Services, call: Call) -> None:
    """Delete a call's record and all that is kept beside it, but for its thread."""
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


def _retention(agent: Resource) -> int:
    """Return the days that an agent's calls are kept; -1, as ElevenLabs has it, for no limit."""
    privacy = (agent.document.get("platform_settings") or {}).get("privacy") or {}
    days = privacy.get("retention_days")
    return days if isinstance(days, int) else -1


def _has_retention(agent: Resource) -> bool:
    return _retention(agent) >= 0
