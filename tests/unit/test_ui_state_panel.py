"""The state panel: words instead of JSON, and nothing of the state taken for markup."""

import re
from decimal import Decimal
from typing import Any

import pytest

from graphs.threads import Snapshot
from ui.state_panel import state_panel


def panel(**values: Any) -> str:
    return state_panel(Snapshot("survey", "thread", values=values))


def rows(html: str) -> dict[str, str]:
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html)
    return {name: re.sub("<.*?>", "", value) for name, value in found}


def test_a_conversation_that_has_not_begun_says_so() -> None:
    assert "has not begun" in state_panel(None)
    assert "has not begun" in state_panel(Snapshot("survey", "thread"))


def test_a_graph_that_names_its_facts_shows_no_internals() -> None:
    html = panel(facts={"city": "Pune"}, reasks=2, stage="city")
    assert rows(html) == {"City": "Pune"}


def test_a_graph_without_facts_shows_everything_it_keeps() -> None:
    assert rows(panel(answers={"name": "Asha"}, tries=2)) == {"Name": "Asha", "Tries": "2"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "not known yet"),
        (True, "Yes"),
        (False, "No"),
        (0, "0"),
        (1250000, "1,250,000"),
        (Decimal("40000"), "40,000"),
        ("self_employed", "Self employed"),
        ("salary.below_minimum", "Salary: below minimum"),
        ("New Delhi", "New Delhi"),
        (["40000", "40000"], "40,000"),
        (["25000", "30000"], "25,000 to 30,000"),
        (["25000", None], "at least 25,000"),
        ([None, "30000"], "at most 30,000"),
        (["a", "b", "c"], "A, B, C"),
    ],
)
def test_a_value_is_shown_as_people_write_it(value: Any, shown: str) -> None:
    assert rows(panel(facts={"it": value})) == {"It": shown}


def test_an_open_question_says_what_it_waits_for() -> None:
    html = panel(outcome="in_progress", expects={"kind": "yes_no"})
    assert "Waiting for a yes or a no (keys 1 and 2)." in html
    assert 'data-outcome="in_progress"' in html


def test_an_ended_conversation_shows_its_outcome_and_waits_for_nothing() -> None:
    html = panel(done=True, outcome="not_eligible", expects={"kind": "city"})
    assert "The conversation has ended." in html
    assert ">Not eligible</span>" in html


def test_what_the_state_holds_is_never_markup() -> None:
    html = panel(facts={"<b>name": "<script>"}, outcome='"><script>')
    assert "<script>" not in html
    assert "<b>" not in html


def test_a_fact_that_is_kept_with_its_evidence_is_shown_in_the_callers_words() -> None:
    """Of a sales conversation nothing was shown but that it goes on."""
    size = {"value": {"people": 20}, "words": "twenty of us", "confirmed": False}
    shown = rows(panel(phase="DISCOVERY", facts={"team_size": size, "budget": None}, turns=3))
    assert shown == {"Phase": "Discovery", "Team size": "twenty of us", "Budget": "not known yet"}
