"""Personal data left out of what is told of a conversation, where its agent says so."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from server.convai.merging import section
from tools.privacy import KINDS, redact

_ENTITIES: Final[Mapping[str, Collection[str]]] = {
    "email_address": {"EMAIL"},
    "contact_number": {"PHONE"},
    "financial_id": {"CARD", "IBAN", "ACCOUNT", "UPI", "IFSC", "PAN"},
    "unique_id": {"AADHAAR", "PAN", "PASSPORT", "SSN", "NUMBER"},
    "password": {"OTP"},
}
"""What of ElevenLabs' entities is recognised here; a subtype counts as its whole type."""
_PARTS: Final = ("transcript", "analysis", "facts")


def redacted_kinds(document: Mapping[str, Any]) -> Collection[str]:
    """Return the kinds of personal data that an agent has left out; all where it names none."""
    rules = section(document, "platform_settings", "privacy", "conversation_history_redaction")
    if not rules.get("enabled"):
        return ()
    named = [str(entity).split(".", 1)[0] for entity in rules.get("entities") or ()]
    found = {kind for entity in named for kind in _ENTITIES.get(entity, ())}
    return found if named else KINDS


def redacted(told: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of a conversation without what its agent has left out.

    Args:
        told: the conversation in ElevenLabs' shape, or some of it.
        document: the agent.
    """
    kinds = redacted_kinds(document)
    return {
        name: _without(value, kinds) if kinds and name in _PARTS else value
        for name, value in told.items()
    }


def without_words(analysis: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an analysis as it may be kept."""
    return dict(redacted({"analysis": dict(analysis)}, document)["analysis"])


def _without(value: Any, kinds: Collection[str]) -> Any:
    if isinstance(value, str):
        return redact(value, kinds)
    if isinstance(value, Mapping):
        return {
            name: one if str(name).endswith("id") else _without(one, kinds)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without(one, kinds) for one in value]
    return value
