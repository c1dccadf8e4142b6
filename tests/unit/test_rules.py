"""The rules as data: changed without code, refused by field when they are wrong."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from graphs.eligibility.rules import SHIPPED, RulesError, load_rules
from graphs.eligibility.state import Event, Interview, Salary
from graphs.eligibility.step import step

AT = datetime(2026, 11, 21, tzinfo=UTC)
RULES = load_rules()
AT_SALARY = Interview(stage="salary", question="salary", employment="salaried")
AT_CITY = AT_SALARY._replace(stage="city", question="city", salary=Salary.exactly(Decimal(40000)))


def changed_rules(folder: Path, **sections: object) -> Path:
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8")) | sections
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return file


def test_another_threshold_needs_no_code(tmp_path: Path) -> None:
    salary = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["salary"]
    file = changed_rules(tmp_path, version="next", salary=salary | {"minimum_monthly": 50000})
    rules = load_rules(file)
    state, _ = step(AT_SALARY, Event("said", AT, "forty thousand"), rules)
    assert state.reasons == ("salary.below_minimum",)
    assert rules.sha256 != RULES.sha256


def test_another_city_needs_no_code(tmp_path: Path) -> None:
    served = {"pune": {"en": "Pune", "hi": "पुणे"}}
    file = changed_rules(tmp_path, city={"id": "city.served", "served": served})
    state, _ = step(AT_CITY, Event("said", AT, "I live in Pune"), load_rules(file))
    assert state.outcome == "eligible"
    state, _ = step(AT_CITY, Event("said", AT, "Mumbai"), load_rules(file))
    assert state.outcome == "not_eligible"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"limits": {"reasks": -1, "silences": 2, "turns": 30}}, "limits.reasks"),
        ({"limits": {"reasks": 2, "silences": 2}}, "limits.turns"),
        ({"surprise": 1}, "surprise"),
        (
            {"city": {"id": "c", "served": {"delhi": {"en": "Delhi"}}, "policies": {"x": "ask"}}},
            "x",
        ),
    ],
)
def test_a_malformed_rules_file_is_refused_by_field(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    with pytest.raises(RulesError, match=named):
        load_rules(changed_rules(tmp_path, **change))


def test_a_reply_that_says_approved_is_refused(tmp_path: Path) -> None:
    for name in ("en", "hi"):
        text = (SHIPPED.parent / "replies" / f"{name}.yaml").read_text(encoding="utf-8")
        text = text.replace("Thank you! You are preliminarily eligible", "You are approved")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    file = changed_rules(tmp_path, replies=["en.yaml", "hi.yaml"])
    with pytest.raises(RulesError, match="replies.eligible: must not say 'approv'"):
        load_rules(file)
