"""An agent's JSON, what a client gave and variables, put together: pure functions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.convai.config import ClientData
from server.convai.mapping import Prepared, Unusable, prepared
from server.convai.merging import WHOLE, merged
from server.convai.overrides import OverrideRefused
from server.convai.variables import filled
from settings import Settings


def of(config: dict[str, Any], data: dict[str, Any] | None = None, **more: Any) -> Prepared:
    document = {"conversation_config": config, **more.pop("document", {})}
    settings = more.pop("settings", Settings(_env_file=None))
    return prepared(
        "agent_1",
        "Asha",
        document,
        more.pop("tools", {}),
        ClientData.model_validate(data or {}),
        {"system__caller_id": "+15550100", "system__conversation_id": "conv_1"},
        settings,
        ["sdr", "parrot"],
    )


def test_variables_fill_the_first_message_and_the_prompt() -> None:
    config = {
        "agent": {"first_message": "Hi {{ name }}!", "prompt": {"prompt": "VIP: {{vip}} {{n}}"}}
    }
    got = of(config, {"dynamic_variables": {"name": "Asha", "vip": True, "n": 7}})
    assert (got.agent.first_message, got.agent.prompt) == ("Hi Asha!", "VIP: true 7")
    assert got.warnings == []


def test_a_missing_variable_falls_back_to_its_placeholder_and_says_so() -> None:
    placeholders = {"dynamic_variable_placeholders": {"name": "there"}}
    got = of({"agent": {"first_message": "Hi {{name}}", "dynamic_variables": placeholders}})
    assert got.agent.first_message == "Hi there"
    assert got.warnings == ["The dynamic variable name was not given; its placeholder is used."]


def test_a_missing_variable_without_a_placeholder_leaves_no_gap() -> None:
    got = of({"agent": {"first_message": "Hi {{name}}, how are you {{x}} today?"}})
    assert got.agent.first_message == "Hi, how are you today?"
    assert len(got.warnings) == 2


def test_what_the_server_knows_cannot_be_given() -> None:
    config = {"agent": {"first_message": "{{system__caller_id}} {{system__agent_id}}"}}
    got = of(config, {"dynamic_variables": {"system__caller_id": "+1666"}})
    assert got.agent.first_message == "+15550100 agent_1"
    assert "reserved" in got.warnings[0]


def test_a_secret_reaches_neither_the_agent_nor_what_is_kept() -> None:
    config = {
        "agent": {
            "first_message": "Your token is {{secret__token}}.",
            "prompt": {"prompt": "{{secret__token}}"},
            "dynamic_variables": {"dynamic_variable_placeholders": {"secret__b": "hush-2"}},
        }
    }
    got = of(config, {"dynamic_variables": {"secret__token": "hush-1", "name": "x"}})
    shown = got.agent.model_dump_json() + str(got.initiation) + str(got.warnings)
    assert "hush" not in shown
    assert got.variables.secret == {"secret__token": "hush-1", "secret__b": "hush-2"}


def test_an_override_needs_the_agents_leave_field_by_field() -> None:
    allowed = {"agent": {"first_message": True, "prompt": {"prompt": False}}}
    document = {"platform_settings": {"overrides": {"conversation_config_override": allowed}}}
    change = {"conversation_config_override": {"agent": {"first_message": "Hey"}}}
    assert of({}, change, document=document).agent.first_message == "Hey"
    for refused in (
        {"agent": {"prompt": {"prompt": "Lie."}}},
        {"agent": {"language": "hi"}},
        {"tts": {"voice_id": "v"}},
        {"agent": {"graph": "parrot"}},
        {"agent": {"prompt": {"custom_llm": {"url": "http://evil"}}}},
        {"new": 1},
    ):
        with pytest.raises(OverrideRefused, match=r"not allowed"):
            of({}, {"conversation_config_override": refused}, document=document)


@pytest.mark.parametrize("where", [{"text_only": True}, {"conversation": {"text_only": True}}])
def test_text_only_needs_nobodys_leave(where: dict[str, Any]) -> None:
    assert of({}, {"conversation_config_override": where}).text_only


def test_any_graph_that_is_served_may_be_an_agent() -> None:
    assert of({}).graph == "sdr"
    assert of({"agent": {"graph": "parrot"}}).graph == "parrot"
    with pytest.raises(Unusable, match="no graph 'nosuch'"):
        of({"agent": {"graph": "nosuch"}})


def test_a_model_without_a_key_is_stood_in_for_and_says_so() -> None:
    got = of({"agent": {"prompt": {"llm": "gpt-4o-mini"}}})
    assert got.agent.llm.provider == "embedded"
    assert "no key for the model gpt-4o-mini" in got.warnings[0]
    keyed = Settings(_env_file=None, openai_api_key="k")
    got = of({"agent": {"prompt": {"llm": "gpt-4o-mini", "temperature": 0.3}}}, settings=keyed)
    assert (got.agent.llm.provider, got.agent.llm.model) == ("openai", "gpt-4o-mini")
    assert got.agent.llm.temperature == 0.3


def test_a_model_of_ones_own_names_its_secret_and_not_its_key() -> None:
    own = {"url": "http://127.0.0.1:9/v1", "model_id": "m", "api_key": {"secret_id": "sec_1"}}
    llm = of({"agent": {"prompt": {"llm": "custom-llm", "custom_llm": own}}}).agent.llm
    assert (llm.base_url, llm.model, llm.api_key_secret) == (own["url"], "m", "sec_1")


def test_transfer_rules_become_people_to_be_connected_with() -> None:
    rules = [
        {
            "transfer_destination": {"type": "phone", "phone_number": "+44 20 7946 0018"},
            "condition": "billing",
            "transfer_type": "conference",
        },
        {"phone_number": "not a number", "condition": "x"},
    ]
    tool = {"type": "system", "name": "transfer_to_number", "params": {"transfers": rules}}
    got = of(
        {"agent": {"prompt": {"built_in_tools": {"transfer_to_number": tool, "end_call": None}}}}
    )
    assert [(t.to, t.when, t.warm) for t in got.agent.transfer_numbers] == [
        ("+442079460018", "billing", True)
    ]
    assert set(got.agent.built_in) == {"transfer_to_number"}
    assert "E.164" in got.warnings[0]


def test_an_agent_without_documents_knows_nobody_elses() -> None:
    assert (of({}).agent.organisation, of({}).agent.documents) == ("workspace", ())
    listed = {
        "agent": {"prompt": {"knowledge_base": [{"type": "text", "name": "a", "id": "doc_1"}]}}
    }
    got = of(listed).agent
    assert (got.organisation, got.documents) == ("workspace", ("doc_1",))


def test_an_agent_of_an_organisation_knows_all_of_its_folder() -> None:
    got = of({"agent": {"organisation": "lanternfield"}}).agent
    assert (got.organisation, got.documents) == ("lanternfield", None)


def test_an_agent_asks_for_no_facts_that_nobody_has_told_it_to_ask_for() -> None:
    assert of({}).agent.qualification == ()
    assert of({"agent": {"qualification": ["need"]}}).agent.qualification == ("need",)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)
objects = st.dictionaries(st.text(max_size=4), json_values, max_size=4)


@given(objects, objects)
def test_a_change_merged_twice_is_a_change_merged_once(before: Any, change: Any) -> None:
    once = merged(before, change)
    assert merged(once, change) == once
    assert set(once) == set(before) | set(change)


@given(objects)
def test_nothing_merged_changes_nothing(before: Any) -> None:
    assert merged(before, {}) == before


@given(objects, st.sampled_from(sorted(WHOLE)))
def test_a_key_of_the_users_own_can_be_removed(before: Any, name: str) -> None:
    assert merged({name: before}, {name: {}}) == {name: {}}


@given(st.text(max_size=80))
def test_any_text_can_be_filled(text: str) -> None:
    filled(text, {"a": 1})


@given(st.integers() | st.floats() | st.none() | st.text() | st.booleans())
def test_limits_are_seconds_or_none_whatever_is_written(given: Any) -> None:
    config = {"conversation": {"max_duration_seconds": given}, "turn": {"turn_timeout": given}}
    limits = {"agent_concurrency_limit": given, "daily_limit": given}
    got = of(config, document={"platform_settings": {"call_limits": limits}})
    longest = got.agent.max_duration_secs
    assert longest is None or 1 <= longest <= 86_400
    assert got.agent.silence_secs == longest
    assert got.limits.at_once is None or got.limits.at_once >= 0


def test_limits_are_what_the_agent_says() -> None:
    config = {"conversation": {"max_duration_seconds": 90}, "turn": {"turn_timeout": 10**400}}
    limits = {"agent_concurrency_limit": -1, "daily_limit": 5}
    got = of(config, document={"platform_settings": {"call_limits": limits}})
    assert (got.agent.max_duration_secs, got.agent.silence_secs) == (90, 86_400)
    assert (got.limits.at_once, got.limits.a_day) == (None, 5)
