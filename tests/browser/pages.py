"""What tests do on a page, and the site it belongs to."""

import threading
from dataclasses import dataclass

from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.serving import DEADLINE, HandDrivenLine


@dataclass(frozen=True)
class Site:
    """The server under the pages, and what tests do behind it."""

    url: str
    line: HandDrivenLine
    go: threading.Event
    """Lets the graph `streaming` write its last word."""


def watched(page: Page) -> Page:
    """Collect what goes wrong on a page."""
    errors: list[str] = []
    page.console_errors = errors  # type: ignore[attr-defined]

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(DEADLINE * 1000)
    return page


def bot(page: Page, text: str) -> None:
    """Wait until the bot's last message in the chat reads so."""
    expect(page.locator("#chat .bot.message").last).to_have_text(text)


def write(page: Page, text: str) -> None:
    """Write a message in the chat and press Enter."""
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")
