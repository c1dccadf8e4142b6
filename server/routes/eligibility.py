"""The eligibility interview's decision certificates, as JSON and as a page."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response
from fastapi.responses import HTMLResponse

from graphs.eligibility.certificate import canonical
from graphs.threads import THREAD_ID, Snapshot, UnknownGraph
from server.certificate_page import document, missing_page, page
from server.services import ServicesDep

router = APIRouter(prefix="/api/eligibility", tags=["eligibility"])

ThreadId = Annotated[str, Path(pattern=THREAD_ID, description="The conversation.")]


@router.get("/{thread_id}")
async def certificate(thread_id: ThreadId, request: Request, services: ServicesDep) -> Response:
    """The certificate in canonical JSON, as `dialgraph eligibility replay` takes it.

    A browser, which prefers HTML, gets the page.
    """
    if "text/html" in request.headers.get("accept", ""):
        return await certificate_page(thread_id, services)
    snapshot = await _snapshot(thread_id, services)
    if snapshot is None:
        raise HTTPException(
            404, f"There is no eligibility interview {thread_id!r}. Open it with POST /api/chat."
        )
    return Response(canonical(document(snapshot)), media_type="application/json")


@router.get("/{thread_id}/certificate", response_class=HTMLResponse)
async def certificate_page(thread_id: ThreadId, services: ServicesDep) -> HTMLResponse:
    """The certificate as a page to read and to print."""
    snapshot = await _snapshot(thread_id, services)
    if snapshot is None:
        return HTMLResponse(missing_page(thread_id), 404)
    return HTMLResponse(page(snapshot))


async def _snapshot(thread_id: str, services: ServicesDep) -> Snapshot | None:
    """Return an interview that has begun; None when there is none of that id."""
    try:
        snapshot = await services.threads.snapshot("eligibility", thread_id)
    except UnknownGraph as error:
        raise HTTPException(404, str(error)) from None
    return snapshot if snapshot.values.get("record") else None
