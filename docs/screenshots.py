"""Make the pictures of the documents from a running server: `python docs/screenshots.py`.

Those of stocks: `--trade DATA_DIR --pages portfolio 'analysis?run=latest'`.
"""

import argparse
import shutil
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect, sync_playwright

IMAGES = Path(__file__).parent / "images"
ANSWERS = ("Yes, I am salaried", "Forty thousand a month, in hand")


def main() -> None:
    """Hold a conversation by chat and take a picture of the playground; with pages, of each."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", default="http://127.0.0.1:7860", help="the running server")
    arguments.add_argument("--scheme", default="light", choices=["light", "dark"])
    arguments.add_argument("--file", type=Path, default=IMAGES / "playground.png")
    arguments.add_argument("--pages", nargs="*", default=[], help="agents?agent=ID, analytics, ...")
    arguments.add_argument(
        "--trade", type=Path, help="trade before, on the exchange of this folder"
    )
    chosen = arguments.parse_args()
    if chosen.trade:
        _trade(chosen.url, chosen.trade)
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme=chosen.scheme)
        chosen.file.parent.mkdir(parents=True, exist_ok=True)
        for address in chosen.pages:
            page.goto(f"{chosen.url}/{address}")
            expect(page.locator("h1")).to_be_attached()
            page.wait_for_timeout(3000)  # the plots are drawn
            page.screenshot(path=IMAGES / f"{address.partition('?')[0]}.png")
        if not chosen.pages:
            page.goto(f"{chosen.url}/?graph=eligibility")
            _talk(page)
            page.screenshot(path=chosen.file)
        browser.close()


def _trade(url: str, folder: Path) -> None:
    """Analyse, buy some shares on the local exchange, and let two weeks of it pass."""
    with httpx.Client(base_url=url, timeout=120) as http:
        http.post("/api/ai-analysis?wait_secs=30", json={}).raise_for_status()
        exchange = (folder / "exchange" / "url").read_text()  # it is open now
        for symbol, usd in (("IBM", "6000"), ("AAPL", "4000"), ("MSFT", "3000")):
            order = {"symbol": symbol, "action": "buy_more", "amount_usd": usd}
            key = {"Idempotency-Key": f"picture-{symbol}"}
            asked = http.post("/api/trades/execute", json=order, headers=key).raise_for_status()
            approval = asked.json()["approval"]["id"]
            code = http.post(f"/api/approvals/{approval}/code").raise_for_status().json()["code"]
            body = {"approval_id": approval, "code": code}
            http.post("/api/trades/execute", json=body).raise_for_status()
        for day in range(2, 17):
            when = f"2012-10-{day:02d}T15:00:00+00:00"
            httpx.post(f"{exchange}/lab/time", json={"now": when}).raise_for_status()
        http.post("/api/ai-analysis?wait_secs=30", json={}).raise_for_status()


def _talk(page: Page) -> None:
    messages = page.locator("#chat .bot.message")
    for number, answer in enumerate(ANSWERS, start=1):
        expect(messages).to_have_count(number)
        page.get_by_label("Your message").fill(answer)
        page.keyboard.press("Enter")
    expect(messages).to_have_count(len(ANSWERS) + 1)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(500)  # the lit node has finished its transition


if __name__ == "__main__":
    main()
