"""Webhook tools over the wire: what the model gives is checked, what is secret stays so."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import ValidationError

from tests.wire.servers import served
from tools.conversation import Conversation
from tools.effects import EffectTool, has_effect
from tools.outside import Outside
from tools.specs import tool_spec
from tools.webhook import webhook_tool

SECRET = "sk-live-7f3e"
TALK = Conversation(
    id="c1", organisation="acme", variables={"plan": "team", "system__caller_id": "+12125550142"}
)


class Secrets:
    async def reveal(self, secret_id: str) -> str:
        return {"sec_1": SECRET}[secret_id]

    async def of(self, conversation_id: str, name: str) -> str:
        return {("c1", "secret__token"): SECRET}[conversation_id, name]


@pytest.fixture
async def site() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    app, seen = FastAPI(), []

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def _(request: Request, path: str) -> Response:
        body = (await request.body()).decode()
        raw = request.scope["raw_path"].decode()
        seen.append(
            {"method": request.method, "path": raw, "query": str(request.url.query), "body": body}
            | {"headers": dict(request.headers)}
        )
        if path.startswith("status"):
            return JSONResponse({"error": "internal words"}, int(path.removeprefix("status")))
        if path == "redirect":
            return RedirectResponse("/elsewhere")
        if path == "huge":
            return Response("x" * 300_000)
        if path == "long":
            return Response("x" * 20_000)
        if path == "echo":
            return JSONResponse(dict(request.headers))
        return JSONResponse({"order": {"id": 7, "tags": ["a", "b"]}, "token": "internal"})

    async with served(app) as address:
        yield address, seen


async def call(address: str, api: dict[str, Any], given: dict[str, Any], **spec: Any) -> Any:
    described = {"type": "webhook", "name": "orders", "description": "Looks up orders."}
    schema = {"api_schema": {**api, "url": address + api.get("url", "/orders")}}
    tool: Any = webhook_tool(
        tool_spec(described | schema | spec), Outside(["127.0.0.1"]), Secrets(), TALK
    )
    tool.handle_tool_error = True
    return await tool.ainvoke({"type": "tool_call", "name": "orders", "args": given, "id": "k1"})


TEXT = {"type": "string", "description": "Id of the order."}


async def test_path_query_body_headers_and_variables_are_where_they_belong(site: Any) -> None:
    address, seen = site
    api = {
        "url": "/v1/{id}/{{plan}}",
        "method": "POST",
        "path_params_schema": {"id": TEXT},
        "query_params_schema": {"properties": {"page": {"type": "integer", "description": "p"}}},
        "request_body_schema": {
            "type": "object",
            "required": ["reason", "by"],
            "properties": {
                "reason": TEXT,
                "by": {"type": "string", "dynamic_variable": "system__caller_id"},
                "source": {"type": "string", "constant_value": "phone, {{plan}}"},
                "never": {"type": "string", "is_omitted": True},
                "lines": {"type": "array", "items": {"type": "integer"}, "description": "l"},
            },
        },
        "request_headers": {
            "Authorization": "Bearer {{secret__token}}",
            "X-Key": {"secret_id": "sec_1"},
            "X-Plan": {"variable_name": "plan"},
        },
    }
    told = await call(address, api, {"id": "a/b ü", "page": 2, "reason": "late", "lines": [1, 2]})
    assert told.status == "success"
    (request,) = seen
    assert (request["method"], request["query"]) == ("POST", "page=2")
    assert request["path"] == "/v1/a%2Fb%20%C3%BC/team"
    assert request["body"] == (
        '{"reason": "late", "by": "+12125550142", "source": "phone, team", "lines": [1, 2]}'
    )
    assert request["headers"]["authorization"] == f"Bearer {SECRET}"
    assert request["headers"]["x-key"] == SECRET
    assert request["headers"]["x-plan"] == "team"
    assert request["headers"]["content-type"] == "application/json"


@pytest.mark.parametrize(
    "given", [{}, {"id": 7}, {"id": "x", "more": 1}, {"id": "../admin"}, {"id": ".."}, {"id": ""}]
)
async def test_what_does_not_fit_is_not_sent(site: Any, given: dict[str, Any]) -> None:
    address, seen = site
    told = await call(address, {"url": "/v1/{id}", "path_params_schema": {"id": TEXT}}, given)
    paths = [request["path"] for request in seen]
    assert told.status == "error" if given.get("id") != "../admin" else paths == ["/v1/..%2Fadmin"]
    assert told.status == "success" or not paths


async def test_the_model_sees_neither_fixed_values_nor_secrets(site: Any) -> None:
    fixed = {"a": {"type": "string", "constant_value": "x"}, "b": {"dynamic_variable": "plan"}}
    api = {
        "url": "https://example.com/",
        "query_params_schema": {"properties": fixed | {"c": TEXT}},
        "request_headers": {"X-Key": {"secret_id": "sec_1"}},
    }
    spec = tool_spec({"name": "orders", "description": "d", "api_schema": api})
    tool = webhook_tool(spec, Outside(), Secrets(), TALK)
    assert set(tool.args) == {"c"}
    assert "sec_1" not in str(tool.tool_call_schema)


async def test_an_answer_that_repeats_a_secret_is_told_without_it(site: Any) -> None:
    address, _ = site
    told = await call(
        address, {"url": "/echo", "request_headers": {"X-Key": "a {{secret__token}}"}}, {}
    )
    assert "a [secret]" in told.content and SECRET not in str(told)


async def test_values_of_the_answer_become_variables_and_may_be_kept_from_the_model(
    site: Any,
) -> None:
    address, _ = site
    assignments = [
        {"dynamic_variable": "order", "value_path": "order.id"},
        {"dynamic_variable": "tag", "value_path": "order.tags.1"},
        {"dynamic_variable": "hidden", "value_path": "token", "sanitize": True},
        {"dynamic_variable": "nothing", "value_path": "order.none.0"},
    ]
    told = await call(address, {}, {}, assignments=assignments)
    assert told.artifact == {"variables": {"order": 7, "tag": "b", "hidden": "internal"}}
    assert "internal" not in told.content and '"id": 7' in told.content


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/status404", "status 404"),
        ("/status500", "status 500"),
        ("/redirect", "status 307"),
        ("/huge", "more than 256000"),
    ],
)
async def test_what_goes_wrong_there_is_told_in_a_sentence(site: Any, path: str, why: str) -> None:
    told = await call(site[0], {"url": path}, {})
    assert told.status == "error" and why in told.content and "internal words" not in told.content


async def test_a_long_answer_is_cut_and_says_so(site: Any) -> None:
    told = await call(site[0], {"url": "/long"}, {})
    assert told.content.endswith("[the rest was too long]") and len(told.content) < 9000


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"X": "{{unknown}}"}, "'unknown'"),
        ({"X": {"secret_id": "sec_2"}}, "missing: sec_2"),
        ({"X": "{{secret__other}}"}, "missing: secret__other"),
        ({"X": "a\r\nB: c"}, "cannot be sent"),
    ],
)
async def test_a_header_that_cannot_be_made_sends_nothing(
    site: Any, headers: dict[str, Any], why: str
) -> None:
    told = await call(site[0], {"request_headers": headers}, {})
    assert told.status == "error" and why in told.content and not site[1]


async def test_a_secret_goes_into_headers_only(site: Any) -> None:
    fixed = {"t": {"type": "string", "dynamic_variable": "secret__token"}}
    told = await call(
        site[0], {"query_params_schema": {"properties": fixed, "required": ["t"]}}, {}
    )
    assert told.status == "error" and not site[1]


async def test_a_private_address_is_not_reached() -> None:
    spec = {"name": "m", "description": "d", "api_schema": {"url": "http://169.254.169.254/"}}
    tool: Any = webhook_tool(tool_spec(spec), Outside(), Secrets(), TALK)
    tool.handle_tool_error = True
    told = await tool.ainvoke({"type": "tool_call", "name": "m", "args": {}, "id": "1"})
    assert "not on the public internet" in told.content


@pytest.mark.parametrize(
    ("method", "idempotent", "effect", "keyed"),
    [
        ("GET", None, False, False),
        ("POST", None, True, False),
        ("POST", True, True, True),
        ("PUT", None, True, True),
        ("PATCH", None, True, False),
        ("DELETE", False, True, False),
    ],
)
async def test_a_request_that_changes_something_is_an_effect_and_repeated_only_where_safe(
    site: Any, method: str, idempotent: bool | None, effect: bool, keyed: bool
) -> None:
    address, seen = site
    spec = {"name": "x", "description": "d", "idempotent": idempotent}
    spec["api_schema"] = {"url": f"{address}/x", "method": method}
    tool = webhook_tool(tool_spec(spec), Outside(["127.0.0.1"]), Secrets(), TALK)
    assert has_effect(tool.metadata) == effect
    assert (isinstance(tool, EffectTool) and tool.key_parameter == "key") == keyed
    await tool.ainvoke({"type": "tool_call", "name": "x", "args": {}, "id": "k1"})
    assert seen[0]["headers"].get("idempotency-key") == ("k1" if keyed else None)


@pytest.mark.parametrize(
    "api",
    [
        {"url": "example.com/x"},
        {"url": "https://{host}/x", "path_params_schema": {"host": TEXT}},
        {"url": "https://{{plan}}/x"},
        {"url": "https://example.com/{id}"},
        {"url": "https://example.com/", "method": "TRACE"},
        {
            "url": "https://example.com/{a}",
            "path_params_schema": {"a": TEXT},
            "query_params_schema": {"properties": {"a": TEXT}},
        },
    ],
)
def test_a_spec_that_could_not_be_used_is_refused(api: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        tool_spec({"name": "x", "description": "d", "api_schema": api})
