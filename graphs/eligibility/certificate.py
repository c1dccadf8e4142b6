"""The decision certificate: what was heard, understood, decided and asked, chained by SHA-256."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from graphs.eligibility.actions import Action, Say, Understood
from graphs.eligibility.rules import Rules, Verdict
from graphs.eligibility.state import Event, Interview

GENESIS = "0" * 64
"""What the first entry names as its predecessor."""


def canonical(value: Any) -> bytes:
    """Return the canonical form of JSON: UTF-8, keys sorted, no spaces, no escapes beyond need."""
    text = json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


def digest(entry: Mapping[str, Any]) -> str:
    """Return the SHA-256 over the canonical form of an entry without its own hash."""
    content = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(canonical(content)).hexdigest()


def entry(
    previous: Sequence[Mapping[str, Any]],
    event: Event,
    after: Interview,
    actions: Sequence[Action],
    rules: Rules,
) -> dict[str, Any]:
    """Make the next entry of a record.

    Args:
        previous: the entries so far.
        event: what happened.
        after: the interview after it.
        actions: what `step` answered.
        rules: the rules it applied.
    """
    say = next((action for action in actions if isinstance(action, Say)), None)
    content: dict[str, Any] = {
        "number": len(previous) + 1,
        "at": _time(event.at),
        "event": event.to_json(),
        "understood": [
            {"what": a.what, "value": a.value, "span": list(a.span), "rules": list(a.rules)}
            for a in actions
            if isinstance(a, Understood)
        ],
        "applied": [
            {"rule": a.rule, "passed": a.passed} for a in actions if isinstance(a, Verdict)
        ],
        "said": say.text if say else None,
        "replies": list(say.replies) if say else [],
        "stage": after.stage,
        "language": after.language,
        "facts": after.facts,
        "outcome": after.outcome,
        "reasons": list(after.reasons),
        "rules": {"version": rules.version, "sha256": rules.sha256},
        "previous": previous[-1]["hash"] if previous else GENESIS,
    }
    return content | {"hash": digest(content)}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
