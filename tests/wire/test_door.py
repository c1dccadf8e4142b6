"""Who may enter: programs on this machine, those with the key, and carriers by their own proof."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from server.security import ClosedByDefault
from settings import Settings


def guarded(settings: Settings) -> FastAPI:
    app = FastAPI()

    @app.get("/{path:path}")
    @app.post("/{path:path}")
    async def anything(path: str) -> str:
        return path

    @app.websocket("/demo/voice/x")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()

    app.add_middleware(ClosedByDefault, settings=settings)
    return app


@asynccontextmanager
async def asking(
    settings: Settings, *, client: str = "127.0.0.1", host: str = "127.0.0.1:7860"
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(guarded(settings), client=(client, 5000))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as asker:
        yield asker


async def status(settings: Settings, path: str = "/api/calls", **asker: str) -> int:
    headers = {name[2:].replace("_", "-"): asker.pop(name) for name in list(asker) if "h_" in name}
    async with asking(settings, **asker) as client:  # type: ignore[arg-type]
        return (await client.get(path, headers=headers)).status_code


async def test_a_program_on_this_machine_enters(settings: Settings) -> None:
    assert await status(settings) == 200
    assert await status(settings, host="localhost:7860") == 200


async def test_another_machine_does_not_enter_and_is_told_how_to(settings: Settings) -> None:
    async with asking(settings, client="203.0.113.9") as client:
        answer = await client.get("/api/calls")
    assert answer.status_code == 401
    assert "DIALGRAPH_API_KEY" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/voice/incoming", "/ws/voice/x"])
async def test_health_and_the_carriers_paths_are_open(settings: Settings, path: str) -> None:
    assert await status(settings, path, client="203.0.113.9") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"xi-api-key": "s3cret"},
        {"Authorization": "Bearer s3cret"},
        {"Authorization": "Basic " + base64.b64encode(b"me:s3cret").decode()},
    ],
)
async def test_who_knows_the_key_enters(settings: Settings, headers: dict[str, str]) -> None:
    settings = Settings(api_key="s3cret")  # type: ignore[arg-type]
    async with asking(settings, client="203.0.113.9") as client:
        assert (await client.get("/", headers=headers)).status_code == 200
        wrong = {name: value[:-2] + "xx" for name, value in headers.items()}
        assert (await client.get("/", headers=wrong)).status_code == 401
        foreign = headers | {"Origin": "https://evil.example"}
        assert (await client.get("/", headers=foreign)).status_code == 401


async def test_a_page_of_another_site_is_not_local(settings: Settings) -> None:
    assert await status(settings, h_origin="https://evil.example") == 401
    assert await status(settings, h_sec_fetch_site="cross-site") == 401
    assert await status(settings, host="evil.example") == 401


async def test_a_link_on_another_page_leads_to_the_playground(settings: Settings) -> None:
    link = {"h_sec_fetch_site": "cross-site", "h_sec_fetch_dest": "document"}
    assert await status(settings, "/", **link) == 200
    assert await status(settings, "/api/calls", **link) == 401


async def test_what_a_proxy_passes_on_is_not_local(settings: Settings) -> None:
    assert await status(settings, h_x_forwarded_for="203.0.113.9") == 401
    assert await status(settings, h_x_forwarded_for="127.0.0.1, 203.0.113.9") == 401


async def test_with_a_public_address_nobody_is_local(settings: Settings) -> None:
    """A proxy that adds no header looks like a program on this machine."""
    settings.public_url = "https://voice.example.com"
    assert await status(settings) == 401


def test_a_socket_from_another_machine_is_refused_before_it_opens(settings: Settings) -> None:
    outside = TestClient(guarded(settings), client=("203.0.113.9", 5000))
    with pytest.raises(WebSocketDisconnect), outside.websocket_connect("/demo/voice/x"):
        pass
