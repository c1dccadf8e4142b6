"""The playground: one conversation by chat and by voice, its state and its graph beside it."""

import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import gradio as gr
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from graphs.threads import Begin, Threads, UnknownGraph, is_thread_id
from ui.agents_page import agents_page
from ui.analysis_page import analysis_page
from ui.analytics_page import analytics_page
from ui.backend import Backend, Refused
from ui.calls_page import calls_page
from ui.campaigns_page import campaigns_page
from ui.conversation import (
    Line,
    View,
    find,
    new_thread_id,
    open_conversation,
    say,
    show,
)
from ui.costs_page import costs_page
from ui.discovery_page import discovery_page
from ui.drawing import draw
from ui.markdown import as_html
from ui.memory_page import memory_page
from ui.navigation import mode, navigation
from ui.portfolio_page import portfolio_page
from ui.state_panel import outcome_badge, state_panel
from ui.theme import page_theme

Components = dict[Any, Any]

CERTIFICATES = {"eligibility": "api/eligibility/{thread_id}/certificate"}
"""Page that proves the outcome, by graph, for the graphs that have one."""

PAGES: Final[Mapping[str, Callable[[gr.Blocks, Backend], None]]] = {
    "Agents": agents_page,
    "Campaigns": campaigns_page,
    "Calls": calls_page,
    "Analytics": analytics_page,
    "Portfolio": portfolio_page,
    "Discovery": discovery_page,
    "Analysis": analysis_page,
    "Memory": memory_page,
    "Costs": costs_page,
}
"""What makes each page, by its name, which in small letters is also its address."""
_ASSETS = Path(__file__).parent / "assets"
_HEAD = """
<link rel="stylesheet" href="playground/style.css">
<script type="module" src="playground/voice_client.js"></script>
<script type="module" src="playground/call_record.js"></script>
"""
_HEADER = """
<header class="masthead">
  <h1 class="masthead-name">Dialgraph</h1>
  <p class="masthead-line">
    LangGraph agents that answer the telephone. Type or talk: it is one conversation.
  </p>
</header>
"""
_FROM_ADDRESS = """() => {
  const query = new URLSearchParams(location.search);
  return [query.get("graph") || "", query.get("thread") || "", query.get("agent") || ""];
}"""
_TO_ADDRESS = """(graph, thread, agent) => {
  if (!graph || !thread) return;
  const address = new URL(location.href);
  address.searchParams.set("graph", graph);
  address.searchParams.set("thread", thread);
  if (agent) address.searchParams.set("agent", agent); else address.searchParams.delete("agent");
  history.replaceState(history.state, "", address);
  window.dispatchEvent(new CustomEvent("dialgraph:conversation", {detail: {graph, thread}}));
}"""
_COPY = """(thread) => {
  const button = document.querySelector("#copy");
  const told = (text) => {
    button.textContent = text;
    setTimeout(() => (button.textContent = "Copy"), 1500);
  };
  navigator.clipboard?.writeText(thread).then(() => told("Copied"), () => told("Not allowed"));
}"""
_ON_VOICE = "element.addEventListener('dialgraph:turn', () => trigger('change'));"


def mount_playground(
    app: FastAPI,
    backend: Backend,
    *,
    default_graph: str = "eligibility",
    max_message_chars: int = 2000,
    live: bool = False,
) -> FastAPI:
    """Mount the playground at `/`; to be called after all routes, which it would hide otherwise.

    Args:
        app: the application.
        backend: returns what the pages work with; called while requests are served.
        default_graph: graph shown first; when it is not served, the first one that is.
        max_message_chars: longest message, in characters.
        live: whether stocks are traded with real money, which every page says.
    """
    blocks = create_playground(
        backend, default_graph=default_graph, max_message_chars=max_message_chars, live=live
    )
    app.mount("/playground", StaticFiles(directory=_ASSETS), name="playground")
    with warnings.catch_warnings():  # Gradio warns that it switches off what is off
        warnings.filterwarnings("ignore", "SSR mode", UserWarning)
        mounted: FastAPI = gr.mount_gradio_app(
            app,
            blocks,
            path="/",
            theme=page_theme(),
            head=_HEAD,
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            show_error=True,
        )
    return mounted


def create_playground(
    backend: Backend,
    *,
    default_graph: str = "eligibility",
    max_message_chars: int = 2000,
    live: bool = False,
) -> gr.Blocks:
    """Make the page.

    Args:
        backend: returns what the pages work with; called while requests are served, never here.
        default_graph: graph shown first; when it is not served, the first one that is.
        max_message_chars: longest message, in characters.
        live: whether stocks are traded with real money.
    """
    blocks: gr.Blocks = gr.Blocks(title="Dialgraph", analytics_enabled=False, fill_width=True)
    with blocks:
        navigation()
        mode(live=live)
        page = _Page(backend, default_graph, max_message_chars)
        page.listen(blocks)
        for name, make in PAGES.items():
            _turn_to(blocks, name)
            mode(live=live)
            make(blocks, backend)
    return blocks


def _turn_to(blocks: gr.Blocks, name: str) -> None:
    """Begin another page, as `Blocks.route` does, without leaving the context of the first.

    Gradio makes a whole application of all pages each time a context is left, half a second each,
    and serves only the last.
    """
    blocks.current_page = name.lower()
    blocks.pages.append((blocks.current_page, name, True))


class _Page:
    """The parts of the page, and what happens when they are used."""

    def __init__(self, backend: Backend, default_graph: str, max_message_chars: int) -> None:
        self._threads: Callable[[], Threads] = lambda: backend().threads
        self._backend = backend
        self._default_graph = default_graph
        self._max_message_chars = max_message_chars
        with gr.Row(elem_id="top"):
            _html(_HEADER)
            self.graph = gr.Dropdown([], label="Graph", elem_id="graph", filterable=False)
            self.new = gr.Button("New conversation", elem_id="new")
        self.notice = _html(elem_id="notice")
        self.speaker = _html(elem_id="speaker")
        with gr.Row(elem_id="work"):
            with gr.Column(elem_id="conversation"), gr.Tabs(elem_id="ways"):
                with gr.Tab("Chat", id="chat"):
                    self.chat = _chat()
                    with gr.Row(elem_id="write"):
                        self.message = _message(max_message_chars)
                        self.send = gr.Button("Send", variant="primary", elem_id="send")
                with gr.Tab("Voice", id="voice", render_children=True):
                    self.voice = _html("<dialgraph-voice></dialgraph-voice>", js_on_load=_ON_VOICE)
            with gr.Column(elem_id="beside"):
                _html("<h2>State</h2>", elem_classes="heading")
                self.state = _html(state_panel(None), elem_id="state")
                _html("<h2>Graph</h2>", elem_classes="heading")
                self.drawing = _html(elem_id="drawing")
                self.thread, self.other = _thread()
        self.certificate = _html(elem_id="certificate")
        self.agent = gr.Textbox(visible=False)

    def listen(self, blocks: gr.Blocks) -> None:
        """Wire the events of the page."""
        seen = [self.chat, self.state, self.drawing, self.certificate, self.notice, self.speaker]
        parts = [self.graph, self.thread, self.agent, self.message, *seen]
        here = [self.graph, self.thread]
        begins = [*here, self.agent]
        quiet: dict[str, Any] = {
            "show_progress": "hidden",
            "preprocess": False,
            "api_visibility": "private",
            "concurrency_limit": None,
        }
        blocks.load(self._load, begins, parts, js=_FROM_ADDRESS, **quiet)
        self.new.click(self._start, [self.graph, self.agent], parts, **quiet)
        self.graph.input(self._start, [self.graph], parts, **quiet)
        gr.on(
            [self.message.submit, self.send.click],
            self._answer,
            [self.message, *here],
            parts,
            trigger_mode="always_last",  # what is sent while the graph answers goes next
            **quiet,
        )
        self.other.submit(self._go_on, [self.graph, self.other], [*parts, self.other], **quiet)
        self.voice.change(self._follow_voice, here, seen, **quiet)
        self.thread.change(None, begins, js=_TO_ADDRESS, api_visibility="private")

    async def _load(self, graph: str, thread_id: str, agent: str) -> AsyncIterator[Components]:
        if agent and not is_thread_id(thread_id):
            async for part in self._start(graph, agent):
                yield part
            return
        if not is_thread_id(thread_id):
            thread_id = new_thread_id()
        graph = graph or self._first_graph()
        async for part in self._followed(open_conversation(self._threads(), graph, thread_id)):
            yield part | {self.agent: agent}

    async def _start(self, graph: str, agent: str = "") -> AsyncIterator[Components]:
        thread_id, begin = new_thread_id(), None
        if agent:
            try:
                opening = await self._backend().opening(agent, thread_id)
            except Refused as refused:
                view = View(graph or self._first_graph(), thread_id, notice=str(refused))
                yield self._shown(view, None) | {self.agent: ""}
                return
            graph, begin = opening.graph, Begin(opening.values)
        opened = open_conversation(self._threads(), graph, thread_id, begin)
        async for part in self._followed(opened):
            yield {self.agent: agent} | part

    async def _answer(self, text: str, graph: str, thread_id: str) -> AsyncIterator[Components]:
        if len(text) > self._max_message_chars:  # the browser's own limit can be got round
            notice = f"The message has {len(text)} characters; at most {self._max_message_chars}."
            yield {self.notice: _notice(notice)}
            return
        text = text.encode(errors="replace").decode()  # half characters are in no text
        yield {self.message: ""}
        if text.strip() and (is_thread_id(thread_id) or not thread_id):
            thread_id = thread_id or new_thread_id()
            async for part in self._followed(say(self._threads(), graph, thread_id, text.strip())):
                yield part

    async def _go_on(self, graph: str, thread_id: str) -> Components:
        view = await find(self._threads(), graph, thread_id.strip())
        if view is None:
            text = f"There is no conversation {thread_id.strip()!r} here. Check the id."
            return {self.notice: _notice(text)}
        return self._shown(view, None) | {self.other: "", self.agent: ""}

    async def _follow_voice(self, graph: str, thread_id: str) -> Components:
        try:
            view = await show(self._threads(), graph, thread_id)
        except UnknownGraph as error:
            return {self.notice: _notice(str(error))}
        return self._shown(view, View(graph, thread_id))

    async def _followed(self, views: AsyncIterator[View]) -> AsyncIterator[Components]:
        before = None
        async for view in views:
            if changed := self._shown(view, before):
                yield changed
            before = view

    def _shown(self, view: View, before: View | None) -> Components:
        """Return what the parts show of a view, as far as it changed since the one before."""
        threads, changed = self._threads(), Components()
        served = view.graph in threads.names
        if before is None:
            graph = view.graph if served else self._first_graph()
            changed[self.graph] = gr.update(value=graph, choices=threads.names)
            changed[self.thread] = view.thread_id if served else ""
        if before is None or view.lines != before.lines:
            changed[self.chat] = [_as_html(line) for line in view.lines]
        if served and (before is None or view.ran != before.ran):
            structure = threads.graph(view.graph).get_graph()
            changed[self.drawing] = draw(structure, view.graph, view.ran)
        if before is None or view.snapshot is not before.snapshot:
            changed[self.state] = state_panel(view.snapshot)
            changed[self.speaker] = _speaker(view)
            changed[self.certificate] = _certificate(view)
        if before is None or view.notice != before.notice:
            changed[self.notice] = _notice(view.notice)
        if view.unsent:
            changed[self.message] = view.unsent
        return changed

    def _first_graph(self) -> str:
        names = self._threads().names
        return self._default_graph if self._default_graph in names else next(iter(names), "")


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **options)


def _chat() -> gr.Chatbot:
    return gr.Chatbot(
        label="Conversation",
        show_label=False,
        elem_id="chat",
        container=False,
        height=None,
        buttons=[],
        render_markdown=False,
        allow_tags=False,
        group_consecutive_messages=False,
        feedback_options=None,
        layout="bubble",
        placeholder="The conversation opens here.",
    )


def _as_html(line: Line) -> Line:
    """Return a line for the chat, which renders HTML: what a person wrote is shown as written."""
    said = line["content"]
    html = as_html(said) if line["role"] == "assistant" else escape(said, quote=False)
    return {**line, "content": html}


def _message(max_chars: int) -> gr.Textbox:
    return gr.Textbox(
        label="Your message",
        show_label=False,
        elem_id="message",
        placeholder="Write an answer, then press Enter",
        max_length=max_chars,
        max_lines=5,
        autofocus=True,
        container=False,
    )


def _thread() -> tuple[gr.Textbox, gr.Textbox]:
    with gr.Row(elem_id="thread"):
        thread = gr.Textbox(label="This conversation", interactive=False, min_width=120)
        copy = gr.Button("Copy", elem_id="copy")
    copy.click(None, [thread], js=_COPY, api_visibility="private")
    other = gr.Textbox(
        label="Go on with another",
        elem_id="other",
        placeholder="Paste the id of a conversation or call, then Enter",
    )
    return thread, other


def _notice(text: str) -> str:
    return f'<p class="notice" role="alert">{escape(text)}</p>' if text else ""


def _speaker(view: View) -> str:
    """Say which agent speaks, where one does that was made on the page of agents."""
    agent = view.snapshot.values.get("agent") if view.snapshot else None
    if not isinstance(agent, dict) or not str(agent.get("agent_id", "")).startswith("agent_"):
        return ""
    address = f"agents?agent={quote(agent['agent_id'], safe='')}"
    return (
        f'<p class="speaker">You talk with <b>{escape(str(agent.get("name", "")))}</b>'
        f'<a href="{address}">Edit this agent</a></p>'
    )


def _certificate(view: View) -> str:
    """Return the proof of the outcome, where the graph has one; else the outcome alone."""
    if view.snapshot is None or not view.snapshot.done:
        return ""
    badge = outcome_badge(view.snapshot.outcome or "ended")
    if view.graph not in CERTIFICATES:
        return f'<section class="certificate"><h2>Outcome</h2><p>{badge}</p></section>'
    address = CERTIFICATES[view.graph].format(thread_id=quote(view.thread_id, safe=""))
    return (
        f'<section class="certificate"><h2>Decision certificate</h2><p>{badge}'
        f'<a href="{address}" target="_blank" rel="noopener">Open it on its own page</a></p>'
        f'<iframe src="{address}" title="Decision certificate" loading="lazy"></iframe></section>'
    )
