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
    after: asyncio.Event | None = None
    """What it waits for before it writes."""


@dataclass
class OpenAIChat:
    """The server; `writes` is what it writes next, an answer an item."""

    writes: list[Written] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Each request for an answer."""
    reads: list[Written] = field(default_factory=list)
    """What it writes when it must call a tool; nothing of use when empty."""
    read: list[dict[str, Any]] = field(default_factory=list)
    """Each request in which it must call a tool."""
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def app(self) -> FastAPI:
        """The application to serve; its base URL ends in `/v1`."""
        app = FastAPI()
        app.add_api_route("/v1/chat/completions", self._complete, methods=["POST"])
        return app

    async def _complete(self, request: Request) -> Response:
        asked = await request.json()
        forced = isinstance(asked.get("tool_choice"), dict)
        (self.read if forced else self.asked).append(asked)
        assert request.headers["authorization"] == f"Bearer {KEY}"
        writes = self.reads if forced else self.writes
        written = writes.pop(0) if writes else Written("I have nothing to say.")
        if written.status != 200:
            error = {"message": "No.", "type": "error", "param": None, "code": None}
            return JSONResponse({"error": error}, written.status)
        return StreamingResponse(self._stream(written), media_type="text/event-stream")

    async def _stream(self, written: Written) -> AsyncIterator[str]:
        if written.after:
            await written.after.wait()
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
        yield _event(None, usage={"prompt_tokens": 90, "completion_tokens": 9, "total_tokens": 99})
        yield "data: [DONE]\n\n"


def _event(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> str:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}] if delta is not None else []
    body = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    return f"data: {json.dumps({**body, 'choices': choices, **more})}\n\n"
