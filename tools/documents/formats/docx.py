"""Word's docx: headings by style, tables, paragraphs, in the order of the document."""

import io

from docx import Document
from docx.table import Table

from tools.documents.formats.tables import table_lines
from tools.documents.reading import Read, Unreadable


def read_docx(data: bytes, name: str) -> Read:
    """Return the text of a docx.

    Raises:
        Unreadable: it is damaged.
    """
    try:
        document = Document(io.BytesIO(data))
        blocks = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                rows = [[cell.text for cell in row.cells] for row in block.rows]
                blocks.append("\n".join(table_lines(rows)))
            elif text := block.text.strip():
                blocks.append(_marked(text, block.style.name if block.style else None))
        title = document.core_properties.title or None
    except Exception as error:  # python-docx and lxml raise whatever they stumble over
        raise Unreadable(f"{name} is a damaged docx ({type(error).__name__}).") from None
    return Read(title, "\n\n".join(blocks))


def _marked(text: str, style: str | None) -> str:
    style = (style or "").lower()
    if style == "title":
        return f"# {text}"
    if style.startswith("heading") and (level := style.removeprefix("heading").strip()).isdigit():
        return f"{'#' * min(int(level), 6)} {text}"
    return f"- {text}" if style.startswith("list") else text
