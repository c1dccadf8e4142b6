"""Costs and quotas: what models have cost, what is left, how fast and how well they answered."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import gradio as gr
import pandas as pd

from ui.backend import Backend, Refused
from ui.figures import QUIET, cells, empty, html, table, tile, tiles, usd
from ui.navigation import navigation
from ui.telling import refused

WATCH_SECS: Final = 10.0
"""Time between two looks, in seconds."""


def costs_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Costs")
    figures = html(elem_id="costs-tiles")
    plot = gr.BarPlot(
        x="day",
        y="USD",
        title="Spent a day on models",
        height=220,
        buttons=[],
        visible=False,
        elem_id="costs-plot",
    )
    lists = html(elem_id="costs-lists")
    timer = gr.Timer(WATCH_SECS)

    async def shown() -> dict[Any, Any]:
        try:
            found = await backend().ask("GET", "/api/spending")
        except Refused as error:
            return {figures: refused(error), plot: gr.update(visible=False), lists: ""}
        days = {day: float(amount) for day, amount in found["per_day"].items()}
        frame = pd.DataFrame({"day": [day[5:] for day in days], "USD": list(days.values())})
        spent = any(days.values())
        return {
            figures: tiles_html(found),
            plot: gr.update(value=frame, visible=True) if spent else gr.update(visible=False),
            lists: lists_html(found),
        }

    gr.on([blocks.load, timer.tick], shown, None, [figures, plot, lists], **QUIET)


def tiles_html(found: Mapping[str, Any]) -> str:
    """Return what was spent, what is left, and how often an answer was known already."""
    asked, hits = found["asked_models"], found["cache_hits"]
    share = f"{hits / asked:.0%}" if asked else "–"
    parts = [
        _spent("Today", found["today"]),
        _spent("This week", found["week"]),
        _spent("This month", found["month"]),
        tile("A run may cost", usd(found["per_run_limit_usd"]), "reserved before each call"),
        tile("Known already", share, f"{hits} of {asked} answers of models were not paid again"),
    ]
    return tiles(parts)


def _spent(label: str, spent: Mapping[str, Any]) -> str:
    more = f"{spent['calls']} calls"
    if spent["limit_usd"] is not None:
        more += f", {usd(spent['left_usd'])} left of {usd(spent['limit_usd'])}"
    return tile(label, usd(spent["usd"], places=4), more)


def lists_html(found: Mapping[str, Any]) -> str:
    """Return what each model has cost, and how each analyst answered."""
    models = [
        cells(
            one["model"],
            ", ".join(one["analysts"]),
            one["calls"],
            usd(one["usd"], places=4),
            one["unsettled"],
            _ms(one["p50_ms"]),
            _ms(one["p95_ms"]),
        )
        for one in found["by_model"]
    ]
    heads = ("Model", "Analysts", "Calls", "Spent", "Price not told", "p50", "p95")
    paid = table("Models", heads, models) if models else empty(_NOTHING)
    analysts = [
        cells(
            one["analyst"].replace("_", " "),
            one["model"] or "code",
            ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in one["answers"].items()),
            f"{one['error_share']:.1%}",
        )
        for one in found["by_analyst"]
    ]
    answered = (
        table("Analysts", ("Analyst", "Model", "Answers", "Errors"), analysts)
        if analysts
        else empty("No analyst was asked yet.")
    )
    return (
        f'<section class="sheet"><h3>Models, thirty days</h3>{paid}</section>'
        f'<section class="sheet"><h3>How analysts answered, newest {found["votes"]} votes</h3>'
        f'{answered}<p class="quiet">An error is an answer that could not be read, or none; having '
        "no data is not one.</p></section>"
        '<section class="sheet"><h3>Market data, since the server began</h3>'
        f"{_providers(found['by_provider'])}</section>"
        '<p class="quiet">What calls cost (speech, telephone) is under <a href="analytics">'
        "Analytics</a>.</p>"
    )


def _providers(found: Sequence[Mapping[str, Any]]) -> str:
    """Return how much of each quota is used, and what came of asking."""
    rows = [
        cells(
            one["provider"].replace("_", " "),
            "; ".join(
                f"{of['taken']} of {of['most']} in {_window(of['secs'])}" for of in one["quota"]
            ),
            ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in one["outcomes"].items())
            or "–",
            usd(one["usd"], places=4),
        )
        for one in found
    ]
    heads = ("Provider", "Quota used", "Answers", "Charged")
    return table("Market data", heads, rows) if rows else empty(_RECORDED)


def _window(secs: int) -> str:
    return {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}.get(secs, f"{secs} s")


_RECORDED: Final = "No provider with a quota is asked: recorded prices have none."
_NOTHING: Final = (
    "Nothing was spent: the analysts that are code cost nothing. Models are named by "
    "DIALGRAPH_STOCK_ANALYSTS."
)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"
