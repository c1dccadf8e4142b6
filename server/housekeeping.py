"""Housekeeping: what is older than `retention_days` is deleted, at the start and every hour."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from server.services import Services
from settings import Settings
from voice.flight import flight_files

log = logging.getLogger(__name__)

INTERVAL_SECS = 3600


@contextlib.asynccontextmanager
async def keep_house(settings: Settings, services: Services) -> AsyncIterator[None]:
    """Delete expired records in the background while the context is open."""
    if not settings.retention_days:
        yield
        return
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
    """Delete threads, call records and recordings last used before `retention_days` ago."""
    moment = now - timedelta(days=settings.retention_days)
    for key in await services.checkpoints.idle_since(moment):
        graph, _, thread_id = key.partition(":")
        await services.threads.delete(graph, thread_id)
    for call in await services.calls.begun_before(moment):
        if call.recording:
            recording = services.switchboard.recordings / call.recording
            await asyncio.to_thread(recording.unlink, missing_ok=True)
        for flight in flight_files(services.switchboard.recordings, call.sid):
            await asyncio.to_thread(flight.unlink, missing_ok=True)
        await services.calls.delete(call.sid)
