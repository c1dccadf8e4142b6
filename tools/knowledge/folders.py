"""Bringing what an organisation knows in step with files: its folder, or any that is ingested."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from store.knowledge import Origin
from tools.documents.reading import Unreadable
from tools.knowledge.library import Library

Outcome = Literal["added", "changed", "unchanged", "refused", "removed"]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a file."""

    source: str
    outcome: Outcome
    reason: str | None = None
    """Why it was refused."""


PASSED_OVER = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico", ".bmp", ".tiff"),
        *(".mp3", ".wav", ".ogg", ".m4a", ".mp4", ".mov", ".avi", ".css", ".js", ".map"),
    }
)
"""Endings of what stands beside documents and is none."""


def files_in(folder: Path) -> list[Path]:
    """Return the documents below a folder, in order. Blocks.

    Hidden files, pictures, sounds, films, scripts and styles are passed over. A link is listed, so
    that it can be refused, and not followed.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix.lower() not in PASSED_OVER
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


async def ingest(
    library: Library, organisation: str, files: Sequence[Path], root: Path, origin: Origin
) -> AsyncIterator[Ingested]:
    """Add files, one after the other, and yield what became of each.

    Each is there whole or not at all; begun again after an interruption, or twice at once, it
    leaves the same as once.

    Args:
        library: where to.
        organisation: whose they are.
        files: the files.
        root: the folder under which their paths name them.
        origin: who answers for them.
    """
    known = {
        document.source: document
        for document in await library.store.documents(organisation, origin)
    }
    for file in files:
        source = file.relative_to(root).as_posix()
        before = known.get(source)
        try:
            data = await asyncio.to_thread(_bytes, file, library.settings.max_document_bytes)
            if before and before.digest == library.digest(data):
                yield Ingested(source, "unchanged")
                continue
            await library.add_file(organisation, data, name=source, origin=origin, source=source)
        except (Unreadable, OSError) as error:
            yield Ingested(source, "refused", str(error))
        else:
            yield Ingested(source, "changed" if before else "added")


async def remove_missing(
    library: Library, organisation: str, files: Sequence[Path], root: Path, origin: Origin
) -> list[Ingested]:
    """Delete the documents of an origin whose files are no more."""
    there = {file.relative_to(root).as_posix() for file in files}
    gone = [
        document
        for document in await library.store.documents(organisation, origin)
        if document.source not in there
    ]
    for document in gone:
        await library.delete(organisation, document.id)
    return [Ingested(document.source, "removed") for document in gone]


def _bytes(file: Path, most: int) -> bytes:
    if file.is_symlink():
        raise Unreadable(
            f"{file.name} is a link, and links in a folder are not followed: they may lead to "
            "what nobody meant to tell. Put a copy in its place."
        )
    if (size := file.stat().st_size) > most:
        raise Unreadable(
            f"{file.name} has {size:,} bytes, at most {most:,} are taken. Split it, or raise "
            "DIALGRAPH_MAX_DOCUMENT_BYTES."
        )
    return file.read_bytes()
