"""Agents, by ElevenLabs' own SDK; each raw answer passes the SDK's strict models."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from elevenlabs import AsyncElevenLabs, ElevenLabs
from elevenlabs import types as el
from elevenlabs.core import ApiError

from tests.wire.api_server import Running

CONFIG: dict[str, Any] = {
    "agent": {
        "first_message": "Hi {{name}}",
        "language": "en",
        "dynamic_variables": {"dynamic_variable_placeholders": {"name": "there", "n": 1.5}},
        "prompt": {"prompt": "Sell lamps.", "llm": "embedded", "temperature": 0.2},
    },
    "tts": {"voice_id": "voice-1", "from_the_future": {"a": [1, None, "é"]}},
    "turn": {"turn_timeout": 7},
}


def test_the_sdk_makes_reads_changes_copies_and_deletes_an_agent(client: ElevenLabs) -> None:
    agents = client.conversational_ai.agents
    made = agents.create(conversation_config=CONFIG, name="Asha", tags=["sales"])  # type: ignore[arg-type]
    agent = agents.get(made.agent_id)
    assert (agent.name, agent.tags) == ("Asha", ["sales"])
    assert agent.conversation_config.agent.prompt.prompt == "Sell lamps."  # type: ignore[union-attr]
    changed = agents.update(made.agent_id, name="Ravi", tags=[])
    assert (changed.name, changed.tags) == ("Ravi", [])
    copy = agents.duplicate(made.agent_id, name="Twin")
    assert agents.get(copy.agent_id).name == "Twin"
    agents.delete(made.agent_id)
    with pytest.raises(ApiError) as refused:
        agents.get(made.agent_id)
    assert refused.value.status_code == 404
    assert agents.get(copy.agent_id).conversation_config.tts.voice_id == "voice-1"  # type: ignore[union-attr]


async def test_the_async_sdk_does_the_same(server: Running) -> None:
    agents = AsyncElevenLabs(api_key="any", base_url=server.address).conversational_ai.agents
    made = await agents.create(conversation_config=CONFIG, name="Async")  # type: ignore[arg-type]
    assert (await agents.get(made.agent_id)).name == "Async"
    assert (await agents.update(made.agent_id, name="Other")).name == "Other"
    listed = await agents.list(search="OTHER")
    assert [agent.agent_id for agent in listed.agents] == [made.agent_id]
    await agents.delete(made.agent_id)


def test_raw_answers_pass_the_strict_models(raw: httpx.Client) -> None:
    made = raw.post("/agents/create", json={"conversation_config": CONFIG})
    el.CreateAgentResponseModel.model_validate(made.json())
    agent_id = made.json()["agent_id"]
    el.GetAgentResponseModel.model_validate(raw.get(f"/agents/{agent_id}").json())
    patched = raw.patch(f"/agents/{agent_id}", json={"name": "x"})
    el.GetAgentResponseModel.model_validate(patched.json())
    el.GetAgentsPageResponseModel.model_validate(raw.get("/agents").json())
    copy = raw.post(f"/agents/{agent_id}/duplicate", json={})
    el.CreateAgentResponseModel.model_validate(copy.json())


def test_what_is_not_known_here_comes_back_as_it_was(raw: httpx.Client) -> None:
    sent = {
        "conversation_config": CONFIG | {"new_part": {"deep": [1, 2.5, {"ключ": "значение"}]}},
        "platform_settings": {"widget": {"variant": "tiny"}, "trust_context": "low"},
        "workflow": {"nodes": {"a": {"type": "start"}}, "edges": {}},
        "procedures": {"p": None},
    }
    agent_id = raw.post("/agents/create", json=sent).json()["agent_id"]
    kept = raw.get(f"/agents/{agent_id}").json()
    assert _within(sent, kept)


def _within(sent: Any, kept: Any) -> bool:
    if isinstance(sent, dict):
        return all(name in kept and _within(value, kept[name]) for name, value in sent.items())
    return json.dumps(sent) == json.dumps(kept)


def test_a_patch_merges_objects_and_replaces_the_rest(raw: httpx.Client) -> None:
    agent_id = raw.post("/agents/create", json={"conversation_config": CONFIG}).json()["agent_id"]
    change = {
        "conversation_config": {
            "agent": {
                "prompt": {"prompt": "Sell nothing."},
                "dynamic_variables": {"dynamic_variable_placeholders": {"other": True}},
            }
        }
    }
    config = raw.patch(f"/agents/{agent_id}", json=change).json()["conversation_config"]
    assert config["agent"]["first_message"] == "Hi {{name}}"
    assert config["agent"]["prompt"]["prompt"] == "Sell nothing."
    assert config["agent"]["prompt"]["temperature"] == 0.2
    assert config["agent"]["dynamic_variables"]["dynamic_variable_placeholders"] == {"other": True}
    assert config["tts"] == CONFIG["tts"]


async def test_two_patches_at_once_lose_nothing(server: Running) -> None:
    address = f"{server.address}/v1/convai"
    async with httpx.AsyncClient(base_url=address, timeout=30) as http:
        made = await http.post("/agents/create", json={"conversation_config": {}})
        path = f"/agents/{made.json()['agent_id']}"
        changes = [{"platform_settings": {f"key_{n}": n}} for n in range(12)]
        answers = await asyncio.gather(*(http.patch(path, json=change) for change in changes))
        assert {answer.status_code for answer in answers} == {200}
        kept = (await http.get(path)).json()["platform_settings"]
    assert kept == {f"key_{n}": n for n in range(12)}


def test_pages_neither_repeat_nor_lose_while_agents_are_added(raw: httpx.Client) -> None:
    ours = {
        raw.post("/agents/create", json={"conversation_config": {}, "name": f"page {n}"}).json()[
            "agent_id"
        ]
        for n in range(7)
    }
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        query = {"page_size": 2, "search": "page "} | ({"cursor": cursor} if cursor else {})
        page = raw.get("/agents", params=query).json()
        seen += [agent["agent_id"] for agent in page["agents"]]
        raw.post("/agents/create", json={"conversation_config": {}, "name": "page late"})
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert cursor is None
    assert len(seen) == len(set(seen))
    assert set(seen) == ours


@pytest.mark.parametrize("order", ["name", "created_at", "updated_at"])
def test_a_list_may_be_in_any_order_and_page_by_page(raw: httpx.Client, order: str) -> None:
    for name in ("ORDER b", "order a", "order Ç"):
        raw.post("/agents/create", json={"conversation_config": {}, "name": name})
    query: dict[str, Any] = {"search": "order", "sort_by": order, "sort_direction": "asc"}
    whole = [agent["agent_id"] for agent in raw.get("/agents", params=query).json()["agents"]]
    paged, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = raw.get("/agents", params=query | {"page_size": 1} | more).json()
        paged += [agent["agent_id"] for agent in page["agents"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert paged == whole
    assert len(whole) >= 3


def test_lists_are_filtered_by_tags_and_by_whether_archived(raw: httpx.Client) -> None:
    body = {"conversation_config": {}, "name": "tagged", "tags": ["a", "b"]}
    agent_id = raw.post("/agents/create", json=body).json()["agent_id"]

    def listed(**query: Any) -> list[str]:
        return [agent["agent_id"] for agent in raw.get("/agents", params=query).json()["agents"]]

    assert listed(tags=["b", "c"]) == [agent_id]
    assert listed(tags="c") == []
    raw.patch(f"/agents/{agent_id}", json={"platform_settings": {"archived": True}})
    assert listed(archived=True) == [agent_id]
    assert agent_id not in listed(archived=False, search="tagged")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["body", "conversation_config"]),
        ({"conversation_config": {"agent": 7}}, ["body", "conversation_config", "agent"]),
        (
            {"conversation_config": {"agent": {"graph": "nosuch"}}},
            ["body", "conversation_config"],
        ),
        ({"conversation_config": {}, "tags": "x"}, ["body", "tags"]),
    ],
)
def test_what_is_wrong_is_a_list_with_places(
    raw: httpx.Client, body: Any, where: list[str]
) -> None:
    answer = raw.post("/agents/create", json=body)
    assert answer.status_code == 422
    el.HttpValidationError.model_validate(answer.json())
    assert answer.json()["detail"][0]["loc"] == where


@pytest.mark.parametrize(
    "body",
    [
        b'{"conversation_config": {"x": NaN}}',
        b'{"conversation_config": {"x": "\\ud800"}}',
        b'{"conversation_config": {"x": "\\u0000"}}',
        b'{"conversation_config": {"x": ' + b"[" * 70 + b"]" * 70 + b"}}",
        b'{"name": ' + b"1" * 5000 + b"}",
    ],
    ids=["not a number", "half a character", "nothing", "too deep", "too long a number"],
)
def test_what_cannot_be_kept_is_refused(raw: httpx.Client, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = raw.post("/agents/create", content=body, headers=headers)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("cursor", ["x", "WzEsIDJd", "bnVsbA", "!!!!", "W10"])
def test_a_cursor_of_somebody_elses_is_refused(raw: httpx.Client, cursor: str) -> None:
    assert raw.get("/agents", params={"cursor": cursor}).status_code == 422


def test_the_older_form_of_an_agent_is_understood(raw: httpx.Client) -> None:
    body = {
        "name": "Old",
        "system_prompt": "Sell lamps.",
        "first_message": "Hello.",
        "voice_id": "v",
        "interrupt_enabled": True,
    }
    made = raw.post("/agents", json=body).json()
    path = f"/agents/{made['agent_id']}"
    agent = raw.get(path).json()
    el.GetAgentResponseModel.model_validate(agent)
    assert agent["conversation_config"]["agent"]["prompt"]["prompt"] == "Sell lamps."
    assert agent["interrupt_enabled"] is True
    changed = raw.put(path, json={"system_prompt": "Sell desks."}).json()["config"]
    assert changed["conversation_config"]["agent"]["prompt"]["prompt"] == "Sell desks."
    assert changed["conversation_config"]["agent"]["first_message"] == "Hello."
    assert changed["name"] == "Old"
