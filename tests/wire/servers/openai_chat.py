"""OpenAI's chat completions, streamed, as a script says: words, calls of tools, failures, silence.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tests.wire.servers import KEY


@dataclass
class Written:
    """What the model writes once."""

    text: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    status: int = 200
    fails_after: int | None = None
    """Words after which the connection breaks."""
    hangs_after: int | None = None
    """Words after which nothing more comes."""


@dataclass
class OpenAIChat:
    """The server; `writes` is what it writes next, an answer an item."""

    writes: list[Written] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Each request."""
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def app(self) -> FastAPI:
        """The application to serve; its base URL ends in `/v1`."""
        app = FastAPI()
        app.add_api_route("/v1/chat/completions", self._complete, methods=["POST"])
        return app

    async def _complete(self, request: Request) -> Response:
        self.asked.append(await request.json())
        assert request.headers["authorization"] == f"Bearer {KEY}"
        written = self.writes.pop(0) if self.writes else Written("I have nothing to say.")
        if written.status != 200:
            error = {"message": "No.", "type": "error", "param": None, "code": None}
            return JSONResponse({"error": error}, written.status)
        return StreamingResponse(self._stream(written), media_type="text/event-stream")

    async def _stream(self, written: Written) -> AsyncIterator[str]:
        yield _event({"role": "assistant", "content": ""})
        for at, word in enumerate(written.text.split(" ")):
            if at == written.fails_after:
                raise ConnectionError("The server broke off.")
            if at == written.hangs_after:
                await self.hanging.wait()
            yield _event({"content": word if at == 0 else f" {word}"})
        for at, (name, arguments) in enumerate(written.calls):
            function = {"name": name, "arguments": json.dumps(arguments)}
            call = {"index": at, "id": f"c{at}-{len(self.asked)}", "type": "function"}
            yield _event({"tool_calls": [{**call, "function": function}]})
        yield _event({}, "tool_calls" if written.calls else "stop")
        yield "data: [DONE]\n\n"


def _event(delta: dict[str, Any], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    return f"data: {json.dumps({**body, 'choices': [choice]})}\n\n"
