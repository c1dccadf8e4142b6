"""The WebSocket without a network behaves as one with it."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidHandshake

from voice.phonelab.virtual_socket import UNREAD, MemorySocket, connect
from voice.phonelab.virtual_time import virtually

app = FastAPI()


@app.websocket("/echo/{name}")
async def echo(websocket: WebSocket, name: str) -> None:
    if websocket.headers.get("x-key") != "yes":
        await websocket.close(1008)
        return
    await websocket.accept()
    await websocket.send_text(f"{name} {websocket.query_params.get('q')}")
    while (text := await websocket.receive_text()) != "bye":
        await websocket.send_bytes(text.encode())
    await websocket.close(4000 if name == "angry" else 1000)


async def opened(name: str = "ann") -> MemorySocket:
    return await connect(app, f"ws://example.com/echo/{name}?q=1", {"X-Key": "yes"})


@virtually
async def test_an_application_is_reached_and_answers() -> None:
    socket = await opened()
    await socket.send("hello")
    await socket.send("bye")
    assert [message async for message in socket] == ["ann 1", b"hello"]
    with pytest.raises(ConnectionClosed):
        await socket.send("again")


@virtually
async def test_a_refused_handshake_is_an_error() -> None:
    with pytest.raises(InvalidHandshake):
        await connect(app, "ws://example.com/echo/ann", {})


@virtually
async def test_a_close_for_a_fault_is_an_error_with_its_code() -> None:
    socket = await opened("angry")
    await socket.send("bye")
    with pytest.raises(ConnectionClosedError) as closed:
        _ = [message async for message in socket]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4000


@pytest.mark.parametrize("politely", [True, False])
def test_the_server_is_told_that_the_client_has_gone(politely: bool) -> None:
    @virtually
    async def leave() -> None:
        socket = MemorySocket()
        await socket.server.accept()
        await socket.send("last words")
        await socket.close() if politely else socket.abort()
        assert await socket.server.receive_text() == "last words"
        with pytest.raises(WebSocketDisconnect) as gone:
            await socket.server.receive_text()
        assert gone.value.code == (1000 if politely else 1006)
        with pytest.raises((WebSocketDisconnect, RuntimeError)):
            await socket.server.send_text("too late")

    leave()


@virtually
async def test_a_client_that_does_not_read_stops_the_server() -> None:
    socket = MemorySocket()
    await socket.server.accept()

    async def flood() -> None:
        for number in range(UNREAD + 1):
            await socket.server.send_text(str(number))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(flood(), 10)
    first: Any = await anext(aiter(socket))
    assert first == "0"
