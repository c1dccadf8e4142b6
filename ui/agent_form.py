"""An agent's JSON as a form: the fields that people change, and the rest as it is."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

BUILT_IN: Final = (
    "end_call",
    "transfer_to_number",
    "language_detection",
    "skip_turn",
    "voicemail_detection",
    "play_keypad_touch_tone",
)
FREE: Final = ("end_call", "language_detection", "skip_turn", "voicemail_detection")
"""Built-in tools of an agent that names none."""
FACTS: Final = ("need", "team_size", "budget", "authority", "timing")
"""What an agent may find out of a caller, in the order it asks."""
_MADE: Final = ("agent_id", "name", "metadata", "phone_numbers", "whatsapp_accounts", "access_info")
"""What the server adds to an agent, or is in the form by itself."""
_AGENT: Final = ("conversation_config", "agent")
_PROMPT: Final = (*_AGENT, "prompt")
_PLAIN: Final[Mapping[str, tuple[tuple[str, ...], Any]]] = {
    "first_message": ((*_AGENT, "first_message"), ""),
    "prompt": ((*_PROMPT, "prompt"), ""),
    "language": ((*_AGENT, "language"), "en"),
    "voice": (("conversation_config", "tts", "voice_id"), ""),
    "model": ((*_PROMPT, "llm"), ""),
    "disclose_ai": ((*_AGENT, "disclose_ai"), True),
    "record_consent": ((*_AGENT, "record_consent"), False),
    "qualification": ((*_AGENT, "qualification"), []),
    "tools": ((*_PROMPT, "tool_ids"), []),
}
"""Fields that are one value of the JSON: where it stands, and what holds where it is missing."""
_NUMBERS: Final = (*_PROMPT, "built_in_tools", "transfer_to_number", "params", "transfers")


class NotJson(ValueError):
    """The rest of the agent is no JSON object; says where."""


@dataclass(frozen=True, slots=True)
class Form:
    """What the page shows of an agent."""

    name: str
    first_message: str
    prompt: str
    language: str
    voice: str
    model: str
    disclose_ai: bool
    record_consent: bool
    qualification: list[str]
    tools: list[str]
    built_in: list[str]
    transfers: list[list[Any]]
    """Number, for which wishes, and whether the person is told first what it is about."""
    documents: list[str]
    rest: str
    """All other JSON; what is not known here is in it, and stays."""


def form(agent: Mapping[str, Any]) -> Form:
    """Return the form of an agent's JSON, as the API gives it."""
    rest = deepcopy({name: value for name, value in agent.items() if name not in _MADE})
    plain = {name: _taken(rest, path, usual) for name, (path, usual) in _PLAIN.items()}
    documents = [str(one["id"]) for one in _taken(rest, (*_PROMPT, "knowledge_base"), [])]
    rules = _at(rest, _NUMBERS) or []
    by_number = [rule for rule in rules if _number(rule)]
    if by_number:
        _put(rest, _NUMBERS, [rule for rule in rules if not _number(rule)])
    return Form(
        name=str(agent.get("name") or ""),
        built_in=_built_in(rest),
        transfers=[
            [_number(rule), rule.get("condition") or "", rule.get("transfer_type") == "conference"]
            for rule in by_number
        ],
        documents=documents,
        rest=json.dumps(rest, indent=2, ensure_ascii=False),
        **plain,
    )


def change(
    form: Form, before: Mapping[str, Any], documents: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what the API is sent to make an agent what the form says.

    Args:
        form: as the person left it.
        before: the agent as it is.
        documents: those there are, by id, each with `name` and `type`.

    Raises:
        NotJson: the rest is none.
    """
    try:
        after = json.loads(form.rest or "{}")
    except ValueError as error:
        raise NotJson(f"The JSON cannot be read: {error}.") from None
    if not isinstance(after, dict):
        raise NotJson("The JSON must be one object, in braces.")
    for name, (path, _) in _PLAIN.items():
        _put(after, path, getattr(form, name))
    if not form.model:  # an empty name would be no model's
        _put(after, _PLAIN["model"][0], None)
    known = {str(one["id"]): one for one in _at(before, (*_PROMPT, "knowledge_base")) or []}
    located = [known.get(one) or located_at(one, documents) for one in form.documents]
    _put(after, (*_PROMPT, "knowledge_base"), located)
    _switch(after, form, before)
    return {**after, "name": form.name}


def located_at(document: str, documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return how an agent names a document that it knows."""
    found = documents.get(document, {})
    return {"id": document, "name": found.get("name", document), "type": found.get("type", "file")}


def _switch(after: dict[str, Any], form: Form, before: Mapping[str, Any]) -> None:
    """Have the built-in tools that are chosen, and no other; one with numbers is chosen."""
    path = (*_PROMPT, "built_in_tools")
    described = _at(after, path) or {}
    rows = [row for row in form.transfers if str(row[0] or "").strip()]
    chosen = {*form.built_in, *(["transfer_to_number"] if rows else [])}
    _put(after, path, {**described, **dict.fromkeys(BUILT_IN)})
    for name in chosen:
        usual = {"name": name, "params": {"system_tool_type": name}}
        _put(after, (*path, name), described.get(name) or usual)
    if inline := _at(after, (*_PROMPT, "tools")):
        kept = [t for t in inline if t.get("type") != "system" or t.get("name") in chosen]
        _put(after, (*_PROMPT, "tools"), kept)
    if "transfer_to_number" in chosen:
        others = [rule for rule in _at(after, _NUMBERS) or [] if not _number(rule)]
        known = {_number(rule): rule for rule in _at(before, _NUMBERS) or [] if _number(rule)}
        _put(after, _NUMBERS, [*others, *(_rule(row, known) for row in rows)])


def _rule(row: list[Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the rule that a row stands for; what else a rule of that number said is kept."""
    number, when, warm = (*row, "", False)[:3]
    number = str(number).strip()
    before = known.get(number, {})
    destination = before.get("transfer_destination") or {"type": "phone", "phone_number": number}
    kind = before.get("transfer_type", "blind")
    if bool(warm) != (kind == "conference"):
        kind = "conference" if warm else "blind"
    return {
        **before,
        "transfer_destination": destination,
        "condition": str(when or ""),
        "transfer_type": kind,
    }


def _built_in(rest: Mapping[str, Any]) -> list[str]:
    named = _at(rest, (*_PROMPT, "built_in_tools"))
    tools = _at(rest, (*_PROMPT, "tools")) or []
    inline = [str(tool.get("name")) for tool in tools if tool.get("type") == "system"]
    if named is None and not inline:
        return list(FREE)
    has = {*inline, *(name for name, tool in (named or {}).items() if tool is not None)}
    return [name for name in BUILT_IN if name in has]


def _number(rule: Any) -> str:
    """Return the telephone number that a rule of transfer leads to; empty for another place."""
    if not isinstance(rule, Mapping):
        return ""
    destination = rule.get("transfer_destination")
    found = destination.get("phone_number") if isinstance(destination, Mapping) else None
    return str(found or rule.get("phone_number") or "")


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    return document


def _taken(document: dict[str, Any], path: tuple[str, ...], usual: Any) -> Any:
    """Take a value out of an object; the usual one where there is none."""
    parent = _at(document, path[:-1])
    found = parent.pop(path[-1], None) if isinstance(parent, dict) else None
    return usual if found is None else found


def _put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        if not isinstance(document.get(step), dict):
            document[step] = {}
        document = document[step]
    document[path[-1]] = value
