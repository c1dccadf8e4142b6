"""An agent made ready for one conversation: its tools fetched, variables and secrets put aside."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.convai.config import ClientData, Value
from server.convai.mapping import Prepared, prepared
from server.convai.merging import section
from server.services import Services
from store.conversations import About, conversation_id
from store.resources import NoSuchResource, Resource


@dataclass(frozen=True, slots=True)
class Line:
    """A telephone line: who has rung whom, in E.164."""

    caller: str
    called: str
    sid: str = ""
    """The carrier's; empty before it is known."""


async def prepare(
    services: Services,
    agent: Resource,
    data: ClientData,
    thread_id: str,
    line: Line | None = None,
) -> Prepared:
    """Resolve an agent for one conversation: on a telephone line, or in writing without one.

    Raises:
        OverrideRefused: the client wants to change what it may not.
        Unusable: the JSON describes no agent.
    """
    system: dict[str, Value] = {
        "system__conversation_id": conversation_id(thread_id),
        "system__time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "system__call_duration_secs": 0,
        "system__is_text_only": line is None,
        "system__caller_id": line.caller if line else "",
        "system__called_number": line.called if line else "",
        "system__call_sid": line.sid if line else "",
    }
    prompt = section(agent.document, "conversation_config", "agent", "prompt")
    override = section(data.conversation_config_override or {}, "agent", "prompt")
    named = [*(prompt.get("tool_ids") or []), *(override.get("tool_ids") or [])]
    tools: dict[str, dict[str, Any]] = {}
    for tool_id in map(str, named):
        try:
            tools[tool_id] = (await services.workspace.tools.get(tool_id)).document["tool_config"]
        except NoSuchResource:
            continue
    ready = prepared(
        agent.id,
        agent.name,
        agent.document,
        tools,
        data,
        system,
        services.settings,
        services.threads.names,
    )
    for document_id in ready.agent.documents or ():
        if await services.knowledge.get(ready.agent.organisation, document_id) is None:
            lacking = f"There is no document {document_id}; the agent goes without it."
            ready.warnings.append(lacking)
    return ready


async def admit(
    services: Services, ready: Prepared, thread_id: str, *, key: str | None = None
) -> None:
    """Let a conversation begin; asked again for the same one it is not counted twice.

    Args:
        services: those of the server.
        ready: who holds it.
        thread_id: of the conversation.
        key: names it where the same may be asked for again under another thread.

    Raises:
        AtItsLimit: its agent holds, or has held today, as many as it may.
    """
    agent_id = ready.agent.agent_id
    await services.admissions.admit(key or thread_id, agent_id, thread_id, ready.limits)


async def remember(services: Services, ready: Prepared, thread_id: str, source: str) -> None:
    """Keep what a conversation was begun with: its secrets sealed, the rest for its record."""
    workspace = services.workspace
    if ready.variables.secret:
        await workspace.secrets.keep_for(conversation_id(thread_id), ready.variables.secret)
    await workspace.conversations.save(
        About(
            thread_id=thread_id,
            user_id=ready.data.user_id,
            initiation=ready.initiation,
            warnings=ready.warnings,
            source=source,
            text_only=ready.text_only,
        )
    )
