"""`dialgraph stocks leaks`: does anything of later get into a decision?"""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from settings import Settings, get_settings

if TYPE_CHECKING:  # a second to import
    from graphs.stocks.leaks.checks import Check
    from graphs.stocks.leaks.recollection import Recollection


def leaks(
    samples: Annotated[
        int, typer.Option(min=2, max=500, help="Days of the past that are tried.")
    ] = 20,
    futures: Annotated[
        int, typer.Option(min=1, max=100, help="Days after which the past gets another future.")
    ] = 3,
    questions: Annotated[
        int, typer.Option(min=1, max=200, help="Put to each language model, three times each.")
    ] = 5,
    seed: Annotated[int, typer.Option(help="Of the choice of days.")] = 0,
) -> None:
    """Cut, change and plant data of later, and see if any decision notices; exits 1 if one does.

    Each check has a control: a leak planted on purpose, which it has to find. What needs a language
    model is tried with those of DIALGRAPH_STOCK_ANALYSTS, and costs what they do.
    """
    console, settings = Console(stderr=True), get_settings()
    with console.status("Cutting and planting ..."):
        found = asyncio.run(_checks(settings, samples, futures, seed))
    table = Table("check", "of", "tried", "leaked", "planted leak found", show_lines=False)
    for one in found:
        leaked = f"{one.leaked} ({one.example})" if one.example else str(one.leaked)
        table.add_row(one.name, one.about, str(one.tried), leaked, "yes" if one.control else "NO")
    Console().print(table)
    if settings.stock_analysts:
        with console.status("Asking the models ..."):
            _print(asyncio.run(_recollections(settings, questions, seed)))
    else:
        typer.echo("What models remember was not tried: no model configured.")
    if not all(one.passed for one in found):
        typer.echo("A LEAK, or a check that finds none where there is one.", err=True)
        raise typer.Exit(1)


async def _checks(settings: Settings, samples: int, futures: int, seed: int) -> "Sequence[Check]":
    from graphs.stocks.leaks import checks
    from graphs.stocks.replay.history import five
    from graphs.stocks.replay.replay import Rules
    from store.database import open_database
    from store.forecasts import Forecasts
    from store.theses import Theses
    from tools.market.provider import open_provider
    from tools.outside import Outside

    history = await asyncio.to_thread(five)
    sessions = checks.sampled(history, samples, seed)
    days = [history.days[session].astype(object) for session in sessions]
    moments = [datetime.combine(day, time(21), UTC) for day in days]
    found = await asyncio.to_thread(checks.truncation, history, sessions)
    some = checks.sampled(history, futures, seed)
    found.append(await asyncio.to_thread(checks.decisions, history, Rules(), some))
    found.append(checks.planted_evidence(moments))
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(Path(folder)) as engine, Outside() as outside:
            recorded = await asyncio.to_thread(open_provider, "recorded", settings, outside)
            found.append(await checks.market([recorded], sorted(history.series), moments))
            found.append(await checks.ledger(Forecasts(engine), days, 21))
            found.append(await checks.memory(Theses(engine), moments))
    return found


def _print(found: "Sequence[Recollection]") -> None:
    table = Table(
        "model",
        "opinions",
        "named to blind, points",
        "unmoved by facts turned round",
        "has read to",
        "days it may remember",
    )
    for one in found:
        apart = "-" if one.blind_moved is None else f"{one.blind_moved * 100:.1f}"
        unmoved = f"{one.unmoved} of {one.answered} ({one.low:.0%} to {one.high:.0%})"
        until = str(one.until) if one.until else "not published"
        answered = f"{one.answered} of {one.asked}"
        table.add_row(one.analyst, answered, apart, unmoved, until, f"{one.before} of {one.asked}")
    Console().print(table)
    typer.echo("A forecast of a day that its model may remember proves nothing.")


async def _recollections(settings: Settings, questions: int, seed: int) -> "Sequence[Recollection]":
    from graphs.stocks.leaks.asking import recollections
    from graphs.stocks.leaks.checks import sampled
    from graphs.stocks.replay.history import five
    from store.database import open_database
    from tools.market.statistics import statistics
    from tools.outside import Outside
    from tools.trading import open_trading

    history = await asyncio.to_thread(five)
    cases = []
    for session in sampled(history, questions, seed):
        known = history.until(session)
        symbols = sorted(known.series)
        symbol = symbols[session % len(symbols)]
        at = datetime.combine(known.days[-1].astype(object), time(21), UTC)
        cases.append((symbol, statistics(known.series[symbol], at), at))
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_database(settings.data_dir, settings.postgres) as engine,
            open_database(Path(folder)) as aside,
            Outside() as outside,
            open_trading(settings, engine, outside) as trading,
        ):
            run_id = f"leaks-{datetime.now(UTC):%Y%m%dT%H%M%S}"
            return await recollections(trading, settings, cases, aside, run_id)
