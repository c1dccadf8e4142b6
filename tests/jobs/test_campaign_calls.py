"""A batch over the API, rung on the phone lab in virtual time, told of by webhook records."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
from elevenlabs.types import BatchCallDetailedResponse, WorkspaceBatchCallsResponse

from tests.phone.placing import ASHA, PERSON, world
from tests.phone.test_dialler import greeter, says
from voice.phonelab import Subscriber
from voice.phonelab.virtual_time import virtually

BATCHES = "/v1/convai/batch-calling"


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1",
        headers={"xi-api-key": "of-the-test"},
    )


@virtually
async def test_a_batch_calls_who_may_be_called_and_says_why_it_leaves_out_the_others(
    tmp_path: Path,
) -> None:
    people = {ASHA: says("Hi."), PERSON: Subscriber(answers="busy")}
    more = {"api_key": "of-the-test", "call_countries": "US"}
    async with (
        world(tmp_path, greeter(), people, **more) as (lab, services, app),
        client(app) as at,
    ):
        config = {"agent": {"graph": "graph", "prompt": {"prompt": "Sell."}}}
        made = await at.post(
            "/v1/convai/agents/create", json={"name": "a", "conversation_config": config}
        )
        agent = made.json()["agent_id"]
        data = {"dynamic_variables": {"name": "Asha", "secret__pin": "1234"}}
        body = {
            "call_name": "spring",
            "agent_id": agent,
            "recipients": [
                {"phone_number": ASHA, "conversation_initiation_client_data": data},
                {"phone_number": PERSON},
            ],
        }
        submitted = await at.post(f"{BATCHES}/submit", json=body)
        assert submitted.status_code == 200, submitted.text
        batch = f"{BATCHES}/{submitted.json()['id']}"
        async with asyncio.timeout(600):
            while (shown := (await at.get(batch)).json())["status"] in ("pending", "in_progress"):
                await asyncio.sleep(1)
        BatchCallDetailedResponse.model_validate(shown)
        WorkspaceBatchCallsResponse.model_validate((await at.get(f"{BATCHES}/workspace")).json())
        assert "1234" not in str(shown)
        for one in shown["recipients"]:
            assert one["status"] == "failed" and "exists" in one["reason"]
        assert lab.calls == []
        assert (await at.post(f"{batch}/pause")).status_code == 400  # nobody is left to wait
        assert (await at.post(f"{batch}/retry")).json()["retry_count"] == 1


@virtually
async def test_a_batch_that_is_submitted_again_is_the_batch_before(tmp_path: Path) -> None:
    """ElevenLabs' client repeats a POST whose answer is lost; everybody was called by both."""
    async with (
        world(tmp_path, greeter(), {}, api_key="of-the-test") as (_, services, app),
        client(app) as at,
    ):
        made = await at.post("/v1/convai/agents/create", json={"conversation_config": {}})
        body = {
            "call_name": "Tomorrow",
            "agent_id": made.json()["agent_id"],
            "recipients": [{"phone_number": ASHA}],
            "scheduled_time_unix": 4_000_000_000,
        }
        posts = [at.post(f"{BATCHES}/submit", json=body) for _ in range(3)]
        first, *others = [answer.json()["id"] for answer in await asyncio.gather(*posts)]
        assert {*others} == {first}

        keyed = {"Idempotency-Key": "spring"}
        spring = (await at.post(f"{BATCHES}/submit", json=body, headers=keyed)).json()["id"]
        await at.post(f"{BATCHES}/{spring}/cancel")
        again = await at.post(f"{BATCHES}/submit", json=body, headers=keyed)
        assert (again.json()["id"], again.json()["status"]) == (spring, "cancelled")
        other = await at.post(f"{BATCHES}/submit", json=body | {"attempts": 2}, headers=keyed)
        assert other.status_code == 409

        await at.post(f"{BATCHES}/{first}/cancel")
        anew = (await at.post(f"{BATCHES}/submit", json=body)).json()["id"]
        assert anew not in (first, spring), "who cancels and submits again means it"
        assert len(await services.batches.page(limit=10)) == 3
