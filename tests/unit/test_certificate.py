"""The decision certificate: chained, replayable, and tampering shows."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from graphs.eligibility import certificate
from graphs.eligibility.certificate import CertificateError, canonical, replay
from graphs.eligibility.rules import SHIPPED, load_rules
from graphs.eligibility.state import Event, Interview
from graphs.eligibility.step import step
from server.cli.eligibility import app

RULES = load_rules()
AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def document_of(*said: str, thread_id: str = "t1") -> dict[str, Any]:
    events = [Event("opened", AT)]
    for number, text in enumerate(said, 1):
        events.append(Event("said", AT + timedelta(seconds=number), text, "speech"))
    interview, record = Interview(), list[dict[str, Any]]()
    for event in events:
        interview, actions = step(interview, event, RULES)
        record.append(certificate.entry(record, event, interview, actions, RULES))
    return certificate.certificate(thread_id, record)


@pytest.fixture
def eligible() -> dict[str, Any]:
    return document_of("I am salaried", "forty thousand", "मुंबई")


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    rules = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    rules |= {"version": "stricter", "replies": None}
    rules["salary"]["minimum_monthly"] = 50000
    file = tmp_path / "stricter.yaml"
    file.write_text(yaml.safe_dump(rules), encoding="utf-8")
    return file


def saved(folder: Path, document: dict[str, Any]) -> str:
    file = folder / f"{document['thread_id']}.json"
    file.write_bytes(canonical(document))
    return str(file)


def test_a_certificate_is_reproduced_byte_for_byte(eligible: dict[str, Any]) -> None:
    again = replay(json.loads(canonical(eligible)), RULES)
    assert again.reproduced
    assert not again.tampered


def test_an_entry_tells_what_was_heard_understood_applied_and_said(
    eligible: dict[str, Any],
) -> None:
    entry = eligible["entries"][2]
    assert entry["event"] == {"kind": "said", "text": "forty thousand", "source": "speech"}
    (understood,) = entry["understood"]
    assert understood["value"] == ["40000", "40000"]
    assert understood["span"] == [0, 14]
    assert {"rule": "salary.minimum", "passed": True} in entry["applied"]
    assert entry["said"].endswith("Which city do you live in?")
    assert entry["at"] == "2026-11-21T09:30:02.000000Z"
    assert entry["rules"] == {"version": RULES.version, "sha256": RULES.sha256}


def test_canonical_json_is_sorted_compact_and_not_escaped() -> None:
    assert canonical({"b": "मुंबई", "a": [1, None]}) == '{"a":[1,null],"b":"मुंबई"}'.encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("entries", 2, "event", "text"), "twenty thousand"),
        (("entries", 2, "facts", "salary"), ["90000", "90000"]),
        (("entries", 3, "at"), "2026-11-22T09:30:03.000000Z"),
        (("entries", 1, "hash"), "0" * 64),
        (("outcome",), "not_eligible"),
        (("head",), "0" * 64),
    ],
)
def test_a_change_anywhere_breaks_the_chain(
    eligible: dict[str, Any], path: tuple[Any, ...], value: Any
) -> None:
    changed: Any = copy.deepcopy(eligible)
    *parents, last = path
    target = changed
    for part in parents:
        target = target[part]
    target[last] = value
    assert replay(changed, RULES).tampered


def test_an_entry_taken_out_breaks_the_chain(eligible: dict[str, Any]) -> None:
    changed = copy.deepcopy(eligible)
    del changed["entries"][1]
    assert replay(changed, RULES).tampered


def test_a_forger_who_mends_the_chain_is_found_by_the_re_run() -> None:
    forged = document_of("I am salaried", "twenty thousand")
    last = forged["entries"][-1]
    last |= {"outcome": "eligible", "reasons": ["rules.passed"], "stage": "eligible"}
    last["hash"] = certificate.digest(last)
    forged = certificate.certificate("t1", forged["entries"])
    found = replay(forged, RULES)
    assert not found.tampered
    assert not found.reproduced
    assert found.difference is not None
    assert found.difference.number == 3
    assert found.outcome == "not_eligible"


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(CertificateError, match="format"):
        replay({"hello": "world"}, RULES)


def test_an_event_that_cannot_be_read_is_refused(eligible: dict[str, Any]) -> None:
    eligible["entries"][1]["event"] = {"text": "no kind"}
    with pytest.raises(CertificateError, match="cannot be read"):
        replay(eligible, RULES)


def test_replay_on_the_command_line_says_byte_for_byte(
    eligible: dict[str, Any], tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["replay", saved(tmp_path, eligible)])
    assert result.exit_code == 0, result.output
    assert "byte for byte" in result.output


def test_replay_on_the_command_line_fails_on_a_tampered_certificate(
    eligible: dict[str, Any], tmp_path: Path
) -> None:
    eligible["entries"][2]["event"]["text"] = "twenty thousand"
    result = CliRunner().invoke(app, ["replay", saved(tmp_path, eligible)])
    assert result.exit_code == 1
    assert "TAMPERED" in result.output


def test_new_rules_show_which_past_decisions_they_would_change(
    tmp_path: Path, stricter: Path
) -> None:
    files = [
        saved(tmp_path, document_of("yes", "forty thousand", "Mumbai", thread_id="turned")),
        saved(tmp_path, document_of("yes", "sixty thousand", "Mumbai", thread_id="kept")),
    ]
    result = CliRunner().invoke(
        app, ["replay", *files, "--rules", str(stricter)], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0, result.output
    turned = next(line for line in result.output.splitlines() if "turned" in line)
    kept = next(line for line in result.output.splitlines() if "kept" in line)
    assert "decides differently" in turned
    assert "entry 3" in turned
    assert "same decision" in kept


def test_a_certificate_of_other_rules_is_not_reproduced_and_says_why(
    eligible: dict[str, Any], tmp_path: Path, stricter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "server.cli.eligibility.get_settings",
        lambda: type("S", (), {"eligibility_rules": stricter}),
    )
    result = CliRunner().invoke(app, ["replay", saved(tmp_path, eligible)])
    assert result.exit_code == 1
    assert "made under other rules" in result.output


def test_an_unreadable_rules_file_is_refused_with_its_name(
    eligible: dict[str, Any], tmp_path: Path
) -> None:
    missing = str(tmp_path / "none.yaml")
    result = CliRunner().invoke(app, ["replay", saved(tmp_path, eligible), "--rules", missing])
    assert result.exit_code == 2
    assert "none.yaml" in result.output
