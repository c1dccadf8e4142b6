"""`dialgraph stocks`: measure the consensus on history, and check the journal of trading."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from server.cli.backtest import backtest
from server.cli.discover import discover
from server.cli.leaks import leaks
from settings import get_settings

app = typer.Typer()
app.command()(backtest)
app.command()(discover)
app.command()(leaks)

DOCS = Path(__file__).parents[2] / "docs" / "stocks.md"
"""The page of the documentation that shows the walk through history."""

journal_app = typer.Typer(no_args_is_help=True)
app.add_typer(journal_app, name="journal", help="The sealed journal of all that was decided.")


@app.command("walk-forward")
def walk_forward(
    horizon: Annotated[
        int, typer.Option(min=1, max=126, help="Sessions that a forecast looks ahead.")
    ] = 21,
    plot: Annotated[
        Path | None, typer.Option(help="HTML file for the reliability diagram.")
    ] = None,
    write_docs: Annotated[bool, typer.Option(help="Write the table into docs/stocks.md.")] = False,
) -> None:
    """Walk through 32 years of 20 shares and see if earned weights help. It says so either way.

    Gains are in thousandths of a nat a forecast over always saying 50 %, with 90 % intervals by a
    bootstrap over years; an interval that holds 0 shows no skill.
    """
    from graphs.stocks.walk_forward import recorded_panel, walk  # imports take a second
    from graphs.stocks.walk_forward_report import figure, markdown

    console = Console(stderr=True)
    with console.status("Walking through history, day by day ..."):
        panel = recorded_panel()
        report = walk(panel, horizon)
    table = Table("way", "n", "log score", "Brier", "gain", "90 % interval")
    for row in report.rows():
        table.add_row(
            str(row["way"]),
            f"{row['n']:,}",
            f"{row['log score']:.4f}",
            f"{row['brier']:.4f}",
            f"{row['gain']:+.2f}",
            f"{row['low']:+.2f} to {row['high']:+.2f}",
        )
    Console().print(table)
    if plot:
        figure(report).write_html(plot, include_plotlyjs=True)
        typer.echo(f"The diagram is in {plot}.", err=True)
    if write_docs:
        from graphs.eligibility.proof_report import write_between_markers

        write_between_markers(DOCS, markdown(report, panel, horizon))


@journal_app.command()
def verify() -> None:
    """Check that no row of the journal was changed, removed or put in; exits 1 if one was."""
    from store.database import open_database
    from store.journal import Broken, Journal

    settings = get_settings()

    async def check() -> tuple[Broken | int, str]:
        if not settings.postgres and not (settings.data_dir / "records.sqlite").exists():
            return 0, ""
        async with open_database(settings.data_dir, settings.postgres) as engine:
            journal = Journal(engine)
            return await journal.verify(), await journal.head()

    found, head = asyncio.run(check())
    if isinstance(found, Broken):
        typer.echo(f"BROKEN at row {found.seq}: {found.why}.", err=True)
        raise typer.Exit(1)
    if not found:
        where = "the database" if settings.postgres else settings.data_dir.absolute()
        typer.echo(f"There is no journal in {where}: nothing was decided there.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{found} rows, each follows the one before. The last one's hash is {head}.")
