"""`dialgraph check` names what is planted in a stranger's graph, and passes a good one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from typer.testing import CliRunner

from graphs.threads import Graph
from server.cli import app
from tests.phone import strangers
from voice.phonelab.check import CASES, CannotCheck, Check

FEW = ["silence", "answer", "conversation", "barge-in-mid-sentence", "failing-node"]


def found(graph: Graph, *only: str, **options: bool) -> dict[str, tuple[str, str]]:
    """Return severity and case of what is found, by its kind."""
    check = Check(graph, only=only, **options)
    for _ in check.run():
        pass
    return {f.kind: (f.severity, f.case) for f in check.findings}


def wrong(graph: Graph, *only: str) -> list[str]:
    return [kind for kind, (severity, _) in found(graph, *only).items() if severity != "hint"]


SAMPLED = sorted({*FEW, *list(CASES)[::3]})
"""Every third case; `python -m benchmarks.check_cases` holds all of them."""


@pytest.mark.timeout(400)
def test_an_agent_with_tools_passes_its_cases() -> None:
    check = Check(strangers.react(), only=SAMPLED)
    held = {at.case.name for at in check.run() if at.held}
    assert [f for f in check.findings if f.severity != "hint"] == []
    assert {f.kind for f in check.findings} <= {"done-unseen"}
    assert held == {name for name in SAMPLED if not name.startswith("question")}


@pytest.mark.parametrize(
    "graph",
    [
        strangers.prebuilt,
        lambda: strangers.plans(private=True),
        strangers.supervised,
        strangers.retrieves,
    ],
    ids=["prebuilt agent", "plan and execute", "supervisor", "retrieval"],
)
def test_other_shapes_pass(graph: Callable[[], Graph]) -> None:
    assert wrong(graph(), *FEW) == []


def test_no_promise_is_broken_by_what_is_never_said() -> None:
    """A message that is JSON is on the thread and not in the record, as the contract says."""
    assert "promise" not in found(strangers.plans(spoken=True), "silence")


def test_a_graph_that_opens_with_a_question_of_interrupt_has_greeted() -> None:
    async def asks(_state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"Hello {interrupt('What is your name?')}.")]}

    builder = StateGraph(MessagesState)
    builder.add_node(asks)
    builder.add_edge(START, "asks")
    assert "no-greeting" not in found(builder.compile(), "silence")


def test_a_graph_that_asks_by_interrupt_passes_its_cases() -> None:
    questions = [name for name in CASES if name.startswith("question")]
    ask = {"question": "May I book it?", "kind": "yes_no"}
    check = Check(strangers.approves(ask), only=questions)
    assert all(at.held for at in check.run())
    assert [f for f in check.findings if f.severity != "hint"] == []


@pytest.mark.parametrize(
    ("graph", "kind", "severity", "case"),
    [
        (lambda: strangers.react(strangers.TABLE), "markup", "wrong", "answer"),
        (lambda: strangers.react(strangers.PAGE), "markup", "costly", "answer"),
        (lambda: strangers.react(" ".join([strangers.ANSWER] * 8)), "long", "costly", "answer"),
        (
            lambda: strangers.react(repeats=True),
            ("structured", "tool-output"),
            "wrong",
            "answer",
        ),
        (lambda: strangers.react(declared=False), "undeclared-tool", "hint", ""),
        (lambda: strangers.react(waits=5), "slow", "costly", "answer"),
        (lambda: strangers.prebuilt(InMemorySaver()), "own-checkpointer", "costly", ""),
        (strangers.plans, "internal-model", "hint", "answer"),
        (lambda: strangers.plans(spoken=True), "structured", "wrong", "silence"),
        (lambda: strangers.plans(keeps=True), "no-answer", "wrong", "answer"),
        (
            lambda: strangers.supervised(as_human=True),
            "words-of-the-caller",
            "wrong",
            "answer",
        ),
        (lambda: strangers.supervised(says_route=True), "routing-spoken", "wrong", "silence"),
        (lambda: strangers.supervised(says_route=True), "several-speak", "costly", "answer"),
        (lambda: strangers.retrieves(greets=False), "fails", "wrong", "silence"),
        (lambda: strangers.retrieves(hoards=True), "grows", "hint", "conversation"),
        (strangers.blocks, "blocking", "wrong", "silence"),
        (strangers.forgets, "no-add-messages", "wrong", ""),
        (strangers.forgets, "never-done", "hint", ""),
        (strangers.breaks_for_good, "no-recovery", "wrong", "failing-model"),
    ],
)
def test_what_is_planted_is_named(
    graph: Callable[[], Graph], kind: str | tuple[str, ...], severity: str, case: str
) -> None:
    cases, kinds = {"silence", "answer", case} - {""}, (kind,) if isinstance(kind, str) else kind
    seen = found(graph(), *cases)
    assert {kind: seen.get(kind) for kind in kinds} == dict.fromkeys(kinds, (severity, case))


def test_a_question_that_takes_no_answer_is_named() -> None:
    schema = {"type": "array", "items": {"type": "object"}}
    ask = {"question": "Which ones?", "response_schema": schema}
    assert "question-stays" in found(strangers.approves(ask), "question-voice")
    choice = {"question": "Which one?", "choices": ["red", "green"]}
    assert "question-stays" not in found(strangers.approves(choice), "question-voice")


@pytest.mark.parametrize("digits", [4, 6, [3, 8]])
def test_a_question_for_digits_is_answered_with_as_many(digits: Any) -> None:
    ask = {"question": "Your PIN?", "kind": "digits", "digits": digits}
    assert "question-stays" not in found(strangers.approves(ask), "question-voice", "question-key")


def test_a_question_is_named_by_what_it_says_and_not_by_its_data() -> None:
    ask = {"question": "Which ones?", "response_schema": {"type": "array"}, "secret": 17}
    check = Check(strangers.approves(ask), only=["question-voice"])
    for _ in check.run():
        pass
    (stays,) = [f for f in check.findings if f.kind == "question-stays"]
    assert "'Which ones?'" in stays.experience and "secret" not in stays.experience


@pytest.mark.parametrize("limit_secs", [None, 0.2])
def test_an_effect_that_is_done_twice_over_a_barge_in_is_named(limit_secs: float | None) -> None:
    """A time limit of the graph's own around it changes nothing: what has begun goes on."""
    seen = found(strangers.charges(limit_secs=limit_secs), "silence", "answer", "barge-in-tool")
    assert seen["effect-twice"] == ("wrong", "barge-in-tool")


def test_an_effect_that_looks_whether_it_is_done_is_not_named() -> None:
    assert "effect-twice" not in found(
        strangers.charges(looks=True), "silence", "answer", "barge-in-tool"
    )


def test_a_graph_on_a_network_is_refused_but_in_real_time() -> None:
    with pytest.raises(CannotCheck, match=r"127\.0\.0\.1:9.*--real"):
        found(strangers.reaches(), "answer")
    assert "mute" not in found(strangers.reaches(), "answer", real=True)


def test_the_command_tells_names_the_case_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from tests.phone.strangers import blocks\n\ngraph = blocks()\n")
    address = f"{file}:graph"
    result = CliRunner().invoke(app, ["check", address, "--case", "silence", "--json"])
    assert result.exit_code == 1
    rows = {row["kind"]: row for row in json.loads(result.stdout)}
    assert rows["blocking"]["rerun"] == f"dialgraph check {address} --case silence"
    assert "strangers.py" in rows["blocking"]["experience"]


def test_the_command_refuses_what_is_no_graph_or_no_case(tmp_path: Path) -> None:
    missing = CliRunner().invoke(app, ["check", str(tmp_path / "none.py:graph")])
    assert missing.exit_code == 2
    unknown = ["check", "graphs/eligibility/graph.py:graph", "--case", "tea"]
    refused = CliRunner().invoke(app, unknown)
    assert refused.exit_code == 2
    assert "barge-in-tool" in refused.stderr


@pytest.mark.timeout(400)
def test_the_shipped_interview_passes() -> None:
    shown = CliRunner().invoke(
        app,
        ["check", "graphs/eligibility/graph.py:graph"]
        + [part for name in [*FEW, "call-back", "kill-mid-sentence"] for part in ("--case", name)],
    )
    assert shown.exit_code == 0, shown.output
