"""Which settings of an agent mean something here; nothing comes of the others that are kept."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

ACTED_UPON: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"conversation_config", "platform_settings", "name", "tags"}),
    "conversation_config": frozenset({"agent", "tts", "turn", "conversation", "language_presets"}),
    "conversation_config.agent": frozenset(
        {
            "first_message",
            "language",
            "dynamic_variables",
            "prompt",
            "max_conversation_duration_message",
            # ours, not ElevenLabs'
            "graph",
            "organisation",
            "company",
            "disclose_ai",
            "record_consent",
            "qualification",
        }
    ),
    "conversation_config.agent.dynamic_variables": frozenset({"dynamic_variable_placeholders"}),
    "conversation_config.agent.prompt": frozenset(
        {
            "prompt",
            "llm",
            "temperature",
            "max_tokens",
            "tool_ids",
            "tools",
            "built_in_tools",
            "knowledge_base",
            "custom_llm",
            "rag",
        }
    ),
    "conversation_config.agent.prompt.custom_llm": frozenset({"url", "model_id", "api_key"}),
    "conversation_config.agent.prompt.rag": frozenset({"max_retrieved_rag_chunks_count"}),
    "conversation_config.tts": frozenset({"voice_id"}),
    "conversation_config.turn": frozenset({"turn_timeout"}),
    "conversation_config.conversation": frozenset({"text_only", "max_duration_seconds"}),
    "platform_settings": frozenset(
        {
            "evaluation",
            "data_collection",
            "overrides",
            "workspace_overrides",
            "call_limits",
            "privacy",
            "archived",
        }
    ),
    "platform_settings.workspace_overrides": frozenset(
        {"conversation_initiation_client_data_webhook", "webhooks"}
    ),
    "platform_settings.workspace_overrides.webhooks": frozenset(
        {"post_call_webhook_id", "events", "exclude_transcript"}
    ),
    "platform_settings.call_limits": frozenset({"agent_concurrency_limit", "daily_limit"}),
    "platform_settings.privacy": frozenset(
        {
            "record_voice",
            "retention_days",
            "zero_retention_mode",
            "conversation_history_redaction",
        }
    ),
}
"""Names in an object of an agent's JSON, by the path of the object. Of an object that is not here
all is acted upon, or it holds names of the client's own."""

_LONGEST_NAME: Final = 64


def without_effect(document: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the paths of what is set in an agent's JSON and means nothing here.

    What is null, false or empty asks for nothing, so it is not told, nor is a name that is none.
    """
    known = ACTED_UPON[path]
    for name, value in document.items():
        told = name if name.isidentifier() and len(name) <= _LONGEST_NAME else "(...)"
        here = f"{path}.{told}".removeprefix(".")
        if name not in known:
            if value not in (None, False, "", [], {}):
                yield here
        elif here in ACTED_UPON and isinstance(value, Mapping):
            yield from without_effect(value, here)
