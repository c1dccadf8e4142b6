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
