"""The proof holds, and finds the faults that are put in on purpose."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graphs.eligibility.actions import Action, Expect, Say
from graphs.eligibility.graph import graph
from graphs.eligibility.proof_report import between_markers, report
from graphs.eligibility.prove import Proof, Step, disprove, prove, truth_table
from graphs.eligibility.rules import Rules, load_rules
from graphs.eligibility.state import Event, Interview
from graphs.eligibility.step import step
from server.cli import eligibility as command

RULES = load_rules()
Result = tuple[Interview, tuple[Action, ...]]


@cache
def proof() -> Proof:
    return prove(RULES)


def mutated(change: Callable[[Interview, Event, Result], Result]) -> Step:
    """The interview with a fault."""

    def faulty(state: Interview, event: Event, rules: Rules) -> Result:
        return change(state, event, step(state, event, rules))

    return faulty


def test_every_claim_is_proven() -> None:
    assert [str(found) for found in proof().counterexamples] == []


def test_every_outcome_is_reached() -> None:
    reached = {name.partition(":")[0] for name in proof().outcomes}
    assert reached == {"eligible", "not_eligible", "needs_human", "opted_out"}


def test_only_all_three_facts_make_eligible() -> None:
    eligible = [row for row in truth_table(RULES) if row["outcome"] == "eligible"]
    assert {row["employment"] for row in eligible} == {"I am salaried"}
    assert {row["salary"] for row in eligible} == {"25000 rupees a month"}
    assert {row["city"] for row in eligible} == {"Delhi", "Mumbai", "Bangalore"}


def _forgets_the_city(state: Interview, event: Event, result: Result) -> Result:
    after, actions = result
    if after.question == "city" and not after.final:
        after = after._replace(stage="eligible", outcome="eligible", reasons=("rules.passed",))
    return after, actions


def _ignores_a_person(state: Interview, event: Event, result: Result) -> Result:
    if result[0].reasons == ("caller.asked_for_person",):
        return state._replace(turns=state.turns + 1), result[1]
    return result


def _counts_no_repeats(state: Interview, event: Event, result: Result) -> Result:
    after, actions = result
    return (after._replace(turns=state.turns), actions) if "repeat" in event.text else result


def _asks_after_a_refusal(state: Interview, event: Event, result: Result) -> Result:
    after, actions = result
    if after.outcome == "not_eligible":
        actions = (*actions, Say("Are you sure?", ("sure",)), Expect("yes_no", ()))
    return after, actions


def _changes_its_mind(state: Interview, event: Event, result: Result) -> Result:
    after, actions = result
    if state.outcome == "not_eligible" and event.text.startswith("Sorry"):
        after = after._replace(outcome="in_progress", stage="salary")
    return after, actions


def _promises_too_much(state: Interview, event: Event, result: Result) -> Result:
    after, actions = result
    if after.outcome == "eligible":
        actions = tuple(
            Say("You are approved!", a.replies) if isinstance(a, Say) else a for a in actions
        )
    return after, actions


@pytest.mark.parametrize(
    ("fault", "claim"),
    [
        (_forgets_the_city, "nobody is eligible without all three facts"),
        (_ignores_a_person, "a person can be reached from everywhere"),
        (_counts_no_repeats, "it ends"),
        (_asks_after_a_refusal, "no question after an outcome"),
        (_changes_its_mind, "an outcome stands"),
        (_promises_too_much, "it never says approved"),
    ],
)
def test_a_fault_is_found_with_the_conversation_that_shows_it(
    fault: Callable[[Interview, Event, Result], Result], claim: str
) -> None:
    found = disprove(RULES, mutated(fault), claim)
    assert found
    path = found.path
    assert path[0].before == Interview()
    assert all(a.after.stage == b.before.stage for a, b in zip(path, path[1:], strict=False))
    assert "->" in str(found)


def test_a_rule_that_accepts_everyone_is_found() -> None:
    lenient = RULES.__class__(
        **{
            **RULES.__dict__,
            "employment": RULES.employment.model_copy(update={"accepts": ["salaried", "business"]}),
        }
    )

    def decided_by_other_rules(state: Interview, event: Event, rules: Rules) -> Result:
        return step(state, event, lenient)

    claims = {found.claim for found in prove(RULES, decided_by_other_rules).counterexamples}
    assert claims == {"nobody is eligible without all three facts"}


def test_the_documentation_shows_the_proof_as_it_is_now() -> None:
    page = command.DOCS.read_text(encoding="utf-8")
    text = report(proof(), RULES, graph.get_graph().draw_mermaid())
    assert between_markers(page, text) == page, "Run `dialgraph eligibility prove --write-docs`."


def test_prove_on_the_command_line_prints_table_and_diagram(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "prove_interview", lambda rules: proof())
    result = CliRunner().invoke(command.app, ["prove"])
    assert result.exit_code == 0
    assert "| I am salaried | 25000 rupees a month | Mumbai | eligible |" in result.output
    assert "employment -.-> salary" in result.output
