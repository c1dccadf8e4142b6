"""PDF, page by page."""

import io
import logging

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from tools.documents.reading import MAX_TEXT_CHARS, Read, Unreadable

MAX_PAGES = 3000

logging.getLogger("pypdf").setLevel(logging.ERROR)  # it tells of each blemish of each file


def read_pdf(data: bytes, name: str) -> Read:
    """Return the text of a PDF; an empty password is tried when it has one.

    Raises:
        Unreadable: it is damaged, encrypted or too long.
    """
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable(f"{name} is encrypted. Save it without a password and give it again.")
        if len(reader.pages) > MAX_PAGES:
            raise Unreadable(
                f"{name} has {len(reader.pages)} pages, at most {MAX_PAGES} are taken."
            )
        pages, chars = [], 0
        for page in reader.pages:
            pages.append(page.extract_text())
            chars += len(pages[-1])
            if chars > MAX_TEXT_CHARS:
                break
        title = (reader.metadata.title if reader.metadata else None) or None
    except Unreadable:
        raise
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        NotImplementedError,
        OSError,
    ) as error:
        raise Unreadable(f"{name} is a damaged PDF ({type(error).__name__}: {error}).") from None
    return Read(str(title).strip() if title else None, "\n\n".join(map(_paragraphs, pages)))


def _paragraphs(page: str) -> str:
    """Return a page with the lines of a paragraph joined, words broken at a line's end too."""
    lines: list[str] = []
    for line in page.splitlines():
        line = " ".join(line.split())
        before = lines[-1] if lines else ""
        if line and before.endswith("-") and before[-2:-1].isalpha() and line[0].islower():
            lines[-1] = before[:-1] + line
        elif line and before and len(before) > 60 and not before.endswith((".", "!", "?", ":")):
            lines[-1] = f"{before} {line}"
        else:
            lines.append(line)
    return "\n".join(lines)
