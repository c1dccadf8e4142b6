"""What a page tells the person: that something was done, or in whose words it was refused."""

from html import escape

from ui.backend import Refused


def done(text: str) -> str:
    """Return a line that says what is so now; screen readers read it when they can."""
    return f'<p class="quiet" role="status">{escape(text)}</p>' if text else ""


def refused(error: Refused | str) -> str:
    """Return a line that says what was refused and why; screen readers read it at once."""
    return f'<p class="notice" role="alert">{escape(str(error))}</p>'
