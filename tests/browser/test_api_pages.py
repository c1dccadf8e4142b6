"""The page that describes the API, on a machine without a network."""

import warnings
from pathlib import Path

from playwright.sync_api import Page, expect

from server.app import create_app
from settings import Settings
from tests.browser.serving import serve


def test_the_api_is_described_without_a_network(page: Page, tmp_path: Path) -> None:
    elsewhere: list[str] = []
    page.on("request", lambda asked: elsewhere.append(asked.url))
    with serve(create_app(Settings(data_dir=tmp_path))) as server:
        page.goto(f"{server}/docs")
        expect(page.get_by_text("/api/threads/{graph}/{thread_id}").first).to_be_visible()
    assert [url for url in elsewhere if not url.startswith((server, "data:", "blob:"))] == []


def test_each_operation_is_described_once(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        create_app(Settings(data_dir=tmp_path)).openapi()
