"""Calls that an agent places by itself, answered on the phone lab: promised ones, and a batch's."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from server.services import Services
from store.callbacks import CallBack, new_id
from tests.jobs.test_campaign_calls import BATCHES, client
from tests.phone.placing import world
from tests.phone.test_dialler import ended, greeter, says
from voice.phonelab.virtual_time import virtually

ASHA = "+12125550142"
RULES = {
    "version": "of the test",
    "refused_types": [],
    "default": {
        "hours": ["00:00", "23:59"],
        "days": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
        "holidays": [],
        "consent": {"marketing": "written", "service": "express", "callback": "none"},
        "per_day": 3,
        "per_week": 5,
        "cooldown_hours": 0,
        "verified": False,
        "source": "the test",
    },
}


def rules(folder: Path) -> dict[str, Any]:
    """Settings under which anybody may be called at any hour who agreed to it."""
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(RULES))
    return {"api_key": "of-the-test", "call_countries": "US", "permission_rules": file}


async def made(at: Any) -> str:
    config = {"agent": {"graph": "graph"}}
    body = {"name": "a", "conversation_config": config}
    return str((await at.post("/v1/convai/agents/create", json=body)).json()["agent_id"])


async def promised(services: Services, agent_id: str, **when: float) -> CallBack:
    now = datetime.now(UTC)
    promise = CallBack(
        id=new_id(),
        number=ASHA,
        due_at=now + timedelta(**when),
        organisation="workspace",
        agent_id=agent_id,
        conversation_id="conv_1",
        created_at=now,
    )
    return await services.desk.call_backs.promise(promise, key=promise.id)


async def state_of(services: Services) -> list[tuple[str, str | None]]:
    return [(one.state, one.reason) for one in await services.desk.call_backs.of_number(ASHA)]


@virtually
async def test_who_was_promised_a_call_back_is_rung_once_when_it_is_due(tmp_path: Path) -> None:
    """It was refused for want of consent to marketing, to which nobody has to agree for that."""
    async with (
        world(tmp_path, greeter(), {ASHA: says("Hi.")}, True, **rules(tmp_path)) as (lab, on, app),
        client(app) as at,
    ):
        agent_id = await made(at)
        await promised(on, agent_id, seconds=-1)
        async with asyncio.timeout(300):
            while (await state_of(on))[0][0] == "waiting":
                await asyncio.sleep(1)
        assert await state_of(on) == [("dialled", None)]
        call = await ended(on, lab.calls[0].sid)
        assert len(lab.calls) == 1 and call.agent_id == agent_id
        assert call.transcript[0].text == "Hello stranger. It is outbound."


@virtually
async def test_a_call_back_to_who_has_opted_out_meanwhile_is_not_made(tmp_path: Path) -> None:
    async with (
        world(tmp_path, greeter(), {ASHA: says("Hi.")}, True, **rules(tmp_path)) as (lab, on, app),
        client(app) as at,
    ):
        await on.desk.permissions.opt_out(ASHA, "sms")
        await promised(on, await made(at), seconds=-1)
        async with asyncio.timeout(300):
            while (await state_of(on))[0][0] == "waiting":
                await asyncio.sleep(1)
        ((state, reason),) = await state_of(on)
        assert (state, lab.calls) == ("refused", []) and "our own list" in str(reason)


@virtually
async def test_a_batch_calls_who_agreed_and_is_answered(tmp_path: Path) -> None:
    async with (
        world(tmp_path, greeter(), {ASHA: says("Hi.")}, True, **rules(tmp_path)) as (lab, on, app),
        client(app) as at,
    ):
        body = {
            "call_name": "spring",
            "agent_id": await made(at),
            "recipients": [{"phone_number": ASHA}],
        }
        refused = (await at.post(f"{BATCHES}/submit", json=body)).json()["id"]
        shown = await over(at, refused)
        assert "--organisation workspace" in shown["recipients"][0]["reason"]
        await on.desk.permissions.allow(
            ASHA, "workspace", purpose="marketing", strength="written", proof="form 7"
        )
        body["call_name"] = "spring, once more"  # the same again would be the batch before
        shown = await over(at, (await at.post(f"{BATCHES}/submit", json=body)).json()["id"])
        assert [one["status"] for one in shown["recipients"]] == ["completed"], shown
        assert len(lab.calls) == 1
        metrics = (await at.get("/metrics")).text
        assert 'dialgraph_calls_total{direction="outbound",status="completed"} 1' in metrics
        assert 'dialgraph_jobs{kind="batch"' in metrics
        assert "# TYPE dialgraph_market_requests_total counter" in metrics


async def over(at: Any, batch: str) -> dict[str, Any]:
    async with asyncio.timeout(600):
        while (shown := (await at.get(f"{BATCHES}/{batch}")).json())["status"] in (
            "pending",
            "in_progress",
        ):
            await asyncio.sleep(1)
    return dict(shown)
