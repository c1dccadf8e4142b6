"""`dialgraph stocks discover`: what is worth a look, and why the rest is not."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from settings import Settings, get_settings

if TYPE_CHECKING:  # a second to import: only who asks waits for it
    from graphs.stocks.discovery.discover import Discovery

MANY = 30
"""Rows of a table that are printed."""


def discover(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Day in New York at whose end it is looked; now if missing, and with recorded "
            "data the last day recorded.",
        ),
    ] = None,
    symbols: Annotated[
        str | None, typer.Option(help="Comma separated; DIALGRAPH_STOCK_SYMBOLS if missing.")
    ] = None,
    least_price: Annotated[float, typer.Option(min=0, help="USD, as it traded.")] = 5.0,
    least_turnover: Annotated[
        float, typer.Option(min=0, help="Million USD a day, median of a month.")
    ] = 5.0,
    surge: Annotated[
        float, typer.Option(min=0, help="Volume as a multiple of the quarter's median.")
    ] = 2.0,
    trend: Annotated[float, typer.Option(help="Least return over half a year, percent.")] = 0.0,
    fresh_days: Annotated[
        int, typer.Option(min=1, max=90, help="Days for which an event is new.")
    ] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Scan prices for momentum and filings, approvals and results for catalysts.

    Base rates are measured on the history that the data hold, or said to be unknown. A provider
    that fails is named; exits 1 if nothing at all could be looked at.
    """
    from graphs.stocks.discovery.discover import discover as look  # imports take a second
    from graphs.stocks.discovery.momentum import Rules
    from tools.market.provider import ProviderFailed, UnknownProvider
    from tools.outside import Outside
    from tools.trading import TradingNotConfigured, open_market

    settings = get_settings()
    wanted = [one.strip().upper() for one in (symbols or settings.stock_symbols).split(",")]
    rules = Rules(least_price, least_turnover * 1e6, surge, trend / 100)
    time = _time(settings, as_of)

    async def run() -> None:
        async with Outside() as outside:
            market = await asyncio.to_thread(open_market, settings, outside)
            fresh = timedelta(days=fresh_days)
            found = await look(market, list(filter(None, wanted)), time, rules=rules, fresh=fresh)
        if as_json:
            typer.echo(json.dumps(found.as_json(), indent=2))
        else:
            _print(found)
        if found.momentum.failure and not found.catalysts.looked_at and found.catalysts.silent:
            raise typer.Exit(1)

    try:
        asyncio.run(run())
    except (TradingNotConfigured, UnknownProvider, ProviderFailed) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _time(settings: Settings, as_of: datetime | None) -> datetime:
    from tools.market.reading import end_of
    from tools.market.recorded import LAST_DAY

    if as_of is not None:
        now = datetime.now(UTC)
        if as_of.date() > now.date():
            raise typer.BadParameter(f"{as_of:%Y-%m-%d} is in the future.", param_hint="--as-of")
        return min(end_of(as_of.date()), now)
    return end_of(LAST_DAY) if settings.market_data == "recorded" else datetime.now(UTC)


def _print(found: "Discovery") -> None:
    out = Console().print
    out(f"As it could be known on {found.as_of:%Y-%m-%d %H:%M} UTC", style="bold")
    out("\n[bold]Momentum[/]")
    if found.momentum.scan.found:
        table = Table("symbol", "close, USD", "million USD a day", "volume", "over high", "trend")
        for one in found.momentum.scan.found[:MANY]:
            table.add_row(
                one.symbol,
                f"{one.price:,.2f}",
                f"{one.turnover / 1e6:,.1f}",
                f"{one.surge:.1f} x",
                f"{one.high - 1:+.1%}",
                f"{one.trend:+.1%}",
            )
        out(table)
    for line in found.momentum.explain():
        out(f"  {line}", markup=False, highlight=False)
    out(f"  After such finds: {found.momentum.base_rate}.", markup=False, highlight=False)
    out("\n[bold]Catalysts[/]")
    for event in found.catalysts.found[:MANY]:
        out(
            f"  {event.known_since:%Y-%m-%d %H:%M} UTC  {event.symbol or 'no symbol known'}  "
            f"{event.what} ({event.source}); {event.base_rate}",
            markup=False,
            highlight=False,
        )
    for line in found.catalysts.explain():
        out(f"  {line}", markup=False, highlight=False)
