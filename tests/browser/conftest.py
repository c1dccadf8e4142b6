"""Chromium, a small server to look at, and a page whose console must stay clean."""

import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from langgraph.checkpoint.memory import InMemorySaver
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from graphs.threads import Threads
from tests.browser import calls_for_pages, graphs_for_pages
from tests.browser.pages import Site, watched
from tests.browser.serving import HandDrivenLine, serve
from ui.backend import Pages
from ui.playground import mount_playground

QUIET = ["--no-sandbox", "--disable-background-networking"]
MICROPHONE = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright for this folder only: it holds the thread's event loop, which others need."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def launch(playwright: Playwright) -> Iterator[Callable[..., Browser]]:
    """Start Debian's Chromium with more arguments."""
    path = shutil.which("chromium")
    assert path, "These tests need Chromium: apt-get install chromium (.ci/run does it)."
    browsers: list[Browser] = []

    def start(*arguments: str) -> Browser:
        browsers.append(playwright.chromium.launch(executable_path=path, args=[*QUIET, *arguments]))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.close()


@pytest.fixture(scope="package")
def browser(launch: Callable[..., Browser]) -> Browser:
    """A browser that has a microphone and lets every page use it."""
    return launch(*MICROPHONE)


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    go = threading.Event()
    graphs = {
        "survey": graphs_for_pages.survey(),
        "streaming": graphs_for_pages.streaming(go),
        "troubled": graphs_for_pages.troubled(),
    }
    threads = Threads(graphs, InMemorySaver(), turn_timeout=1.0)
    line = HandDrivenLine()
    app = FastAPI()
    app.websocket("/demo/voice/{session_id}")(line.endpoint)
    app.get("/api/calls/{sid}")(calls_for_pages.record)
    app.get("/v1/convai/conversations/conv_t-held")(calls_for_pages.conversation)
    app.get("/api/calls/{sid}/recording")(calls_for_pages.recording)
    mount_playground(
        app,
        lambda: Pages(
            threads, calls_for_pages.Kept(), calls_for_pages.ask, calls_for_pages.opening
        ),
        default_graph="survey",
    )
    with serve(app) as url:
        yield Site(url, line, go)
        go.set()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; the test fails when the browser's console shows an error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = watched(context.new_page())
    yield page
    context.close()
    assert not page.console_errors, page.console_errors  # type: ignore[attr-defined]
