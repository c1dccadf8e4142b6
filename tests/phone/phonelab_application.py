"""An application that a carrier could ring: TwiML by path, a bot behind a media socket."""

import asyncio
import base64
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse


@dataclass
class Bot:
    """The server's side of one media stream."""

    socket: WebSocket
    stream_sid: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)

    async def event(self, *kinds: str) -> dict[str, Any]:
        """Read until an event of one of these kinds; all that came are kept."""
        while True:
            event = json.loads(await self.socket.receive_text())
            self.events.append(event)
            if event["event"] == "start":
                self.stream_sid = event["start"]["streamSid"]
            if event["event"] in kinds:
                return event

    async def read(self) -> None:
        """Read until the stream ends."""
        with contextlib.suppress(WebSocketDisconnect):
            await self.event("never")

    async def send(self, event: str, **body: Any) -> None:
        message = {"event": event, "streamSid": self.stream_sid}
        await self.socket.send_text(json.dumps(message | ({event: body} if body else {})))

    async def play(self, audio: bytes, chunk: int = 160) -> None:
        for start in range(0, len(audio), chunk):
            payload = base64.b64encode(audio[start : start + chunk]).decode()
            await self.send("media", payload=payload)

    async def mark(self, name: str) -> None:
        await self.send("mark", name=name)

    async def clear(self) -> None:
        await self.send("clear")

    def named(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    @property
    def marks(self) -> list[str]:
        return [event["mark"]["name"] for event in self.named("mark")]


Behaviour = Callable[[Bot], Awaitable[None]]


@dataclass
class Application:
    """What is answered, and what came."""

    url: str = ""
    twiml: dict[str, str] = field(default_factory=dict)
    status_code: int = 200
    record: dict[str, Any] | None = None
    """What the server tells of a call, when it tells anything."""
    behaviour: Behaviour = Bot.read
    requests: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """Path and query, form, headers; oldest first."""
    bots: list[Bot] = field(default_factory=list)
    handshakes: list[dict[str, str]] = field(default_factory=list)

    @property
    def stream(self) -> str:
        """A document that connects the bot."""
        address = self.url.replace("http", "ws", 1) + "/media"
        return f'<Response><Connect><Stream url="{address}"/></Connect></Response>'

    def forms(self, path: str) -> list[dict[str, str]]:
        return [form for came, form, _ in self.requests if came == path]

    def asgi(self) -> FastAPI:
        app = FastAPI()

        @app.websocket("/media")
        async def media(websocket: WebSocket) -> None:
            await websocket.accept()
            bot = Bot(websocket)
            self.bots.append(bot)
            self.handshakes.append(dict(websocket.headers))
            with contextlib.suppress(WebSocketDisconnect):
                await bot.event("start")
                await self.behaviour(bot)
                await websocket.close()

        @app.get("/api/calls/{sid}")
        async def record(sid: str) -> Response:
            return JSONResponse(self.record or {}, 200 if self.record else 404)

        @app.api_route("/{path:path}", methods=["GET", "POST"])
        async def webhook(path: str, request: Request) -> Response:
            form = {name: str(value) for name, value in (await request.form()).items()}
            query = f"?{request.url.query}" if request.url.query else ""
            self.requests.append((f"/{path}{query}", form, dict(request.headers)))
            document = self.twiml.get(f"/{path}", "<Response/>")
            return Response(document, self.status_code, media_type="text/xml")

        return app


@contextlib.asynccontextmanager
async def running(application: Application) -> AsyncIterator[Application]:
    """Serve the application on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    application.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(application.asgi(), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    try:
        yield application
    finally:
        server.should_exit = True
        await serving
