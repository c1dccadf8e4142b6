"""Tables as Markdown writes them."""

from collections.abc import Sequence


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table whose first row is its head."""
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows if any(row)]
    if len(lines) > 1:
        lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return lines


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
