"""What can be known to be refused is refused when it is asked for, with every reason."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from server.app import create_app
from server.cli import app as command
from settings import Settings

AMERICAN = "+12125550142"


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/v1/convai") as client,
    ):
        yield client


def tool(url: str) -> dict[str, Any]:
    config = {"name": "look_up", "description": "Looks up.", "api_schema": {"url": url}}
    return {"tool_config": {"type": "webhook", **config}}


async def test_a_webhook_tool_to_a_private_address_is_refused_when_it_is_made_or_changed(
    api: httpx.AsyncClient,
) -> None:
    for url in ("http://10.0.0.1/x", "http://localhost/x", "http://169.254.169.254/latest"):
        refused = await api.post("/tools", json=tool(url))
        assert refused.status_code == 422, url
        assert "is not on the public internet" in refused.json()["detail"][0]["msg"]
    made = await api.post("/tools", json=tool("https://93.184.215.14/{{plan}}"))
    assert made.status_code == 200, made.text
    changed = await api.patch(f"/tools/{made.json()['id']}", json=tool("http://10.0.0.1/x"))
    assert changed.status_code == 422


async def test_whether_one_may_call_is_told_before_that_there_is_no_carrier(
    api: httpx.AsyncClient,
) -> None:
    config = {"agent": {"first_message": "Hello."}}
    made = await api.post("/agents/create", json={"conversation_config": config, "name": "Desk"})
    wish = {"agent_id": made.json()["agent_id"], "to_number": AMERICAN}
    answer = (await api.post("/twilio/outbound-call", json=wish)).json()
    codes = [reason["code"] for reason in answer["reasons"]]
    assert codes[0] == "country_not_allowed"
    assert "no_consent" in codes or "consent_too_weak" in codes
    assert answer["message"].startswith("The call is not allowed.")
    assert "TWILIO_PHONE_NUMBER" in answer["message"]


def test_a_consent_does_not_lift_an_opt_out_and_says_so() -> None:
    run = CliRunner().invoke
    agreed = ["permission", "allow", AMERICAN, "--proof", "form 7", "--written"]
    assert f"{AMERICAN} agreed" in run(command, agreed).output
    run(command, ["permission", "opt-out", AMERICAN])
    again = run(command, agreed)
    assert again.exit_code == 1
    assert "agreed" not in again.output
    assert "our own list" in again.output
    assert "Nothing takes a number off it" in again.output
