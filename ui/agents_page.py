"""The agents: found, made, changed, copied, deleted, talked with, and what they know."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final
from urllib.parse import quote

import gradio as gr

from ui.agent_form import BUILT_IN, FACTS, Form, NotJson, change, form
from ui.backend import Backend, Refused
from ui.knowledge_part import KnowledgePart, by_name, documents, with_chosen
from ui.navigation import navigation
from ui.telling import done, refused

Components = dict[Any, Any]
AGENTS: Final = "/v1/convai/agents"
COLUMNS: Final = ("Name", "Voice", "Last call", "Changed", "Agent")
QUIET: Final[dict[str, Any]] = {"show_progress": "hidden", "api_visibility": "private"}
_FROM_ADDRESS = "() => new URLSearchParams(location.search).get('agent') || ''"
_TO_ADDRESS = """(agent) => {
  const address = new URL(location.href);
  if (agent) address.searchParams.set("agent", agent); else address.searchParams.delete("agent");
  history.replaceState(history.state, "", address);
}"""


def agents_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Agents")
    page = _Page(backend)
    page.listen(blocks)


def row(agent: dict[str, Any]) -> list[str]:
    """Return what the list shows of an agent."""
    called = agent.get("last_call_time_unix_secs")
    return [
        str(agent["name"]),
        str(agent.get("voice_id") or ""),
        _moment(called) if called else "",
        _moment(agent["updated_at_unix_secs"]),
        str(agent["agent_id"]),
    ]


def _moment(secs: float) -> str:
    return f"{datetime.fromtimestamp(secs, UTC):%Y-%m-%d %H:%M}"


class _Page:
    """The parts of the page, and what happens when they are used."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        with gr.Row(elem_classes="filters"):
            self.search = gr.Textbox(
                label="Search", placeholder="Part of a name", elem_id="agents-search"
            )
            self.new = gr.Button("New agent", variant="primary", scale=0, elem_id="agents-new")
        self.told = _html(elem_id="agents-told")
        self.table = gr.Dataframe(
            headers=list(COLUMNS),
            datatype="str",
            type="array",
            interactive=False,
            elem_id="agents",
            show_label=False,
            label="Agents",
            max_height=260,
            buttons=[],
            max_chars=40,
        )
        self.chosen = gr.Textbox(visible=False)
        self.held = gr.State("")  # whose fields are shown: another may have been chosen meanwhile
        with gr.Column(visible=False, elem_id="agent", elem_classes="sheet") as self.editor:
            self._head()
            with gr.Tabs(elem_id="agent-parts") as self.tabs:
                with gr.Tab("Says", id="says"):
                    self._says()
                with gr.Tab("May do"):
                    self._does()
                with gr.Tab("Knows"):
                    self.knowledge = KnowledgePart(backend)
                with gr.Tab("JSON"):
                    self.rest = gr.Code(
                        language="json",
                        label="All other fields, as the API has them; null takes one away",
                        elem_id="agent-json",
                        lines=12,
                        max_lines=40,
                    )
        self.parts: dict[str, Any] = {
            "name": self.name,
            "first_message": self.first_message,
            "prompt": self.prompt,
            "language": self.language,
            "voice": self.voice,
            "model": self.model,
            "disclose_ai": self.disclose_ai,
            "record_consent": self.record_consent,
            "qualification": self.qualification,
            "tools": self.tools,
            "built_in": self.built_in,
            "transfers": self.transfers,
            "documents": self.knowledge.known,
            "rest": self.rest,
        }

    def _head(self) -> None:
        with gr.Row(elem_classes="sheet-head"):
            self.title = _html(elem_id="agent-title")
            self.save = gr.Button("Save", variant="primary", scale=0, elem_id="agent-save")
            self.copy = gr.Button("Duplicate", scale=0, elem_id="agent-copy")
            self.delete = gr.Button("Delete", scale=0, elem_id="agent-delete")
        self.answer = _html(elem_id="agent-answer")
        with gr.Row(visible=False, elem_classes="sure") as self.sure:
            _html("<p>Delete this agent? Its conversations stay; its numbers are free.</p>")
            self.yes = gr.Button(
                "Yes, delete it", variant="stop", scale=0, elem_id="agent-delete-yes"
            )
            self.no = gr.Button("Keep it", scale=0, elem_id="agent-delete-no")

    def _says(self) -> None:
        self.name = gr.Textbox(label="Name", elem_id="agent-name", max_length=200)
        self.first_message = gr.Textbox(
            label="First message",
            info="{{name}} stands for a dynamic variable; empty: a greeting made of its name.",
            lines=2,
            elem_id="agent-first-message",
        )
        self.prompt = gr.Textbox(label="Prompt", lines=6, max_lines=24, elem_id="agent-prompt")
        with gr.Row():
            self.language = gr.Dropdown(
                [("English", "en"), ("Hindi", "hi"), ("Spanish", "es"), ("German", "de")],
                label="Language",
                info="ISO 639-1",
                allow_custom_value=True,
                min_width=150,
            )
            self.voice = gr.Textbox(
                label="Voice", info="The provider's name; empty: the server's", min_width=150
            )
            self.model = gr.Dropdown(
                [("The server's", ""), ("Embedded, without a key", "embedded")],
                label="Model",
                info="Or any name that a key here opens",
                allow_custom_value=True,
                min_width=150,
            )

    def _does(self) -> None:
        with gr.Row():
            self.disclose_ai = gr.Checkbox(label="Says at the start that it is an AI")
            self.record_consent = gr.Checkbox(label="Asks whether the call may be recorded")
        self.qualification = gr.CheckboxGroup(
            [(name.replace("_", " "), name) for name in FACTS], label="What it finds out"
        )
        self.built_in = gr.CheckboxGroup(
            [(name.replace("_", " "), name) for name in BUILT_IN], label="Built-in tools"
        )
        self.tools = gr.Dropdown(
            [], multiselect=True, label="Tools made over the API", elem_id="agent-tools"
        )
        self.transfers = gr.Dataframe(
            headers=["Number", "For which wishes", "Told first"],
            datatype=["str", "str", "bool"],
            type="array",
            column_count=3,
            row_count=1,
            interactive=True,
            label="People it may transfer to",
            elem_id="agent-transfers",
        )

    def listen(self, blocks: gr.Blocks) -> None:
        """Wire the events of the page."""
        listed = [self.table, self.told]
        gr.on([blocks.load, self.search.change], self._listed, self.search, listed, **QUIET)
        blocks.load(None, None, self.chosen, js=_FROM_ADDRESS, api_visibility="private")
        self.table.select(_at, self.table, self.chosen, **QUIET)
        shown = [self.held, self.editor, self.title, self.answer, self.sure, *self.parts.values()]
        self.chosen.change(self._opened, self.chosen, shown, **QUIET)
        self.chosen.change(None, self.chosen, None, js=_TO_ADDRESS, api_visibility="private")
        made = [self.chosen, self.answer, self.told, self.tabs]
        self.new.click(self._made, None, made, **QUIET).then(
            self._listed, self.search, listed, **QUIET
        )
        self.copy.click(self._copied, self.held, made, **QUIET).then(
            self._listed, self.search, listed, **QUIET
        )
        given = [self.held, *self.parts.values()]
        self.save.click(self._saved, given, shown, **QUIET).then(
            self._listed, self.search, listed, **QUIET
        )
        self.delete.click(lambda: gr.update(visible=True), None, self.sure, **QUIET)
        self.no.click(lambda: gr.update(visible=False), None, self.sure, **QUIET)
        self.yes.click(self._deleted, self.held, made, **QUIET).then(
            self._listed, self.search, listed, **QUIET
        )
        self.knowledge.listen(self.chosen)

    async def _listed(self, search: str) -> tuple[list[list[str]], str]:
        query = {"search": search.strip(), "page_size": 100}
        try:
            found = await self._backend().ask("GET", AGENTS, query=query)
        except Refused as error:
            return [], refused(error)
        agents = found["agents"]
        if not agents:
            text = "No agent has such a name." if search else "There is no agent yet: make one."
        else:
            more = "the newest " if found["has_more"] else ""
            noun = "agent" if len(agents) == 1 else "agents"
            text = f"{more}{len(agents)} {noun}, times in UTC. Choose one to change or try it."
        return [row(agent) for agent in agents], done(text[0].upper() + text[1:])

    async def _opened(self, agent_id: str) -> Components:
        if not agent_id:
            return {self.editor: gr.update(visible=False)}
        try:
            agent = await self._backend().ask("GET", f"{AGENTS}/{quote(agent_id, safe='')}")
            return await self._filled(agent) | {self.answer: ""}
        except Refused as error:
            return {self.editor: gr.update(visible=True), self.answer: refused(error)}

    async def _filled(self, agent: dict[str, Any]) -> Components:
        ask, shown = self._backend().ask, form(agent)
        tools = (await ask("GET", "/v1/convai/tools", query={"page_size": 100}))["tools"]
        named = [(tool["tool_config"]["name"], tool["id"]) for tool in tools]
        changed: Components = {
            part: getattr(shown, name)
            for name, part in self.parts.items()
            if name not in ("tools", "documents", "transfers")
        }
        changed[self.tools] = gr.update(choices=with_chosen(named, shown.tools), value=shown.tools)
        changed[self.transfers] = shown.transfers or [["", "", False]]
        changed[self.knowledge.known] = gr.update(
            choices=with_chosen(by_name(await documents(ask)), shown.documents),
            value=shown.documents,
        )
        changed[self.title] = _title(agent)
        changed[self.held] = str(agent["agent_id"])
        return changed | {self.editor: gr.update(visible=True), self.sure: gr.update(visible=False)}

    async def _made(self) -> Components:
        body = {"name": "New agent", "conversation_config": {}}
        return await self._new("/v1/convai/agents/create", body)

    async def _copied(self, agent_id: str) -> Components:
        return await self._new(f"{AGENTS}/{quote(agent_id, safe='')}/duplicate", {})

    async def _new(self, path: str, body: dict[str, Any]) -> Components:
        try:
            made = await self._backend().ask("POST", path, body=body)
        except Refused as error:
            return {self.answer: refused(error), self.told: refused(error)}
        return {self.chosen: made["agent_id"], self.tabs: gr.update(selected="says")}

    async def _saved(self, agent_id: str, *values: Any) -> Components:
        given = Form(**dict(zip(self.parts, values, strict=True)))
        ask, path = self._backend().ask, f"{AGENTS}/{quote(agent_id, safe='')}"
        try:
            known = await documents(ask)
            before = await ask("GET", path)
            after = await ask("PATCH", path, body=change(given, before, known))
            return await self._filled(after) | {self.answer: done("Saved.")}
        except (Refused, NotJson) as error:
            return {self.answer: refused(str(error))}

    async def _deleted(self, agent_id: str) -> Components:
        try:
            await self._backend().ask("DELETE", f"{AGENTS}/{quote(agent_id, safe='')}")
        except Refused as error:
            return {self.answer: refused(error)}
        return {self.chosen: ""}


def _at(rows: Sequence[Sequence[str]], event: gr.SelectData) -> str:
    at = event.index[0]
    return str(rows[at][-1]) if at < len(rows) else ""


def _title(agent: dict[str, Any]) -> str:
    numbers = ", ".join(str(one.get("phone_number")) for one in agent.get("phone_numbers") or ())
    answers = f'<span class="quiet">answers {escape(numbers)}</span>' if numbers else ""
    address = f"./?agent={quote(str(agent['agent_id']), safe='')}"
    return (
        f"<h2>{escape(str(agent.get('name') or ''))}</h2>{answers}"
        f'<a href="{address}" target="_blank">Talk with it, by chat and voice</a>'
    )


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **options)
