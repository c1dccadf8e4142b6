"""The campaigns: begun from a file, watched while they ring, stopped, and tried again."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import gradio as gr

from ui.agent_choice import agents_by_name
from ui.backend import Backend, Refused
from ui.navigation import navigation
from ui.people import NoPeople, people
from ui.telling import done, refused

Components = dict[Any, Any]
BATCHES: Final = "/v1/convai/batch-calling"
COLUMNS: Final = ("Name", "Agent", "Status", "Reached", "Failed", "Waiting", "Begun", "Campaign")
PEOPLE: Final = ("Number", "Status", "Attempts", "Next", "Reason")
OWN_NUMBER: Final = ("the server's", "")
WATCH_SECS: Final = 2.0
"""Time between two looks at how far it is, in seconds."""
ORDER: Final = (
    "completed",
    "voicemail",
    "in_progress",
    "initiated",
    "dispatched",
    "pending",
    "failed",
    "cancelled",
)
"""Of the stretches of the progress bar."""
MOST_SHOWN: Final = 500
_QUIET: Final[dict[str, Any]] = {"show_progress": "hidden", "api_visibility": "private"}


def campaigns_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Campaigns")
    page = _Page(backend)
    page.listen(blocks)


class _Page:
    """The parts of the page, and what happens when they are used."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        with gr.Accordion("Start a campaign", open=False, elem_id="campaign-new"):
            self._new()
        self.told = _html(elem_id="campaigns-told")
        self.table = gr.Dataframe(
            headers=list(COLUMNS),
            datatype="str",
            type="array",
            interactive=False,
            elem_id="campaigns",
            show_label=False,
            label="Campaigns",
            max_height=260,
            buttons=[],
            max_chars=40,
        )
        self.chosen = gr.Textbox(visible=False)
        with gr.Column(visible=False, elem_id="campaign", elem_classes="sheet") as self.sheet:
            with gr.Row(elem_classes="sheet-head"):
                self.progress = _html(elem_id="campaign-progress")
                self.pause = gr.Button("Pause", scale=0, elem_id="campaign-pause")
                self.cancel = gr.Button(
                    "Cancel", variant="stop", scale=0, elem_id="campaign-cancel"
                )
                self.retry = gr.Button("Try again", scale=0, elem_id="campaign-retry")
            self.answer = _html(elem_id="campaign-answer")
            self.reasons = _html(elem_id="campaign-reasons")
            self.people = _html(elem_id="campaign-people")
        self.rows = gr.State([])
        self.timer = gr.Timer(WATCH_SECS)

    def _new(self) -> None:
        with gr.Row(equal_height=True):
            with gr.Column(min_width=260):
                self.file = gr.File(
                    label="People: CSV with a column phone_number; others are dynamic variables",
                    file_types=[".csv", ".tsv", ".txt"],
                    type="filepath",
                    height=160,
                    elem_id="campaign-file",
                )
            with gr.Column(min_width=260):
                self.agent = gr.Dropdown([], label="Agent that calls", elem_id="campaign-agent")
                with gr.Row():
                    self.name = gr.Textbox(
                        label="Name", max_length=200, elem_id="campaign-name", min_width=130
                    )
                    self.number = gr.Dropdown(
                        [OWN_NUMBER],
                        value="",
                        label="Number that calls",
                        elem_id="campaign-number",
                        min_width=130,
                    )
        with gr.Row():
            self.pace = gr.Number(30, label="Most calls begun a minute", minimum=0.1, min_width=130)
            self.at_once = gr.Number(
                5, label="Most calls at once", minimum=1, precision=0, min_width=130
            )
            self.attempts = gr.Number(
                1, label="Attempts a person", minimum=1, maximum=10, precision=0, min_width=130
            )
            self.between = gr.Number(60, label="Minutes between attempts", minimum=0, min_width=130)
        self.start = gr.Button("Start calling", variant="primary", elem_id="campaign-start")
        self.started = _html(elem_id="campaign-started")

    def listen(self, blocks: gr.Blocks) -> None:
        """Wire the events of the page."""
        listed = [self.table, self.told, self.rows]
        shown = [self.sheet, self.progress, self.reasons, self.people]
        shown += [self.pause, self.cancel, self.retry]
        gr.on([blocks.load, self.timer.tick], self._listed, self.rows, listed, **_QUIET)
        blocks.load(self._choices, None, [self.agent, self.number, self.started], **_QUIET)
        gr.on([self.chosen.change, self.timer.tick], self._shown, self.chosen, shown, **_QUIET)
        self.table.select(_at, self.table, self.chosen, **_QUIET)
        wish = [self.file, self.agent, self.name, self.number, self.pace]
        wish += [self.at_once, self.attempts, self.between]
        self.start.click(self._start, wish, [self.started, self.chosen, self.file], **_QUIET).then(
            self._listed, self.rows, listed, **_QUIET
        )
        for button, act in (
            (self.pause, self._paused),
            (self.cancel, self._cancelled),
            (self.retry, self._retried),
        ):
            button.click(act, self.chosen, self.answer, **_QUIET).then(
                self._shown, self.chosen, shown, **_QUIET
            )

    async def _choices(self) -> Components:
        """Offer the agents, and the numbers that the API knows beside the server's own."""
        ask = self._backend().ask
        try:
            numbers = await ask("GET", "/v1/convai/phone-numbers")
            agents = await agents_by_name(ask)
        except Refused as error:
            return {self.started: refused(error)}
        named = [
            (
                " ".join(filter(None, [one["phone_number"], one.get("label")])),
                one["phone_number_id"],
            )
            for one in numbers
        ]
        return {
            self.agent: gr.update(choices=agents),
            self.number: gr.update(choices=[OWN_NUMBER, *named]),
        }

    async def _listed(self, before: list[list[str]]) -> Components:
        try:
            found = await self._backend().ask("GET", f"{BATCHES}/workspace")
        except Refused as error:
            return {self.told: refused(error)}
        rows = [row(one) for one in found["batch_calls"]]
        if rows and rows == before:  # a table that is written anew loses the keyboard
            return {self.rows: before}
        text = "Times in UTC. Choose one to watch it."
        if not rows:
            text = "There was no campaign yet. Start one with an agent and a CSV file."
        return {self.table: rows, self.told: done(text), self.rows: rows}

    async def _shown(self, batch_id: str) -> Components:
        if not batch_id:
            return {self.sheet: gr.update(visible=False)}
        try:
            batch = await self._backend().ask("GET", f"{BATCHES}/{quote(batch_id, safe='')}")
        except Refused as error:
            return {self.sheet: gr.update(visible=True), self.progress: refused(error)}
        goes_on = batch["status"] in ("pending", "in_progress")
        waiting = batch["total_calls_scheduled"] - batch["total_calls_finished"]
        return {
            self.sheet: gr.update(visible=True),
            self.progress: progress(batch),
            self.reasons: reasons(batch["recipients"]),
            self.people: people_html(batch["recipients"]),
            self.pause: gr.update(
                value="Resume" if batch["paused"] else "Pause", interactive=goes_on
            ),
            self.cancel: gr.update(interactive=goes_on),
            self.retry: gr.update(interactive=not waiting),
        }

    async def _start(
        self,
        file: str | None,
        agent: str | None,
        name: str,
        number: str | None,
        pace: float | None,
        at_once: float | None,
        attempts: float | None,
        between: float | None,
    ) -> Components:
        if not file or not agent:
            return {self.started: refused("Choose an agent and a file of people.")}
        try:
            recipients = people(await asyncio.to_thread(Path(file).read_bytes))
            body = {
                "call_name": name.strip() or Path(file).stem,
                "agent_id": agent,
                "agent_phone_number_id": number or None,
                "recipients": recipients,
                "calls_per_minute": pace or 30,
                "target_concurrency_limit": int(at_once) if at_once else None,
                "attempts": int(attempts or 1),
                "retry_minutes": 60 if between is None else between,
            }
            batch = await self._backend().ask("POST", f"{BATCHES}/submit", body=body)
        except NoPeople as error:
            return {self.started: refused(str(error)), self.file: None}
        except Refused as error:
            return {self.started: refused(error)}
        noun = "person is" if len(recipients) == 1 else "people are"
        told = done(f"{len(recipients)} {noun} called, as far as they may be.")
        return {self.started: told, self.chosen: batch["id"], self.file: None}

    async def _paused(self, batch_id: str) -> str:
        path = f"{BATCHES}/{quote(batch_id, safe='')}"
        try:
            batch = await self._backend().ask("GET", path)
            act, told = ("resume", "It goes on.") if batch["paused"] else ("pause", "Paused.")
            await self._backend().ask("POST", f"{path}/{act}")
        except Refused as error:
            return refused(error)
        return done(told)

    async def _cancelled(self, batch_id: str) -> str:
        return await self._act(batch_id, "cancel", "Nobody more is called.")

    async def _retried(self, batch_id: str) -> str:
        return await self._act(batch_id, "retry", "Whom no call has reached is called again.")

    async def _act(self, batch_id: str, act: str, told: str) -> str:
        try:
            await self._backend().ask("POST", f"{BATCHES}/{quote(batch_id, safe='')}/{act}")
        except Refused as error:
            return refused(error)
        return done(told)


def row(batch: Mapping[str, Any]) -> list[str]:
    """Return what the list shows of a campaign."""
    counts = batch["counts"]
    waiting = batch["total_calls_scheduled"] - batch["total_calls_finished"]
    return [
        str(batch["name"]),
        str(batch["agent_name"]),
        "paused" if batch["paused"] and batch["status"] != "completed" else str(batch["status"]),
        str(counts.get("completed", 0)),
        str(counts.get("failed", 0)),
        str(waiting),
        _moment(batch["created_at_unix"]),
        str(batch["id"]),
    ]


def people_html(recipients: Sequence[Mapping[str, Any]]) -> str:
    """Return how it stands with each person, as a table."""
    heads = "".join(f"<th scope=col>{name}</th>" for name in PEOPLE)
    rows = "".join(_person(one) for one in recipients[:MOST_SHOWN])
    more = len(recipients) - MOST_SHOWN
    told = done(f"And {more} more; the CSV of the API has all.") if more > 0 else ""
    return (
        '<div class="people" tabindex="0" role="region" aria-label="People"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{told}"
    )


def _person(recipient: Mapping[str, Any]) -> str:
    due = recipient.get("next_attempt_unix")
    cells = (
        recipient["phone_number"],
        str(recipient["status"]).replace("_", " "),
        recipient["attempts"],
        _moment(due) if due else "",
        recipient.get("reason") or "",
    )
    return f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"


def progress(batch: Mapping[str, Any]) -> str:
    """Return how far a campaign is: a bar, and how many there are of each status."""
    counts, total = batch["counts"], batch["total_calls_scheduled"]
    known = [(status, counts[status]) for status in ORDER if counts.get(status)]
    parts = "".join(
        f'<i class="done-{status}" style="flex-grow:{number}"></i>' for status, number in known
    )
    legend = "".join(
        f'<span><i class="done-{status}"></i>{number} {status.replace("_", " ")}</span>'
        for status, number in known
    )
    finished = batch["total_calls_finished"]
    label = f"{finished} of {total} finished"
    return (
        f"<h2>{escape(str(batch['name']))}</h2>"
        f'<div class="done-bar" role="progressbar" aria-label="{label}" aria-valuemin="0" '
        f'aria-valuemax="{total}" aria-valuenow="{finished}">{parts}</div>'
        f'<p class="done-legend">{label}{legend}</p>'
    )


def reasons(recipients: Sequence[Mapping[str, Any]]) -> str:
    """Return why people were not reached, or wait, each reason with how many it holds for."""
    counted: dict[str, int] = {}
    for one in recipients:
        if one.get("reason"):
            counted[one["reason"]] = counted.get(one["reason"], 0) + 1
    if not counted:
        return ""
    items = "".join(
        f"<li><b>{number}</b> {escape(reason)}</li>"
        for reason, number in sorted(counted.items(), key=lambda item: -item[1])
    )
    return f'<h3>Why not, or not yet</h3><ul class="reasons">{items}</ul>'


def _moment(secs: float) -> str:
    return f"{datetime.fromtimestamp(secs, UTC):%Y-%m-%d %H:%M}"


def _at(rows: Sequence[Sequence[str]], event: gr.SelectData) -> str:
    at = event.index[0]
    return str(rows[at][-1]) if at < len(rows) else ""


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **options)
