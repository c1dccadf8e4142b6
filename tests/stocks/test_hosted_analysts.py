"""Anthropic and OpenRouter as analysts, over the wire as documented: verdict and true cost."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import SecretStr

from tests.stocks.language_models import Models, Seen, judges, seen_in
from tests.stocks.running import Owner, owner
from tests.wire.servers import served

PAGE = HTMLResponse("<html><h1>502 Bad Gateway</h1></html>", 502)


class Anthropic:
    """`POST /v1/messages` (docs.claude.com, Messages): an answer is the use of the one tool."""

    def __init__(self, says: Callable[[Seen], Any] | Response) -> None:
        self.says, self.asked = says, list[tuple[dict[str, Any], dict[str, str]]]()

    @property
    def app(self) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/v1/messages", self._message, methods=["POST"])
        return app

    async def _message(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append((body, dict(request.headers)))
        if isinstance(self.says, Response):
            return self.says
        said = self.says(seen_in(body["model"], _texts(body), body))
        return JSONResponse(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": said},
                ],
                "stop_reason": "tool_use",
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 1000,
                    "output_tokens": 200,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                },
            }
        )


def _texts(body: dict[str, Any]) -> str:
    parts = [body.get("system", ""), *(one["content"] for one in body["messages"])]
    return "\n".join(one if isinstance(one, str) else json.dumps(one) for one in parts)


def given(someone: Owner, name: str) -> dict[str, Any]:
    return next(one for one in someone.values["answers"] if one["analyst"] == name)


async def charged(someone: Owner) -> list[tuple[Decimal, bool]]:
    """What was spent, and whether it is known."""
    charges = await (await someone.desk.trading()).spending.list()
    return [(one.spent_usd, one.settled_at is not None) for one in charges]


CLAUDE = {
    "name": "claude",
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "usd_per_million": {"input": "3", "output": "15"},
}
GROK = {"name": "grok", "model": "x-ai/grok-4"}


async def _ask_claude(
    folder: Path, patch: pytest.MonkeyPatch, says: Callable[[Seen], Any] | Response
) -> tuple[dict[str, Any], list[tuple[Decimal, bool]], Anthropic]:
    server = Anthropic(says)
    async with served(server.app) as url:
        patch.setenv("ANTHROPIC_BASE_URL", url)
        key = {"anthropic_api_key": SecretStr("sk-ant-test")}
        async with owner(folder, stock_analysts=[CLAUDE], **key) as someone:
            await someone.say("Analyse IBM")
            return given(someone, "claude"), await charged(someone), server


async def test_anthropic_answers_by_its_tool_and_costs_what_its_tokens_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, cost, server = await _ask_claude(tmp_path, monkeypatch, judges(62))
    assert (said["state"], said["probability"]) == ("opinion", 0.62)
    ((body, headers),) = server.asked
    key = headers.get("x-api-key") or headers["authorization"].removeprefix("Bearer ")
    assert key == "sk-ant-test" and headers["anthropic-version"]
    assert body["tool_choice"] == {"type": "tool", "name": "answer"}
    assert body["tools"][0]["input_schema"]["type"] == "object"
    assert cost == [(Decimal("0.006"), True)]  # 1,000 at 3 and 200 at 15 USD a million


@pytest.mark.parametrize(
    ("answer", "problem", "known"),
    [
        pytest.param(
            JSONResponse(
                {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
                529,
            ),
            "refused (529)",
            True,
            id="overloaded",
        ),
        pytest.param(PAGE, "failed (502), and may have charged", False, id="a page in between"),
    ],
)
async def test_anthropic_that_fails_has_no_opinion_and_what_nobody_knows_counts_as_spent(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Response,
    problem: str,
    known: bool,
) -> None:
    said, cost, _ = await _ask_claude(tmp_path, monkeypatch, answer)
    assert said["state"] == "failure" and problem in said["problem"]
    assert cost == [(Decimal(0) if known else Decimal("0.05"), known)]


async def _ask_openrouter(
    folder: Path, says: Callable[[Seen], Any]
) -> tuple[dict[str, Any], list[tuple[Decimal, bool]], Models]:
    models = Models({"x-ai/grok-4": says})
    models.usage |= {"cost": 0.00345, "cost_details": {"upstream_inference_cost": None}}
    async with served(models.app) as url:
        key = {"openrouter_api_key": SecretStr("sk-or-test"), "openrouter_url": f"{url}/v1"}
        async with owner(folder, stock_analysts=[GROK], **key) as someone:
            await someone.say("Analyse IBM")
            return given(someone, "grok"), await charged(someone), models


async def test_openrouter_tells_what_it_charged(tmp_path: Path) -> None:
    said, cost, models = await _ask_openrouter(tmp_path, judges(40))
    assert (said["state"], said["probability"]) == ("opinion", 0.4)
    assert cost == [(Decimal("0.00345"), True)]
    (seen,) = models.asked
    assert seen.headers["authorization"] == "Bearer sk-or-test"


def first(*answers: Any) -> Callable[[Seen], Any]:
    """Say one after the other."""
    left = iter(answers)

    def says(seen: Seen) -> Any:
        said = next(left)
        return said(seen) if callable(said) and not isinstance(said, Response) else said

    return says


async def test_a_429_is_waited_for_once_and_costs_nothing(tmp_path: Path) -> None:
    told = {"error": {"message": "Rate limit exceeded", "code": 429}}
    busy = JSONResponse(told, 429, {"Retry-After": "0"})
    said, cost, models = await _ask_openrouter(tmp_path / "once", first(busy, judges(60)))
    assert (said["state"], len(models.asked), cost) == ("opinion", 2, [(Decimal("0.00345"), True)])
    said, cost, models = await _ask_openrouter(tmp_path / "twice", first(busy, busy))
    assert (said["state"], len(models.asked), cost) == ("failure", 2, [(Decimal(0), True)])


async def test_a_429_that_would_outlast_the_turn_is_not_waited_for(tmp_path: Path) -> None:
    busy = JSONResponse({"error": {"message": "Slow down"}}, 429, {"Retry-After": "3600"})
    said, _, models = await _ask_openrouter(tmp_path, first(busy))
    assert said["state"] == "failure" and len(models.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(PAGE, id="a page with 502"),
        pytest.param(HTMLResponse("<html>Just a moment...</html>"), id="a page with 200"),
        pytest.param(
            JSONResponse({"error": {"code": 502, "message": "Provider returned error"}}),
            id="an error with 200",
        ),
    ],
)
async def test_what_is_no_answer_is_a_failure_of_unknown_cost(
    tmp_path: Path, answer: Response
) -> None:
    said, cost, _ = await _ask_openrouter(tmp_path, first(answer))
    assert said["state"] == "failure"
    assert "502" in said["problem"] or "no answer of a model" in said["problem"]
    assert cost == [(Decimal("0.05"), False)]
