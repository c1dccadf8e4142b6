"""Which webhooks the settings of an agent, or of the workspace, name for an event."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from server.convai.merging import section
from server.routes.convai.settings import ID
from store.outbox import Subscriptions
from store.resources import NoSuchResource, Resources
from store.workspace import Workspace

NAMES: Final[Mapping[str, str]] = {
    "post_call_transcription": "transcript",
    "post_call_audio": "audio",
    "call_initiation_failure": "call_initiation_failure",
    "answering_machine_detection": "answering_machine_detection",
}
"""ElevenLabs' names in `events`, by type of event; our own events have one name."""


def named_webhooks(webhooks: Mapping[str, Any], kind: str) -> Collection[str]:
    """Return the webhook that `webhooks` of some settings names for a kind of event, if any.

    Args:
        webhooks: `post_call_webhook_id` and `events`; without `events`, `transcript`.
        kind: of the event.
    """
    webhook_id, events = webhooks.get("post_call_webhook_id"), webhooks.get("events")
    wanted = ["transcript"] if events is None else events
    return [str(webhook_id)] if webhook_id and NAMES.get(kind, kind) in wanted else []


def subscriptions(workspace: Workspace) -> Subscriptions:
    """Look into the settings: an agent's own `webhooks` stand in place of the workspace's."""

    async def named(agent_id: str | None, kind: str) -> Collection[str]:
        return named_webhooks(await _webhooks(workspace, agent_id), kind)

    return named


async def excludes_transcript(workspace: Workspace, agent_id: str | None) -> bool:
    """Whether what is told after a call of an agent comes without its transcript."""
    return (await _webhooks(workspace, agent_id)).get("exclude_transcript") is True


async def _webhooks(workspace: Workspace, agent_id: str | None) -> Mapping[str, Any]:
    agent = await _document(workspace.agents, agent_id or "")
    own = section(agent, "platform_settings", "workspace_overrides", "webhooks")
    if own.get("post_call_webhook_id"):
        return own
    return section(await _document(workspace.settings, ID), "webhooks")


async def _document(resources: Resources, resource_id: str) -> Mapping[str, Any]:
    try:
        return (await resources.get(resource_id)).document
    except NoSuchResource:
        return {}
