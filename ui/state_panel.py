"""The state of a conversation to read: where it stands, what is known, the rest raw."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from html import escape
from typing import Any

from pydantic import BaseModel

from graphs.threads import Snapshot

_WAITING_FOR = {
    "yes_no": "a yes or a no (keys 1 and 2)",
    "employment": "what you do for a living",
    "amount": "an amount (or digits, then #)",
    "city": "a city",
    "choice": "one of the choices offered",
    "text": "anything you wish to say",
}
_TONES = {
    "eligible": "good",
    "not_eligible": "bad",
    "needs_human": "warn",
    "opted_out": "quiet",
    "in_progress": "open",
}
_NOT_FACTS = {"messages", "done", "outcome", "expects", "event", "agent", "conversation_id"}


def state_panel(snapshot: Snapshot | None) -> str:
    """Return the state as HTML; None while there is nothing to show yet."""
    if snapshot is None or not snapshot.exists:
        return '<p class="quiet">The conversation has not begun.</p>'
    known = list(_facts(_worth_reading(snapshot.values)))
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in known)
    facts = f'<dl class="facts">{rows}</dl>' if rows else ""
    raw = json.dumps(_plain(_without(snapshot.values, {"messages"})), indent=2, ensure_ascii=False)
    return (
        f"{_standing(snapshot)}{facts}"
        f"<details class='raw'><summary>Raw state</summary>"
        f"<pre tabindex='0'>{escape(raw)}</pre></details>"
    )


def outcome_badge(outcome: str) -> str:
    """Return an outcome as a badge; its colour says whether it is good news."""
    tone = _TONES.get(outcome, "open")
    return f'<span class="badge {tone}" data-outcome="{escape(outcome)}">{_words(outcome)}</span>'


def _standing(snapshot: Snapshot) -> str:
    outcome = snapshot.outcome or ("ended" if snapshot.done else "in_progress")
    kind = snapshot.expects.get("kind", "")
    if snapshot.done:
        text = "The conversation has ended."
    elif kind:
        text = f"Waiting for {escape(_WAITING_FOR.get(kind, _words(kind)))}."
    else:
        text = "The conversation is open."
    return f'<p class="standing">{outcome_badge(outcome)}<span>{text}</span></p>'


def _worth_reading(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `phase`, `facts` and `reasons` of a graph that has facts, else everything it keeps."""
    if "facts" not in values:
        return _without(values, _NOT_FACTS)
    shown = {name: values.get(name) for name in ("phase", "facts", "reasons")}
    return {name: value for name, value in shown.items() if value or name == "facts"}


def _facts(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield what is worth reading as name and HTML; one level of mapping is opened up.

    Of a fact that is kept with its evidence the caller's `words` are shown.
    """
    for name, value in values.items():
        value = _plain(value)
        if prefix and isinstance(value, dict) and "words" in value:
            value = value["words"]
        if isinstance(value, dict) and not prefix:
            yield from _facts(value, prefix=name)
        elif not isinstance(value, dict) and not name.startswith("_"):
            yield _words(name), _shown(value)


def _shown(value: Any) -> str:
    if value in (None, "", []):
        return '<span class="quiet">not known yet</span>'
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return _range(value) or escape(", ".join(_text(item) for item in value))
    return escape(_text(value))


def _range(value: list[Any]) -> str | None:
    """Return a pair of numbers as what lies between them; None when the list is no such pair."""
    if len(value) != 2 or not any(_is_number(end) for end in value):
        return None
    if not all(end is None or _is_number(end) for end in value):
        return None
    low, high = (end if end is None else _text(end) for end in value)
    if low is None or high is None:
        return f"at least {low}" if high is None else f"at most {high}"
    return low if low == high else f"{low} to {high}"


def _text(value: Any) -> str:
    if _is_number(value):
        return f"{Decimal(str(value)):,}"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    if re.fullmatch(r"\w+(\.\w+)*", text):  # a code, such as not_eligible or salary.below_minimum
        return text.replace(".", ": ").replace("_", " ").capitalize()
    return text


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (
        isinstance(value, str) and bool(re.fullmatch(r"-?\d{1,15}(\.\d+)?", value))
    )


def _plain(value: Any) -> Any:
    """Return a value of the state as JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _words(name: str) -> str:
    return escape(name.replace("_", " ").capitalize())


def _without(values: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
