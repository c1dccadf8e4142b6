"""A call from outside to a number that an agent answers: what it is begun with."""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import ValidationError

from server.convai.config import ClientData
from server.convai.mapping import Prepared, Unusable, graph_of
from server.convai.merging import section
from server.convai.opening import Line, begin, keep_secrets, prepare
from server.convai.overrides import OverrideRefused
from server.services import Services
from server.storable import storable
from store.admissions import AtItsLimit
from store.conversations import conversation_id
from store.resources import NoSuchResource, Resource
from store.secrets import NoSuchSecret, Unreadable
from tools.outside import NotAllowed, NotFetched, Outside
from voice.admission import CallRefused
from voice.reception import Inbound, Reached

log = logging.getLogger(__name__)

WEBHOOK_SECS: Final = 4.0
"""Longest wait for what a caller's webhook knows, in seconds: the telephone rings meanwhile."""
MAX_BYTES: Final = 100_000
_CALLS: Final = UUID("5f0e4f0e-8c0a-4c3e-9a2e-7f1f3c1d6b52")


async def reached(services: Services, outside: Outside, inbound: Inbound) -> Reached | None:
    """Return the agent that answers the number called; None where none does.

    A call that is on record is that of its agent still: its carrier has asked once more.
    Its initiation webhook is asked who rings, if it has one and allows that
    (`platform_settings.overrides.enable_conversation_initiation_client_data_from_webhook`). When
    that fails the call is answered all the same, with placeholders and a warning.

    Raises:
        CallRefused: the agent holds, or has held today, as many conversations as it may.
    """
    if inbound.medium == "voice" and (call := await services.calls.get(inbound.sid)):
        return Reached(call.graph, call.agent_id, call.opening, call.thread_id)
    page = await services.workspace.phone_numbers.page(
        size=1, fits=lambda number: number.document.get("phone_number") == inbound.called
    )
    agent_id = page.items[0].document.get("agent_id") if page.items else None
    if not agent_id:
        return None
    try:
        agent = await services.workspace.agents.get(str(agent_id))
    except NoSuchResource:
        return None
    thread_id = await _thread(services, agent, inbound)
    data, warnings = await _asked(services, outside, agent, inbound, thread_id)
    ready = await _prepared(services, agent, data, inbound, thread_id, warnings)
    if ready is None:
        return None
    ready.warnings[:0] = warnings
    if inbound.medium == "sms":
        await keep_secrets(services, ready, thread_id)
    else:
        try:
            await begin(services, ready, thread_id, "twilio")
        except AtItsLimit as full:
            log.warning("A call to the agent %s is not taken: %s", agent.id, full)
            raise CallRefused("busy") from None
    opening = ready.opening(conversation_id(thread_id), "inbound", inbound.caller)
    return Reached(ready.graph, agent.id, opening, thread_id)


async def _thread(services: Services, agent: Resource, inbound: Inbound) -> str:
    """Return the thread of a call, the same each time its carrier asks, or of a person's texts."""
    if inbound.medium == "voice":
        return uuid5(_CALLS, inbound.sid).hex
    part = section(agent.document, "conversation_config", "agent")
    graph = graph_of(part, services.settings, services.threads.names)
    return await services.texting.thread(graph, agent.id, inbound.caller, inbound.called)


async def _prepared(
    services: Services,
    agent: Resource,
    data: ClientData,
    inbound: Inbound,
    thread_id: str,
    warnings: list[str],
) -> Prepared | None:
    line = Line(inbound.caller, inbound.called, inbound.sid)
    try:
        try:
            return await prepare(services, agent, data, thread_id, line)
        except OverrideRefused as error:
            warnings.append(str(error))
            allowed = data.model_copy(update={"conversation_config_override": None})
            return await prepare(services, agent, allowed, thread_id, line)
    except Unusable as error:
        log.error("An agent could not answer a call: %s", error)
        return None


async def _asked(
    services: Services, outside: Outside, agent: Resource, inbound: Inbound, thread_id: str
) -> tuple[ClientData, list[str]]:
    """Ask the webhook of the agent, or of the workspace, who rings."""
    settings = section(agent.document, "platform_settings")
    wanted = section(settings, "overrides").get(
        "enable_conversation_initiation_client_data_from_webhook"
    )
    name = "conversation_initiation_client_data_webhook"
    webhook = section(settings, "workspace_overrides", name)
    if wanted and not webhook:
        try:
            document = (await services.workspace.settings.get("convai")).document
        except NoSuchResource:
            document = {}
        webhook = section(document, name)
    if not wanted or not webhook.get("url"):
        return ClientData(), []
    body = {
        "caller_id": inbound.caller,
        "agent_id": agent.id,
        "called_number": inbound.called,
        "call_sid": inbound.sid,
        "conversation_id": conversation_id(thread_id),
    }
    try:
        headers = await _headers(services, section(webhook, "request_headers"))
        answer = await outside.fetch(
            "POST",
            str(webhook["url"]),
            headers={**headers, "Content-Type": "application/json"},
            content=json.dumps(body).encode(),
            max_bytes=MAX_BYTES,
            timeout_secs=WEBHOOK_SECS,
        )
        if answer.status != 200:
            raise NotFetched(f"it answered with status {answer.status}")
        return ClientData.model_validate(storable(json.loads(answer.content))), []
    except (NotAllowed, NotFetched, NoSuchSecret, Unreadable) as error:
        why = str(error)
    except (ValidationError, ValueError, RecursionError):
        why = "its answer is no conversation_initiation_client_data"
    return ClientData(), [f"The initiation webhook was of no use: {why}"]


async def _headers(services: Services, given: Mapping[str, Any]) -> dict[str, str]:
    """Return headers with the values of the secrets they name.

    Raises:
        NoSuchSecret, Unreadable: one cannot be had.
    """
    found = {}
    for name, value in given.items():
        if isinstance(value, str):
            found[name] = value
        elif secret_id := section({"v": value}, "v").get("secret_id"):
            found[name] = await services.workspace.secrets.reveal(str(secret_id))
    return found
