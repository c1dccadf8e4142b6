"""From a file's bytes to Markdown: what kind of file it is decides, not what it is called."""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from charset_normalizer import from_bytes

Kind = Literal["pdf", "docx", "html", "text"]
"""Text is Markdown as well."""
MAX_TEXT_CHARS = 5_000_000
"""Longest text of one document; about 2,500 printed pages."""

MOSTLY_ASCII, FEW = 0.75, 64
"""Share of ASCII from which, and number of other bytes up to which, a text is Windows-1252 where
that makes letters of them: a guess from so few makes ideographs, or another country's letters."""

SNIFFED = 65_536
"""Bytes at the beginning that tell what kind a text is, and characters looked at in one go."""
GUESSED_FROM = 200_000
"""Bytes from which an encoding is guessed."""
_NOT_ASCII = bytes(range(0x80, 0x100))
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\ufffd]")

_NOT_TEXT = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x1f\x8b": "a gzip archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"RIFF": "a sound or film",
    b"ID3": "a sound",
    b"OggS": "a sound or film",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xd0\xcf\x11\xe0": "an old Microsoft Office file (.doc, .xls, .ppt)",
    b"SQLite format 3": "a database",
}
_HINTS = {"an old Microsoft Office file (.doc, .xls, .ppt)": " Save it as .docx or PDF."}


class Unreadable(ValueError):
    """No text could be had from a document; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a document."""

    title: str | None
    markdown: str
    """Headings by `#`, tables by `|`, paragraphs apart by an empty line."""


def read(data: bytes, name: str, content_type: str | None = None) -> Read:
    """Return the text of a document.

    Args:
        data: the file: text, Markdown, HTML, PDF or docx, in any usual encoding.
        name: what it is called, for messages and to tell Markdown and HTML from text.
        content_type: the media type it came with, if any.

    Raises:
        Unreadable: it is empty, damaged, encrypted, too long, or of no kind that holds text.
    """
    return _checked(_read(kind_of(data, name, content_type), data, name), data, name)


def read_text(text: str, name: str) -> Read:
    """Return plain text or Markdown as it is, its title being its first heading.

    Raises:
        Unreadable: it is empty or too long.
    """
    return _checked(_plain(text), b"", name)


def _checked(result: Read, data: bytes, name: str) -> Read:
    if not result.markdown.strip():
        raise Unreadable(
            f"{name} holds no text. If it is a scan, run text recognition (OCR) over it first."
            if data.startswith(b"%PDF")
            else f"{name} is empty."
        )
    if len(result.markdown) > MAX_TEXT_CHARS:
        raise Unreadable(
            f"{name} holds {len(result.markdown):,} characters of text, at most "
            f"{MAX_TEXT_CHARS:,} are taken. Split it."
        )
    return result


def kind_of(data: bytes, name: str, content_type: str | None = None) -> Kind:
    """Return what kind of document it is, by what is in it.

    Raises:
        Unreadable: it is of no kind that holds text.
    """
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        return "docx"
    for magic, what in _NOT_TEXT.items():
        if data.startswith(magic):
            raise Unreadable(f"{name} is {what}, which holds no text.{_HINTS.get(what, '')}")
    start = decode(_beginning(data, SNIFFED), name)[:1000].lstrip("\ufeff \t\r\n").lower()
    suffix = PurePath(name).suffix.lower()
    markup = start.startswith(("<!doctype html", "<html", "<head", "<body"))
    if markup or suffix in (".html", ".htm") or (content_type or "").startswith("text/html"):
        return "html"
    return "text"


def _read(kind: Kind, data: bytes, name: str) -> Read:
    """Read a document of a kind; what reads it is imported when one comes."""
    match kind:
        case "pdf":
            from tools.documents.formats.pdf import read_pdf

            return read_pdf(data, name)
        case "docx":
            if "word/document.xml" not in _members(data, name):
                raise Unreadable(
                    f"{name} is a ZIP archive and no docx. Give the documents in it one by one."
                )
            from tools.documents.formats.docx import read_docx

            return read_docx(data, name)
        case "html":
            from tools.documents.formats.html import read_html

            return read_html(decode(data, name))
        case "text":
            return _plain(decode(data, name))


def decode(data: bytes, name: str) -> str:
    """Return text in whatever encoding it is.

    Raises:
        Unreadable: these bytes are no text.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        western = _western(data)
        text = _guessed(data, name) if western is None else western
    pieces = (text[at : at + SNIFFED] for at in range(0, len(text), SNIFFED))  # calls go on between
    control = sum(len(_CONTROL.findall(piece)) for piece in pieces)
    if "\0" in text or control > len(text) / 50:
        raise Unreadable(f"{name} is a binary file, which holds no text that can be read.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _beginning(data: bytes, most: int) -> bytes:
    """Return the first bytes of a text, cut between two letters in whatever encoding."""
    if len(data) <= most or data.startswith(_WIDE):
        return data[:most]
    line = data.rfind(b"\n", 0, most)
    return data[: line + 1] if line >= 0 else data[:most].rstrip(_NOT_ASCII) or data[:most]


def _western(data: bytes) -> str | None:
    """Return a text with a few accents; None where it is none."""
    others = sum(byte >= 0x80 for byte in data)
    if others > min(FEW, (1 - MOSTLY_ASCII) * len(data)) or b"\0" in data:
        return None
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    return None if _WITHIN_A_WORD.search(text) else text


_WITHIN_A_WORD = re.compile(r"[^\W\d_](?![’‘´·])[^\x00-\x7f\w][^\W\d_]|[^\W\d_][¹²³][^\W\d_]")
"""A sign where a letter should be: another alphabet's letter, or no text."""


def _guessed(data: bytes, name: str) -> str:
    best = from_bytes(_beginning(data, GUESSED_FROM)).best()
    if best is None:
        raise Unreadable(f"{name} is no text in any known encoding. Save it as UTF-8, PDF or docx.")
    return data.decode(best.encoding, "replace")


def _plain(text: str) -> Read:
    first = next((line for line in text.splitlines() if line.strip()), "")
    title = first.lstrip("#").strip() if first.startswith("# ") else None
    return Read(title, text)


def _members(data: bytes, name: str) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > 20 * MAX_TEXT_CHARS:
                raise Unreadable(f"{name} unpacks to {unpacked:,} bytes, which is too much.")
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"{name} is damaged: it cannot be unpacked ({error}).") from None
