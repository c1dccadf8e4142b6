"""What an agent knows: its documents, given and taken away, and what would be found in them."""

import asyncio
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import gradio as gr

from ui.agent_form import located_at
from ui.backend import Ask, Backend, Refused, Upload
from ui.telling import done, refused

BASE: Final = "/v1/convai/knowledge-base"
FILES: Final = [".txt", ".md", ".pdf", ".docx", ".html", ".htm"]
MOST_SHOWN: Final = 5
"""Passages shown for a question."""
_QUIET: Final[dict[str, Any]] = {"show_progress": "hidden", "api_visibility": "private"}


async def documents(ask: Ask) -> dict[str, dict[str, Any]]:
    """Return every document of the workspace by its id, in the order of the names."""
    found: dict[str, dict[str, Any]] = {}
    cursor = None
    while True:
        query = {"page_size": 100, "cursor": cursor, "sort_by": "name", "sort_direction": "asc"}
        page = await ask("GET", BASE, query=query)
        found |= {one["id"]: one for one in page["documents"]}
        cursor = page["next_cursor"]
        if not cursor:
            return found


def by_name(documents: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the name and id of each document, to be chosen from."""
    return [(str(one["name"]), key) for key, one in documents.items()]


def with_chosen(
    choices: Sequence[tuple[str, str]], chosen: Sequence[str] | None
) -> list[tuple[str, str]]:
    """Add to the choices what is chosen and no longer exists, so that it can be unchosen."""
    known = {value for _, value in choices}
    return [*choices, *((f"{one} (missing)", one) for one in chosen or () if one not in known)]


class KnowledgePart:
    """The parts of the tab, and what happens when they are used."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.known = gr.Dropdown(
            [],
            multiselect=True,
            label="Documents it knows",
            info="Saved with the agent. Without any it answers nothing by itself.",
            elem_id="agent-documents",
        )
        with gr.Row(equal_height=True):
            with gr.Column(min_width=260):
                self.files = gr.File(
                    label="Add files: text, Markdown, PDF, docx, HTML",
                    file_count="multiple",
                    file_types=list(FILES),
                    type="filepath",
                    height=132,
                    elem_id="knowledge-files",
                )
            with gr.Column(min_width=260):
                self.url = gr.Textbox(
                    label="Add a page of the Internet, or a text",
                    placeholder="https://… or the text itself, then Enter",
                    elem_id="knowledge-url",
                )
                with gr.Row(elem_classes="filters"):
                    self.gone = gr.Dropdown(
                        [], label="Delete a document", elem_id="knowledge-gone", min_width=150
                    )
                    self.delete = gr.Button("Delete", scale=0, elem_id="knowledge-delete")
                    self.force = gr.Button(
                        "All the same",
                        variant="stop",
                        scale=0,
                        visible=False,
                        elem_id="knowledge-force",
                    )
        self.answer = gr.HTML("", apply_default_css=False, elem_id="knowledge-answer")
        self.question = gr.Textbox(
            label="What would be found for a question (as saved)",
            placeholder="Ask as a caller would, then Enter",
            max_length=2000,
            elem_id="knowledge-question",
        )
        self.found = gr.HTML("", apply_default_css=False, elem_id="knowledge-found")

    def listen(self, agent: gr.Textbox) -> None:
        """Wire the events of the tab; `agent` holds the id of the agent shown."""
        changed = [self.known, self.gone, self.answer, self.force]
        self.files.upload(
            self._files, [agent, self.files, self.known], [*changed, self.files], **_QUIET
        )
        self.url.submit(
            self._written, [agent, self.url, self.known], [*changed, self.url], **_QUIET
        )
        self.delete.click(self._delete, [self.gone, self.known], changed, **_QUIET)
        self.force.click(self._force, [self.gone, self.known], changed, **_QUIET)
        self.question.submit(self._search, [agent, self.question], self.found, **_QUIET)
        fresh = [self.gone, self.force, self.answer, self.found]
        agent.change(self._fresh, None, fresh, **_QUIET)

    async def _fresh(self) -> dict[Any, Any]:
        try:
            choices = by_name(await documents(self._backend().ask))
        except Refused as error:
            return {self.answer: refused(error)}
        gone = gr.update(choices=choices, value=None)
        hidden = gr.update(visible=False)
        return {self.gone: gone, self.force: hidden, self.answer: "", self.found: ""}

    async def _files(
        self, agent: str, paths: Sequence[str], known: Sequence[str]
    ) -> dict[Any, Any]:
        added, problems = [], []
        for path in map(Path, paths or ()):
            try:
                upload = Upload(path.name, await asyncio.to_thread(path.read_bytes))
                answer = await self._backend().ask("POST", f"{BASE}/file", upload=upload)
                added.append(answer["id"])
            except Refused as error:
                problems.append(f"{path.name}: {error}")
        return await self._added(agent, added, known, problems) | {self.files: None}

    async def _written(self, agent: str, text: str, known: Sequence[str]) -> dict[Any, Any]:
        text = text.strip()
        if not text:
            return {self.answer: ""}
        address = text.startswith(("http://", "https://")) and not text.split()[1:]
        kind, body = ("url", {"url": text}) if address else ("text", {"text": text})
        try:
            answer = await self._backend().ask("POST", f"{BASE}/{kind}", body=body)
        except Refused as error:
            return {self.answer: refused(error)}
        return await self._added(agent, [answer["id"]], known, []) | {self.url: ""}

    async def _added(
        self, agent: str, added: Sequence[str], known: Sequence[str], problems: Sequence[str]
    ) -> dict[Any, Any]:
        """Have the agent know what was added at once, and say how it went."""
        now = list(dict.fromkeys([*(known or ()), *added]))
        try:
            if agent and added:
                await self._told_to_agent(agent, added)
            shown = await self._shown(now)
        except Refused as error:
            return {self.answer: refused(error)}
        if problems:
            return shown | {self.answer: refused(" ".join(problems))}
        noun = "document" if len(added) == 1 else "documents"
        return shown | {self.answer: done(f"{len(added)} {noun} added; the agent knows it now.")}

    async def _told_to_agent(self, agent: str, added: Sequence[str]) -> None:
        ask, path = self._backend().ask, f"/v1/convai/agents/{quote(agent, safe='')}"
        prompt = (await ask("GET", path))["conversation_config"].get("agent", {}).get("prompt", {})
        before = prompt.get("knowledge_base") or []
        known = await documents(ask)
        new = [one for one in added if one not in {there["id"] for there in before}]
        located = [located_at(one, known) for one in new]
        part = {"agent": {"prompt": {"knowledge_base": [*before, *located]}}}
        await ask("PATCH", path, body={"conversation_config": part})

    async def _delete(self, document: str, known: Sequence[str]) -> dict[Any, Any]:
        return await self._deleted(document, known, force=False)

    async def _force(self, document: str, known: Sequence[str]) -> dict[Any, Any]:
        return await self._deleted(document, known, force=True)

    async def _deleted(self, document: str, known: Sequence[str], *, force: bool) -> dict[Any, Any]:
        if not document:
            return {self.answer: refused("Choose the document that is to go.")}
        path = f"{BASE}/{quote(document, safe='')}"
        try:
            await self._backend().ask("DELETE", path, query={"force": str(force).lower()})
            shown = await self._shown([one for one in known or () if one != document])
        except Refused as error:
            return {self.answer: refused(error), self.force: gr.update(visible=True)}
        return shown | {self.answer: done("Deleted."), self.force: gr.update(visible=False)}

    async def _shown(self, known: Sequence[str]) -> dict[Any, Any]:
        choices = by_name(await documents(self._backend().ask))
        return {
            self.known: gr.update(choices=with_chosen(choices, known), value=list(known or ())),
            self.gone: gr.update(choices=choices, value=None),
            self.force: gr.update(visible=False),
        }

    async def _search(self, agent: str, question: str) -> str:
        if not question.strip():
            return ""
        query = {"agent_id": agent, "q": question.strip(), "k": MOST_SHOWN}
        try:
            found = await self._backend().ask("GET", "/api/knowledge/search", query=query)
        except Refused as error:
            return refused(error)
        return found_html(found)


def found_html(found: dict[str, Any]) -> str:
    """Return what was found for a question, the best first, and whether that answers it."""
    verdict = (
        '<b class="badge good">answerable</b> The first passage answers it.'
        if found["answerable"]
        else '<b class="badge warn">not answerable</b> The agent says that it does not know.'
    )
    secs = f"{found['latency_secs'] * 1000:.1f} ms, {escape(found['embedding_model'])}"
    items = "".join(
        f'<li><p class="found-head"><b>{escape(one["title"])}</b>'
        f'<meter min="0" max="1" value="{one["score"]:.4f}" aria-label="score"></meter>'
        f'<span>{one["score"]:.2f}</span></p><p class="found-text">{escape(one["text"])}</p></li>'
        for one in found["passages"]
    )
    listed = f'<ol class="found">{items}</ol>' if items else ""
    return f'<p role="status">{verdict} <span class="quiet">{secs}</span></p>{listed}'
