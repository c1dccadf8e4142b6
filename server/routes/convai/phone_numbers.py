"""Telephone numbers: which agent answers a call to which."""

import secrets
from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field

from server.convai.config import Sent, Text
from server.routes.convai.agents import phone_number
from server.routes.convai.shapes import (
    Actor,
    Cursor,
    Filter,
    Id,
    PageSize,
    Search,
    missing,
    refuse,
    wrong,
)
from server.services import Services, ServicesDep
from store.pages import BadCursor
from store.resources import NoSuchResource, Resource
from tools.conversation import e164

router = APIRouter(tags=["phone numbers"])
Provider = Literal["twilio", "exotel", "sip_trunk"]


class NewNumber(Sent):
    """A number of ours at a carrier.

    The carrier's credentials are the server's (`TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`): `sid`
    and `token` of a number are not needed, and the token is not kept.
    """

    provider: Provider = "twilio"
    phone_number: Text = Field(max_length=64)
    label: Text = Field("", max_length=256)
    sid: Text | None = Field(None, max_length=256)
    token: Text | None = Field(None, max_length=256)


class ChangedNumber(Sent):
    """Who answers a number, and what it is called."""

    agent_id: Text | None = Field(None, max_length=128)
    label: Text | None = Field(None, max_length=256)


@router.post("/phone-numbers")
async def create_number(body: NewNumber, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Add a number; each at most once."""
    if body.provider == "sip_trunk":
        wrong(["body", "provider"], "SIP trunks are not supported; use twilio or exotel.")
    number = _e164(body.phone_number)
    if await answering(services, number):
        refuse(409, "phone_number_exists", f"The number {number} is there already.")
    document = {
        "provider": body.provider,
        "phone_number": number,
        "supports_inbound": True,
        "supports_outbound": body.provider == "twilio",
        "agent_id": None,
    }
    number_id = f"phnum_{secrets.token_hex(12)}"
    await services.workspace.phone_numbers.create(
        number_id, body.label or number, document, actor=actor
    )
    return {"phone_number_id": number_id}


@router.get("/phone-numbers")
async def list_numbers(
    services: ServicesDep,
    provider: Filter = None,
    agent_id: Filter = None,
    branch_id: Filter = None,
) -> list[dict[str, Any]]:
    """List the numbers, the newest first."""
    page = await services.workspace.phone_numbers.page(
        size=1000, fits=lambda number: _fits(number, provider, agent_id)
    )
    return await _shown(services, page.items)


@router.get("/v2/phone-numbers")
async def page_numbers(
    services: ServicesDep,
    page_size: PageSize = 30,
    cursor: Cursor = None,
    search: Search = None,
    provider: Filter = None,
    agent_id: Filter = None,
) -> dict[str, Any]:
    """List the numbers by pages; `search` is part of the label."""
    try:
        page = await services.workspace.phone_numbers.page(
            size=page_size,
            cursor=cursor,
            search=search,
            fits=lambda number: _fits(number, provider, agent_id),
        )
    except BadCursor as error:
        wrong(["query", "cursor"], str(error))
    return {
        "phone_numbers": await _shown(services, page.items),
        "next_cursor": page.cursor,
        "has_more": page.cursor is not None,
    }


@router.get("/phone-numbers/{phone_number_id}")
async def get_number(phone_number_id: Id, services: ServicesDep) -> dict[str, Any]:
    """Return a number."""
    return (await _shown(services, [await found(services, phone_number_id)]))[0]


@router.patch("/phone-numbers/{phone_number_id}")
async def change_number(
    phone_number_id: Id, body: ChangedNumber, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Let an agent answer a number (null: nobody in particular), or call it otherwise."""
    change = {name: value for name, value in body.sent().items() if name == "agent_id"}
    if agent_id := change.get("agent_id"):
        try:
            await services.workspace.agents.get(agent_id)
        except NoSuchResource:
            missing("agent", agent_id)
    try:
        number = await services.workspace.phone_numbers.change(
            phone_number_id, lambda before: before | change, actor=actor, name=body.label
        )
    except NoSuchResource:
        missing("phone_number", phone_number_id)
    return (await _shown(services, [number]))[0]


@router.delete("/phone-numbers/{phone_number_id}")
async def delete_number(phone_number_id: Id, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Take a number away; calls to it then go where the settings say."""
    try:
        await services.workspace.phone_numbers.delete(phone_number_id, actor=actor)
    except NoSuchResource:
        missing("phone_number", phone_number_id)
    return {}


async def found(services: Services, phone_number_id: str) -> Resource:
    """Return a number.

    Raises:
        HTTPException: 404, there is none of that id.
    """
    try:
        return await services.workspace.phone_numbers.get(phone_number_id)
    except NoSuchResource:
        missing("phone_number", phone_number_id)


async def answering(services: Services, number: str) -> Resource | None:
    """Return the number in E.164 as it was added, or None."""
    page = await services.workspace.phone_numbers.page(
        size=1, fits=lambda one: one.document.get("phone_number") == number
    )
    return page.items[0] if page.items else None


def _fits(number: Resource, provider: str | None, agent_id: str | None) -> bool:
    document = number.document
    return (provider is None or document.get("provider") == provider) and (
        agent_id is None or document.get("agent_id") == agent_id
    )


async def _shown(services: Services, numbers: Sequence[Resource]) -> list[dict[str, Any]]:
    names: dict[str, str] = {}
    for agent_id in {str(n.document["agent_id"]) for n in numbers if n.document.get("agent_id")}:
        try:
            names[agent_id] = (await services.workspace.agents.get(agent_id)).name
        except NoSuchResource:
            continue
    return [phone_number(number, names) for number in numbers]


def _e164(text: str) -> str:
    number = e164(text)
    if number is None:
        wrong(["body", "phone_number"], "Expected a number in E.164, such as +12025550123.")
    return number
