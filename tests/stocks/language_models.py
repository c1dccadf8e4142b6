"""An OpenAI-compatible server of language models that judge stocks as a script says."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

Row = tuple[str, str, str]
"""Label, name and value of a row of the evidence."""
Says = Callable[["Seen"], Any]
"""What a model writes: text, or what is written as JSON, or a `Response` of the provider."""


@dataclass
class Seen:
    """A request as a model sees it."""

    model: str
    symbol: str
    text: str
    """All that it is told."""
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        return re.findall(r"^\[(E\d+)\] ([^:\n]+): (.*?) \(\d{4}-", self.text, re.MULTILINE)

    def row(self, name: str) -> tuple[str, str]:
        """Label and value of the row of that name."""
        return next((label, value) for label, called, value in self.rows if called == name)


def seen_in(model: str, text: str, body: dict[str, Any]) -> Seen:
    """Read what a model is told."""
    named = re.search(r"^Stock: (\S+)", text, re.MULTILINE)
    return Seen(model, named[1] if named else "", text, body)


def judges(percent: int, **changes: Any) -> Says:
    """Say an honest opinion: its cases quote the evidence."""

    def says(seen: Seen) -> Any:
        label, value = seen.row("close")
        case = [{"text": f"It closed at {value}.", "evidence": [label]}]
        said = {
            "bull": case if percent >= 50 else [],
            "bear": case if percent <= 50 else [],
            "verdict": "opinion",
            "probability_percent": percent,
            "reason": "What the evidence shows.",
            "would_change": ["A fall."],
        }
        return {**said, **changes}

    return says


@dataclass
class Models:
    """The server; `says` has what each model writes."""

    says: dict[str, Says] = field(default_factory=dict)
    usage: dict[str, Any] = field(
        default_factory=lambda: {
            "prompt_tokens": 900,
            "completion_tokens": 100,
            "total_tokens": 1000,
            "cost": 0.0021,
        }
    )
    secs: dict[str, float] = field(default_factory=dict)
    """How long each takes to answer."""
    asked: list[Seen] = field(default_factory=list)

    @property
    def app(self) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/v1/chat/completions", self._complete, methods=["POST"])
        return app

    async def _complete(self, request: Request) -> Response:
        body = await request.json()
        text = "\n".join(message["content"] for message in body["messages"])
        seen = seen_in(body["model"], text, body)
        seen.headers = dict(request.headers)
        self.asked.append(seen)
        await asyncio.sleep(self.secs.get(seen.model, 0))
        said = self.says[seen.model](seen)
        if isinstance(said, Response):
            return said
        content = said if isinstance(said, str) else json.dumps(said)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": content},
            "finish_reason": "stop",
        }
        return JSONResponse(
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": seen.model,
                "choices": [choice],
                "usage": self.usage,
            }
        )


def refuses(status: int) -> Says:
    """Refuse, as the provider does."""
    return lambda _: JSONResponse({"error": {"message": "No.", "code": None}}, status)


def analyst(name: str, url: str, **changes: Any) -> dict[str, Any]:
    """Return an item of `DIALGRAPH_STOCK_ANALYSTS` for a model of this server."""
    return {"name": name, "provider": "openai", "model": name, "base_url": f"{url}/v1", **changes}
