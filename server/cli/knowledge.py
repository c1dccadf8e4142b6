"""`dialgraph knowledge`: what is found for a question, and how well; the work of `ingest`."""

import asyncio
import contextlib
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from settings import get_settings
from store.database import open_database
from store.knowledge import Origin
from tools.knowledge import Knowledge, Unreadable, open_knowledge
from tools.knowledge.calibrating import Calibration
from tools.knowledge.embeddings import EmbeddingsNotConfigured
from tools.knowledge.evaluation import AT, METHODS, QuestionsError, Report, evaluate, read_questions
from tools.knowledge.folders import files_in, ingest, remove_missing
from tools.organisation import OrganisationError, organisation_folder
from tools.outside import NotAllowed, NotFetched, Outside

app = typer.Typer()

Organisation = Annotated[str, typer.Argument(help="Name of the organisation.")]


def ingest_documents(organisation: str, path: str, *, prune: bool = False) -> None:
    """Carry out `dialgraph ingest`; ends with its exit code."""
    _run(_ingest(organisation, path, prune))


@app.command()
def search(
    organisation: Organisation,
    question: Annotated[str, typer.Argument(help="What a caller asks.")],
    limit: Annotated[int, typer.Option("-k", min=1, max=50, help="Passages shown.")] = 3,
) -> None:
    """Show what would be found for a question; the exit code is 1 when it has no answer."""
    _run(_search(organisation, question, limit))


@app.command(name="eval")
def eval_command(
    organisation: Organisation,
    questions: Annotated[Path, typer.Argument(help="YAML: question, answer, document.")],
) -> None:
    """Measure the search on labelled questions, beside BM25 alone and vectors alone.

    The file is a list of `question`, `answer` (words that stand in the passage that answers; left
    out where there is no answer) and `document` (the end of its name; optional).
    """
    _run(_eval(organisation, questions))


def _run(work: Coroutine[Any, Any, int]) -> None:
    try:
        code = asyncio.run(work)
    except (
        Unreadable,
        NotAllowed,
        NotFetched,
        QuestionsError,
        OrganisationError,
        EmbeddingsNotConfigured,
    ) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(code)


@contextlib.asynccontextmanager
async def _knowledge() -> AsyncIterator[Knowledge]:
    settings = get_settings()
    hosts = [host.strip() for host in settings.private_hosts.split(",") if host.strip()]
    async with (
        open_database(settings.data_dir, settings.postgres) as engine,
        Outside(hosts) as outside,
        open_knowledge(settings, engine, outside) as knowledge,
    ):
        yield knowledge


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)


async def _ingest(organisation: str, path: str, prune: bool) -> int:
    if prune and not await asyncio.to_thread(Path(path).is_dir):
        raise Unreadable(f"--prune goes with a folder, and {path} is none.")
    async with _knowledge() as knowledge:
        if path.startswith(("http://", "https://")):
            document = await knowledge.add_url(organisation, path)
            await knowledge.embed_pending(organisation)
            typer.echo(f"{document.name}: {document.size_bytes:,} bytes.")
            return 0
        root, files = _files(Path(path))
        folder = await asyncio.to_thread(
            organisation_folder, organisation, knowledge.settings.data_dir
        )
        own = folder is not None and root.resolve() == (folder / "documents").resolve()
        origin: Origin = "folder" if own else "ingest"
        counts: Counter[str] = Counter()
        with _progress() as progress:
            task = progress.add_task("Reading", total=len(files))
            async for done in ingest(knowledge, organisation, files, root, origin):
                counts[done.outcome] += 1
                progress.advance(task)
                if done.reason:
                    told = f"refused  {done.source}: {done.reason}"
                    progress.console.print(told, style="red", markup=False, soft_wrap=True)
            if prune:
                gone = await remove_missing(knowledge, organisation, files, root, origin)
                counts.update(done.outcome for done in gone)
            waiting = await knowledge.store.waiting(organisation, knowledge.embedder.model)
            if waiting:
                progress.add_task(f"Embedding {waiting} chunks", total=None)
                await knowledge.embed_pending(organisation)
        waiting = await knowledge.store.waiting(organisation, knowledge.embedder.model)
        sums = [f"{count} {outcome}" for outcome, count in sorted(counts.items())]
        typer.echo(f"{organisation}: {', '.join(sums) or 'no files'}.")
        if waiting:
            typer.echo(
                f"{waiting} chunks are not embedded: {knowledge.embedder.model} does not answer. "
                "They are found by their words. Run this again.",
                err=True,
            )
        return 1 if counts["refused"] or waiting else 0


def _files(path: Path) -> tuple[Path, list[Path]]:
    """Return a folder and the files in it, or the folder of a file and that file.

    Raises:
        Unreadable: there is neither.
    """
    if path.is_dir():
        return path, files_in(path)
    if path.is_file():
        named = path.resolve()  # who names a link means what it leads to
        return named.parent, [named]
    raise Unreadable(f"There is no file or folder {path}.")


async def _search(organisation: str, question: str, limit: int) -> int:
    async with _knowledge() as knowledge:
        await _known(knowledge, organisation)  # reads and indexes; not to be timed
        found = await knowledge.search(organisation, question, limit=limit)
        for passage in found.passages:
            typer.echo(f"{passage.score:.2f}  {passage.title}  ({passage.chunk_id})")
            typer.echo("      " + passage.text.replace("\n", "\n      ") + "\n")
        verdict = "An answer is among them." if found.answerable else "There is no answer."
        typer.echo(f"{verdict} {found.latency_secs * 1000:.1f} ms, {found.embedding_model}.")
        return 0 if found.answerable else 1


async def _known(knowledge: Knowledge, organisation: str) -> Calibration:
    """Return what was measured of an organisation's documents.

    Raises:
        Unreadable: it has none.
    """
    measured = await knowledge.calibration(organisation)
    if not measured.chunks:
        raise Unreadable(
            f"Nothing is known of {organisation!r}: `dialgraph ingest {organisation} PATH` reads "
            "its documents."
        )
    return measured


async def _eval(organisation: str, path: Path) -> int:
    questions, report = read_questions(path), Report()
    async with _knowledge() as knowledge:
        measured = await _known(knowledge, organisation)
        with _progress() as progress:
            task = progress.add_task("Asking", total=len(questions))
            async for _ in evaluate(knowledge, organisation, questions, report):
                progress.advance(task)
        chunks = measured.chunks
    console = Console()
    answered = len(report.methods["search"].reciprocal)
    console.print(_table(report, f"{organisation}: {answered} questions with an answer"))
    precision, recall, right = report.no_answer
    console.print(
        f'"No answer": precision {precision:.3f}, recall {recall:.3f}; '
        f"{right:.3f} of all {len(questions)} decisions are right."
    )
    console.print(
        f"Calibrated on {chunks} chunks: {measured.foreign_refused:.2f} of foreign questions "
        f"refused, {measured.own_answered:.2f} of own ones answered. "
        f"Search p50 {statistics.median(report.latencies) * 1000:.1f} ms."
    )
    console.print(
        f"Answered though nothing answers: {len(report.false_answers)} of "
        f"{report.without_answer}. Not answered though something does: "
        f"{len(report.false_silences)} of {report.with_answer}."
    )
    wrong = {
        "not among the first five": report.missed,
        "answered, and nothing answers": report.false_answers,
        "not answered": report.false_silences,
    }
    for what, asked in wrong.items():
        for question in asked:
            console.print(f"{what}: {question}", style="dim", soft_wrap=True, markup=False)
    return 0


def _table(report: Report, title: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for at in AT:
        table.add_column(f"recall@{at}", justify="right")
    table.add_column("hit@3", justify="right")
    table.add_column("MRR", justify="right")
    names = {
        "search": "search (weighed)",
        "fused": "RRF of both",
        "bm25": "BM25 alone",
        "vectors": "vectors alone",
    }
    for method in METHODS:
        ranked = report.methods[method]
        row = [*(ranked.recall_at(at) for at in AT), ranked.hit_at(3), ranked.mrr]
        table.add_row(names[method], *(f"{number:.3f}" for number in row))
    return table
