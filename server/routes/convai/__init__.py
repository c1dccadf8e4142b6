"""ElevenLabs' paths under `/v1/convai`, one file a resource; see docs/api.md."""

from fastapi import APIRouter

from server.routes.convai import (
    agents,
    batch_calling,
    calling,
    conversations,
    knowledge,
    phone_numbers,
    secrets,
    settings,
    simulation,
    talking,
    tools,
)

router = APIRouter(prefix="/v1/convai")
for _resource in (
    agents,
    batch_calling,
    calling,
    conversations,
    talking,
    knowledge,
    tools,
    secrets,
    phone_numbers,
    settings,
    simulation,
):
    router.include_router(_resource.router)
