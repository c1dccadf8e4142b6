"""The documents of organisations: added, changed, embedded, deleted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from faults import places
from settings import Settings
from store.knowledge import Chunk, Document, Kind, KnowledgeStore, Origin
from tools.documents.apart import Reader
from tools.documents.reading import Read, Unreadable, read_text
from tools.knowledge.answering import taken_apart
from tools.knowledge.chunking import chunks_of, split
from tools.knowledge.embeddings import Embedder, packed
from tools.outside import NotFetched, Outside

log = logging.getLogger(__name__)
T = TypeVar("T")

BATCH = 256
"""Chunks embedded at once."""
REDIRECTS = 5
MEDIA_TYPES = (
    "text/",
    "application/xhtml+xml",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
)
"""What a page may be."""


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far a document can be found by meaning; by its words it is found at once."""

    model: str
    chunks: int
    embedded: int
    used_bytes: int

    @property
    def done(self) -> bool:
        """Whether all of it is embedded."""
        return self.embedded >= self.chunks


@dataclass(frozen=True, slots=True)
class Given:
    """A document as somebody gives it."""

    data: bytes
    name: str
    kind: Kind
    origin: Origin = "api"
    source: str | None = None
    """Which document of its origin it is; the same replaces the same."""
    document_id: str | None = None
    """The document that it replaces, if any."""


def now_utc() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Library:
    """Documents with their chunks and vectors.

    Args:
        settings: how documents are split and how large they may be.
        store: where they are kept.
        embedder: what embeds chunks and questions.
        outside: fetches pages.
        clock: the time, aware and in UTC.
    """

    def __init__(
        self,
        settings: Settings,
        store: KnowledgeStore,
        embedder: Embedder,
        outside: Outside,
        *,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        self.settings, self.store, self.embedder = settings, store, embedder
        self._outside, self._clock = outside, clock
        self._reader = Reader()
        self._working = ThreadPoolExecutor(1, "knowledge-work")
        self._tasks: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """End what goes on in the background, and let go of the threads."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reader.close()
        self._working.shutdown(wait=False, cancel_futures=True)

    async def add_text(
        self, organisation: str, text: str, *, name: str, document_id: str | None = None
    ) -> Document:
        """Add a text; with the id of a document, instead of what that says.

        Raises:
            Unreadable: it is empty or too long.
        """
        given = Given(text.encode(), name, "text", document_id=document_id)

        async def reading() -> Read:
            return read_text(text, name)

        return await self._add(organisation, given, reading)

    async def add_file(
        self,
        organisation: str,
        data: bytes,
        *,
        name: str,
        content_type: str | None = None,
        document_id: str | None = None,
        origin: Origin = "api",
        source: str | None = None,
    ) -> Document:
        """Add a file: text, Markdown, HTML, PDF or docx.

        Args:
            organisation: whose.
            data: its bytes.
            name: what it is called.
            content_type: its media type, if known.
            document_id: the document that it replaces, if any.
            origin: who answers for it.
            source: which document of its origin it is; the same replaces the same.

        Raises:
            Unreadable: no text could be had from it; what was there before stays.
        """
        given = Given(data, name, "file", origin, source, document_id)

        async def reading() -> Read:
            return await self._reader.read(data, name, content_type)

        return await self._add(organisation, given, reading)

    async def add_url(
        self,
        organisation: str,
        url: str,
        *,
        name: str | None = None,
        document_id: str | None = None,
    ) -> Document:
        """Add a page of the open Internet; the same address again replaces what it said.

        Args:
            organisation: whose.
            url: an http or https address; never one of this machine or its networks.
            name: what it is called; the page's title when missing.
            document_id: the document that it replaces, if any.

        Raises:
            NotAllowed: it, or where it redirects to, is not on the public Internet.
            NotFetched: it does not answer, not in time, or not with a page.
            Unreadable: no text could be had from it; what was there before stays.
        """
        page = await self._outside.fetch(
            "GET",
            url,
            headers={"Accept": "text/html, text/*;q=0.9, */*;q=0.5"},
            max_bytes=self.settings.max_document_bytes,
            redirects=REDIRECTS,
        )
        parts = urlsplit(page.url)
        file_name = unquote(PurePosixPath(parts.path).name) or parts.hostname or "page"
        if page.status != 200:
            raise NotFetched(f"{file_name} answered with status {page.status}.")
        if not page.media_type.startswith(MEDIA_TYPES):
            raise Unreadable(
                f"{file_name} is {page.media_type or 'of no stated type'}: expected HTML, text, "
                "Markdown, PDF or docx."
            )
        made = await self._reader.read(page.content, file_name, page.media_type)
        called = name or made.title or file_name
        given = Given(page.content, called, "url", "api", url, document_id)

        async def reading() -> Read:
            return made

        return await self._add(organisation, given, reading)

    async def _add(
        self, organisation: str, given: Given, reading: Callable[[], Awaitable[Read]]
    ) -> Document:
        most = self.settings.max_document_bytes
        if len(given.data) > most:
            raise Unreadable(
                f"{given.name} has {len(given.data):,} bytes, at most {most:,} are taken. Split "
                "it, or raise DIALGRAPH_MAX_DOCUMENT_BYTES."
            )
        document_id = given.document_id or self.id_of(organisation, given.origin, given.source)
        before = await self.store.document(organisation, document_id)
        document = self._described(organisation, document_id, given, before)
        if before is None or before.digest != document.digest:
            made = await reading()
            chunks = await self._work(self._split, document_id, made.markdown)
            named = before is not None and given.document_id is not None
            if not await self.store.put(document, made.markdown, chunks, over=named):
                return document  # somebody has deleted it while it was read
        elif before.name != document.name:
            await self.store.rename(organisation, document_id, document.name, self._clock())
        if self.embedder.local:
            await self.embed_pending(organisation, document_id)
        else:  # over the network, which nobody should wait for
            self._in_background(self.embed_pending(organisation, document_id))
        return document

    def _described(
        self, organisation: str, document_id: str, given: Given, before: Document | None
    ) -> Document:
        now = self._clock()
        return Document(
            id=document_id,
            organisation=organisation,
            origin=before.origin if before else given.origin,
            source=before.source if before else given.source or document_id,
            name=given.name,
            kind=given.kind,
            size_bytes=len(given.data),
            digest=self.digest(given.data),
            created_at=before.created_at if before else now,
            updated_at=now,
        )

    def _split(self, document_id: str, markdown: str) -> list[Chunk]:
        settings = self.settings
        pieces = split(
            markdown,
            chunking=settings.chunking,
            size=settings.chunk_chars,
            overlap=settings.chunk_overlap,
        )
        return chunks_of(document_id, pieces)

    def digest(self, data: bytes) -> str:
        """Return what tells whether a document is to be read again."""
        settings = self.settings
        how = f"{settings.chunking} {settings.chunk_chars} {settings.chunk_overlap}\0"
        return blake2b(how.encode() + data, digest_size=16).hexdigest()

    @staticmethod
    def id_of(organisation: str, origin: Origin, source: str | None) -> str:
        """Return the id of a document: the same of the same source, a new one without source."""
        if source is None:
            return f"doc_{uuid4().hex}"
        key = "\0".join([organisation, origin, source])
        return f"doc_{blake2b(key.encode(), digest_size=16).hexdigest()}"

    async def embed_pending(self, organisation: str, document_id: str | None = None) -> int:
        """Embed the chunks, all or of a document, that the model has not embedded yet.

        Where the model is out of reach they wait, found by their words until then.

        Returns:
            How many were embedded.
        """
        count, model, last = 0, self.embedder.model, ""
        try:
            while True:
                chunks = await self.store.pending(organisation, model, BATCH, document_id, last)
                if not chunks and not last:
                    break
                last = chunks[-1].id if chunks else ""  # to see what has come meanwhile
                if not chunks:
                    continue
                vectors = await self._embedded([chunk.full_text for chunk in chunks])
                apart = await self._work(_taken_apart, chunks)
                made = zip(vectors, apart, strict=True)
                by_id = dict(zip((chunk.id for chunk in chunks), made, strict=True))
                await self.store.set_vectors(organisation, model, by_id)
                count += len(chunks)
        except Exception as error:  # whatever a provider's client raises
            log.warning("%s does not embed: %s", model, places(error))
        finally:
            if count:
                await self.store.touch(organisation)
        return count

    async def _embedded(self, texts: list[str]) -> list[bytes]:
        embeddings = self.embedder.embeddings
        if self.embedder.local:
            return await self._work(lambda: packed(embeddings.embed_documents(texts)))
        return packed(await embeddings.aembed_documents(texts))

    async def documents(self, organisation: str) -> list[Document]:
        """Return the documents of an organisation, the oldest first."""
        return await self.store.documents(organisation)

    async def get(self, organisation: str, document_id: str) -> Document | None:
        """Return a document, or None."""
        return await self.store.document(organisation, document_id)

    async def missing(self, organisation: str, document_ids: Sequence[str]) -> Sequence[str]:
        """Return those of some ids of which there is no document."""
        return await self.store.missing(organisation, document_ids)

    async def content(self, organisation: str, document_id: str) -> str | None:
        """Return the text that was read from a document, as Markdown, or None."""
        return await self.store.content(organisation, document_id)

    async def rename(self, organisation: str, document_id: str, name: str) -> bool:
        """Give a document another name; returns whether there is such a document."""
        return await self.store.rename(organisation, document_id, name, self._clock())

    async def delete(self, organisation: str, document_id: str) -> bool:
        """Delete a document; no search begun after this finds it, in any process."""
        return await self.store.delete(organisation, document_id)

    async def chunks(self, organisation: str, document_id: str) -> list[Chunk]:
        """Return the chunks of a document, in its order."""
        return await self.store.chunks(organisation, document_id)

    async def chunk(self, organisation: str, document_id: str, chunk_id: str) -> Chunk | None:
        """Return a chunk of a document, or None."""
        _, named = await self.store.named_chunks(organisation, [chunk_id])
        found = named.get(chunk_id)
        return found.chunk if found and found.chunk.document_id == document_id else None

    async def index_state(self, organisation: str, document_id: str) -> IndexState:
        """Return how far a document is embedded."""
        done = await self.store.progress(organisation, document_id, self.embedder.model)
        return IndexState(self.embedder.model, done.chunks, done.embedded, done.bytes)

    async def used_bytes(self, organisation: str) -> int:
        """Return what the vectors of all documents take."""
        return await self.store.vector_bytes(organisation, self.embedder.model)

    def _in_background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _work(self, call: Callable[..., T], *arguments: Any) -> T:
        """Do what takes long, one after the other, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._working, call, *arguments)


def _taken_apart(chunks: Sequence[Chunk]) -> list[bytes]:
    return [taken_apart(chunk.headings, chunk.text) for chunk in chunks]
