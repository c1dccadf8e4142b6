"""The memory: what was believed, how it fared, and what comes again."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import gradio as gr

from ui.backend import Backend, Refused
from ui.figures import QUIET, badge, cells, empty, html, in_100, moment, shares, table, usd
from ui.navigation import navigation
from ui.telling import refused

WATCH_SECS: Final = 15.0
"""Time between two looks, in seconds."""
STANDINGS: Final = {"stands": "", "weakened": "warn", "confirmed": "good", "broken": "bad"}


def memory_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Memory")
    body = html(elem_id="memory")
    timer = gr.Timer(WATCH_SECS)

    async def shown() -> str:
        try:
            return memory_html(await backend().ask("GET", "/api/portfolio/memory"))
        except Refused as error:
            return refused(error)

    gr.on([blocks.load, timer.tick], shown, None, body, **QUIET)


def memory_html(found: Mapping[str, Any]) -> str:
    """Return theses, the last sessions, positions and patterns."""
    return (
        f'<p class="standing">as of {moment(found["as_of"])} UTC; nothing of later is read</p>'
        + _sheet("Theses and how they fared", _theses(found["theses"]))
        + _sheet("The last three sessions", _rolling(found["rolling"]))
        + _sheet("Positions through the runs", _positions(found["positions"]))
        + _sheet("Patterns", _patterns(found["patterns"]))
    )


def _theses(theses: Sequence[Mapping[str, Any]]) -> str:
    if not theses:
        return empty("No thesis yet: a run that proposes something writes one down.")
    rows = []
    for one in theses:
        thesis, last = one["thesis"], one["last"]
        standing = last["standing"] if last else "stands"
        why = " ".join(last["reasons"]) if last else "No session has passed since."
        rows.append(
            f"<tr><td>{escape(thesis['symbol'])}</td>"
            f"<td>{badge(standing, STANDINGS[standing])}</td>"
            f'<td>{escape(thesis["text"])} <a href="analysis?run={escape(thesis["run_id"])}">Run'
            f"</a></td><td>{escape(why)}</td><td>{escape(thesis['day'])}</td>"
            f"<td>{escape(thesis['by'])}</td></tr>"
        )
    return table("Theses", ("Symbol", "Stands", "Thesis", "Why", "Of", "Told by"), rows)


def _rolling(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return empty("No run has seen anything yet.")
    lines = [
        cells(
            one["symbol"],
            ", ".join(f"{in_100(s['probability'])} ({s['day']})" for s in one["sightings"]),
            "–" if one["change"] is None else f"{one['change'] * 100:+.1f} points",
            "–" if one["moved"] is None else f"{one['moved'] * 100:+.1f} %",
        )
        for one in rows
    ]
    return table("Three sessions", ("Symbol", "Seen as", "Changed by", "Price moved by"), lines)


def _positions(positions: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        cells(
            one["symbol"],
            moment(step["at"]),
            shares(step["bought"]),
            shares(step["shares"]),
            usd(step["average_price"]),
            usd(step["gain"], signed=True),
        )
        for one in positions
        for step in one["steps"]
    ]
    if not rows:
        return empty("Nothing was held when a run looked.")
    heads = ("Symbol", "Seen, UTC", "Bought", "Held", "Paid a share", "Gain then")
    return table("Positions", heads, rows)


def _patterns(patterns: Sequence[Mapping[str, Any]]) -> str:
    if not patterns:
        return empty("Too little is on record to call anything a pattern.")
    items = "".join(f"<li>{escape(_pattern(one))}</li>" for one in patterns)
    return f"<ul>{items}</ul>"


def _pattern(one: Mapping[str, Any]) -> str:
    if one["share"] is None or one["low"] is None:
        return f"{one['text']} (n = {one['n']})"
    reach = f"90 % interval {one['low']:.0%} to {one['high']:.0%}"
    return f"{one['text']} ({one['share']:.0%} of n = {one['n']}, {reach})"


def _sheet(title: str, body: str) -> str:
    return f'<section class="sheet"><h3>{title}</h3>{body}</section>'
