"""The page of an approval: what is asked, and the two answers; it asks the API."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from graphs.stocks.approval import words
from store.approvals import Approval

_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
_WAYS = frozenset({"page", "slack", "email"})


def page(approval: Approval, via: str) -> str:
    """Render an approval; `via` is the way on which the owner came, for the record."""
    return _PAGES.get_template("approval.html").render(
        approval=approval,
        mode=words.mode(approval.live),
        nothing=None if approval.state in ("open", "approved") else words.came_to_nothing(approval),
        via=via if via in _WAYS else "page",
    )


def missing_page() -> str:
    """Tell a person that there is no such approval."""
    return _PAGES.get_template("approval.html").render(approval=None)
