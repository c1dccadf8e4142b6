"""The analytics: how many calls there are, when, how they end, what they wait for and cost."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any, Final

import gradio as gr
import pandas as pd

from ui.agent_choice import agents_by_name
from ui.backend import Backend, Refused
from ui.navigation import navigation
from ui.telling import refused

STAGES: Final[Mapping[str, str]] = {
    "endpoint_ms": "Noticing the end",
    "graph_ms": "Graph and model",
    "tts_ms": "Voice",
    "total_ms": "Until it is sent",
    "ear_ms": "Until it is heard",
}
"""Stretches of an answer's wait, as they are called here."""
FUNNEL: Final[Mapping[str, str]] = {
    "begun": "Begun",
    "connected": "Connected",
    "spoken": "The person spoke",
    "with_outcome": "With a result",
}
NAMED_DAYS: Final = 7
DAYS: Final = [("Today", 1), ("7 days", 7), ("30 days", 30), ("90 days", 90), ("A year", 365)]
_ZONE: Final = "() => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'"
_PLOT: Final[dict[str, Any]] = {
    "y": "calls",
    "height": 240,
    "min_width": 300,
    "buttons": [],
    "y_lim": [0, None],
}
_QUIET: Final[dict[str, Any]] = {"show_progress": "hidden", "api_visibility": "private"}


def analytics_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Analytics")
    with gr.Row(elem_classes="filters"):
        who = gr.Dropdown([("All", "")], value="", label="Agent or graph", elem_id="analytics-who")
        days = gr.Dropdown(DAYS, value=30, label="Time", elem_id="analytics-days", filterable=False)
        again = gr.Button("Refresh", scale=0, elem_id="analytics-refresh")
    zone = gr.Textbox(visible=False)
    tiles = _html(elem_id="analytics-tiles")
    with gr.Row(visible=False, elem_id="analytics-plots") as plots:
        per_day = gr.BarPlot(x="day", title="Calls a day", **_PLOT)
        per_hour = gr.BarPlot(
            x="hour", title="Calls by the hour of the day", x_label_angle=-90, **_PLOT
        )
    lists = _html(elem_id="analytics-lists")

    async def choices() -> Any:
        agents = [(name, f"agent_id={one}") for name, one in await agents_by_name(backend().ask)]
        graphs = [(f"Graph {name}", f"graph={name}") for name in backend().threads.names]
        return gr.update(choices=[("All", ""), *agents, *graphs])

    async def shown(who: str, days: int, zone: str) -> dict[Any, Any]:
        name, _, value = who.partition("=")
        query = {"days": days, "zone": zone or "UTC"} | ({name: value} if name else {})
        try:
            sums = await backend().ask("GET", "/api/analytics", query=query)
            names = {one: name for name, one in await agents_by_name(backend().ask)}
        except Refused as error:
            return {tiles: refused(error), plots: gr.update(visible=False), lists: ""}
        if not sums["calls"]:
            return {tiles: _nothing(days), plots: gr.update(visible=False), lists: ""}
        return {
            tiles: tiles_html(sums, zone or "UTC"),
            plots: gr.update(visible=True),
            per_day: _daily(sums["per_day"]),
            per_hour: _hourly(sums["per_hour"]),
            lists: lists_html(sums, names),
        }

    parts = [tiles, plots, per_day, per_hour, lists]
    blocks.load(choices, None, who, **_QUIET)
    blocks.load(None, None, zone, js=_ZONE, api_visibility="private")
    gr.on(
        [zone.change, who.change, days.change, again.click],
        shown,
        [who, days, zone],
        parts,
        trigger_mode="always_last",
        **_QUIET,
    )


def tiles_html(sums: Mapping[str, Any], zone: str) -> str:
    """Return the figures that matter most, each with how many it is made of."""
    lasted, waited = sums["duration_secs"], sums["latency_ms"]["ear_ms"]
    if not waited["turns"]:
        waited = sums["latency_ms"]["total_ms"]
    taken = sum(sums["directions"].values())
    parts = [
        _tile("Calls", str(sums["calls"]), f"{sums['in_progress']} going on"),
        _tile("Duration, median", _secs(lasted["median"]), f"p95 {_secs(lasted['p95'])}"),
        _tile(
            "Wait for an answer, median",
            _ms(waited["p50"]),
            f"p95 {_ms(waited['p95'])}, n = {waited['turns']} answers",
        ),
    ]
    eligible = sums["eligible"]
    if eligible["of"]:
        low, high = eligible["interval"]
        told = f"95 % interval {low:.0%} to {high:.0%}, n = {eligible['of']}"
        parts.append(_tile("Eligible", f"{eligible['share']:.0%}", told))
    failed = sums["statuses"].get("failed", 0)
    parts.append(_tile("Failed", str(failed), f"n = {taken} calls"))
    cost = sums["cost"]
    if cost["total"] is not None:
        minutes = f"{lasted['total'] / 60:.1f} minutes"
        parts.append(_tile("Cost, estimated", cost["total"], minutes))
    cut = " Only the newest calls are counted." if sums["truncated"] else ""
    told = f"Days and hours in {escape(zone)}.{cut}"
    return f'<div class="tiles">{"".join(parts)}</div><p class="quiet" role="status">{told}</p>'


def lists_html(sums: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return what calls came to, as bars with their numbers; `names` are agents' by id."""
    calls = sums["calls"]
    funnel = {label: sums["funnel"].get(step, 0) for step, label in FUNNEL.items()}
    ended, standings = calls - sums["in_progress"], sums["standings"]
    return (
        '<div class="panels">'
        + _panel("How far they came", funnel, calls)
        + _panel("Outcomes", sums["outcomes"], ended)
        + _panel("Reasons for refusal", standings["refusals"], standings["refused"])
        + _panel("Phase at the end", standings["phases"], standings["of"])
        + _panel("Who took the call", sums["answered_by"], ended)
        + _panel("Not answered", sums["unanswered"], ended)
        + _panel("Errors and disconnections", sums["failures"], ended)
        + _panel("Way", sums["directions"], calls)
        + _latency(sums["latency_ms"])
        + _cost(sums["cost"])
        + _agents(sums["agents"], names)
        + "</div>"
    )


def _panel(title: str, counts: Mapping[str, int], of: int) -> str:
    if not counts:
        return ""
    most = max(of, *counts.values(), 1)
    rows = "".join(
        f"<tr><th scope=row>{escape(_words(name))}</th>"
        f'<td class="bar"><i style="width:{100 * number / most:.1f}%"></i></td>'
        f"<td>{number}</td><td>{number / most:.0%}</td></tr>"
        for name, number in counts.items()
    )
    return _table(f"{title} <small>n = {of}</small>", "", rows)


def _latency(stages: Mapping[str, Mapping[str, Any]]) -> str:
    measured = {name: stages[name] for name in STAGES if stages[name]["turns"]}
    if not measured:
        return ""
    most = max(stage["p95"] for stage in measured.values()) or 1
    rows = "".join(
        f"<tr><th scope=row>{STAGES[name]}</th>"
        f'<td class="bar"><i class="soft" style="width:{100 * stage["p95"] / most:.1f}%"></i>'
        f'<i style="width:{100 * stage["p50"] / most:.1f}%"></i></td>'
        f"<td>{_ms(stage['p50'])}</td><td>{_ms(stage['p95'])}</td><td>{_ms(stage['p99'])}</td>"
        f"<td>{stage['turns']}</td></tr>"
        for name, stage in measured.items()
    )
    heads = "<th>p50</th><th>p95</th><th>p99</th><th>n</th>"
    return _table("What answers wait for", f"<tr class=many><td></td><td></td>{heads}</tr>", rows)


def _cost(cost: Mapping[str, Any]) -> str:
    if cost["total"] is None:
        return ""
    parts = {name: float(value) for name, value in cost["parts"].items()}
    most = max(parts.values(), default=0) or 1
    rows = "".join(
        f"<tr><th scope=row>{escape(name)}</th>"
        f'<td class="bar"><i style="width:{100 * value / most:.1f}%"></i></td>'
        f"<td>{escape(str(cost['parts'][name]))}</td></tr>"
        for name, value in parts.items()
    )
    return _table("Cost by part, estimated from minutes", "", rows)


def _agents(agents: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> str:
    if len(agents) < 2:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{escape(names.get(name, name))}</th><td>{held['calls']}</td>"
        f"<td>{_percent(held['completed']['share'])}</td></tr>"
        for name, held in agents.items()
    )
    heads = "<tr><td></td><th>Calls</th><th>Completed</th></tr>"
    return _table("By agent or graph", heads, rows)


def _table(title: str, heads: str, rows: str) -> str:
    head = f"<thead>{heads}</thead>" if heads else ""
    return (
        f'<section class="panel"><h3>{title}</h3><table class="counts">{head}'
        f"<tbody>{rows}</tbody></table></section>"
    )


def _tile(label: str, value: str, more: str) -> str:
    return (
        f'<div class="tile"><span>{label}</span><b>{escape(value)}</b>'
        f"<small>{escape(more)}</small></div>"
    )


def _nothing(days: int) -> str:
    return (
        f'<p class="empty" role="status">No call in this time ({days} days) with this choice. '
        "Ring with <code>dialgraph call</code>, or talk in the playground.</p>"
    )


def _daily(per_day: Mapping[str, int]) -> pd.DataFrame:
    """Return calls by day, days without one included.

    Few days are drawn by their names, many as times: noon is the same day in any browser.
    """
    begun, ends = date.fromisoformat(min(per_day)), date.fromisoformat(max(per_day))
    days = [begun + timedelta(n) for n in range((ends - begun).days + 1)]
    calls = [per_day.get(str(day), 0) for day in days]
    if len(days) <= NAMED_DAYS:
        return pd.DataFrame({"day": [f"{day:%a %d %b}" for day in days], "calls": calls})
    noon = pd.to_datetime([f"{day}T12:00" for day in days])
    return pd.DataFrame({"day": noon, "calls": calls})


def _hourly(per_hour: Sequence[int]) -> pd.DataFrame:
    return pd.DataFrame({"hour": [f"{hour:02d}" for hour in range(24)], "calls": per_hour})


def _words(name: str) -> str:
    return name.replace("_", " ")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}\u00a0ms"


def _secs(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f} s"


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **options)
