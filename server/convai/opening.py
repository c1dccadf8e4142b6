"""An agent made ready for one conversation: its tools fetched, variables and secrets put aside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.convai.config import ClientData, Value
from server.convai.mapping import Prepared, prepared
from server.convai.merging import section
from server.services import Services
from store.calls import Call
from store.conversations import About, conversation_id
from store.resources import NoSuchResource, Resource
from voice.dialler import DiallingFailed


class Undecided(Exception):
    """The carrier may have placed a call and has not said so; who asks again finds out."""


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
    documents = ready.agent.documents or ()
    for document_id in await services.knowledge.missing(ready.agent.organisation, documents):
        lacking = f"There is no document {document_id}; the agent goes without it."
        ready.warnings.append(lacking)
    return ready


async def begin(services: Services, ready: Prepared, thread_id: str, source: str) -> bool:
    """Let a conversation begin, and keep with what: secrets sealed, the rest for its record.

    Who cannot hold it after all says so by `come_to_nothing`.

    Returns:
        Whether it is a new one; of an earlier one of that thread nothing is changed.

    Raises:
        AtItsLimit: its agent holds, or has held today, as many as it may.
    """
    await services.admissions.admit(ready.agent.agent_id, thread_id, ready.limits)
    return await remember(services, ready, thread_id, source)


async def remember(services: Services, ready: Prepared, thread_id: str, source: str) -> bool:
    """Keep what a conversation is begun with, see `begin`."""
    about = About(
        thread_id=thread_id,
        user_id=ready.data.user_id,
        initiation=ready.initiation,
        warnings=ready.warnings,
        source=source,
        text_only=ready.text_only,
    )
    new = await services.workspace.conversations.begin(about)
    if new:
        await keep_secrets(services, ready, thread_id)
    return new


async def keep_secrets(services: Services, ready: Prepared, thread_id: str) -> None:
    """Keep the `secret__` variables of a conversation, sealed."""
    if ready.variables.secret:
        secrets = services.workspace.secrets
        await secrets.keep_for(conversation_id(thread_id), ready.variables.secret)


async def come_to_nothing(services: Services, thread_id: str) -> None:
    """Forget a conversation that was let in, unless a call of it is on record."""
    name = conversation_id(thread_id)
    if await services.workspace.conversations.get(name) is None:
        await services.admissions.withdraw(thread_id)
        await services.workspace.secrets.forget(name)
        await services.workspace.conversations.delete(thread_id)


async def place(
    services: Services,
    ready: Prepared,
    number: str,
    *,
    key: str,
    thread_id: str,
    source: str,
    opening: Mapping[str, Any] | None = None,
    **options: Any,
) -> Call:
    """Have an agent call a number; nothing is kept of a call that was not placed.

    Args:
        services: those of the server.
        ready: who is to call.
        number: to be called, E.164.
        key: names the wish; the same key never rings twice.
        thread_id: of the conversation.
        source: who wants it, for its record.
        opening: what the graph is given at the start, beside the agent.
        options: as the dialler has them.

    Raises:
        AtItsLimit: the agent holds, or has held today, as many conversations as it may.
        ValueError, CarrierNotConfigured, DiallingRefused: see `Dialler.call`.
        Undecided: the carrier may have placed it and has not said so.
        DiallingFailed: it was not placed.
    """
    dial = await services.dialler.of_key(key)
    if dial is None or dial.status in ("refused", "lost"):
        await come_to_nothing(services, thread_id)  # of a try that broke off
        await begin(services, ready, thread_id, source)
    try:
        return await services.dialler.call(
            number,
            key=key,
            graph=ready.graph,
            opening={
                **ready.opening(conversation_id(thread_id), "outbound", number),
                **(opening or {}),
            },
            agent_id=ready.agent.agent_id,
            thread_id=thread_id,
            **options,
        )
    except Exception as error:
        dial = await services.dialler.of_key(key)
        if dial is None or dial.status in ("failed", "refused", "lost"):
            await come_to_nothing(services, thread_id)
        elif dial.status == "dialling" and isinstance(error, DiallingFailed):
            raise Undecided(str(error)) from None
        raise
