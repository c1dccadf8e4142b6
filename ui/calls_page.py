"""The calls: a list to search, and one call with its words, its sound, and what it waited for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

import gradio as gr

from store.calls import Call
from ui.agent_choice import agents_by_name
from ui.backend import Backend, Refused
from ui.navigation import navigation

MOST: Final = 500
_UNNAMED: Final[Mapping[str, str]] = {}
"""Calls that are looked through, the newest first."""
COLUMNS: Final = ("Begun", "Way", "From", "To", "Held by", "Status", "Outcome", "Lasted", "Call")
_FROM_ADDRESS = "() => new URLSearchParams(location.search).get('call') || ''"
_TO_ADDRESS = """(sid) => {
  const address = new URL(location.href);
  if (sid) address.searchParams.set("call", sid); else address.searchParams.delete("call");
  history.replaceState(history.state, "", address);
}"""


def calls_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Calls")
    with gr.Row(elem_classes="filters"):
        search = gr.Textbox(
            label="Search",
            placeholder="Number, outcome, graph or id",
            elem_id="calls-search",
            max_length=100,
        )
        status = gr.Dropdown(
            ["any", "ringing", "in-progress", "completed", "failed"],
            value="any",
            label="Status",
            elem_id="calls-status",
            filterable=False,
        )
        holder = gr.Dropdown(
            [("any", "")], value="", label="Agent or graph", elem_id="calls-holder"
        )
        again = gr.Button("Refresh", scale=0, elem_id="calls-refresh")
    told = gr.HTML("", elem_id="calls-told", apply_default_css=False)
    table = gr.Dataframe(
        headers=list(COLUMNS),
        datatype="str",
        type="array",
        interactive=False,
        elem_id="calls",
        show_label=False,
        label="Calls",
        max_height=420,
        buttons=[],
        max_chars=36,
        column_widths=[180, 95, 135, 135, 140, 115, 150, 75, 330],
    )
    chosen = gr.Textbox(visible=False)
    call = gr.HTML("", elem_id="call", apply_default_css=False)

    async def holder_names() -> Mapping[str, str]:
        try:
            return {one: name for name, one in await agents_by_name(backend().ask)}
        except Refused:
            return {}

    async def listed(search: str, status: str, holder: str) -> tuple[list[list[str]], str]:
        calls, names = await backend().calls.list(limit=MOST), await holder_names()
        found = [one for one in calls if matches(one, search, status, holder, names)]
        return [row(one, names) for one in found], _told(calls, found)

    async def holders() -> Any:
        """Offer who has held a call, by name where there is one."""
        calls, names = await backend().calls.list(limit=MOST), await holder_names()
        held = sorted({(names.get(by, by), by) for by in map(held_by, calls)})
        return gr.update(choices=[("any", ""), *held])

    def opened(rows: Sequence[Sequence[str]], event: gr.SelectData) -> str:
        at = event.index[0]
        return str(rows[at][-1]) if at < len(rows) else ""

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    filters = [search, status, holder]
    blocks.load(holders, None, holder, **quiet)
    gr.on(
        [blocks.load, search.change, status.change, holder.change, again.click],
        listed,
        filters,
        [table, told],
        trigger_mode="always_last",
        **quiet,
    )
    blocks.load(None, None, chosen, js=_FROM_ADDRESS, api_visibility="private")
    table.select(opened, table, chosen, **quiet)
    chosen.change(_shown, chosen, call, **quiet)
    chosen.change(None, chosen, None, js=_TO_ADDRESS, api_visibility="private")


def held_by(call: Call) -> str:
    """Return the id of the agent that held a call, or the name of its graph."""
    return call.agent_id or call.graph


def matches(
    call: Call, search: str, status: str, holder: str = "", names: Mapping[str, str] = _UNNAMED
) -> bool:
    """Whether a call has status and holder, and the words searched for in what is listed of it."""
    if status != "any" and call.status != status or holder not in ("", held_by(call)):
        return False
    shown = " ".join([*row(call, names), held_by(call)]).casefold()
    return all(word in shown for word in search.casefold().split())


def row(call: Call, names: Mapping[str, str] = _UNNAMED) -> list[str]:
    """Return what the list shows of a call; `names` are agents' by id."""
    return [
        f"{call.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        call.direction,
        call.from_number or "",
        call.to_number or "",
        names.get(held_by(call), held_by(call)),
        call.status,
        call.outcome or call.failure or "",
        lasted(call),
        call.sid,
    ]


def lasted(call: Call, now: datetime | None = None) -> str:
    """Return how long a call was, as minutes and seconds; empty where that is not known."""
    if call.ended_at is None:
        return ""
    secs = max(round((call.ended_at - call.started_at).total_seconds()), 0)
    return f"{secs // 60}:{secs % 60:02d}"


def _shown(sid: str) -> str:
    return f'<dialgraph-call sid="{escape(sid)}"></dialgraph-call>' if sid else ""


def _told(calls: Sequence[Call], found: Sequence[Call]) -> str:
    if not calls:
        text = "There was no call yet. Ring with <code>dialgraph call</code>, or use the voice tab."
    else:
        newest = f"the newest {MOST}" if len(calls) == MOST else str(len(calls))
        text = f"{len(found)} of {newest} calls, times in UTC. Choose one to read and hear it."
    return f'<p class="quiet" role="status">{text}</p>'
