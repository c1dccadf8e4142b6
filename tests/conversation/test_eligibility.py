"""Whole conversations through `Threads` with a real SQLite checkpointer, and their certificates."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from langchain_core.messages import AIMessage, HumanMessage

from graphs.eligibility.certificate import canonical, replay
from graphs.eligibility.graph import build
from graphs.eligibility.rules import load_rules
from graphs.threads import Event, Node, Reply, Snapshot, Threads
from server.certificate_page import document
from server.cli.eligibility import _snapshots
from server.routes import eligibility as routes
from settings import Settings
from store.database import open_checkpointer


def clock() -> Callable[[], datetime]:
    """A clock that gains a second each time it is read."""
    moment = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

    def now() -> datetime:
        nonlocal moment
        moment += timedelta(seconds=1)
        return moment

    return now


@pytest.fixture
async def threads(tmp_path: Path) -> AsyncIterator[Threads]:
    async with open_checkpointer(tmp_path) as checkpointer:
        yield Threads({"eligibility": build(clock())}, checkpointer)


@pytest.fixture
async def client(threads: Threads) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(routes.router)
    app.state.services = SimpleNamespace(threads=threads)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def turn(
    threads: Threads, said: str | HumanMessage | Event | None, thread_id: str = "t1"
) -> tuple[list[str], list[str], Snapshot]:
    """Hold one turn: what was said to it, the nodes walked, the thread after it."""
    message = HumanMessage(said) if isinstance(said, str) else said
    replies, nodes = list[str](), list[str]()
    async for event in threads.turn("eligibility", thread_id, message):
        if isinstance(event, Reply):
            replies.append(event.text)
        elif isinstance(event, Node):
            nodes.append(event.name)
    assert isinstance(event, Snapshot)
    return replies, nodes, event


async def talk(threads: Threads, *said: str | HumanMessage | Event | None) -> Snapshot:
    for one in said:
        replies, _, snapshot = await turn(threads, one)
        assert len(replies) <= 1
    return snapshot


def keys(digits: str) -> HumanMessage:
    return HumanMessage(digits, additional_kwargs={"source": "keys"})


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        (["Yes", "forty thousand", "Mumbai"], "eligible", "rules.passed"),
        (["haan ji", "chalis hazaar", "Dilli"], "eligible", "rules.passed"),
        (["हाँ", "चालीस हज़ार रुपये", "बेंगलुरु"], "eligible", "rules.passed"),
        (["main naukri karta hoon", "6 LPA", "Bombay mein rehta hoon"], "eligible", "rules.passed"),
        (["I'm salaried, earn 40k and live in Mumbai"], "eligible", "rules.passed"),
        (["yes", "25", "haan", "Bangalore"], "eligible", "rules.passed"),
        ([keys("1"), keys("40000"), "Mumbai"], "eligible", "rules.passed"),
        (["nahi"], "not_eligible", "employment.not_salaried"),
        (["yes", "bees hazaar"], "not_eligible", "salary.below_minimum"),
        (["yes", "forty thousand", "Gurgaon"], "not_eligible", "city.not_served"),
        (
            ["yes", "40 thousand", "sorry, my salary is 20 thousand"],
            "not_eligible",
            "salary.below_minimum",
        ),
        (["yes", "I want to talk to a person"], "needs_human", "caller.asked_for_person"),
        (["mujhe dobara call mat karna"], "opted_out", "caller.opted_out"),
        (["yes", "purple", "purple", "purple"], "needs_human", "reasks.exhausted"),
    ],
)
async def test_a_conversation_reaches_its_outcome(
    threads: Threads, said: list[str | HumanMessage], outcome: str, reason: str
) -> None:
    snapshot = await talk(threads, None, *said)
    assert (snapshot.outcome, snapshot.values["reasons"]) == (outcome, [reason])
    assert snapshot.done
    assert not snapshot.expects
    assert snapshot.values["stage"] == outcome


async def test_the_walk_shows_the_interview(threads: Threads) -> None:
    await turn(threads, None)
    _, nodes, _ = await turn(threads, "I'm salaried, earn 40k and live in Mumbai")
    assert nodes == ["greeting", "employment", "salary", "city", "eligible"]


async def test_the_drawing_shows_the_interview() -> None:
    drawn = {(edge.source, edge.target) for edge in build().get_graph().edges}
    way = ["__start__", "greeting", "employment", "salary", "city", "eligible", "__end__"]
    assert set(zip(way, way[1:], strict=False)) <= drawn
    for question in ("employment", "salary", "city"):
        for outcome in ("not_eligible", "needs_human", "opted_out"):
            assert (question, outcome) in drawn


async def test_each_question_says_what_it_expects(threads: Threads) -> None:
    kinds = []
    for said in (None, "haan ji, main naukri karta hoon", "chalis hazaar", "purple"):
        _, _, snapshot = await turn(threads, said)
        kinds.append((snapshot.expects["kind"], snapshot.expects["language"]))
    assert [kind for kind, _ in kinds] == ["employment", "amount", "city", "choice"]
    assert kinds[0][1] == "en"
    assert "Mumbai" in snapshot.expects["keywords"] or "मुंबई" in snapshot.expects["keywords"]


async def test_a_voice_that_speaks_english_only_is_given_english(threads: Threads) -> None:
    await talk(threads, None, "haan ji, main naukri karta hoon")
    async for event in threads.turn("eligibility", "t1", None, languages=["en"]):
        if isinstance(event, Reply):
            assert event.text == "Welcome back. What is your monthly salary in hand, in rupees?"
    assert isinstance(event, Snapshot)
    assert event.values["language"] == "en"


async def test_silence_asks_again_and_then_closes_undecided(threads: Threads) -> None:
    silence = Event("silence")
    snapshot = await talk(threads, None, silence, silence)
    assert not snapshot.done
    replies, _, snapshot = await turn(threads, silence)
    assert snapshot.done
    assert (snapshot.outcome, snapshot.values["reasons"]) == ("in_progress", ["silence"])
    assert "Goodbye" in replies[0]


async def test_an_event_does_not_linger_into_the_next_turn(threads: Threads) -> None:
    snapshot = await talk(threads, None, Event("silence"), "Yes")
    assert snapshot.values["facts"]["employment"] == "salaried"
    assert snapshot.values["silences"] == 0


async def test_a_caller_who_hangs_up_can_go_on_by_chat(threads: Threads) -> None:
    snapshot = await talk(threads, None, "Yes", Event("hangup"))
    assert snapshot.values["reasons"] == ["caller.hung_up"]
    snapshot = await talk(threads, "forty thousand", "Mumbai")
    assert snapshot.outcome == "eligible"


async def test_reopening_asks_the_open_question_again(threads: Threads) -> None:
    await talk(threads, None, "Yes", Event("hangup"))
    replies, _, snapshot = await turn(threads, None)
    assert replies == ["Welcome back. What is your monthly salary in hand, in rupees?"]
    assert not snapshot.done


async def test_reopening_a_finished_interview_stays_done(threads: Threads) -> None:
    await talk(threads, None, "no")
    replies, _, snapshot = await turn(threads, None)
    assert "not eligible" in replies[0]
    assert snapshot.done


async def test_opening_again_and_again_leaves_the_record_as_it_was(threads: Threads) -> None:
    snapshot = await talk(threads, *[None] * 40)
    assert len(snapshot.values["record"]) == 1
    assert (snapshot.outcome, snapshot.values["turns"]) == ("in_progress", 1)


async def test_an_answer_that_was_never_heard_is_not_taken_twice(threads: Threads) -> None:
    await talk(threads, None, "Yes")
    graph = threads.graph("eligibility")
    config = {"configurable": {"thread_id": "eligibility:t1"}}
    messages = (await graph.aget_state(config)).values["messages"]
    cut = AIMessage("", id=messages[-1].id)
    await graph.aupdate_state(config, {"messages": [cut]}, as_node="salary")
    snapshot = await talk(threads, "forty thousand")
    heard = [e["event"].get("text") for e in snapshot.values["record"]]
    assert heard == [None, "Yes", "forty thousand"]


async def test_talk_after_the_outcome_neither_changes_it_nor_grows_for_ever(
    threads: Threads,
) -> None:
    limit = load_rules().limits.turns
    snapshot = await talk(threads, None, "no", *["but I am salaried"] * (limit + 5))
    assert snapshot.outcome == "not_eligible"
    assert len(snapshot.values["record"]) <= limit
    assert replay(document(snapshot), load_rules()).reproduced


async def test_the_certificate_is_served_and_reproduced(
    threads: Threads, client: httpx.AsyncClient
) -> None:
    await talk(threads, None, "Yes", "forty thousand", "Mumbai")
    answer = await client.get("/api/eligibility/t1")
    assert answer.status_code == 200
    content = answer.json()
    assert answer.content == canonical(content)
    assert content["outcome"] == "eligible"
    assert content["decided_at"] == "2026-11-21T09:30:04.000000Z"
    assert replay(content, load_rules()).reproduced


async def test_an_unknown_conversation_has_no_certificate(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/eligibility/nobody")
    assert answer.status_code == 404
    assert "nobody" in answer.json()["detail"]
    page = await client.get("/api/eligibility/nobody/certificate")
    browser = await client.get("/api/eligibility/nobody", headers={"accept": "text/html,*/*"})
    assert page.status_code == browser.status_code == 404
    assert "There is no eligibility interview with the id <code>nobody</code>" in page.text
    assert browser.text == page.text


async def test_the_page_writes_figures_and_moments_for_people(
    threads: Threads, client: httpx.AsyncClient
) -> None:
    await talk(threads, None, "Yes", "forty thousand", "Mumbai")
    page = (await client.get("/api/eligibility/t1/certificate")).text
    assert "salary: <strong>40,000</strong>" in page
    assert "2026-11-21 09:30:04 UTC</dd>" in page


async def test_the_page_shows_the_decision_and_escapes_what_was_heard(
    threads: Threads, client: httpx.AsyncClient
) -> None:
    await talk(threads, None, "<script>alert(1)</script> yes", "Yes", "forty thousand", "Mumbai")
    answer = await client.get("/api/eligibility/t1/certificate")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "Preliminarily eligible" in answer.text
    assert "शुरुआती तौर पर पात्र" in answer.text
    browser = await client.get("/api/eligibility/t1", headers={"accept": "text/html,*/*"})
    assert browser.text == answer.text


async def test_the_page_tells_what_the_caller_heard_of_a_cut_sentence(
    threads: Threads, client: httpx.AsyncClient
) -> None:
    snapshot = await talk(threads, None, "Yes")
    graph = threads.graph("eligibility")
    cut = AIMessage("Thank you. What is", id=snapshot.messages[-1].id)
    config = {"configurable": {"thread_id": "eligibility:t1"}}
    await graph.aupdate_state(config, {"messages": [cut]}, as_node="salary")
    answer = await client.get("/api/eligibility/t1/certificate")
    assert "The caller heard only" in answer.text
    assert "“Thank you. What is”" in answer.text


async def test_every_conversation_in_the_data_folder_can_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_checkpointer(tmp_path) as checkpointer:
        threads = Threads({"eligibility": build()}, checkpointer)
        for thread_id, said in (("a", "no"), ("b", "do not call me again")):
            await turn(threads, None, thread_id)
            await turn(threads, said, thread_id)
    monkeypatch.setattr("server.cli.eligibility.get_settings", lambda: Settings(data_dir=tmp_path))
    found = {s.thread_id: s for s in await _snapshots(None)}
    assert set(found) == {"a", "b"}
    assert all(replay(document(s), load_rules()).reproduced for s in found.values())
