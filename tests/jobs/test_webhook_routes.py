"""Webhooks over the API, as the official SDK and a plain client meet them."""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from elevenlabs import WebhookHmacSettings
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.types import (
    GetConversationResponseModel,
    WorkspaceCreateWebhookResponseModel,
    WorkspaceWebhookListResponseModel,
)

from server.app import create_app
from settings import Settings
from store.calls import Call
from tests.jobs.receiver import Receiver

HOOKS = "/v1/workspace/webhooks"
CONVERSATION = "conv_0b7e3c1e8f5d4a069d8e4b9a5f5d9c11"


@dataclasses.dataclass
class Served:
    """The application, by HTTP and by the SDK."""

    http: httpx.AsyncClient
    sdk: AsyncElevenLabs
    services: Any


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Served]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client,
    ):
        sdk = AsyncElevenLabs(api_key="x", base_url="http://127.0.0.1", httpx_client=client)
        yield Served(client, sdk, app.state.services)


@pytest.fixture
async def served(settings: Settings, receiving: Receiver) -> AsyncIterator[Served]:
    settings.private_hosts = receiving.host
    async with serving(settings) as served:
        yield served


async def create(served: Served, url: str, **more: Any) -> dict[str, str]:
    body = {"settings": {"name": "crm", "webhook_url": url, "auth_type": "hmac"}, **more}
    answer = await served.http.post(HOOKS, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, str] = answer.json()
    return made


async def until_delivered(served: Served, webhook_id: str, **wanted: Any) -> dict[str, Any]:
    """The newest delivery that is as wanted, once there is one."""
    while True:
        found = (await served.http.get(f"{HOOKS}/{webhook_id}/deliveries")).json()["deliveries"]
        for delivery in found:
            if wanted.items() <= delivery.items():
                return dict(delivery)
        await asyncio.sleep(0.02)


async def test_the_sdk_registers_changes_lists_and_deletes_a_webhook(
    served: Served, receiving: Receiver
) -> None:
    hooks = served.sdk.webhooks
    settings = WebhookHmacSettings(name="crm", webhook_url=receiving.url)
    made = await hooks.create(settings=settings)
    assert made.webhook_secret
    await hooks.update(made.webhook_id, is_disabled=True, name="other", retry_enabled=False)
    (listed,) = (await hooks.list(include_usages=True)).webhooks
    assert (listed.webhook_id, listed.name, listed.is_disabled) == (made.webhook_id, "other", True)
    raw = (await served.http.get(HOOKS)).json()
    WorkspaceWebhookListResponseModel.model_validate(raw)
    assert made.webhook_secret not in str(raw)
    assert (await hooks.delete(made.webhook_id)).status == "ok"
    assert (await hooks.list()).webhooks == []


async def test_a_test_event_arrives_and_is_redelivered_under_the_same_id(
    served: Served, receiving: Receiver
) -> None:
    made = await create(served, receiving.url)
    WorkspaceCreateWebhookResponseModel.model_validate(made)
    at = f"{HOOKS}/{made['webhook_id']}"
    sent = (await served.http.post(f"{at}/test")).json()
    done = await until_delivered(served, made["webhook_id"], state="done", status=200)
    assert done["delivery_id"] == sent["delivery_id"]
    again = await served.http.post(f"{at}/deliveries/{sent['delivery_id']}/redeliver")
    assert again.json()["state"] == "waiting"
    await until_delivered(served, made["webhook_id"], state="done")
    assert len(receiving.came) == 2
    assert len({*receiving.ids()}) == 1


async def test_the_older_form_registers_one_kind_of_event_of_an_agent(
    served: Served, receiving: Receiver
) -> None:
    at = "/v1/convai/agents/agent_1/webhooks"
    body = {"event_type": "call.ended", "url": receiving.url}
    made = (await served.http.post(at, json=body)).json()
    assert {"id", "event_type", "url", "agent_id", "created_at", "secret"} == set(made)
    (listed,) = (await served.http.get(at)).json()
    assert listed["event_type"] == "call.ended"
    assert (await served.http.get("/v1/convai/agents/other/webhooks")).json() == []
    assert (await served.http.delete(f"{at}/{made['id']}")).json() == {"status": "ok"}
    assert (await served.http.get(at)).json() == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "http://169.254.169.254/latest",
        "http://localhost:1/x",
        "http://2130706433/x",
        "http://0x7f.1/x",
        "http://0177.0.0.1/x",
        "http://127.1/x",
        "http://[::ffff:7f00:1]/x",
        "http://a.localhost./x",
        "http://[::1]/",
        "https://user:pass@example.com",
        "no address",
    ],
)
async def test_an_address_that_may_not_be_reached_is_refused_with_a_reason(
    served: Served, url: str
) -> None:
    body = {"settings": {"name": "x", "webhook_url": url}}
    answer = await served.http.post(HOOKS, json=body)
    assert answer.status_code == 422
    assert len(answer.json()["detail"]) > 20


@pytest.mark.parametrize(
    "headers", [{"Host": "x"}, {"ElevenLabs-Signature": "x"}, {"X\n": "x"}, {"X": "a\r\nb"}]
)
async def test_a_header_that_could_mislead_the_receiver_is_refused(
    served: Served, receiving: Receiver, headers: dict[str, str]
) -> None:
    settings = {"name": "x", "webhook_url": receiving.url, "request_headers": headers}
    assert (await served.http.post(HOOKS, json={"settings": settings})).status_code == 422


@pytest.mark.parametrize("path", ["", "/deliveries", "/deliveries/x", "/test"])
async def test_what_there_is_not_is_not_found(served: Served, path: str) -> None:
    methods = {"": "DELETE", "/test": "POST"}
    answer = await served.http.request(methods.get(path, "GET"), f"{HOOKS}/wh_none{path}")
    assert answer.status_code == 404


async def test_the_life_of_a_call_is_told_from_its_record(
    served: Served, receiving: Receiver
) -> None:
    """The words "initiated", "started" and "ended" come of the record, in this order."""
    made = await create(served, receiving.url, events=["*"])
    calls, now = served.services.calls, datetime.now(UTC)
    call = Call(
        sid="CA1",
        graph="eligibility",
        thread_id="0b7e3c1e-8f5d-4a06-9d8e-4b9a5f5d9c11",
        direction="inbound",
        carrier="twilio",
        status="ringing",
        started_at=now,
    )
    await calls.create(call)
    call.status = "in-progress"
    await calls.save(call)
    await calls.save(call)
    call.status, call.ended_at = "completed", datetime.now(UTC)
    await calls.save(call)
    await until_delivered(served, made["webhook_id"], state="done", type="post_call_transcription")
    bodies = [json.loads(came.body) for came in receiving.came]
    assert [body["type"] for body in bodies] == [
        "call.initiated",
        "call.started",
        "call.ended",
        "post_call_transcription",
    ]
    shown = (await served.http.get(f"/v1/convai/conversations/{CONVERSATION}")).json()
    assert bodies[-1]["data"] == shown
    GetConversationResponseModel.model_validate(shown)
    assert shown["analysis"]["call_successful"] == "unknown"
    assert shown["status"] == "done"
    ids = {body["data"]["conversation_id"] for body in bodies}
    assert ids == {CONVERSATION}
