"""`dialgraph stocks backtest`: recorded days, decided as the graph decides, costs on."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from settings import get_settings

DOCS = Path(__file__).parents[2] / "docs" / "stocks.md"


class Data(StrEnum):
    """A recorded data set."""

    five = "five"
    twenty = "twenty"


class FillAt(StrEnum):
    """A price of the next session."""

    open = "open"
    close = "close"


def backtest(
    data: Annotated[
        Data, typer.Option(help="five: as traded, 2000 to 2013; twenty: closes, 1990 to 2022.")
    ] = Data.five,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day that is read.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day that is read.")
    ] = None,
    horizon: Annotated[
        int, typer.Option(min=1, max=126, help="Sessions looked ahead, and between decisions.")
    ] = 21,
    fill: Annotated[
        FillAt | None,
        typer.Option(help="Price of the next session that orders get; the open where recorded."),
    ] = None,
    half_spread_pct: Annotated[
        float, typer.Option(min=0, max=5, help="Half of bid to ask, percent of the price.")
    ] = 0.05,
    fee_pct: Annotated[
        float, typer.Option(min=0, max=5, help="Fee, percent of the amount.")
    ] = 0.01,
    cash: Annotated[float, typer.Option(min=1000, help="At the beginning, USD.")] = 100_000,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the plots and the decisions.")
    ] = None,
    write_docs: Annotated[bool, typer.Option(help="Write the table into docs/stocks.md.")] = False,
) -> None:
    """Replay recorded days by the code that also decides for the graph, costs on.

    Decided on a close with what was known by then, filled on the next session. Prints each way,
    with 90 % intervals by a bootstrap over quarters in brackets, beside holding all the shares at
    equal weights and the index. Claims no gain.
    """
    from graphs.stocks.replay import backtest as made  # imports take a second
    from graphs.stocks.replay.account import Costs
    from graphs.stocks.replay.history import HISTORIES
    from graphs.stocks.replay.replay import Rules
    from graphs.stocks.risk import Limits

    console = Console(stderr=True)
    limits = Limits.model_validate({})
    try:
        history = HISTORIES[data]().between(_day(start), _day(end))
        if not history.has_volumes:
            none = {"least_price": Decimal(0), "least_turnover": Decimal(0)}
            limits = limits.model_copy(update=none)
        at = fill or (FillAt.open if history.has_opens else FillAt.close)
        rules = Rules(
            horizon=horizon,
            fill_at=at.value,
            costs=Costs(_share(half_spread_pct), _share(fee_pct)),
            limits=limits,
            cash=Decimal(str(cash)),
        )
        with Progress(console=console, transient=True) as progress:
            tasks: dict[str, object] = {}

            def told(way: str, share: float) -> None:
                if way not in tasks:
                    tasks[way] = progress.add_task(way, total=1.0)
                progress.update(tasks[way], completed=share)  # type: ignore[arg-type]

            done = made.backtest(history, rules, told)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    table = Table(*made.COLUMNS, show_lines=True)
    for row in made.rows(done):
        table.add_row(*row)
    Console().print(table)
    for said in done.statements():
        typer.echo(f"- {said}")
    folder = out or get_settings().data_dir / "backtest"
    folder.mkdir(parents=True, exist_ok=True)
    made.figure(done).write_html(folder / "backtest.html", include_plotlyjs=True)
    lines = "\n".join(made.journal_lines(done))
    (folder / "backtest.jsonl").write_text(f"{lines}\n", encoding="utf-8")
    typer.echo(f"Plots: {folder / 'backtest.html'}", err=True)
    typer.echo(f"Every decision and fill: {folder / 'backtest.jsonl'}", err=True)
    if write_docs:
        _write(DOCS, "backtest", made.markdown(done))


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _share(percent: float) -> Decimal:
    return Decimal(str(percent)) / 100


def _write(file: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of a name in a file."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = file.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{file.name} needs the markers {begin} and {end}.")
    file.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
