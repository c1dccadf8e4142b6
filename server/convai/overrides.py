"""What a client may change of an agent for one conversation: only what the agent allows."""

from collections.abc import Iterator, Mapping
from typing import Any

from server.convai.merging import merged, section


class OverrideRefused(ValueError):
    """A client wants to change what the agent does not let it change."""


def overridden(document: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Return the agent's conversation_config with a client's changes.

    `text_only` needs no leave: it takes nothing from anybody. The official SDK sends it beside
    `agent` and `tts`, where ElevenLabs' own schema has it within `conversation`.

    Args:
        document: of the agent.
        override: `conversation_config_override` of the client.

    Raises:
        OverrideRefused: names every field that may not be changed.
    """
    override = dict(override)
    text_only = override.pop("text_only", None)
    allowed = section(document, "platform_settings", "overrides", "conversation_config_override")
    wanted = list(_leaves(override))
    refused = [path for path in wanted if not _allows(allowed, path)]
    if refused:
        raise OverrideRefused(
            f"Override for {', '.join('.'.join(path) for path in refused)} is not allowed by the "
            "agent. Allow it in platform_settings.overrides.conversation_config_override."
        )
    config = merged(section(document, "conversation_config"), override)
    if isinstance(text_only, bool):
        config = merged(config, {"conversation": {"text_only": text_only}})
    return config


def _leaves(given: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the path of each thing that is to be changed; null changes nothing."""
    for name, value in given.items():
        here = (*path, name)
        if value is None or here == ("conversation", "text_only"):
            continue
        if (
            isinstance(value, Mapping)
            and len(here) < 3
            and name in ("agent", "prompt", "tts", "conversation", "asr", "turn")
        ):
            yield from _leaves(value, here)
        else:
            yield here


def _allows(allowed: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    found: Any = allowed
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found is True
