"""`dialgraph eligibility`: prove the interview, read its certificates, decide them again."""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from graphs.eligibility import certificate as certificates
from graphs.eligibility.certificate import CertificateError, Replay, canonical
from graphs.eligibility.graph import graph
from graphs.eligibility.proof_report import report, write_between_markers
from graphs.eligibility.prove import prove as prove_interview
from graphs.eligibility.rules import Rules, RulesError, load_rules
from graphs.threads import Snapshot, Threads
from server.certificate_page import document, page
from settings import get_settings
from store.database import open_checkpointer

app = typer.Typer()

DOCS = Path(__file__).parents[2] / "docs" / "eligibility.md"
"""The page of the documentation that shows the proof."""

RulesOption = Annotated[
    Path | None,
    typer.Option("--rules", help="Rules file to use instead of the configured one."),
]


@app.command()
def prove(
    rules: RulesOption = None,
    write_docs: Annotated[
        bool, typer.Option(help="Write table and diagram into docs/eligibility.md.")
    ] = False,
) -> None:
    """Put every class of answer to every state of the interview and prove what it promises.

    Prints each claim, the truth table and the diagram; where a claim does not hold, the
    conversation that breaks it, and the exit code is 1.
    """
    known = _rules(rules)
    proof = prove_interview(known)
    text = report(proof, known, graph.get_graph().draw_mermaid())
    typer.echo(text)
    typer.echo(
        f"\n{proof.states} states, {proof.answers} answers, {proof.transitions} transitions.",
        err=True,
    )
    for found in proof.counterexamples:
        typer.echo(f"\nBROKEN  {found}", err=True)
    if not proof.holds:
        raise typer.Exit(1)
    if write_docs:
        write_between_markers(DOCS, text)
        typer.echo(f"Written to {DOCS}.", err=True)


@app.command()
def certificate(
    thread_id: Annotated[str, typer.Argument(help="The conversation, as /api/chat names it.")],
    html: Annotated[bool, typer.Option("--html", help="The page instead of JSON.")] = False,
) -> None:
    """Print the decision certificate of a conversation in the data folder."""
    (snapshot,) = asyncio.run(_snapshots([thread_id]))
    typer.echo(page(snapshot) if html else canonical(document(snapshot)).decode())


@app.command()
def replay(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Certificates as JSON files.", exists=True)
    ] = None,
    thread: Annotated[
        list[str] | None, typer.Option("--thread", help="A conversation in the data folder.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every conversation in the data folder.")
    ] = False,
    rules: RulesOption = None,
) -> None:
    """Verify certificates and decide them again.

    Two findings for each: whether the chain is whole (nothing was changed after it was made), and
    whether the decision comes out the same, byte for byte. The exit code is 1 when a chain is
    broken or a certificate is not reproduced.

    With --rules NEW.yaml of another version it shows which past decisions that version would
    change; the exit code then tells of broken chains only.
    """
    documents = [_read(file) for file in files or ()]
    if thread or every:
        documents += [document(s) for s in asyncio.run(_snapshots(None if every else thread))]
    if not documents:
        raise typer.BadParameter("Nothing to replay: name a file, --thread ID or --all.")
    known = _rules(rules)
    try:
        found = [certificates.replay(content, known) for content in documents]
    except CertificateError as error:
        raise _failure(str(error)) from None
    Console(width=None if sys.stdout.isatty() else 140).print(_table(found, known))
    for result in found:
        for problem in result.broken:
            typer.echo(f"{result.thread_id}: TAMPERED, {problem}", err=True)
        if not result.same_rules and rules is None:
            typer.echo(
                f"{result.thread_id}: made under other rules than {known.version}; give the file "
                "of its version with --rules to reproduce it.",
                err=True,
            )
    what_if = rules is not None and not any(result.same_rules for result in found)
    if any(result.tampered or not (result.reproduced or what_if) for result in found):
        raise typer.Exit(1)


def _table(found: Iterable[Replay], rules: Rules) -> Table:
    table = Table(title=f"Decided again under rules {rules.version} ({rules.sha256[:12]})")
    for heading in ("thread", "chain", "re-run", "outcome then", "outcome now", "first difference"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "thread")
    for result in found:
        table.add_row(
            result.thread_id,
            "broken" if result.tampered else "whole",
            _verdict(result),
            result.recorded_outcome,
            result.outcome,
            _difference(result),
        )
    return table


def _verdict(result: Replay) -> str:
    if result.reproduced:
        return "byte for byte"
    if result.difference:
        return "decides differently"
    return "same decision" if not result.same_rules else "words differ"


def _difference(result: Replay) -> str:
    found = result.difference
    return f"entry {found.number}: {found.field}" if found else ""


def _rules(path: Path | None) -> Rules:
    try:
        return load_rules(path or get_settings().eligibility_rules)
    except RulesError as error:
        raise _failure(str(error)) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
    except ValueError as error:
        raise _failure(f"{file} is not JSON: {error}") from None
    return content


async def _snapshots(thread_ids: list[str] | None) -> list[Snapshot]:
    """Read conversations from where they are kept; all of them for None."""
    data_dir, postgres = get_settings().data_dir, get_settings().postgres
    if not postgres and not (data_dir / "threads.sqlite").exists():
        raise _failure(f"There are no conversations in {data_dir}; set DIALGRAPH_DATA_DIR.")
    async with open_checkpointer(data_dir, postgres) as checkpointer:
        threads = Threads({"eligibility": graph}, checkpointer)
        wanted = await threads.ids("eligibility") if thread_ids is None else thread_ids
        snapshots = [await threads.snapshot("eligibility", thread_id) for thread_id in wanted]
    for snapshot in snapshots:
        if not snapshot.values.get("record"):
            nothing = f"There is no eligibility interview {snapshot.thread_id!r}."
            if thread_ids is not None:
                raise _failure(nothing)
            typer.echo(nothing, err=True)
    return [snapshot for snapshot in snapshots if snapshot.values.get("record")]


def _failure(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(2)
