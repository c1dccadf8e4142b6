"""Secrets for the headers of tools: given once, never told again."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from server.convai.config import Text
from server.convai.merging import section
from server.routes.convai.shapes import Actor, Cursor, Id, PageSize, Search, missing
from server.services import Services, ServicesDep
from store.secrets import NoSuchSecret, Secret

router = APIRouter(tags=["secrets"])


class NewSecret(BaseModel):
    """A new secret."""

    type: Literal["new"] = "new"
    name: Text = Field(min_length=1, max_length=256)
    value: Text = Field(min_length=1, max_length=20_000)


class ChangedSecret(BaseModel):
    """Another name or value of a secret."""

    type: Literal["update"] = "update"
    name: Text | None = Field(None, min_length=1, max_length=256)
    value: Text | None = Field(None, min_length=1, max_length=20_000)


@router.post("/secrets")
async def create_secret(body: NewSecret, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Keep a secret, encrypted."""
    return _made(await services.workspace.secrets.create(body.name, body.value, actor=actor))


@router.get("/secrets")
async def list_secrets(
    services: ServicesDep,
    page_size: PageSize | None = None,
    search: Search = None,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List the secrets by name, without their values; all of them on one page."""
    listed = await services.workspace.secrets.list()
    wanted = [s for s in listed if not search or search.casefold() in s.name.casefold()]
    return {"secrets": [await _shown(services, s) for s in wanted], "next_cursor": None}


@router.get("/secrets/{secret_id}")
async def get_secret(secret_id: Id, services: ServicesDep) -> dict[str, Any]:
    """Return what is known of a secret: not its value."""
    try:
        return await _shown(services, await services.workspace.secrets.get(secret_id))
    except NoSuchSecret:
        missing("secret", secret_id)


@router.patch("/secrets/{secret_id}")
async def change_secret(
    secret_id: Id, body: ChangedSecret, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Give a secret another name or value."""
    try:
        return _made(
            await services.workspace.secrets.update(
                secret_id, name=body.name, value=body.value, actor=actor
            )
        )
    except NoSuchSecret:
        missing("secret", secret_id)


@router.delete("/secrets/{secret_id}")
async def delete_secret(secret_id: Id, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Delete a secret; a tool that uses it fails from then on."""
    try:
        await services.workspace.secrets.delete(secret_id, actor=actor)
    except NoSuchSecret:
        missing("secret", secret_id)
    return {}


def _made(secret: Secret) -> dict[str, Any]:
    return {"type": "stored", "secret_id": secret.id, "name": secret.name}


async def _shown(services: Services, secret: Secret) -> dict[str, Any]:
    """Return a secret with the tools whose headers name it."""
    tools = await services.workspace.tools.page(
        size=100, fits=lambda tool: _names(section(tool.document, "tool_config"), secret.id)
    )
    used = [
        {
            "type": "available",
            "id": tool.id,
            "name": tool.name,
            "created_at_unix_secs": int(tool.created_at.timestamp()),
            "access_level": "admin",
        }
        for tool in tools.items
    ]
    return _made(secret) | {"used_by": {"tools": used, "agents": [], "others": []}}


def _names(given: object, secret_id: str) -> bool:
    if isinstance(given, dict):
        return any(_names(value, secret_id) for value in given.values())
    if isinstance(given, list):
        return any(_names(value, secret_id) for value in given)
    return bool(given == secret_id)
