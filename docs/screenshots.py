"""Make the pictures of the documents from a running server: `python docs/screenshots.py`."""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

IMAGES = Path(__file__).parent / "images"
ANSWERS = ("Yes, I am salaried", "Forty thousand a month, in hand")


def main() -> None:
    """Hold a conversation by chat and take a picture of the playground."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", default="http://127.0.0.1:7860", help="the running server")
    arguments.add_argument("--scheme", default="light", choices=["light", "dark"])
    arguments.add_argument("--file", type=Path, default=IMAGES / "playground.png")
    chosen = arguments.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme=chosen.scheme)
        page.goto(f"{chosen.url}/?graph=eligibility")
        _talk(page)
        chosen.file.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=chosen.file)
        browser.close()


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
