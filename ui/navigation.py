"""The bar at the top that leads from page to page; every page has one."""

from typing import Any

import gradio

FIRST = "Playground"


def navigation(heading: str = "") -> Any:
    """Put the bar on the page that is being made, and a heading that screen readers begin at."""
    if heading:
        gradio.HTML(f"<h1>{heading}</h1>", apply_default_css=False, elem_classes="page-name")
    return gradio.Navbar(main_page_name=FIRST)  # type: ignore[attr-defined]


def mode(*, live: bool) -> Any:
    """Say on the page that is being made whether stocks are traded with real money."""
    text = "LIVE trading: real money" if live else "PAPER trading"
    value = f'<p class="{"live" if live else "paper"}">{text}</p>'
    return gradio.HTML(value, apply_default_css=False, elem_classes="money")
