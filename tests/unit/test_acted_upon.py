"""What of an agent is only kept is told, and nothing else."""

from server.convai.acted_upon import ACTED_UPON, without_effect


def test_what_nothing_comes_of_is_named_where_it_stands() -> None:
    document = {
        "conversation_config": {
            "agent": {"first_message": "Hi", "hinglish_mode": True, "prompt": {"rag": {"x": 1}}},
            "vad": {"background_voice_detection": True},
        },
        "platform_settings": {"call_limits": {"bursting_enabled": True, "daily_limit": 3}},
        "workflow": {"nodes": {"start": {}}},
    }
    assert sorted(without_effect(document)) == [
        "conversation_config.agent.hinglish_mode",
        "conversation_config.agent.prompt.rag.x",
        "conversation_config.vad",
        "platform_settings.call_limits.bursting_enabled",
        "workflow",
    ]


def test_what_asks_for_nothing_is_not_told() -> None:
    document = {"workflow": None, "platform_settings": {"widget": {}, "alerting": False}}
    assert list(without_effect(document)) == []


def test_names_of_the_clients_own_are_neither_judged_nor_logged() -> None:
    placeholders = {"dynamic_variable_placeholders": {"anything": "x"}}
    agent = {"dynamic_variables": placeholders, "a\nline, and +15550100": 1, "x" * 65: 1}
    told = list(without_effect({"conversation_config": {"agent": agent}}))
    assert told == ["conversation_config.agent.(...)"] * 2


def test_each_object_is_acted_upon_in_the_object_it_is_in() -> None:
    for path in ACTED_UPON:
        inside, _, name = path.rpartition(".")
        assert not path or name in ACTED_UPON[inside]
