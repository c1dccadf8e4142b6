"""Approvals over HTTP: listed, answered once, shown as a page; the classic form is signed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from twilio.request_validator import RequestValidator

from graphs.threads import Begin
from server.app import create_app
from server.services import Services
from settings import Settings
from tests.stocks.approval import alone, proposed
from tests.stocks.conftest import Running
from tools.approving import approving

BASE, TOKEN, KEY = "https://dialgraph.example", "of the carrier", "of-the-test"
THREAD = ("graph", "the-run")


@dataclass
class Served:
    api: httpx.AsyncClient
    services: Services
    id: str
    code: str

    @property
    def at(self) -> str:
        return f"/api/approvals/{self.id}"

    async def gather(self, path: str, **fields: str) -> httpx.Response:
        given = {"CallSid": "CA1", "From": "+15550100", "To": "+15550123", **fields}
        given["Direction"] = "outbound-api"
        signed = RequestValidator(TOKEN).compute_signature(f"{BASE}{path}", given)
        headers = {"X-Twilio-Signature": signed, "xi-api-key": ""}
        return await self.api.post(path, data=given, headers=headers)


@pytest.fixture
async def served(tmp_path: Path, running: Running) -> AsyncIterator[Served]:
    settings = Settings(
        data_dir=tmp_path,
        public_url=BASE,
        api_key=KEY,
        twilio_auth_token=TOKEN,
        default_graph="graph",
        alpaca_key="key",
        alpaca_secret="secret",
        alpaca_url=running.url,
        _env_file=None,
    )
    app = create_app(settings, {"graph": alone()})
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=BASE, headers={"xi-api-key": KEY}
    )
    async with app.router.lifespan_context(app), client as api:
        services = app.state.services
        acting = await approving(services.desk)
        quotes = await acting.account.quotes(["AAPL", "MSFT"])
        state = proposed(limit=str(quotes["AAPL"].ask))
        state["sized"][2]["limit_price"] = str(quotes["MSFT"].ask)
        async for _ in services.threads.turn(*THREAD, Begin(state)):
            pass
        approval = await acting.approvals.of_run("run-1")
        assert approval
        yield Served(api, services, approval.id, acting.code(approval))


async def test_an_approval_is_listed_shown_and_answered_once(served: Served) -> None:
    (listed,) = (await served.api.get("/api/approvals", params={"state": "open"})).json()
    shown = (await served.api.get(served.at)).json()
    assert listed == shown
    assert [one["symbol"] for one in shown["terms"]] == ["AAPL", "MSFT"]
    assert (shown["live"], shown["state"], len(shown["digest"])) == (False, "open", 64)
    assert served.code not in str(shown) and "salt" not in shown and "code_hash" not in shown
    assert (await served.api.post(f"{served.at}/code")).json() == {"code": served.code}
    body: dict[str, Any] = {"verdict": "approve", "code": "x" * 6}
    assert (await served.api.post(served.at, json=body)).status_code == 403
    body = {"verdict": "approve", "code": served.code, "channel": "slack"}
    after = (await served.api.post(served.at, json=body)).json()
    assert (after["state"], after["channel"], after["wrong_codes"]) == ("approved", "slack", 1)
    again = (await served.api.post(served.at, json={"verdict": "decline"})).json()
    assert again["state"] == "approved"
    assert (await served.api.post(f"{served.at}/code")).status_code == 409


async def test_nobody_without_a_key_sees_or_answers_and_a_page_hides_the_code(
    served: Served,
) -> None:
    stranger = {"xi-api-key": ""}
    for method, path in [
        ("GET", "/api/approvals"),
        ("POST", served.at),
        ("POST", f"{served.at}/code"),
        ("GET", f"/approvals/{served.id}"),
        ("GET", "/my-api/agent"),
    ]:
        answer = await served.api.request(method, path, headers=stranger)
        assert answer.status_code == 401, path
    unsigned = await served.api.post("/voice?request=ab", data={"CallSid": "CA1"})
    assert unsigned.status_code == 403
    assert (await served.gather("/voice?request=ab")).status_code == 404
    for name in ("../secret.key", "a.wav", "secret.key", "x" * 300):
        assert (await served.api.get(f"/audio/{name}")).status_code == 404
    assert (await served.api.get(f"/api/approvals/{'0' * 32}")).status_code == 404
    assert (await served.api.get("/approvals/nothing")).status_code == 404
    assert (await served.api.post(served.at, json={"verdict": "maybe"})).status_code == 422
    page = (await served.api.get(f"/approvals/{served.id}", params={"via": "email"})).text
    assert "This is paper trading." in page and "AAPL" in page and 'data-via="email"' in page
    assert served.code not in page
    odd = await served.api.get(f"/approvals/{served.id}", params={"via": '"><script>'})
    assert 'data-via="page"' in odd.text


async def test_a_webhook_that_comes_twice_is_one_wrong_code(served: Served) -> None:
    request = "ab" * 16
    await served.services.call_results.open(request, THREAD[1])
    await served.services.call_results.asks(request, served.id)
    played = await served.gather(f"/voice?request={request}")
    assert played.text.count("<Play>") == 1 and 'numDigits="1"' in played.text
    name = played.text.partition("/audio/")[2].partition("<")[0]
    sound = await served.api.get(f"/audio/{name}", headers={"xi-api-key": ""})
    assert sound.headers["content-type"] == "audio/wav" and sound.content[:4] == b"RIFF"
    code = await served.gather(f"/gather?request={request}&turn=1", Digits="1")
    assert 'numDigits="6"' in code.text
    wrong = f"{(int(served.code) + 1) % 10**6:06d}"
    for _ in range(3):
        again = await served.gather(f"/gather?request={request}&turn=2", Digits=wrong)
        assert 'numDigits="6"' in again.text
    assert (await served.api.get(served.at)).json()["wrong_codes"] == 1
    bought = await served.gather(f"/gather?request={request}&turn=3", Digits=served.code)
    assert "<Hangup" in bought.text and "<Gather" not in bought.text
    assert (await served.api.get(served.at)).json()["state"] == "approved"
    result = (await served.api.get(f"/my-api/agent/{request}")).json()
    assert result["digit"] == "1" and result["timestamp"] and result["created_at"]
    await served.services.classic.forget(request)
    assert (await served.api.get(f"/audio/{name}")).status_code == 404
