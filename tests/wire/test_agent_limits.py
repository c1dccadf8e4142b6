"""What an agent limits itself to, on ElevenLabs' socket."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.wire.api_server import Running
from tests.wire.test_elevenlabs_sdk import IN_WRITING
from voice.phrases import phrase


@pytest.fixture
def agent(raw: httpx.Client) -> Callable[..., str]:
    def make(platform: dict[str, Any] | None = None, **config: Any) -> str:
        body = {"conversation_config": {"agent": {"graph": "parrot"}, **config}}
        made = raw.post("/agents/create", json=body | {"platform_settings": platform or {}})
        return str(made.json()["agent_id"])

    return make


def opened(server: Running, agent_id: str) -> ClientConnection:
    socket = connect(f"ws{server.address[4:]}/v1/convai/conversation?agent_id={agent_id}")
    socket.send(json.dumps(IN_WRITING))
    return socket


def said(socket: ClientConnection) -> str:
    """Read up to what the agent says."""
    while (event := json.loads(socket.recv(timeout=20)))["type"] != "agent_response":
        pass
    return str(event["agent_response_event"]["agent_response"]).strip()


def over(server: Running, agent_id: str, began: datetime) -> None:
    """Wait until no conversation of an agent goes on."""
    calls = server.services.calls
    while any(c.ended_at is None for c in server.run(calls.since(began, agent_id=agent_id))):
        time.sleep(0.05)


def test_a_conversation_in_writing_ends_politely_when_its_agent_says_so(
    server: Running, agent: Callable[..., str], raw: httpx.Client
) -> None:
    agent_id = agent(conversation={"max_duration_seconds": 2})
    with opened(server, agent_id) as socket:
        said(socket)
        socket.send(json.dumps({"type": "user_message", "text": "hello"}))
        assert said(socket) == "You said: hello"
        assert said(socket) == phrase("too_long")
        with pytest.raises(ConnectionClosed, match="1000.*has ended"):
            socket.recv(timeout=20)
    (listed,) = raw.get("/conversations", params={"agent_id": agent_id}).json()["conversations"]
    shown = raw.get(f"/conversations/{listed['conversation_id']}").json()
    assert shown["status"] in ("done", "processing")


def test_an_agent_holds_as_many_conversations_in_writing_as_it_may(
    server: Running, agent: Callable[..., str]
) -> None:
    began = datetime.now(UTC)
    agent_id = agent({"call_limits": {"agent_concurrency_limit": 1, "daily_limit": 2}})
    with opened(server, agent_id) as first:
        said(first)
        with (
            opened(server, agent_id) as second,
            pytest.raises(ConnectionClosed, match="1013.*may hold 1 at once"),
        ):
            second.recv(timeout=20)
        first.send(json.dumps({"type": "user_message", "text": "hello"}))
        assert said(first) == "You said: hello"
    over(server, agent_id, began)
    with opened(server, agent_id) as third:
        said(third)
    over(server, agent_id, began)
    with opened(server, agent_id) as fourth, pytest.raises(ConnectionClosed, match="2 a day"):
        fourth.recv(timeout=20)


def test_a_server_holds_as_many_conversations_in_writing_as_it_may(
    server: Running, agent: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing bounded them: each costs memory, and a turn of each the loop that calls live on."""
    load, chat = server.services.load, {"graph": "parrot", "message": "hi"}
    monkeypatch.setattr(load, "_rooms", load._taken + 1)
    with opened(server, agent()) as first:
        said(first)
        with opened(server, agent()) as second, pytest.raises(ConnectionClosed, match="1013"):
            second.recv(timeout=20)
        refused = httpx.post(f"{server.address}/api/chat", json=chat)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "in writing already" in refused.json()["detail"]
    deadline = time.monotonic() + 20
    while load._taken and time.monotonic() < deadline:
        time.sleep(0.05)
    for accept in ("application/json", "text/event-stream"):
        for _ in range(3):  # each gives its room back
            url, headers = f"{server.address}/api/chat", {"Accept": accept}
            assert httpx.post(url, json=chat, headers=headers).status_code == 200


def test_an_agent_says_what_it_goes_without(
    server: Running, agent: Callable[..., str], raw: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """It was told of tools when a conversation began, of documents never."""
    prompt = {"tool_ids": ["tool_gone"], "knowledge_base": [{"type": "text", "id": "doc_gone"}]}
    agent_id = agent(agent={"graph": "parrot", "prompt": prompt})
    assert "names what there is not: 'tool_gone', 'doc_gone'" in caplog.text
    with opened(server, agent_id) as socket:
        said(socket)
    (listed,) = raw.get("/conversations", params={"agent_id": agent_id}).json()["conversations"]
    shown = raw.get(f"/conversations/{listed['conversation_id']}").json()
    assert shown["metadata"]["warnings"] == [
        "There is no tool tool_gone; the agent goes without it.",
        "There is no document doc_gone; the agent goes without it.",
    ]


def test_a_batch_without_a_number_to_call_from_is_refused_at_once(
    agent: Callable[..., str], raw: httpx.Client
) -> None:
    """Each of its people was marked as tried, and as failed."""
    people = {"recipients": [{"phone_number": "+12125550142"}], "call_name": "people"}
    refused = raw.post("/batch-calling/submit", json={"agent_id": agent(), **people})
    assert refused.status_code == 422
    (wrong,) = refused.json()["detail"]
    assert wrong["loc"] == ["body", "agent_phone_number_id"] and "call from" in wrong["msg"]


def test_a_signature_of_one_conversation_opens_one(
    server: Running, agent: Callable[..., str], raw: httpx.Client
) -> None:
    """Of several at once the losers broke down, and took the secrets of the winner with them."""
    asked = {"agent_id": agent(), "include_conversation_id": True}
    signed = raw.get("/conversation/get-signed-url", params=asked).json()
    begin = IN_WRITING | {"dynamic_variables": {"secret__pin": "4711"}}
    secrets = server.services.workspace.secrets

    def hold(_: int) -> str:
        with connect(signed["signed_url"]) as socket:
            socket.send(json.dumps(begin))
            try:
                said(socket)
            except ConnectionClosed as closed:
                return str(closed)
            all_in.wait(20)
            return str(server.run(secrets.of(signed["conversation_id"], "secret__pin")))

    all_in = threading.Event()
    with ThreadPoolExecutor() as pool:
        held = [pool.submit(hold, number) for number in range(4)]
        deadline = time.monotonic() + 20
        while sum(one.done() for one in held) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        all_in.set()
        *lost, won = sorted((one.result() for one in held), reverse=True)
    assert won == "4711"
    assert all("1008" in one and "has been used" in one for one in lost)


def test_a_conversation_in_which_nothing_is_said_ends(
    server: Running, agent: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent sockets held every room of a server for as long as they liked."""
    monkeypatch.setattr("server.convai.text_chat.IDLE_SECS", 0.3)
    with opened(server, agent()) as socket:
        said(socket)
        with pytest.raises(ConnectionClosed, match="1000.*has ended"):
            while True:
                socket.recv(timeout=20)


def test_a_turn_to_which_nobody_listens_holds_a_room(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, url = server.services.load, f"{server.address}/api/chat"
    chat = {"graph": "parrot", "thread_id": "nobody-listens"}
    httpx.post(url, json=chat | {"message": "hi"})
    monkeypatch.setattr(load, "_rooms", load._taken + 1)
    long = chat | {"message": "word " * 200}  # ten seconds of the parrot
    with httpx.stream("POST", url, json=long, headers={"Accept": "text/event-stream"}) as answer:
        next(answer.iter_lines())
    deadline = time.monotonic() + 5
    while not server.services.threads.alone and time.monotonic() < deadline:
        time.sleep(0.02)
    refused = httpx.post(url, json={"graph": "parrot", "message": "hi"})
    assert refused.status_code == 503


def test_an_answer_is_told_when_it_is_kept(server: Running, agent: Callable[..., str]) -> None:
    """A server that was killed at that moment had answered what its thread knew nothing of."""
    with opened(server, agent()) as socket:
        begun = json.loads(socket.recv(timeout=20))["conversation_initiation_metadata_event"]
        said(socket)
        thread_id = begun["conversation_id"].removeprefix("conv_")
        for number in range(10):
            socket.send(json.dumps({"type": "user_message", "text": f"number {number}"}))
            answer = said(socket)
            snapshot = server.run(server.services.threads.snapshot("parrot", thread_id))
            assert snapshot.messages[-1].text.strip() == answer == f"You said: number {number}"
