"""The record of calls: what was said, measured and recorded."""

import asyncio

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import FileResponse

from server.services import ServicesDep
from store.calls import Call

router = APIRouter(prefix="/api/calls", tags=["calls"])


@router.get("")
async def list_calls(
    services: ServicesDep, limit: int = Query(100, ge=1, le=1000), graph: str | None = None
) -> list[Call]:
    """List calls, the newest first."""
    return list(await services.calls.list(graph=graph, limit=limit))


@router.get("/{sid}")
async def one_call(sid: str, services: ServicesDep) -> Call:
    """Return one call."""
    call = await services.calls.get(sid)
    if call is None:
        raise HTTPException(404, f"There is no call {sid!r}.")
    return call


@router.get("/{sid}/recording")
async def recording(sid: str, services: ServicesDep) -> FileResponse:
    """Return the recording of a call: a WAV, the caller on the left, the bot on the right."""
    call = await one_call(sid, services)
    path = services.switchboard.recordings / (call.recording or "")
    if not call.recording or not await asyncio.to_thread(path.is_file):
        raise HTTPException(404, f"The call {sid!r} was not recorded.")
    return FileResponse(path, media_type="audio/wav", filename=call.recording)
