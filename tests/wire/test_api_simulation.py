"""An agent tried out on a simulated user: the graph is real, nothing it does is."""

import json
from typing import Any

import httpx
import pytest
from elevenlabs import types as el

from tests.wire.api_server import Running


@pytest.fixture
def agent(raw: httpx.Client) -> str:
    part = {"graph": "sdr", "organisation": "lanternfield", "first_message": "Hello {{name}}."}
    return made(raw, part)


def made(raw: httpx.Client, part: dict[str, Any]) -> str:
    body = {"conversation_config": {"agent": part}}
    return str(raw.post("/agents/create", json=body).json()["agent_id"])


def specification(*lines: str, **more: Any) -> dict[str, Any]:
    history = [{"role": "user", "message": line, "time_in_call_secs": 0} for line in lines]
    return {
        "simulated_user_config": {"prompt": {"llm": "embedded"}},
        "partial_conversation_history": history,
        "dynamic_variables": {"name": "Asha"},
        **more,
    }


def run(raw: httpx.Client, agent: str, spec: Any, path: str = "", **more: Any) -> httpx.Response:
    body = {"simulation_specification": spec, **more}
    return raw.post(f"/agents/{agent}/simulate-conversation{path}", json=body)


BOOKS = (
    "I would like to book a meeting.",
    "The first one.",
    "My name is Asha Rao.",
    "Yes.",
    "Yes.",
)


def calls_in(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        r["tool_name"]: r for e in entries for r in e["tool_results"] if r["tool_has_been_called"]
    }


def test_a_user_says_the_lines_and_nothing_is_kept(
    raw: httpx.Client, agent: str, server: Running
) -> None:
    criterion = {"id": "said", "name": "n", "conversation_goal_prompt": "p", "type": "prompt"}
    spec = specification("What does it cost?", "Goodbye.")
    answer = run(raw, agent, spec, extra_evaluation_criteria=[criterion])
    assert answer.status_code == 200, answer.text
    el.AgentSimulatedChatTestResponseModel.model_validate(answer.json())
    entries = answer.json()["simulated_conversation"]
    assert [e["message"] for e in entries if e["role"] == "user"] == [
        "What does it cost?",
        "Goodbye.",
    ]
    assert entries[0]["message"].startswith("Hello Asha.")
    assert "said" in answer.json()["analysis"]["evaluation_criteria_results"]
    listed = raw.get("/conversations", params={"agent_id": agent}).json()
    assert listed["conversations"] == []


def test_a_tool_with_an_effect_answers_its_mock(
    raw: httpx.Client, agent: str, server: Running
) -> None:
    mock = {"book_appointment": {"default_return_value": '{"error": "The calendar is closed."}'}}
    spec = specification(*BOOKS, tool_mock_config=mock)
    entries = run(raw, agent, spec).json()["simulated_conversation"]
    assert (
        calls_in(entries)["book_appointment"]["result_value"]
        == mock["book_appointment"]["default_return_value"]
    )


def test_a_tool_without_a_mock_is_refused(raw: httpx.Client, agent: str) -> None:
    entries = run(raw, agent, specification(*BOOKS)).json()["simulated_conversation"]
    booked = calls_in(entries)["book_appointment"]
    assert booked["is_error"] is True
    assert "rehearsal" in booked["result_value"]


def test_the_turns_are_limited_and_come_as_lines(raw: httpx.Client, agent: str) -> None:
    spec = specification("Hi.", "Tell me more.", "And more.")
    answer = run(raw, agent, spec, "/stream", new_turns_limit=1)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    entries = [entry for line in lines for entry in line["simulated_conversation"]]
    assert [e["message"] for e in entries if e["role"] == "user"] == ["Hi."]
    assert "analysis" in lines[-1]


def test_what_cannot_be_simulated_is_refused(raw: httpx.Client, agent: str) -> None:
    assert run(raw, "nosuch", specification("Hi.")).status_code == 404
    assert run(raw, agent, specification()).status_code == 422
    other = run(raw, made(raw, {"graph": "parrot"}), specification("Hi."))
    assert (other.status_code, other.json()["detail"]["status"]) == (400, "not_supported")
