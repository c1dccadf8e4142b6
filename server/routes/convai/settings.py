"""Settings of the workspace, such as the webhook asked before a call is answered."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from server.convai.config import Sent, WebhookAddress
from server.convai.merging import merged
from server.routes.convai.shapes import Actor, wrong
from server.services import Services, ServicesDep
from store.resources import NoSuchResource

router = APIRouter(tags=["settings"])
ID = "convai"


class ChangedSettings(Sent):
    """What is to be otherwise."""

    conversation_initiation_client_data_webhook: WebhookAddress | None = None
    webhooks: dict[str, Any] | None = None


@router.get("/settings")
async def get_settings(services: ServicesDep) -> dict[str, Any]:
    """Return the settings of the workspace."""
    return await of_workspace(services)


@router.patch("/settings")
async def change_settings(
    body: ChangedSettings, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Change settings of the workspace; null takes one away."""
    change = body.sent()
    check_webhooks(change.get("webhooks") or {}, "body", "webhooks")
    resources = services.workspace.settings
    await resources.begin(ID, actor=actor)
    await resources.change(ID, lambda before: merged(before, change), actor=actor)
    return await of_workspace(services)


def check_webhooks(webhooks: Mapping[str, Any], *where: str) -> None:
    """Refuse a form of transcripts in which none are sent.

    Raises:
        HTTPException: 422.
    """
    if webhooks.get("transcript_format") not in (None, "json"):
        wrong([*where, "transcript_format"], "Transcripts are sent as json only.")


async def of_workspace(services: Services) -> dict[str, Any]:
    """Return the settings of the workspace in ElevenLabs' shape."""
    try:
        document = (await services.workspace.settings.get(ID)).document
    except NoSuchResource:
        document = {}
    return {
        "conversation_initiation_client_data_webhook": None,
        "webhooks": {"post_call_webhook_id": None, "events": []},
        "can_use_mcp_servers": True,
        **document,
    }
