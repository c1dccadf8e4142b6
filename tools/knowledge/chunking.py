"""Splitting a document into chunks: by characters, or along its structure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Literal

from langchain_text_splitters import RecursiveCharacterTextSplitter
from markdown_it import MarkdownIt

from store.knowledge import Chunk

Chunking = Literal["structure", "characters"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk before it belongs to a document."""

    headings: tuple[str, ...]
    text: str


def split(
    markdown: str, *, chunking: Chunking = "structure", size: int = 500, overlap: int = 50
) -> list[Piece]:
    """Split a document.

    By characters each chunk has at most `size` of them, the last `overlap` of the one before
    among them. By structure a chunk never crosses a heading, keeps the headings above it, and
    ends where a paragraph, a row of a table or a sentence ends; only a paragraph that is longer
    than a chunk makes chunks that overlap.

    Args:
        markdown: the text.
        chunking: how.
        size: longest chunk, in characters, headings not counted.
        overlap: what is repeated of the chunk before, in characters at most.
    """
    if chunking == "characters":
        return [Piece((), text) for text in _characters(size, overlap).split_text(markdown)]
    pieces = []
    for headings, blocks in _sections(markdown):
        pieces += [Piece(headings, text) for text in _packed(blocks, size, overlap)]
    return pieces


def chunks_of(document_id: str, pieces: Iterable[Piece]) -> list[Chunk]:
    """Return the chunks of a document; the same words in it twice get two ids."""
    seen: dict[Piece, int] = {}
    chunks = []
    for position, piece in enumerate(pieces):
        seen[piece] = seen.get(piece, -1) + 1
        key = "\0".join([document_id, *piece.headings, "", piece.text, str(seen[piece])])
        chunk_id = f"chunk_{blake2b(key.encode(), digest_size=12).hexdigest()}"
        chunks.append(
            Chunk(
                id=chunk_id,
                document_id=document_id,
                position=position,
                headings=piece.headings,
                text=piece.text,
            )
        )
    return chunks


@cache
def _characters(size: int, overlap: int) -> RecursiveCharacterTextSplitter:
    return RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=overlap)


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _sections(markdown: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield the headings above each stretch of text, and its blocks."""
    lines = markdown.split("\n")
    path: list[tuple[int, str]] = []
    blocks: list[str] = []
    tokens = _markdown().parse(markdown)
    for at, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        if token.type == "heading_open":
            level = int(token.tag[1])
            if not blocks and path and level <= path[-1][0]:
                blocks = [path.pop()[1]]  # a heading with nothing under it says something too
            if blocks:
                yield tuple(text for _, text in path), blocks
                blocks = []
            path = [*(above for above in path if above[0] < level), (level, tokens[at + 1].content)]
        else:
            begin, end = token.map
            block = "\n".join(lines[begin:end]).strip("\n")
            if block.strip():
                blocks.append(block)
    if not blocks and path:
        blocks = [path.pop()[1]]
    if blocks:
        yield tuple(text for _, text in path), blocks


def _packed(blocks: Iterable[str], size: int, overlap: int) -> Iterator[str]:
    """Put blocks together up to the size, and split those that are longer."""
    packed = ""
    for block in blocks:
        if packed and len(packed) + 2 + len(block) <= size:
            packed = f"{packed}\n\n{block}"
            continue
        if packed:
            yield packed
        packed = ""
        if len(block) <= size:
            packed = block
        elif block.lstrip().startswith("|"):
            for part in _rows(block, size):
                yield from [part] if len(part) <= size else _sentences(part, size, overlap)
        else:
            yield from _sentences(block, size, overlap)
    if packed:
        yield packed


def _rows(table: str, size: int) -> Iterator[str]:
    """Split a table between rows, its head above each part."""
    head, rows = table.split("\n")[:2], table.split("\n")[2:]
    part: list[str] = []
    for row in rows:
        if part and len("\n".join([*head, *part, row])) > size:
            yield "\n".join([*head, *part])
            part = []
        part.append(row)
    yield "\n".join([*head, *part])


_SENTENCE_END = re.compile(r"(?<=[.!?।。！？])\s+|\n(?=[-*+\d])|\n\n")


def _sentences(block: str, size: int, overlap: int) -> Iterator[str]:
    """Split a long block where sentences or list items end, else where words do."""
    parts: list[str] = []
    for sentence in _SENTENCE_END.split(block):
        fits = len(sentence) <= size
        parts += [sentence] if fits else _characters(size, overlap).split_text(sentence)
    at = 0
    while at < len(parts):
        end = at + 1
        while end < len(parts) and len(" ".join(parts[at : end + 1])) <= size:
            end += 1
        yield " ".join(parts[at:end])
        if end == len(parts):
            return
        again = len(parts[end - 1]) <= overlap and end - 1 > at
        at = end - 1 if again else end
