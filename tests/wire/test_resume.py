"""`resume` of `POST /api/chat`: a program answers the question of an `interrupt()`."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field

from server.app import create_app
from settings import Settings
from tests.sample_graphs import Conversation

AT = {"graph": "booking", "thread_id": "t"}


class Booking(BaseModel):
    """What a booking needs, and a rule that no schema can tell."""

    seats: int = Field(ge=1, le=8)
    day: str

    def model_post_init(self, _context: Any) -> None:
        """Refuse the day of rest."""
        if self.day == "sunday":
            raise ValueError("We are closed on Sundays.")


async def ask(_state: Conversation) -> Conversation:
    """Ask what LangGraph itself checks again."""
    booking = interrupt("Let us book.", response_schema=Booking)
    return {"outcome": f"{booking.seats} on {booking.day}"}


builder = StateGraph(Conversation)
builder.add_node("ask", ask)
builder.add_edge(START, "ask")
builder.add_edge("ask", END)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, {"booking": builder.compile()})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        await client.post("/api/chat", json=AT)
        yield client


async def asked(client: httpx.AsyncClient) -> list[str]:
    found = await client.get("/api/threads/booking/t")
    return [question["id"] for question in found.json()["interrupts"]]


async def test_a_wrong_answer_is_refused_and_leaves_the_question_open_for_the_right_one(
    client: httpx.AsyncClient,
) -> None:
    """The last is wrong for a rule that only the graph knows."""
    [question] = await asked(client)
    for seats, day, reason in [
        (9, "monday", "seats: maximum, expected 8"),
        ("two", "monday", "seats: type"),
        (2, "sunday", "We are closed on Sundays."),
    ]:
        resume = {question: {"seats": seats, "day": day}}
        answer = await client.post("/api/chat", json=AT | {"resume": resume})
        assert answer.status_code == 422
        assert reason in answer.json()["detail"]
        assert await asked(client) == [question]
    right = {question: {"seats": 2, "day": "monday"}}
    answer = await client.post("/api/chat", json=AT | {"resume": right})
    assert answer.json()["state"]["outcome"] == "2 on monday"
    assert not await asked(client)


async def test_words_that_the_graph_refuses_are_asked_for_again_with_its_reason(
    client: httpx.AsyncClient,
) -> None:
    typed = await client.post("/api/chat", json=AT | {"message": '{"seats": 2, "day": "sunday"}'})
    assert typed.status_code == 200
    assert typed.json()["reply"].startswith("We are closed on Sundays. Let us book.")
    assert len(await asked(client)) == 1
    await client.post("/api/chat", json=AT | {"message": '{"seats": 2, "day": "monday"}'})
    assert not await asked(client)
