"""Agents: made, read, listed, changed, copied, deleted."""

import logging
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from server.convai.acted_upon import without_effect
from server.convai.config import (
    ChangeAgent,
    ClientData,
    ConversationConfig,
    CreateAgent,
    PlatformSettings,
    Sent,
    Text,
)
from server.convai.mapping import Unusable, prepared
from server.convai.merging import merged, section
from server.routes.convai.settings import check_webhooks
from server.routes.convai.shapes import (
    ACCESS,
    Actor,
    Cursor,
    Filter,
    Id,
    PageSize,
    Search,
    missing,
    unix,
    wrong,
)
from server.services import Services, ServicesDep
from store.pages import BadCursor
from store.resources import NoSuchResource, Order, Resource
from tools.organisation import WORKSPACE

log = logging.getLogger(__name__)
router = APIRouter(tags=["agents"])
UNNAMED = "New agent"
DEFAULTS: dict[str, Any] = {
    "agent": {
        "first_message": "",
        "language": "en",
        "dynamic_variables": {"dynamic_variable_placeholders": {}},
        "prompt": {"prompt": "", "tool_ids": [], "knowledge_base": []},
    },
    "tts": {"voice_id": ""},
    "conversation": {"text_only": False},
}
"""What clients read of every agent, sent or not. No `built_in_tools`: without it an agent has
those that need nothing."""


class Made(BaseModel):
    """The id of a new agent."""

    agent_id: str


class OlderAgent(Sent):
    """An agent in the older form, flat; with `conversation_config` it is one of today's."""

    name: Text | None = None
    system_prompt: Text | None = None
    first_message: Text | None = None
    voice_id: Text | None = None
    interrupt_enabled: bool | None = None
    conversation_config: ConversationConfig | None = None
    platform_settings: PlatformSettings | None = None
    tags: list[str] | None = None

    def today(self) -> dict[str, Any]:
        """Return it in today's form; what is not known is kept beside."""
        sent = {name: value for name, value in self.sent().items() if value is not None}
        agent = {
            "first_message": sent.pop("first_message", None),
            "prompt": {"prompt": sent.pop("system_prompt", None)},
        }
        older: dict[str, Any] = {"agent": agent, "tts": {"voice_id": sent.pop("voice_id", None)}}
        config = merged(_given(older), sent.pop("conversation_config", {}))
        return {**sent, "conversation_config": config}


class Copy(BaseModel):
    """How a copy is to be called."""

    name: Text | None = None


@router.post("/agents/create")
async def create_agent(body: CreateAgent, services: ServicesDep, actor: Actor) -> Made:
    """Make an agent; fields that are not known here are kept and given back."""
    document = body.sent()
    document["conversation_config"] = merged(DEFAULTS, document["conversation_config"])
    name = document.pop("name", None) or UNNAMED
    return Made(agent_id=(await _create(services, name, document, actor)).id)


@router.post("/agents")
async def create_older_agent(
    body: OlderAgent, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Make an agent: the older form of `/agents/create`."""
    document = body.today()
    document["conversation_config"] = merged(DEFAULTS, document["conversation_config"])
    agent = await _create(services, document.pop("name", UNNAMED), document, actor)
    return {"agent_id": agent.id, "config": await _shown(agent, services)}


@router.put("/agents/{agent_id}")
async def change_older_agent(
    agent_id: Id, body: OlderAgent, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Change an agent: the older form of PATCH, and like that it leaves what it does not name."""
    agent = await _change(services, agent_id, body.today(), actor)
    return {"agent_id": agent.id, "config": await _shown(agent, services)}


@router.get("/agents")
async def list_agents(
    services: ServicesDep,
    page_size: PageSize = 30,
    search: Search = None,
    archived: bool | None = None,
    show_only_owned_agents: bool | None = None,
    created_by_user_id: Filter = None,
    tags: Annotated[list[Text] | None, Query()] = None,
    sort_direction: Literal["asc", "desc"] = "desc",
    sort_by: Literal["name", "created_at", "updated_at", "call_count_7d"] | None = None,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List agents, the newest first; `search` is part of the name, `tags` any of them.

    There is one workspace: every agent is owned. Sorting by `call_count_7d` is refused.
    """
    if sort_by == "call_count_7d":
        wrong(
            ["query", "sort_by"], "Sort by name, created_at or updated_at; calls are not counted."
        )
    wanted = set(tags or ())
    order: Order = sort_by or "created_at"
    try:
        page = await services.workspace.agents.page(
            size=page_size,
            cursor=cursor,
            search=search,
            archived=archived,
            created_by=created_by_user_id,
            order=order,
            descending=sort_direction == "desc",
            fits=lambda agent: (
                not wanted or not wanted.isdisjoint(agent.document.get("tags") or ())
            ),
        )
    except BadCursor as error:
        wrong(["query", "cursor"], str(error))
    calls = await services.workspace.conversations.last_calls([agent.id for agent in page.items])
    return {
        "agents": [
            {
                "agent_id": agent.id,
                "name": agent.name,
                "voice_id": _voice(agent.document),
                "tags": agent.document.get("tags") or [],
                "created_at_unix_secs": unix(agent.created_at),
                "updated_at_unix_secs": unix(agent.updated_at),
                "access_info": ACCESS,
                "last_call_time_unix_secs": unix(calls[agent.id]) if agent.id in calls else None,
                "archived": agent.archived,
            }
            for agent in page.items
        ],
        "next_cursor": page.cursor,
        "has_more": page.cursor is not None,
    }


@router.get("/agents/{agent_id}")
async def get_agent(agent_id: Id, services: ServicesDep) -> dict[str, Any]:
    """Return an agent."""
    return await _shown(await found(services, agent_id), services)


@router.patch("/agents/{agent_id}")
async def change_agent(
    agent_id: Id, body: ChangeAgent, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Change an agent: objects are merged, anything else is replaced."""
    change = {name: value for name, value in body.sent().items() if value is not None}
    return await _shown(await _change(services, agent_id, change, actor), services)


@router.delete("/agents/{agent_id}")
async def delete_agent(
    agent_id: Id, services: ServicesDep, actor: Actor, force: bool = False
) -> dict[str, Any]:
    """Delete an agent; its conversations stay, and numbers that it answered are free."""
    try:
        await services.workspace.agents.delete(agent_id, actor=actor)
    except NoSuchResource:
        missing("agent", agent_id)
    for number in await numbers_of(services, agent_id):
        await services.workspace.phone_numbers.change(
            number.id, lambda document: {**document, "agent_id": None}, actor=actor
        )
    return {}


@router.post("/agents/{agent_id}/duplicate")
async def duplicate_agent(
    agent_id: Id, services: ServicesDep, actor: Actor, body: Copy | None = None
) -> Made:
    """Copy an agent under a new id."""
    agent = await found(services, agent_id)
    name = (body.name if body else None) or f"{agent.name} (copy)"
    return Made(agent_id=(await _create(services, name, agent.document, actor)).id)


async def found(services: Services, agent_id: str) -> Resource:
    """Return an agent.

    Raises:
        HTTPException: 404, there is none of that id.
    """
    try:
        return await services.workspace.agents.get(agent_id)
    except NoSuchResource:
        missing("agent", agent_id)


async def numbers_of(services: Services, agent_id: str) -> list[Resource]:
    """Return the telephone numbers that an agent answers."""
    page = await services.workspace.phone_numbers.page(
        size=1000, fits=lambda number: number.document.get("agent_id") == agent_id
    )
    return list(page.items)


def check(services: Services, agent_id: str, name: str, document: Mapping[str, Any]) -> None:
    """Refuse an agent that could not speak.

    Raises:
        HTTPException: 422, with the field that is wrong.
    """
    webhooks = ("platform_settings", "workspace_overrides", "webhooks")
    check_webhooks(section(document, *webhooks), "body", *webhooks)
    try:
        prepared(
            agent_id,
            name,
            document,
            {},
            ClientData(),
            {},
            services.settings,
            services.threads.names,
        )
    except Unusable as error:
        wrong(["body", "conversation_config"], str(error))


async def _create(services: Services, name: str, document: dict[str, Any], actor: str) -> Resource:
    agent_id = f"agent_{secrets.token_hex(14)}"
    check(services, agent_id, name, document)
    _tell_without_effect(agent_id, {}, document)
    await _tell_missing(services, agent_id, document)
    return await services.workspace.agents.create(agent_id, name, document, actor=actor)


async def _change(
    services: Services, agent_id: str, change: Mapping[str, Any], actor: str
) -> Resource:
    change = dict(change)
    name = change.pop("name", None)

    def changed(before: dict[str, Any]) -> dict[str, Any]:
        after = merged(before, change)
        check(services, agent_id, name or "", after)
        _tell_without_effect(agent_id, before, after)
        return after

    try:
        agent = await services.workspace.agents.change(agent_id, changed, actor=actor, name=name)
    except NoSuchResource:
        missing("agent", agent_id)
    await _tell_missing(services, agent_id, agent.document)
    return agent


def _tell_without_effect(
    agent_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Log, when it is set, what is kept of an agent though nothing comes of it here."""
    new = set(without_effect(after)) - set(without_effect(before))
    if new:
        log.warning("Kept of %s, but not acted upon: %s.", agent_id, ", ".join(sorted(new)))


async def _tell_missing(services: Services, agent_id: str, given: Mapping[str, Any]) -> None:
    """Log what an agent is to use or know and there is not; its conversations go without it."""
    part = section(given, "conversation_config", "agent")
    prompt, lacks = section(part, "prompt"), []
    for tool_id in map(str, prompt.get("tool_ids") or []):
        try:
            await services.workspace.tools.get(tool_id)
        except NoSuchResource:
            lacks.append(tool_id)
    organisation = str(part.get("organisation") or WORKSPACE)
    documents = [str(one["id"]) for one in prompt.get("knowledge_base") or []]
    lacks += await services.knowledge.missing(organisation, documents)
    if lacks:
        named = ", ".join(repr(one[:64]) for one in lacks[:10])
        log.warning("%s names what there is not: %s.", agent_id, named)


async def _shown(agent: Resource, services: Services) -> dict[str, Any]:
    numbers = await numbers_of(services, agent.id)
    return {
        "platform_settings": {},
        "tags": [],
        **agent.document,
        "agent_id": agent.id,
        "name": agent.name,
        "metadata": {
            "created_at_unix_secs": unix(agent.created_at),
            "updated_at_unix_secs": unix(agent.updated_at),
        },
        "phone_numbers": [phone_number(number, {agent.id: agent.name}) for number in numbers],
        "whatsapp_accounts": [],
        "access_info": ACCESS,
    }


def phone_number(number: Resource, agents: Mapping[str, str]) -> dict[str, Any]:
    """Return a telephone number in ElevenLabs' shape; `agents` are names by id."""
    document, agent_id = number.document, number.document.get("agent_id")
    agent = {"agent_id": agent_id, "agent_name": agents.get(str(agent_id), "")}
    return {
        **{
            key: value for key, value in document.items() if key not in ("agent_id", "sid", "token")
        },
        "phone_number_id": number.id,
        "label": number.name,
        "assigned_agent": agent if agent_id else None,
    }


def _given(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is None, and what is empty then."""
    kept = {n: _given(v) if isinstance(v, Mapping) else v for n, v in parts.items()}
    return {name: value for name, value in kept.items() if value not in (None, {})}


def _voice(document: Mapping[str, Any]) -> str:
    return str(section(document, "conversation_config", "tts").get("voice_id") or "")
