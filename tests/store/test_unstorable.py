"""The character U+0000, which JSON and providers may bring and PostgreSQL cannot keep."""

from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import MagicMock

import httpx
import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from pipecat.frames.frames import TranscriptionFrame
from pipecat.tests.utils import run_test
from pydantic import SecretStr

from graphs.threads import Graph
from server.app import create_app
from settings import Settings
from tests.postgres import database
from voice.interruption_gate import InterruptionGate


class Told(MessagesState):
    """Keeps what was said as a plain text as well, as a graph may do with a name."""

    name: str


def registrar() -> Graph:
    async def register(state: Told) -> Any:
        said = str(state["messages"][-1].text)
        answer = interrupt("Sure?") if said == "ask" else "Thank you."
        return {"name": said, "messages": [AIMessage(str(answer))]}

    builder = StateGraph(Told)
    builder.add_node("register", register)
    builder.add_edge(START, "register")
    return builder.compile()


@pytest.fixture
async def client(settings: Settings, postgres: str) -> AsyncIterator[httpx.AsyncClient]:
    settings.database_url = SecretStr(database(postgres))
    settings.default_graph = "registrar"
    app = create_app(settings, {"registrar": registrar()})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


async def test_what_cannot_be_kept_is_refused(client: httpx.AsyncClient) -> None:
    async def status(**body: Any) -> int:
        body = {"thread_id": "asha", **body}
        return (await client.post("/api/chat", json=body)).status_code

    assert await status(message="As\0ha") == 422
    assert await status(resume={"a": [{"b\0": "c"}]}) == 422
    assert await status(resume={"a": ["b\0"]}) == 422
    assert await status(message="Asha") == 200
    assert await status(message="a\\u0000b") == 200, "six letters"
    form = {"CallSid": "CA1", "From": "+1555\0", "To": "+15550199"}
    assert (await client.post("/voice/incoming", data=form)).status_code == 422
    thread = (await client.get("/api/threads/registrar/asha")).json()
    assert thread["state"]["name"] == "a\\u0000b"


async def test_it_is_dropped_from_what_was_heard() -> None:
    gate = InterruptionGate(MagicMock(), MagicMock(ends_in=lambda _now: 0.0))
    heard = TranscriptionFrame("I am As\0ha.", "", "")
    down, _ = await run_test(gate, frames_to_send=[heard], expected_down_frames=None)
    assert [f.text for f in down if isinstance(f, TranscriptionFrame)] == ["I am Asha."]
