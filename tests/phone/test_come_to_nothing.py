"""Conversations that were let in and are held by nobody leave nothing behind."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from server.housekeeping import delete_expired
from server.services import Services
from store.calls import Call
from tests.phone.placing import ASHA, BASE, OURS
from tests.phone.test_api_calls import agent, api, ended, number
from tests.phone.test_turn_by_turn import post
from voice.dialler import DiallingFailed, DiallingRefused
from voice.phonelab.virtual_time import virtually

SECRET = {"dynamic_variables": {"name": "Asha", "secret__pin": "4711"}}
LIMITED = {"call_limits": {"agent_concurrency_limit": 1, "daily_limit": 40}}


async def kept(services: Services) -> dict[str, int]:
    """How many rows there are of what a conversation is begun with."""
    tables = ("conversations", "secrets", "admissions")
    async with services.calls._session() as session:
        return {
            name: await session.scalar(text(f"SELECT count(*) FROM {name}"))  # noqa: S608
            for name in tables
        }


NOTHING = {"conversations": 0, "secrets": 0, "admissions": 0}
ONE = {"conversations": 1, "secrets": 1, "admissions": 1}


async def wanted(http: httpx.AsyncClient, to: str = ASHA) -> dict[str, Any]:
    agent_id = await agent(http, platform_settings=LIMITED)
    data = {"conversation_initiation_client_data": SECRET}
    return {"agent_id": agent_id, "to_number": to, **data}


@virtually
@pytest.mark.parametrize(
    "failure", [DiallingRefused([]), DiallingFailed("It is broken."), ValueError("No number.")]
)
async def test_a_call_that_was_not_placed(tmp_path: Path, failure: Exception) -> None:
    async with api(tmp_path) as (_, services, http):

        async def fails(*_: Any, **__: Any) -> Call:
            assert await kept(services) == ONE
            raise failure

        services.dialler.call = fails  # type: ignore[method-assign]
        answer = await http.post("/twilio/outbound-call", json=await wanted(http))
        assert answer.json()["success"] is False
        assert await kept(services) == NOTHING


@virtually
async def test_a_number_that_is_none(tmp_path: Path) -> None:
    async with api(tmp_path) as (_, services, http):
        answer = await http.post("/twilio/outbound-call", json=await wanted(http, "abc"))
        assert answer.status_code == 422
        assert await kept(services) == NOTHING


@virtually
async def test_a_call_that_may_have_been_placed_counts(tmp_path: Path) -> None:
    """Of three that nobody knew about, an agent that may hold one held three."""
    async with api(tmp_path) as (_, services, http):
        ask: Callable[..., Awaitable[Any]] = services.dialler._placing.ask

        async def silent(client: Any, dial: Any, asking: Any) -> Any:
            raise DiallingFailed("Twilio cannot be reached, and may have placed the call.")

        services.dialler._placing.ask = silent  # type: ignore[method-assign]
        body = await wanted(http)
        answers = [
            (await http.post("/twilio/outbound-call", json=body | {"call_recording_enabled": on}))
            for on in (True, False)
        ]
        assert "may have placed" in answers[0].json()["message"]
        (reason,) = answers[1].json()["reasons"]
        assert reason["code"] == "agent_concurrency_limit"
        assert await kept(services) == ONE
        services.dialler._placing.ask = ask  # type: ignore[method-assign]


@virtually
@pytest.mark.parametrize("path", ["/voice/incoming", "/voice/inbound"])
async def test_a_caller_who_is_refused_uses_nothing_up(tmp_path: Path, path: str) -> None:
    """Who rang too often used up the day of the agent by it."""
    async with api(tmp_path, calls_per_hour_per_number=1) as (_, services, http):
        await number(http, await agent(http, platform_settings=LIMITED))
        client = httpx.AsyncClient(transport=http._transport, base_url=BASE)
        before = datetime.now(UTC) - timedelta(minutes=1)
        earlier = Call(
            sid="CA0", graph="graph", thread_id="0", direction="inbound", carrier="twilio",
            status="completed", from_number=ASHA, started_at=before, ended_at=before,
        )  # fmt: skip
        await services.calls.create(earlier)
        for sid in ("CA1", "CA2"):
            answer = await post(client, path, {"CallSid": sid, "From": ASHA, "To": OURS})
            assert "<Reject" in answer.text or "<Hangup" in answer.text
        assert await kept(services) == NOTHING


@virtually
async def test_a_call_whose_carrier_asks_twice_is_one(tmp_path: Path) -> None:
    async with api(tmp_path) as (_, services, http):
        await number(http, await agent(http, platform_settings=LIMITED))
        client = httpx.AsyncClient(transport=http._transport, base_url=BASE)
        for _ in range(2):
            fields = {"CallSid": "CA1", "From": ASHA, "To": OURS}
            assert "<Stream" in (await post(client, "/voice/incoming", fields)).text
        assert await kept(services) == ONE | {"secrets": 0}
        assert len((await http.get("/conversations")).json()["conversations"]) == 1


@virtually
async def test_one_whose_server_died_goes_by_its_age(tmp_path: Path) -> None:
    async with api(tmp_path) as (_, services, http):

        async def killed(*_: Any, **__: Any) -> Call:
            raise asyncio.CancelledError

        call = services.dialler.call
        services.dialler.call = killed  # type: ignore[method-assign]
        body = await wanted(http)
        with pytest.raises(asyncio.CancelledError):
            await http.post("/twilio/outbound-call", json=body)
        services.dialler.call = call  # type: ignore[method-assign]
        assert await kept(services) == ONE
        now = datetime.now(UTC)
        await delete_expired(services.settings, services, now + timedelta(days=1))
        assert await kept(services) == ONE
        await delete_expired(services.settings, services, now + timedelta(days=91))
        assert await kept(services) == NOTHING
        answer = (await http.post("/twilio/outbound-call", json=body)).json()
        assert answer["success"] is True
        await ended(services, answer["callSid"])
