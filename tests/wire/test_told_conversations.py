"""What is told of a conversation leaves out what its agent, or the settings, leave out."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from elevenlabs import types as el

from store.calls import Call, Utterance
from store.conversations import conversation_id
from tests.wire.api_server import Running

SECRET = "My card is 4111 1111 1111 1111, mail asha@example.com"
RULES = {"enabled": True, "entities": ["financial_id.payment_card"]}


def agent(raw: httpx.Client, **platform: Any) -> str:
    config = {"agent": {"graph": "parrot"}}
    body = {"conversation_config": config, "platform_settings": platform}
    answer = raw.post("/agents/create", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["agent_id"])


def held(server: Running, agent_id: str, said: str = SECRET) -> str:
    """Keep a call of an agent that is over, and return the id of its conversation."""
    now, thread_id = datetime.now(UTC) - timedelta(minutes=1), uuid4().hex
    call = Call(
        sid=f"CA{thread_id}",
        graph="parrot",
        thread_id=thread_id,
        direction="inbound",
        carrier="twilio",
        status="completed",
        agent_id=agent_id,
        started_at=now,
        ended_at=now,
        transcript=[Utterance(role="bot", text=said, at=now)],
    )
    server.run(server.services.calls.create(call))
    return conversation_id(thread_id)


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        (RULES, "My card is [CARD], mail asha@example.com"),
        ({"enabled": True}, "My card is [CARD], mail [EMAIL]"),
        ({"enabled": False, "entities": ["email_address"]}, SECRET),
    ],
)
def test_what_an_agent_leaves_out_is_not_in_its_conversations(
    server: Running, raw: httpx.Client, rules: dict[str, Any], left: str
) -> None:
    made = agent(raw, privacy={"conversation_history_redaction": rules})
    told = raw.get(f"/conversations/{held(server, made)}").json()
    el.GetConversationResponseModel.model_validate(told)
    assert [entry["message"] for entry in told["transcript"]] == [left]


def test_transcripts_are_told_in_one_form_and_another_is_refused(raw: httpx.Client) -> None:
    other = {"webhooks": {"transcript_format": "opentelemetry"}}
    assert raw.patch("/settings", json=other).status_code == 422
    config = {"conversation_config": {"agent": {"graph": "parrot"}}}
    platform = {"platform_settings": {"workspace_overrides": other}}
    assert raw.post("/agents/create", json={**config, **platform}).status_code == 422
    assert raw.get("/conversations/any", params={"format": "opentelemetry"}).status_code == 422


@pytest.mark.parametrize("excludes", [True, False])
def test_an_event_after_a_call_may_come_without_its_transcript(
    server: Running, raw: httpx.Client, excludes: bool
) -> None:
    services = server.services
    made, _ = server.run(
        services.webhooks.create("crm", "https://crm.example.com", events=["call.started"])
    )
    webhooks = {"post_call_webhook_id": made.id, "exclude_transcript": excludes}
    of = agent(raw, workspace_overrides={"webhooks": webhooks})
    conversation = held(server, of)
    body = server.run(_told(server, conversation))
    assert ("transcript" in body["data"]) is not excludes
    assert body["data"]["conversation_id"] == conversation and body["data"]["metadata"]


async def _told(server: Running, conversation: str) -> dict[str, Any]:
    for _ in range(200):
        for event in await server.services.outbox.of_conversation(conversation):
            if event.kind == "post_call_transcription":
                return dict(json.loads(event.body))
        await asyncio.sleep(0.05)
    raise AssertionError("Nothing was told.")
