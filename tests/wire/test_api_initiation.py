"""Who rings is asked of a webhook before a call is answered: its answer, its silence, its place."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request

from server.convai import inbound
from server.convai.inbound import reached
from tests.wire.api_server import Running
from tests.wire.servers import served
from tools.outside import Outside
from voice.reception import Inbound, Reached

WANTS = {"overrides": {"enable_conversation_initiation_client_data_from_webhook": True}}


@pytest.fixture
async def hook() -> AsyncIterator[tuple[str, list[Any]]]:
    app, seen, over = FastAPI(), [], asyncio.Event()

    @app.post("/{path}")
    async def _(path: str, request: Request) -> Any:
        seen.append(await request.json())
        if path == "silent":
            await over.wait()
        if path == "list":
            return ["no", "object"]
        return {"dynamic_variables": {"name": "Asha"}}

    async with served(app) as address:
        yield address, seen
        over.set()


async def rings(server: Running, raw: httpx.Client, url: str, *private: str) -> tuple[Any, Any]:
    """A call to an agent whose webhook is at an address: how it opens, and its warnings."""
    part = {"graph": "parrot", "first_message": "Hello {{name}}."}
    asks = {"conversation_initiation_client_data_webhook": {"url": url, "request_headers": {}}}
    body = {
        "conversation_config": {"agent": part},
        "platform_settings": WANTS | {"workspace_overrides": asks},
    }
    agent_id = raw.post("/agents/create", json=body).json()["agent_id"]
    ours = f"+1555{uuid4().int % 10**7:07}"
    number = {"provider": "twilio", "phone_number": ours, "label": "x", "sid": "x", "token": "y"}
    number_id = raw.post("/phone-numbers", json=number).json()["phone_number_id"]
    raw.patch(f"/phone-numbers/{number_id}", json={"agent_id": agent_id})

    async def answered() -> tuple[Reached, list[str]]:
        async with Outside(private) as outside:
            call = Inbound(sid=f"CA{uuid4().hex}", caller="+15550123", called=ours)
            found = await reached(server.services, outside, call)
        assert found is not None and found.thread_id is not None
        about = await server.services.workspace.conversations.about(found.thread_id)
        return found, about.warnings

    found, warnings = await asyncio.to_thread(server.run, answered())
    return found.opening["agent"]["first_message"], warnings


async def test_its_answer_is_what_the_call_begins_with(
    server: Running, raw: httpx.Client, hook: Any
) -> None:
    address, seen = hook
    assert await rings(server, raw, f"{address}/known", "127.0.0.1") == ("Hello Asha.", [])
    assert seen[0]["caller_id"] == "+15550123" and seen[0]["call_sid"].startswith("CA")
    assert seen[0]["conversation_id"].startswith("conv_")


async def test_one_that_is_silent_holds_nobody_up(
    server: Running, raw: httpx.Client, hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inbound.WEBHOOK_SECS == 4.0
    monkeypatch.setattr(inbound, "WEBHOOK_SECS", 0.2)
    first, warnings = await rings(server, raw, f"{hook[0]}/silent", "127.0.0.1")
    assert first == "Hello."
    assert warnings[0].startswith("The initiation webhook was of no use")


async def test_an_answer_that_is_none_is_left_out(
    server: Running, raw: httpx.Client, hook: Any
) -> None:
    _, warnings = await rings(server, raw, f"{hook[0]}/list", "127.0.0.1")
    assert "no conversation_initiation_client_data" in warnings[0]


async def test_a_private_address_is_never_asked(
    server: Running, raw: httpx.Client, hook: Any
) -> None:
    first, warnings = await rings(server, raw, f"{hook[0]}/known")
    assert first != "Hello Asha."
    assert warnings[0].startswith("The initiation webhook was of no use")
    assert hook[1] == []
