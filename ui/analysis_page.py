"""The analyses: begun, watched, read with both sides, approved, and compared with the record."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import gradio as gr

from ui.approval_part import ApprovalPart
from ui.backend import Backend, Refused
from ui.figures import QUIET, html
from ui.navigation import navigation
from ui.run_html import head_html, history_html, record_html, run_html
from ui.telling import done, refused

Components = dict[Any, Any]
WATCH_SECS: Final = 2.0
"""Time between two looks, in seconds."""
_FROM_ADDRESS = "() => new URLSearchParams(location.search).get('run') || ''"
_TO_ADDRESS = """(run) => {
  const address = new URL(location.href);
  if (run) address.searchParams.set("run", run); else address.searchParams.delete("run");
  history.replaceState(history.state, "", address);
}"""


def analysis_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Analysis")
    _Page(backend).listen(blocks)


class _Page:
    """The parts of the page, and what happens when they are used."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        with gr.Row(elem_classes="filters"):
            self.symbols = gr.Textbox(
                label="Symbols",
                placeholder="AAPL, MSFT; empty for the usual ones",
                max_length=300,
                elem_id="analysis-symbols",
            )
            self.begin = gr.Button("Analyse", variant="primary", scale=0, elem_id="analyse")
        self.told = html(elem_id="analysis-told")
        self.approval = ApprovalPart(backend, "analysis")
        self.run = html(elem_id="run")
        with gr.Accordion("Earlier analyses", open=True, elem_id="analysis-history"):
            self.history = html()
        with gr.Accordion("What the analysts were worth so far", open=False) as self.worth:
            self.record = html(elem_id="track-record")
        self.chosen = gr.Textbox(visible=False)
        self.settled = gr.State("")
        self.timer = gr.Timer(WATCH_SECS)

    def listen(self, blocks: gr.Blocks) -> None:
        """Wire the events of the page."""
        blocks.load(None, None, self.chosen, js=_FROM_ADDRESS, api_visibility="private")
        shown = [self.run, self.approval.id, self.settled]
        given = [self.chosen, self.settled]
        self.chosen.change(self._shown, [self.chosen], shown, **QUIET)
        self.chosen.change(None, self.chosen, None, js=_TO_ADDRESS, api_visibility="private")
        self.timer.tick(self._watched, given, shown, **QUIET)
        gr.on([blocks.load, self.timer.tick], self._listed, None, self.history, **QUIET)
        gr.on(
            [self.begin.click, self.symbols.submit],
            self._begun,
            self.symbols,
            [self.chosen, self.told],
            **QUIET,
        )
        self.worth.expand(self._recorded, None, self.record, **QUIET)
        self.approval.listen(self.timer, self._shown, [self.chosen], shown)

    async def _begun(self, text: str) -> Components:
        body = {"symbols": symbols_in(text)}
        try:
            run = await self._backend().ask(
                "POST", "/api/ai-analysis", query={"wait_secs": 0}, body=body
            )
        except Refused as error:
            return {self.told: refused(error)}
        return {
            self.chosen: run["run_id"],
            self.told: done("It runs; it goes on without this page."),
        }

    async def _shown(self, run_id: str) -> Components:
        if not run_id:
            return {self.run: "", self.approval.id: ""}
        try:
            run = await self._backend().ask("GET", f"/api/ai-analysis/{quote(run_id, safe='')}")
        except Refused as error:
            return {self.run: refused(error), self.approval.id: "", self.settled: run_id}
        over = run["state"] != "running"
        return {
            self.run: run_html(run) if over else head_html(run),
            self.approval.id: run["approval_id"] or "",
            self.settled: run_id if over else "",
        }

    async def _watched(self, run_id: str, settled: str) -> Components:
        """Look again at what still runs; what is over is not written anew under the reader."""
        if not run_id or run_id == settled:
            return {self.settled: settled}
        return await self._shown(run_id)

    async def _listed(self) -> str:
        try:
            found = await self._backend().ask("GET", "/api/ai-analysis", query={"limit": 30})
        except Refused as error:
            return refused(error)
        return history_html(found["runs"])

    async def _recorded(self) -> str:
        try:
            return record_html(await self._backend().ask("GET", "/api/track-record"))
        except Refused as error:
            return refused(error)


def symbols_in(text: str) -> Sequence[str]:
    """Return the symbols that somebody has written, in capitals, each once."""
    words = text.upper().replace(",", " ").replace(";", " ").replace("$", " ").split()
    return list(dict.fromkeys(words))
