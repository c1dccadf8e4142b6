"""The decision certificate: what was heard, understood, decided and asked, chained by SHA-256."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from graphs.eligibility.actions import Action, Say, Understood
from graphs.eligibility.rules import Rules, Verdict
from graphs.eligibility.state import FINAL, Event, Interview
from graphs.eligibility.step import step

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


FORMAT = "dialgraph.eligibility.certificate/1"
_DECIDES = ("understood", "applied", "stage", "facts", "outcome", "reasons")
"""Fields of an entry that make up the decision, as against its words."""


class CertificateError(ValueError):
    """A file is not a certificate of this format; the message says what is missing."""


def certificate(thread_id: str, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make the certificate of a thread from its record.

    Args:
        thread_id: the thread.
        entries: its record, at least one entry.
    """
    last = entries[-1]
    decided = next((e["at"] for e in entries if e["outcome"] in FINAL), None)
    versions = {e["rules"]["sha256"]: e["rules"] for e in entries}
    return {
        "format": FORMAT,
        "thread_id": thread_id,
        "outcome": last["outcome"],
        "reasons": last["reasons"],
        "facts": last["facts"],
        "language": last["language"],
        "opened_at": entries[0]["at"],
        "decided_at": decided,
        "rules": list(versions.values()),
        "entries": list(entries),
        "head": last["hash"],
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """The first entry that a re-run makes otherwise."""

    number: int
    field: str
    recorded: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Replay:
    """What verifying a certificate and deciding it again found; two separate findings."""

    thread_id: str
    broken: tuple[str, ...]
    """Where the chain or the summary does not hold; empty when nothing was changed."""
    same_rules: bool
    """Whether the whole certificate was made under the rules it was replayed with."""
    reproduced: bool
    """Whether the re-run gave the same certificate, byte for byte."""
    difference: Difference | None
    """The first entry decided otherwise; its words may differ without being a difference."""
    recorded_outcome: str
    outcome: str

    @property
    def tampered(self) -> bool:
        """Whether the certificate was changed after it was made."""
        return bool(self.broken)


def replay(document: Mapping[str, Any], rules: Rules) -> Replay:
    """Verify a certificate's chain, decide its events again, and compare.

    What was heard of what was said (`heard`) is beside the record, and not looked at.

    Raises:
        CertificateError: the document is not a certificate of this format.
    """
    _check_format(document)
    document = {key: value for key, value in document.items() if key != "heard"}
    recorded = document["entries"]
    try:
        again = rerun(recorded, rules)
    except (KeyError, TypeError, ValueError) as error:
        raise CertificateError(f"An event of the certificate cannot be read: {error!r}.") from None
    remade = certificate(document["thread_id"], again)
    return Replay(
        thread_id=document["thread_id"],
        broken=tuple(_broken(document)),
        same_rules=all(e["rules"]["sha256"] == rules.sha256 for e in recorded),
        reproduced=canonical(remade) == canonical(document),
        difference=_first_difference(recorded, again),
        recorded_outcome=document["outcome"],
        outcome=remade["outcome"],
    )


def rerun(recorded: Sequence[Mapping[str, Any]], rules: Rules) -> list[dict[str, Any]]:
    """Decide the recorded events again, from the beginning."""
    interview, entries = Interview(), list[dict[str, Any]]()
    for old in recorded:
        event = Event.from_json(old["event"], datetime.fromisoformat(old["at"]))
        interview, actions = step(interview, event, rules)
        entries.append(entry(entries, event, interview, actions, rules))
    return entries


def _check_format(document: Any) -> None:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CertificateError(f"Not a certificate: expected a JSON object of format {FORMAT!r}.")
    wanted = {"thread_id", "outcome", "reasons", "facts", "rules", "entries", "head"}
    if missing := wanted - set(document):
        raise CertificateError(f"The certificate lacks {', '.join(sorted(missing))}.")
    entries = document["entries"]
    if not isinstance(entries, list) or not entries:
        raise CertificateError("The certificate has no entries.")
    for number, content in enumerate(entries, 1):
        if not isinstance(content, dict) or not set(content) >= _ENTRY:
            raise CertificateError(f"Entry {number} of the certificate is not complete.")


_ENTRY = {"number", "at", "event", "outcome", "rules", "previous", "hash", "language", *_DECIDES}


def _broken(document: Mapping[str, Any]) -> Iterator[str]:
    previous = GENESIS
    for number, content in enumerate(document["entries"], 1):
        if content["number"] != number:
            yield f"entry {number}: numbered {content['number']}"
        if content["previous"] != previous:
            yield f"entry {number}: does not follow the entry before it"
        if content["hash"] != digest(content):
            yield f"entry {number}: its content does not match its hash"
        previous = content["hash"]
    if canonical(certificate(document["thread_id"], document["entries"])) != canonical(document):
        yield "summary: does not match the entries"


def _first_difference(
    recorded: Sequence[Mapping[str, Any]], again: Sequence[Mapping[str, Any]]
) -> Difference | None:
    for old, new in zip(recorded, again, strict=True):
        for name in _DECIDES:
            if old[name] != new[name]:
                return Difference(new["number"], name, old[name], new[name])
    return None
