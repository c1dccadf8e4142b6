"""The discovery: what the scans found, since when it was knowable, and why the rest was not."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

import gradio as gr

from ui.backend import Backend, Refused
from ui.figures import QUIET, badge, cells, empty, html, moment, table, usd
from ui.navigation import navigation
from ui.telling import refused

WATCH_SECS: Final = 60.0
"""Time between two looks, in seconds: providers of data count how often they are asked."""
KINDS: Final = {
    "approval": "FDA approval",
    "filing": "filing",
    "deal": "deal",
    "surprise": "earnings surprise",
}


def discovery_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Discovery")
    with gr.Row(elem_classes="filters"):
        head = html(elem_id="discovery-head")
        again = gr.Button("Scan now", scale=0, elem_id="scan")
    alpha = html(elem_id="alpha")
    catalysts = html(elem_id="catalysts")
    timer = gr.Timer(WATCH_SECS)

    async def shown() -> dict[Any, Any]:
        ask = backend().ask
        parts: dict[Any, Any] = {}
        try:
            scan = await ask("GET", "/api/alpha-discovery")
            parts |= {head: head_html(scan), alpha: alpha_html(scan)}
        except Refused as error:
            parts |= {head: "", alpha: refused(error)}
        try:
            parts[catalysts] = catalysts_html(await ask("GET", "/api/catalyst-discovery"))
        except Refused as error:
            parts[catalysts] = refused(error)
        return parts

    gr.on([blocks.load, timer.tick, again.click], shown, None, [head, alpha, catalysts], **QUIET)


def head_html(found: Mapping[str, Any]) -> str:
    """Return the time of what was looked at."""
    past = badge("recorded prices of the past", "warn") if found["recorded"] else ""
    return f'<p class="standing">{past}<span>as of {moment(found["as_of"])} UTC</span></p>'


def alpha_html(found: Mapping[str, Any]) -> str:
    """Return the shares that passed every filter, and what each filter did."""
    rows = [
        cells(
            one["symbol"],
            usd(one["price"]),
            usd(one["turnover"] / 1e6, places=1) + " million",
            f"{one['surge']:.1f} times",
            f"{one['high'] * 100:.0f} %",
            f"{one['trend'] * 100:+.0f} %",
        )
        for one in found["found"]
    ]
    heads = ("Symbol", "Price", "Turnover a day", "Volume", "Of its year's high", "Half a year")
    passed = table("Momentum", heads, rows) if rows else empty("No share passes every filter.")
    steps = [
        cells(one["name"], one["failed"], one["unknown"], one["left"]) for one in found["filters"]
    ]
    how = ("Filter", "Fail it", "Not measurable", "Left after it")
    filters = table("Filters", how, steps) if steps else ""
    return _sheet(
        f"Momentum, {found['scanned']:,} symbols scanned",
        f'{passed}<p class="quiet">Before: {escape(found["base_rate"])}</p>{filters}',
        _beside(found["explanation"], found["filters"]),
    )


def _beside(lines: Sequence[str], filters: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the table of filters does not say already."""
    names = tuple(f"{one['name']}:" for one in filters)
    return [line for line in lines if not line.startswith(names)] if names else list(lines)


def catalysts_html(found: Mapping[str, Any]) -> str:
    """Return the events that count, with since when each was knowable and who says so."""
    rows = [_catalyst(one) for one in found["found"]]
    heads = ("Knowable at, UTC", "Symbol", "Kind", "What", "Source", "Before")
    body = table("Catalysts", heads, rows) if rows else empty("No event counts.")
    return _sheet(f"Catalysts, {found['looked_at']:,} events", body, found["explanation"])


def _catalyst(one: Mapping[str, Any]) -> str:
    source = escape(one["source"])
    if one["url"] and urlsplit(one["url"]).scheme in ("http", "https"):
        url = escape(one["url"])
        source = f'<a href="{url}" target="_blank" rel="noopener noreferrer">{source}</a>'
    return (
        f"<tr><td>{moment(one['knowable_at'])}</td><td>{escape(one['symbol'] or '–')}</td>"
        f"<td>{KINDS.get(one['kind'], escape(one['kind']))}</td><td>{escape(one['what'])}</td>"
        f"<td>{source}</td><td>{escape(one['base_rate'])}</td></tr>"
    )


def _sheet(title: str, body: str, explanation: Sequence[str]) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in explanation)
    return (
        f'<section class="sheet"><h3>{escape(title)}</h3>{body}'
        f"<h4>What was looked at, and why the rest is not here</h4><ul>{lines}</ul></section>"
    )
