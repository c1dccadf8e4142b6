"""Calls placed and answered for agents of the API, on the phone lab in virtual time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from server.services import Services
from store.calls import Call
from store.conversations import conversation_id
from tests.phone.placing import ASHA, BASE, OURS, world
from voice.dialler import DiallingRefused
from voice.phonelab import PhoneLab, ScriptedCaller, Subscriber
from voice.phonelab.virtual_speech import SpellingVoice
from voice.phonelab.virtual_time import virtually


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    agent: dict[str, Any]
    conversation_id: str
    caller: str
    done: bool


def speaker() -> Any:
    """A graph that says its agent's first message, and then goodbye."""

    async def speak(state: State) -> State:
        if not state.get("messages"):
            return {"messages": [AIMessage(state["agent"]["first_message"])]}
        return {"messages": [AIMessage("Goodbye.")], "done": True}

    builder = StateGraph(State)
    builder.add_node("speak", speak)
    builder.add_edge(START, "speak")
    return builder.compile()


def says(*lines: str) -> Subscriber:
    return Subscriber(lambda: ScriptedCaller(lines, voice=SpellingVoice()))


@asynccontextmanager
async def api(
    folder: Path, **more: Any
) -> AsyncIterator[tuple[PhoneLab, Services, httpx.AsyncClient]]:
    async with world(folder, speaker(), {ASHA: says("Hi.")}, api_key="k", **more) as (
        lab,
        services,
        app,
    ):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"xi-api-key": "k"}
        base = f"{BASE}/v1/convai"
        async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as http:
            yield lab, services, http


async def agent(http: httpx.AsyncClient, **part: Any) -> str:
    platform = part.pop("platform_settings", {})
    turns = {name: part.pop(name) for name in ("conversation", "turn") if name in part}
    config = {"agent": {"graph": "graph", "first_message": "Hello {{name}}.", **part}, **turns}
    body = {"conversation_config": config, "name": "Desk", "platform_settings": platform}
    made = await http.post("/agents/create", json=body)
    return str(made.json()["agent_id"])


async def number(http: httpx.AsyncClient, agent_id: str | None = None) -> str:
    body = {"provider": "twilio", "phone_number": OURS, "label": "Ours", "sid": "x", "token": "y"}
    number_id = str((await http.post("/phone-numbers", json=body)).json()["phone_number_id"])
    if agent_id:
        await http.patch(f"/phone-numbers/{number_id}", json={"agent_id": agent_id})
    return number_id


async def ended(services: Services, sid: str) -> Call:
    async with asyncio.timeout(120):
        while not ((call := await services.calls.get(sid)) and call.ended_at):
            await asyncio.sleep(0.1)
    return call


@virtually
async def test_an_agent_calls_and_says_what_it_was_given(tmp_path: Path) -> None:
    async with api(tmp_path) as (lab, services, http):
        agent_id, number_id = await agent(http), await number(http)
        body = {
            "agent_id": agent_id,
            "agent_phone_number_id": number_id,
            "to_number": ASHA,
            "conversation_initiation_client_data": {"dynamic_variables": {"name": "Asha"}},
        }
        answer = (await http.post("/twilio/outbound-call", json=body)).json()
        assert answer["success"] is True
        call = await ended(services, answer["callSid"])
        await lab.call(call.sid).wait()
        got = (await http.get(f"/conversations/{answer['conversation_id']}")).json()
    assert call.transcript[0].text == "Hello Asha."
    assert answer["conversation_id"] == conversation_id(call.thread_id)
    phone = got["metadata"]["phone_call"]
    assert (phone["direction"], phone["external_number"]) == ("outbound", ASHA)
    assert (phone["phone_number_id"], phone["call_sid"]) == (number_id, call.sid)
    assert got["transcript"][0]["message"] == "Hello Asha."
    assert got["status"] == "processing"


@virtually
async def test_the_same_wish_again_rings_nobody_twice(tmp_path: Path) -> None:
    async with api(tmp_path) as (lab, services, http):
        body = {"agent_id": await agent(http), "to_number": ASHA}
        posts = [http.post("/twilio/outbound-call", json=body) for _ in range(4)]
        answers = [answer.json() for answer in await asyncio.gather(*posts)]
        assert len({answer["callSid"] for answer in answers}) == 1
        assert len({answer["conversation_id"] for answer in answers}) == 1
        await ended(services, answers[0]["callSid"])
        other = body | {"conversation_initiation_client_data": {"user_id": "another wish"}}
        second = (await http.post("/twilio/outbound-call", json=other)).json()
        assert second["callSid"] != answers[0]["callSid"]
        await ended(services, second["callSid"])
        assert len(await services.calls.list()) == 2


@virtually
async def test_a_deleted_conversation_leaves_no_word_of_what_it_was_begun_with(
    tmp_path: Path,
) -> None:
    async with api(tmp_path) as (lab, services, http):
        body = {
            "agent_id": await agent(http),
            "to_number": ASHA,
            "conversation_initiation_client_data": {"dynamic_variables": {"name": "Xylophone"}},
        }
        answer = (await http.post("/twilio/outbound-call", json=body)).json()
        await ended(services, answer["callSid"])
        await lab.call(answer["callSid"]).wait()
        assert b"Xylophone" in kept(tmp_path)
        gone = await http.delete(f"/conversations/{answer['conversation_id']}")
        assert gone.status_code == 200
        assert b"Xylophone" not in kept(tmp_path)
        again = (await http.post("/twilio/outbound-call", json=body)).json()
        assert (again["success"], len(lab.calls)) == (False, 1)


def kept(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


@virtually
async def test_a_key_of_the_clients_makes_a_wish_the_same_for_long(tmp_path: Path) -> None:
    async with api(tmp_path) as (lab, services, http):
        body = {"agent_id": await agent(http), "to_number": ASHA}
        key = {"Idempotency-Key": "lead-17"}
        first = await http.post("/twilio/outbound-call", json=body, headers=key)
        await ended(services, first.json()["callSid"])
        await asyncio.sleep(600)
        again = await http.post("/twilio/outbound-call", json=body, headers=key)
        other = await http.post(
            "/twilio/outbound-call", json=body | {"call_recording_enabled": True}, headers=key
        )
    assert again.json() == first.json()
    assert other.status_code == 409


@virtually
async def test_a_wish_whose_server_died_before_it_was_kept_is_kept_when_it_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name was known by then, so what it was begun with was never written down."""
    async with api(tmp_path) as (_, services, http):

        async def dies(*_: Any) -> None:
            raise RuntimeError("the process was killed")

        data = {"user_id": "asha", "dynamic_variables": {"name": "Asha"}}
        body = {"agent_id": await agent(http), "to_number": ASHA}
        body |= {"conversation_initiation_client_data": data}
        with monkeypatch.context() as patch:
            patch.setattr("server.convai.opening.begin", dies)
            broken = (await http.post("/twilio/outbound-call", json=body)).json()
            assert broken["success"] is False and "ask again" in broken["message"]
        answer = (await http.post("/twilio/outbound-call", json=body)).json()
        call = await ended(services, answer["callSid"])
        about = await services.workspace.conversations.about(call.thread_id)
    assert (about.user_id, about.initiation) == ("asha", data)


@virtually
async def test_a_call_that_is_not_allowed_says_why_and_is_no_error(tmp_path: Path) -> None:
    async with api(tmp_path) as (_, services, http):
        reasons = [{"code": "do_not_call", "sentence": "The person does not want to be called."}]

        async def refused(*_: Any, **__: Any) -> Call:
            raise DiallingRefused(reasons)

        services.dialler.call = refused  # type: ignore[method-assign]
        body = {"agent_id": await agent(http), "to_number": ASHA}
        answer = await http.post("/twilio/outbound-call", json=body)
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert answer.json()["reasons"] == reasons


@virtually
async def test_a_failure_after_dialling_is_no_5xx(tmp_path: Path) -> None:
    async with api(tmp_path) as (_, services, http):

        async def broken(*_: Any, **__: Any) -> Call:
            raise RuntimeError("the disk is full")

        services.dialler.call = broken  # type: ignore[method-assign]
        body = {"agent_id": await agent(http), "to_number": ASHA}
        answer = await http.post("/twilio/outbound-call", json=body)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert "disk" not in answer.text


@virtually
async def test_what_is_wrong_with_a_wish_is_said_before_anybody_is_called(tmp_path: Path) -> None:
    async with api(tmp_path) as (_, services, http):
        agent_id = await agent(http)
        for body, status in (
            ({"agent_id": "nosuch", "to_number": ASHA}, 404),
            ({"agent_id": agent_id, "to_number": "12"}, 422),
            ({"agent_id": agent_id, "to_number": ASHA, "agent_phone_number_id": "nosuch"}, 404),
            (
                {
                    "agent_id": agent_id,
                    "to_number": ASHA,
                    "conversation_initiation_client_data": {
                        "conversation_config_override": {"agent": {"language": "hi"}}
                    },
                },
                422,
            ),
        ):
            assert (await http.post("/twilio/outbound-call", json=body)).status_code == status
        assert await services.calls.list() == []


@virtually
async def test_the_older_form_calls_as_well(tmp_path: Path) -> None:
    async with api(tmp_path) as (lab, services, http):
        body = {
            "agent_id": await agent(http),
            "to_number": ASHA,
            "dynamic_variables": {"name": "John"},
        }
        answer = (await http.post("/outbound", json=body)).json()
        assert answer["status"] == "initiated"
        call = await ended(services, answer["call_sid"])
    assert call.transcript[0].text == "Hello John."


@virtually
async def test_a_number_of_an_agent_is_answered_by_it(tmp_path: Path) -> None:
    async with api(tmp_path) as (lab, services, http):
        agent_id = await agent(http)
        await number(http, agent_id)
        caller = ScriptedCaller(["Hi."], voice=SpellingVoice())
        made = lab.ring(f"{BASE}/voice/incoming", caller, from_=ASHA, to=OURS)
        await made.wait()
        call = await ended(services, made.sid)
        got = (await http.get(f"/conversations/{conversation_id(call.thread_id)}")).json()
    assert call.agent_id == agent_id
    assert call.transcript[0].text == "Hello."
    assert got["metadata"]["warnings"] == [
        "The dynamic variable name was not given and has no placeholder; it is left out."
    ]
    assert json.dumps(got["metadata"]["phone_call"]["external_number"]) == f'"{ASHA}"'
