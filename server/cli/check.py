"""`dialgraph check`: what would go wrong if a graph answered the telephone."""

import dataclasses
import json
import shlex
import time
import warnings
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from voice.phonelab.check import Check, Finding

ORDER = ("wrong", "costly", "hint")


def check(
    address: Annotated[str, typer.Argument(metavar="path.py:graph", help="The graph.")] = "",
    case: Annotated[list[str] | None, typer.Option(help="Only this case; may be repeated.")] = None,
    say: Annotated[
        list[str] | None, typer.Option(help="What the caller says, in turn; may be repeated.")
    ] = None,
    real: Annotated[
        bool, typer.Option("--real", help="The graph takes real time: its model is on a network.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds after which no further case is begun.")
    ] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    list_cases: Annotated[bool, typer.Option("--list", help="List the cases.")] = False,
) -> None:
    """Ring a graph some forty times in virtual time, and say what goes wrong.

    The caller interrupts, hangs up, loses the line and presses keys at every stage of an answer;
    models and tools are slow and fail; the server dies. Each finding names the case that shows it.
    The exit code is 0 when nothing is wrong, 1 when something is, 2 when nobody could call.
    """
    from graphs.catalogue import GraphNotLoaded, load_graph
    from voice.phonelab.check import CASES, SAYS, CannotCheck, Check
    from voice.quiet import quiet_pipecat

    if list_cases:
        for listed in CASES.values():
            typer.echo(f"{listed.name:28}{listed.title}")
        return
    quiet_pipecat()
    # What a model's callbacks had still to be told when a server was killed, as some cases do.
    warnings.filterwarnings("ignore", "coroutine 'ahandle_event'", RuntimeWarning)
    try:
        checking = Check(load_graph(address), say or SAYS, case or (), real)
        held = _run(checking, timeout, show=not as_json)
    except (GraphNotLoaded, CannotCheck, ValueError) as error:
        typer.echo(f"The graph cannot be checked. {error}", err=True)
        raise typer.Exit(2) from None
    findings = sorted(checking.findings, key=lambda finding: ORDER.index(finding.severity))
    options = [part for text in say or () for part in ("--say", text)] + ["--real"] * real
    if as_json:
        rows = [
            {**dataclasses.asdict(finding), "rerun": _rerun(address, finding, options)}
            for finding in findings
        ]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        _report(findings, held, address, options)
    if any(finding.severity == "wrong" for finding in findings):
        raise typer.Exit(1)


def _run(checking: "Check", timeout: float, *, show: bool) -> int:
    """Hold the calls, with a line for each; returns how many."""
    began, held = time.monotonic(), 0
    for at in checking.run():
        held += at.held
        if show:
            mark = "-" if not at.held else _worst(at.findings) or "ok"
            why = "" if at.held else f"  (needs {at.case.needs})"
            typer.echo(f"{at.number:3}/{at.of}  {mark:7}{at.case.name:28}{at.case.title}{why}")
        if time.monotonic() - began > timeout:
            typer.echo(f"Stopped after {timeout:g} seconds.", err=True)
            break
    if show:
        typer.echo(f"\n{held} calls in {time.monotonic() - began:.0f} s.")
    return held


def _worst(findings: "tuple[Finding, ...]") -> str | None:
    severities = [finding.severity for finding in findings]
    return next((severity for severity in ORDER if severity in severities), None)


def _report(findings: "list[Finding]", held: int, address: str, options: list[str]) -> None:
    if not findings:
        typer.echo("Nothing would go wrong.")
    for finding in findings:
        typer.echo(f"\n{finding.severity.upper()}  {finding.kind}\n  {finding.experience}")
        typer.echo(f"  Do: {finding.remedy}")
        if finding.case:
            typer.echo(f"  Again: {_rerun(address, finding, options)}")


def _rerun(address: str, finding: "Finding", options: list[str]) -> str:
    named = ["--case", finding.case] if finding.case else []
    return shlex.join(["dialgraph", "check", address, *named, *options])
