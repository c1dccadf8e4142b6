"""The pages about stocks, on the whole server with the local exchange."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from settings import Settings
from tests.browser.pages import watched
from tests.wire.api_server import Running, serving
from tests.wire.test_stocks_api import without_history
from tools.broker import Unsure
from tools.broker.alpaca import AlpacaAccount


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("pages"),
        stock_limits={"least_probability": 0.501},
    )
    with serving(settings) as server:
        server.run(without_history(server))
        yield server


@pytest.fixture(params=[1280, 390])
def wide(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page on a desktop, and on a telephone."""
    context = browser.new_context(viewport={"width": request.param, "height": 844})
    page = watched(context.new_page())
    yield page
    context.close()
    assert not page.console_errors, page.console_errors  # type: ignore[attr-defined]


def test_every_page_says_whose_money_it_is_and_fits_its_width(wide: Page, running: Running) -> None:
    shown = {
        "portfolio": "#portfolio-health .badge",
        "discovery": "#alpha .sheet",
        "analysis": "#analysis-history .empty",
        "memory": "#memory .sheet",
        "costs": "#costs-tiles .tile",
    }
    for path, part in shown.items():
        wide.goto(f"{running.address}/{path}")
        expect(wide.locator(part).first).to_be_visible(timeout=20_000)
        expect(wide.locator(".money p")).to_have_text("PAPER trading")
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert wide.evaluate(width) <= 0, path


def test_a_share_is_bought_and_sold_with_a_code_each(page: Page, running: Running) -> None:
    page.goto(f"{running.address}/portfolio")
    expect(page.locator("#portfolio-health")).to_contain_text("broker reached")
    expect(page.locator("#portfolio-positions")).to_contain_text("Nothing is held")
    page.locator("#buy-symbol").get_by_role("textbox").fill("ibm")
    page.get_by_role("button", name="Ask to buy").click()
    approval = page.locator("#portfolio-approval")
    expect(approval).to_contain_text("IBM")
    page.get_by_role("button", name="Approve").click()
    expect(approval.get_by_role("alert")).to_contain_text("nothing is ordered without it")
    _approve(page)
    position = page.locator(".position")
    expect(position).to_contain_text("IBM")
    expect(page.locator("#portfolio-orders")).to_contain_text("filled")
    page.get_by_role("button", name="Sell all of IBM").click()
    expect(approval).to_contain_text("sell")
    _approve(page)
    expect(page.locator("#portfolio-positions")).to_contain_text("Nothing is held")


def _approve(page: Page) -> None:
    page.get_by_role("button", name="Show the code").click()
    told = page.locator("#portfolio-approval").get_by_text(re.compile(r"The code is \d{6}"))
    code = re.search(r"\d{6}", told.inner_text())
    assert code
    page.locator("#portfolio-code").get_by_role("textbox").fill(code.group())
    page.get_by_role("button", name="Approve").click()


def test_an_analysis_shows_both_sides_with_their_evidence(page: Page, running: Running) -> None:
    page.goto(f"{running.address}/analysis")
    page.locator("#analysis-symbols").get_by_role("textbox").fill("AAPL")
    page.get_by_role("button", name="Analyse", exact=True).click()
    judged = page.locator("#run .judged")
    expect(judged).to_contain_text("For it", timeout=60_000)
    expect(judged).to_contain_text("Against it")
    expect(judged.locator(".badge", has_text="no data")).to_have_count(1)
    expect(page.locator("#run svg.intervals")).to_be_visible()
    link = judged.locator("a.proof").first
    row = page.locator((link.get_attribute("href") or "").replace("#", "#run [id='") + "']")
    expect(row).to_contain_text("AAPL")
    address = page.url
    assert "run=" in address
    page.goto(address)
    expect(page.locator("#run .judged")).to_contain_text("For it")
    run = address.partition("run=")[2]
    expect(page.locator(f"#analysis-history table a[href*='{run}']")).to_have_count(1)


def test_a_silent_broker_is_shown_and_nothing_is_made_up(
    page: Page, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: AlpacaAccount) -> None:
        raise Unsure("The broker gave no answer (ReadTimeout).")

    monkeypatch.setattr(AlpacaAccount, "standing", silent)
    page.goto(f"{running.address}/portfolio")
    expect(page.locator("#portfolio-health")).to_contain_text("broker not reached")
    expect(page.locator("#portfolio-alerts").get_by_role("alert")).to_contain_text("gave no answer")
    expect(page.locator("#portfolio-tiles")).not_to_contain_text("$")
