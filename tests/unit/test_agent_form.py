"""An agent as a form: what a person sees is what is kept, and nothing else is lost."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sdr.agent import Agent
from server.convai.config import ClientData
from server.convai.mapping import prepared
from settings import Settings
from ui.agent_form import BUILT_IN, FREE, NotJson, change, form

AGENT: dict[str, Any] = {
    "agent_id": "agent_1",
    "name": "Maya",
    "tags": ["sales"],
    "conversation_config": {
        "asr": {"quality": "high"},
        "agent": {
            "first_message": "Hello",
            "new_field": {"x": 1},
            "prompt": {
                "prompt": "Be brief.",
                "llm": "gpt-9",
                "tool_ids": ["tool_1"],
                "knowledge_base": [{"id": "d1", "name": "Prices", "usage_mode": "auto"}],
                "built_in_tools": {
                    "end_call": {"name": "end_call", "description": "Only when thanked."},
                    "transfer_to_number": {
                        "name": "transfer_to_number",
                        "params": {
                            "transfers": [
                                {
                                    "transfer_destination": {
                                        "type": "phone",
                                        "phone_number": "+12125550100",
                                    },
                                    "condition": "billing",
                                    "transfer_type": "conference",
                                    "note": "kept",
                                },
                                {"transfer_destination": {"type": "sip_uri", "sip_uri": "sip:a"}},
                            ]
                        },
                    },
                },
            },
        },
    },
}


def at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = document[step]
    return document


PROMPT = "conversation_config.agent.prompt"


def test_what_was_not_touched_is_sent_as_it_was() -> None:
    sent = change(form(AGENT), AGENT, {})
    assert sent["tags"] == ["sales"]
    assert at(sent, "conversation_config.asr") == {"quality": "high"}
    assert at(sent, "conversation_config.agent.new_field") == {"x": 1}
    assert at(sent, f"{PROMPT}.knowledge_base") == at(AGENT, f"{PROMPT}.knowledge_base")
    assert at(sent, f"{PROMPT}.built_in_tools.end_call.description") == "Only when thanked."
    rules = at(sent, f"{PROMPT}.built_in_tools.transfer_to_number.params.transfers")
    assert {"transfer_destination": {"type": "sip_uri", "sip_uri": "sip:a"}} in rules
    assert [rule.get("note") for rule in rules] == [None, "kept"]
    assert "agent_id" not in sent


@pytest.mark.parametrize("agent", [AGENT, {"name": "Maya", "conversation_config": {}}])
def test_an_agent_that_is_saved_untouched_speaks_as_before(agent: dict[str, Any]) -> None:
    """One that asks for no facts was shown to ask for five, and did so once it was saved."""

    def speaker(document: dict[str, Any]) -> Agent:
        data, settings = ClientData.model_validate({}), Settings(_env_file=None)
        agent = prepared("agent_1", "Maya", document, {}, data, {}, settings, ["sdr"]).agent
        return agent.model_copy(update={"built_in": dict.fromkeys(sorted(agent.built_in), {})})

    assert speaker(change(form(agent), agent, {})) == speaker(agent)


def test_a_form_filled_from_what_it_sent_is_the_same_form() -> None:
    shown = form(AGENT)
    again = form({**change(shown, AGENT, {}), "agent_id": "agent_1"})
    assert replace(again, rest="") == replace(shown, rest="")


@given(st.sets(st.sampled_from(BUILT_IN)), st.booleans())
def test_only_the_built_in_tools_chosen_are_left(chosen: set[str], disclose: bool) -> None:
    shown = replace(form(AGENT), built_in=sorted(chosen), transfers=[], disclose_ai=disclose)
    sent = change(shown, AGENT, {})
    tools = at(sent, f"{PROMPT}.built_in_tools")
    assert {name for name, tool in tools.items() if tool is not None} == chosen
    assert at(sent, "conversation_config.agent.disclose_ai") is disclose


def test_an_agent_that_names_no_tool_has_those_that_need_nothing() -> None:
    assert form({"name": "New", "conversation_config": {}}).built_in == list(FREE)


def test_a_person_to_transfer_to_switches_the_tool_on() -> None:
    shown = replace(form(AGENT), built_in=[], transfers=[[" +12125550101", "refunds", True]])
    tools = at(change(shown, AGENT, {}), f"{PROMPT}.built_in_tools")
    rule = tools["transfer_to_number"]["params"]["transfers"][-1]
    assert rule["transfer_destination"]["phone_number"] == "+12125550101"
    assert rule["transfer_type"] == "conference"


def test_a_document_that_is_new_to_the_agent_is_sent_by_its_name_and_kind() -> None:
    shown = replace(form(AGENT), documents=["d1", "d2"])
    there = {"d2": {"name": "FAQ", "type": "text"}}
    known = at(change(shown, AGENT, there), f"{PROMPT}.knowledge_base")
    assert known[0] == at(AGENT, f"{PROMPT}.knowledge_base")[0]
    assert known[1:] == [{"id": "d2", "name": "FAQ", "type": "text"}]


@pytest.mark.parametrize("rest", ["{", "[]", "3"])
def test_json_that_is_no_object_is_refused_in_words(rest: str) -> None:
    with pytest.raises(NotJson, match="JSON"):
        change(replace(form(AGENT), rest=rest), AGENT, {})


def test_the_agent_itself_is_not_changed_by_showing_it() -> None:
    before = deepcopy(AGENT)
    json.loads(form(AGENT).rest)
    assert before == AGENT
