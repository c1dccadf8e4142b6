"""What an agent limits itself to: how long, how many at once, how many a day."""

import asyncio
from pathlib import Path

import httpx
import pytest
from elevenlabs import types as el

from store.calls import TURN_BY_TURN
from store.conversations import conversation_id
from tests.phone.placing import ASHA, BASE, OURS
from tests.phone.test_api_calls import agent, api, ended, number
from tests.phone.test_call_actions import words
from tests.phone.test_turn_by_turn import post
from voice.phonelab import ScriptedCaller, SilentCaller
from voice.phonelab.virtual_speech import SpellingVoice
from voice.phonelab.virtual_time import virtually
from voice.phrases import phrase

SHORT = {"conversation": {"max_duration_seconds": 5}}


@virtually
async def test_a_call_ends_politely_when_its_agent_says_so(tmp_path: Path) -> None:
    async with api(tmp_path) as (lab, services, http):
        last = "Time is up, {{name}}."
        given = {"dynamic_variables": {"dynamic_variable_placeholders": {"name": "Asha"}}}
        part = {"max_conversation_duration_message": last, **given, **SHORT}
        await number(http, await agent(http, **part))
        made = lab.ring(f"{BASE}/voice/incoming", SilentCaller(), from_=ASHA, to=OURS)
        call = await ended(services, made.sid)
        await made.wait()
    assert call.transcript[-1].text == "Time is up, Asha." and call.status == "completed"
    assert call.ended_at and (call.ended_at - call.started_at).total_seconds() < 30


@virtually
async def test_an_agent_does_not_outlast_the_server(tmp_path: Path) -> None:
    async with api(tmp_path, max_call_secs=5) as (lab, services, http):
        await number(http, await agent(http, conversation={"max_duration_seconds": 3600}))
        made = lab.ring(f"{BASE}/voice/incoming", SilentCaller(), from_=ASHA, to=OURS)
        call = await ended(services, made.sid)
        await made.wait()
    assert call.transcript[-1].text == phrase("too_long")


@virtually
async def test_silence_is_asked_about_when_the_agent_says_so(tmp_path: Path) -> None:
    async with api(tmp_path) as (lab, services, http):
        await number(http, await agent(http, turn={"turn_timeout": 2}))
        made = lab.ring(f"{BASE}/voice/incoming", SilentCaller(), from_=ASHA, to=OURS)
        call = await ended(services, made.sid)
        await made.wait()
    first, second = call.transcript[:2]
    assert second.text == phrase("silence")
    assert (second.at - first.at).total_seconds() < 6  # of the settings: 8, and the greeting


@virtually
async def test_a_call_turn_by_turn_ends_politely_too(tmp_path: Path) -> None:
    async with api(tmp_path) as (_, services, http):
        await number(http, await agent(http, **SHORT))
        client = httpx.AsyncClient(transport=http._transport, base_url=BASE)
        fields = {"CallSid": "CA1", "From": ASHA, "To": OURS}
        await post(client, "/voice/inbound", fields)
        await asyncio.sleep(6)
        path, said = "/voice/recording-callback?turn=", {"SpeechResult": "Hello"}
        answer = await post(client, f"{path}1", fields | said)
        assert phrase("too_long") in answer.text and "<Record" not in answer.text
        assert "<Hangup />" in (await post(client, f"{path}2", fields)).text
        (call,) = await services.calls.list()
        assert (call.carrier, call.status) == (TURN_BY_TURN, "completed")
        shown = (await http.get(f"/conversations/{conversation_id(call.thread_id)}")).json()
        el.GetConversationResponseModel.model_validate(shown)
        phone = shown["metadata"]["phone_call"]
        assert (phone["type"], phone["call_sid"]) == ("twilio", "CA1")
        assert (phone["external_number"], phone["agent_number"]) == (ASHA, OURS)


@virtually
@pytest.mark.parametrize("limit", ["agent_concurrency_limit", "daily_limit"])
async def test_nobody_is_rung_by_an_agent_at_its_limit(tmp_path: Path, limit: str) -> None:
    async with api(tmp_path) as (lab, services, http):
        agent_id = await agent(http, platform_settings={"call_limits": {limit: 1}})
        bodies = [
            {"agent_id": agent_id, "to_number": ASHA, "call_recording_enabled": recorded}
            for recorded in (True, False)
        ]
        posts = [http.post("/twilio/outbound-call", json=body) for body in bodies]
        answers = [answer.json() for answer in await asyncio.gather(*posts)]
        placed = [answer for answer in answers if answer["success"]]
        (refused,) = [answer for answer in answers if not answer["success"]]
        assert [reason["code"] for reason in refused["reasons"]] == [limit]
        assert limit in refused["message"] and len(lab.calls) == 1
        await ended(services, placed[0]["callSid"])
        again = bodies[answers.index(refused)]
        answer = (await http.post("/twilio/outbound-call", json=again)).json()
        assert answer["success"] is (limit == "agent_concurrency_limit")


@virtually
async def test_who_rings_an_agent_at_its_limit_is_told_to_ring_later(tmp_path: Path) -> None:
    async with api(tmp_path) as (lab, services, http):
        limits = {"call_limits": {"agent_concurrency_limit": 1}}
        await number(http, await agent(http, platform_settings=limits))
        first = lab.ring(f"{BASE}/voice/incoming", SilentCaller(), from_=ASHA, to=OURS)
        async with asyncio.timeout(20):
            while not await services.calls.get(first.sid):
                await asyncio.sleep(0.1)
        second = lab.ring(
            f"{BASE}/voice/incoming",
            ScriptedCaller(["Hi."], voice=SpellingVoice()),
            from_=ASHA,
            to=OURS,
        )
        await second.wait()
        await first.wait()
        assert [call.sid for call in await services.calls.list()] == [first.sid]
        assert phrase("busy") in words(second)


@virtually
async def test_a_wish_that_is_not_allowed_does_not_count(tmp_path: Path) -> None:
    async with api(tmp_path) as (_, services, http):
        agent_id = await agent(http, platform_settings={"call_limits": {"daily_limit": 1}})
        body = {"agent_id": agent_id, "to_number": ASHA}
        account, services.settings.twilio_number = services.settings.twilio_number, None
        lacking = (await http.post("/twilio/outbound-call", json=body)).json()
        assert lacking["success"] is False
        services.settings.twilio_number = account
        placed = (await http.post("/twilio/outbound-call", json=body)).json()
        assert placed["success"] is True
        await ended(services, placed["callSid"])


@virtually
@pytest.mark.parametrize("keeps", [True, False])
async def test_an_agent_may_have_its_calls_not_recorded(tmp_path: Path, keeps: bool) -> None:
    async with api(tmp_path, record_calls=True) as (lab, services, http):
        privacy = {"privacy": {"record_voice": keeps}}
        await number(http, await agent(http, platform_settings=privacy, **SHORT))
        made = lab.ring(f"{BASE}/voice/incoming", SilentCaller(), from_=ASHA, to=OURS)
        call = await ended(services, made.sid)
        await made.wait()
    assert (phrase("recorded") in [said.text for said in call.transcript]) is keeps
    assert bool(list(tmp_path.rglob("*.wav"))) is keeps and bool(call.recording) is keeps
