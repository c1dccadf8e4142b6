"""Tools of agents: webhooks, MCP servers, tools of the client, as ElevenLabs describes them."""

import contextlib
import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field, ValidationError

from server.convai.config import Open, Sent
from server.convai.mapping import first_wrong
from server.convai.merging import merged, section
from server.routes.convai.shapes import (
    ACCESS,
    Actor,
    Cursor,
    Filter,
    Id,
    PageSize,
    Search,
    missing,
    refuse,
    unix,
    wrong,
)
from server.services import Services, ServicesDep
from store.pages import BadCursor
from store.resources import NoSuchResource, Resource
from tools.outside import NotAllowed, check_public
from tools.specs import AnyTool, WebhookTool, tool_spec

router = APIRouter(tags=["tools"])


class ApiSchema(Open):
    """The request that a webhook tool sends."""

    url: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None


class ToolConfig(Open):
    """What a tool is called, what it is for, and what it does."""

    type: Literal["webhook", "client", "system", "mcp", "api_integration_webhook"] = "webhook"
    name: str = Field(min_length=1, max_length=256)
    description: str = ""
    response_timeout_secs: int | None = Field(None, ge=1, le=300)
    api_schema: ApiSchema | None = None


class CreateTool(Sent):
    """A new tool."""

    tool_config: ToolConfig
    response_mocks: list[dict[str, Any]] | None = None


@router.post("/tools")
async def create_tool(body: CreateTool, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Make a tool, for agents that name its id in `tool_ids`."""
    document = _checked(body.sent(), services)
    tool_id = f"tool_{secrets.token_hex(14)}"
    name = document["tool_config"]["name"]
    return _shown(await services.workspace.tools.create(tool_id, name, document, actor=actor))


@router.get("/tools")
async def list_tools(
    services: ServicesDep,
    page_size: PageSize = 30,
    cursor: Cursor = None,
    search: Search = None,
    show_only_owned_documents: bool | None = None,
    created_by_user_id: Filter = None,
    types: Annotated[list[str] | None, Query()] = None,
    sort_direction: Literal["asc", "desc"] = "desc",
    sort_by: Literal["name", "created_at"] | None = None,
) -> dict[str, Any]:
    """List tools, the newest first."""
    try:
        page = await services.workspace.tools.page(
            size=page_size,
            cursor=cursor,
            search=search,
            created_by=created_by_user_id,
            order=sort_by or "created_at",
            descending=sort_direction == "desc",
            fits=lambda tool: not types or tool.document["tool_config"]["type"] in types,
        )
    except BadCursor as error:
        wrong(["query", "cursor"], str(error))
    return {
        "tools": [_shown(tool) for tool in page.items],
        "next_cursor": page.cursor,
        "has_more": page.cursor is not None,
    }


@router.get("/tools/{tool_id}")
async def get_tool(tool_id: Id, services: ServicesDep) -> dict[str, Any]:
    """Return a tool."""
    return _shown(await _found(services, tool_id))


@router.patch("/tools/{tool_id}")
async def change_tool(
    tool_id: Id, body: CreateTool, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Change a tool: objects are merged, anything else is replaced."""
    change = body.sent()
    try:
        tool = await services.workspace.tools.change(
            tool_id,
            lambda before: _checked(merged(before, change), services),
            actor=actor,
            name=change["tool_config"]["name"],
        )
    except NoSuchResource:
        missing("tool", tool_id)
    return _shown(tool)


@router.delete("/tools/{tool_id}")
async def delete_tool(
    tool_id: Id, services: ServicesDep, actor: Actor, force: bool = False
) -> dict[str, Any]:
    """Delete a tool; one that agents use only by `force`."""
    await _found(services, tool_id)
    users = await agents_with(services, "tool_ids", tool_id)
    if users and not force:
        names = ", ".join(agent.name for agent in users[:5])
        refuse(400, "tool_in_use", f"Agents use the tool ({names}); delete it with force=true.")
    try:
        await services.workspace.tools.delete(tool_id, actor=actor)
    except NoSuchResource:
        missing("tool", tool_id)
    await take_from(services, "tool_ids", tool_id, users, actor)
    return {}


@router.get("/tools/{tool_id}/dependent-agents")
async def tool_agents(
    tool_id: Id, services: ServicesDep, page_size: PageSize = 30, cursor: Cursor = None
) -> dict[str, Any]:
    """List the agents that use a tool."""
    await _found(services, tool_id)
    return dependents(await agents_with(services, "tool_ids", tool_id))


async def agents_with(services: Services, named: str, resource_id: str) -> list[Resource]:
    """Return the agents whose prompt names a tool or document; see `agents_by`."""
    return (await agents_by(services, named)).get(resource_id, [])


async def take_from(
    services: Services, named: str, resource_id: str, users: Sequence[Resource], actor: str
) -> None:
    """Take what is deleted out of the prompts of the agents that named it; see `agents_by`."""

    def without(document: dict[str, Any]) -> dict[str, Any]:
        prompt = section(document, "conversation_config", "agent", "prompt")
        left = [one for one in prompt.get(named) or [] if _id(one) != resource_id]
        return merged(document, {"conversation_config": {"agent": {"prompt": {named: left}}}})

    for agent in users:
        with contextlib.suppress(NoSuchResource):
            await services.workspace.agents.change(agent.id, without, actor=actor)


def _id(named: Any) -> str:
    return str(named["id"] if isinstance(named, dict) else named)


async def agents_by(services: Services, named: str) -> dict[str, list[Resource]]:
    """Return the agents whose prompts name something, by the ids of what they name.

    Args:
        services: of the server.
        named: `tool_ids` or `knowledge_base`.
    """
    found: dict[str, list[Resource]] = {}
    cursor: str | None = None
    while True:
        page = await services.workspace.agents.page(size=1000, cursor=cursor)
        for agent in page.items:
            prompt = section(agent.document, "conversation_config", "agent", "prompt")
            for one in prompt.get(named) or []:
                found.setdefault(_id(one), []).append(agent)
        cursor = page.cursor
        if cursor is None:
            return found


def dependents(agents: list[Resource]) -> dict[str, Any]:
    """Return agents as what depends on something."""
    return {
        "agents": [
            {
                "type": "available",
                "id": agent.id,
                "name": agent.name,
                "created_at_unix_secs": unix(agent.created_at),
                "access_level": "admin",
            }
            for agent in agents
        ],
        "next_cursor": None,
        "has_more": False,
    }


def _checked(document: dict[str, Any], services: Services) -> dict[str, Any]:
    config = document["tool_config"]
    config.setdefault("type", "webhook")
    config.setdefault("description", "")
    if config["type"] == "webhook":
        try:
            spec = tool_spec(config)
        except ValidationError as error:
            wrong(["body", "tool_config"], first_wrong(error))
        _check_address(spec, services.settings.private_hosts)
    return document


def _check_address(spec: AnyTool, private_hosts: str) -> None:
    """Refuse an address that could not be called; its host is no variable."""
    if not isinstance(spec, WebhookTool):
        return
    try:
        check_public(spec.api_schema.url.partition("{")[0], private_hosts)
    except NotAllowed as refusal:
        wrong(["body", "tool_config", "api_schema", "url"], str(refusal))


async def _found(services: Services, tool_id: str) -> Resource:
    try:
        return await services.workspace.tools.get(tool_id)
    except NoSuchResource:
        missing("tool", tool_id)


def _shown(tool: Resource) -> dict[str, Any]:
    return {
        "response_mocks": [],
        **tool.document,
        "id": tool.id,
        "access_info": ACCESS,
        "usage_stats": {"total_calls": None, "avg_latency_secs": 0.0},  # not counted, docs/api.md
    }
