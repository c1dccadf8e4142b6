"""`POST /api/chat` and the threads behind it, as a client meets them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.app import create_app
from server.housekeeping import delete_expired
from settings import Settings
from store.calls import Call

SAMPLES = Path(__file__).parent.parent / "sample_graphs.py"


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    settings.extra_graphs = {
        name: f"{SAMPLES}:{name}" for name in ("parrot", "counter", "broken", "stuck")
    }
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        client.app = app  # type: ignore[attr-defined]
        yield client


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with running(settings) as client:
        yield client


async def test_an_empty_message_opens_a_conversation(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/chat", json={"graph": "parrot", "message": ""})
    body = answer.json()
    assert answer.status_code == 200
    assert body["reply"] == "Hello. Say something."
    assert set(body) == {"thread_id", "graph", "reply", "done", "state", "interrupt"}
    assert not body["done"]


async def test_the_same_thread_goes_on_after_a_restart(settings: Settings) -> None:
    async with running(settings) as client:
        first = (await client.post("/api/chat", json={"graph": "counter", "message": "x"})).json()
    async with running(settings) as client:
        body = {"graph": "counter", "thread_id": first["thread_id"], "message": "y"}
        assert (await client.post("/api/chat", json=body)).json()["reply"] == "2"


async def test_the_end_of_a_conversation_is_told(client: httpx.AsyncClient) -> None:
    body = {"graph": "parrot", "message": "goodbye"}
    answer = (await client.post("/api/chat", json=body)).json()
    assert answer["done"]
    assert answer["state"] == {"done": True, "outcome": "said_goodbye"}


async def test_the_event_stream_speaks_before_the_turn_is_over(client: httpx.AsyncClient) -> None:
    body = {"graph": "parrot", "message": "one two three"}
    headers = {"Accept": "text/event-stream"}
    async with client.stream("POST", "/api/chat", json=body, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [event async for event in _events(answer)]
    names = [name for name, _ in events]
    assert names.count("token") == 5
    assert names[-2:] == ["node", "reply"]
    assert "message" not in names
    assert events[-1][1]["reply"].strip() == "You said: one two three"


async def test_a_failing_graph_is_a_500_without_its_inside(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/chat", json={"graph": "broken", "message": "x"})
    assert answer.status_code == 500
    assert answer.json()["detail"] == (
        "The request failed: RuntimeError. The server's log says where."
    )


async def test_a_failing_graph_ends_the_event_stream_with_an_error(
    client: httpx.AsyncClient,
) -> None:
    body, headers = {"graph": "broken", "message": "x"}, {"Accept": "text/event-stream"}
    async with client.stream("POST", "/api/chat", json=body, headers=headers) as answer:
        events = [event async for event in _events(answer)]
    assert events == [("error", {"detail": "The graph failed: RuntimeError."})]


async def test_a_graph_that_hangs_is_a_504(settings: Settings) -> None:
    settings.turn_timeout_secs = 0.05
    async with running(settings) as client:
        answer = await client.post("/api/chat", json={"graph": "stuck", "message": "x"})
    assert answer.status_code == 504
    assert "did not answer within 0.05 seconds" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"graph": "nosuch", "message": "x"}, 404),
        ({"graph": "parrot", "message": "x" * 2001}, 413),
        ({"graph": "parrot", "message": 7}, 422),
        ({"graph": "parrot", "massage": "x"}, 422),
        ({"graph": "parrot", "thread_id": "../../etc", "message": "x"}, 422),
        ({"graph": "parrot", "thread_id": "a" * 101, "message": "x"}, 422),
        ([], 422),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_bad_request_is_a_clear_4xx(
    client: httpx.AsyncClient, body: Any, status: int
) -> None:
    answer = await client.post("/api/chat", json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]


async def test_a_body_that_is_not_json_is_a_422(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/chat", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body", [b'{"message": "\\ud800"}', b'{"thread_id": "a\\ud800b", "message": "x"}']
)
async def test_half_a_character_is_a_422_and_leaves_nothing(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answer = await client.post(
        "/api/chat", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_would_fill_the_memory_is_not_read(
    client: httpx.AsyncClient, declared: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    content = b"x" * 3_000_000 if declared else pieces()
    answer = await client.post("/api/chat", content=content)
    assert answer.status_code in ({413} if declared else {400, 413, 422})


async def test_an_address_that_asks_too_often_is_told_to_wait(settings: Settings) -> None:
    settings.requests_per_minute = 3
    async with running(settings) as client:
        codes = [
            (await client.post("/api/chat", json={"graph": "parrot", "message": ""})).status_code
            for _ in range(4)
        ]
    assert codes == [200, 200, 200, 429]


async def test_a_thread_is_shown_as_the_checkpoint_has_it(client: httpx.AsyncClient) -> None:
    body = {"graph": "counter", "thread_id": "a", "message": "x"}
    await client.post("/api/chat", json=body)
    thread = (await client.get("/api/threads/counter/a")).json()
    assert [(m["type"], m["content"], m["interrupted"]) for m in thread["messages"]] == [
        ("human", "x", False),
        ("ai", "1", False),
    ]
    assert thread["interrupts"] == thread["next"] == []


async def test_a_thread_nobody_used_is_a_404(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/threads/counter/nobody")).status_code == 404
    assert (await client.get("/api/threads/nosuch/a")).status_code == 404


async def test_threads_older_than_the_retention_are_deleted(client: httpx.AsyncClient) -> None:
    await client.post("/api/chat", json={"graph": "counter", "thread_id": "a", "message": "x"})
    services = client.app.state.services  # type: ignore[attr-defined]
    now = datetime.now(UTC)
    await delete_expired(services.settings, services, now + timedelta(days=89))
    assert (await client.get("/api/threads/counter/a")).status_code == 200
    await delete_expired(services.settings, services, now + timedelta(days=91))
    assert (await client.get("/api/threads/counter/a")).status_code == 404


async def test_calls_of_an_agent_that_keeps_them_shorter_are_deleted_sooner(
    client: httpx.AsyncClient,
) -> None:
    services = client.app.state.services  # type: ignore[attr-defined]
    agents, now = services.workspace.agents, datetime.now(UTC)
    kept: dict[str, dict[str, object]] = {
        "short": {"retention_days": 7},
        "none": {"zero_retention_mode": True, "retention_days": -1},
        "long": {"retention_days": -1},
    }
    for name, rules in kept.items():
        privacy = {"platform_settings": {"privacy": rules}}
        await agents.create(f"agent_{name}", name, privacy, actor="test")
        await client.post("/api/chat", json={"graph": "counter", "thread_id": name, "message": "x"})
        call = Call(
            sid=name, graph="counter", thread_id=name, agent_id=f"agent_{name}",
            direction="inbound", carrier="twilio", status="completed", started_at=now,
        )  # fmt: skip
        await services.calls.create(call)
    turns = services.settings.data_dir / "turns.jsonl"
    turns.write_text('{"call": "short"}\n{"call": "long"}\n')
    await delete_expired(services.settings, services, now + timedelta(days=8))
    assert turns.read_text() == '{"call": "....."}\n{"call": "long"}\n'
    assert [call.sid for call in await services.calls.list()] == ["long"]
    assert (await client.get("/api/threads/counter/short")).status_code == 404
    assert (await client.get("/api/threads/counter/long")).status_code == 200


async def test_a_call_that_goes_on_is_not_deleted_however_short_calls_are_kept(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its agent forgot everything in the middle of a sentence; nor did anybody hear of its end."""
    services = client.app.state.services  # type: ignore[attr-defined]
    now = datetime.now(UTC)
    kept = {"platform_settings": {"privacy": {"retention_days": 0}}}
    await services.workspace.agents.create("agent_none", "none", kept, actor="test")
    for name in ("first", "second", "stuck"):
        await client.post("/api/chat", json={"graph": "counter", "thread_id": name, "message": "x"})
        call = Call(
            sid=name, graph="counter", thread_id=name, agent_id="agent_none", direction="inbound",
            carrier="twilio", status="in-progress", started_at=now - timedelta(minutes=5),
        )  # fmt: skip
        await services.calls.create(call)
    await services.calls.end("second", "completed")
    await delete_expired(services.settings, services, now)
    assert len(await services.calls.list()) == 3, "one is to be worked up, the others go on"

    await services.calls.end("stuck", "completed")
    while (await services.jobs.counts()).get(("after_call", "done")) != 2:
        await asyncio.sleep(0.05)
    delete = services.threads.delete

    async def held(graph: str, thread_id: str) -> None:
        if thread_id == "stuck":
            raise TimeoutError
        await delete(graph, thread_id)

    monkeypatch.setattr(services.threads, "delete", held)
    await delete_expired(services.settings, services, now)
    assert {call.sid for call in await services.calls.list()} == {"first", "stuck"}
    assert (await client.get("/api/threads/counter/first")).status_code == 200


async def test_jobs_that_ended_long_ago_are_forgotten(client: httpx.AsyncClient) -> None:
    services = client.app.state.services  # type: ignore[attr-defined]
    now = datetime.now(UTC)
    for name in ("after_call", "batch", "later"):
        at = now + timedelta(days=365 if name == "later" else 0)
        await services.jobs.put(name, name, {}, due_at=at)
        if name != "later":
            await services.jobs.settle(name, "done", now)
    await delete_expired(services.settings, services, now + timedelta(days=91))
    assert [n for n in ("after_call", "batch", "later") if await services.jobs.get(n)] == [
        "batch",
        "later",
    ]


async def test_the_server_says_that_it_lives_and_is_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"]["database"]


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
