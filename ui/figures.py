"""Figures and words as the pages about stocks write them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Any, Final

import gradio as gr

STATES: Final[Mapping[str, tuple[str, str]]] = {
    "opinion": ("opinion", "good"),
    "abstention": ("abstains", ""),
    "no_data": ("no data", "warn"),
    "parse_failure": ("not understood", "bad"),
    "failure": ("not asked", "bad"),
}
"""What an analyst's answer is called, and the tone of its badge."""


def usd(amount: Any, *, signed: bool = False, places: int = 2) -> str:
    """Write an amount of dollars; a dash where there is none."""
    if amount is None:
        return "–"
    value = Decimal(str(amount))
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    return f"{sign}${abs(value):,.{places}f}"


def percent(value: Any, *, signed: bool = True) -> str:
    """Write what is in percent already."""
    if value is None:
        return "–"
    number = Decimal(str(value))
    sign = "−" if number < 0 else "+" if signed and number > 0 else ""
    return f"{sign}{abs(number):.2f} %"


def shares(qty: Any) -> str:
    """Write a number of shares without zeros that say nothing."""
    return f"{Decimal(str(qty)).normalize():f}"


def in_100(probability: float | None) -> str:
    """Write a probability as so many in 100."""
    return "–" if probability is None else f"{probability * 100:.0f} in 100"


def moment(text: str | None, *, day: bool = False) -> str:
    """Write a time as the API tells it, in UTC."""
    if not text:
        return "–"
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at:%Y-%m-%d}" if day else f"{at:%Y-%m-%d %H:%M}"


def tone(value: Any) -> str:
    """Return the class of a gain or a loss."""
    number = Decimal(str(value or 0))
    return "gain" if number > 0 else "loss" if number < 0 else ""


def badge(text: str, kind: str = "") -> str:
    """Return a word in a frame."""
    return f'<span class="badge {kind}">{escape(text)}</span>'


def state_badge(state: str) -> str:
    """Return the badge of an answer's state."""
    return badge(*STATES.get(state, (state, "")))


def tile(label: str, value: str, more: str = "", kind: str = "") -> str:
    """Return a figure with what it is."""
    return (
        f'<div class="tile"><span>{escape(label)}</span><b class="{kind}">{escape(value)}</b>'
        f"<small>{escape(more)}</small></div>"
    )


def tiles(parts: Iterable[str]) -> str:
    """Return tiles beside each other."""
    return f'<div class="tiles">{"".join(parts)}</div>'


def empty(text: str) -> str:
    """Return what is said where there is nothing to show."""
    return f'<p class="empty" role="status">{escape(text)}</p>'


def table(label: str, heads: Iterable[str], rows: Iterable[str]) -> str:
    """Return a table that scrolls by itself; rows are HTML."""
    head = "".join(f"<th scope=col>{escape(one)}</th>" for one in heads)
    return (
        f'<div class="people" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def cells(*values: Any) -> str:
    """Return a row of plain texts."""
    return f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in values)}</tr>"


def html(value: str = "", **options: Any) -> gr.HTML:
    """Return a part that shows HTML."""
    return gr.HTML(value, apply_default_css=False, **options)


QUIET: Final[dict[str, Any]] = {"show_progress": "hidden", "api_visibility": "private"}
"""How events of these pages run."""
