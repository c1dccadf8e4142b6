"""`Knowledge`: what agents look up, one index an organisation, in every process the same."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from faults import places
from settings import Settings
from store.database import Database
from store.knowledge import Chunk, KnowledgeStore, Named
from tools.knowledge.answering import Asked, asked, strengths
from tools.knowledge.calibrating import SAMPLE, Calibration, calibrate
from tools.knowledge.embeddings import Embedder, Floats, normalised, open_embedder
from tools.knowledge.folders import files_in, ingest, remove_missing
from tools.knowledge.index import Hit, Index, Making
from tools.knowledge.library import Library, now_utc
from tools.organisation import OrganisationError, organisation_folder
from tools.outside import Outside

log = logging.getLogger(__name__)

ANSWERS = 0.5
"""A passage with this score or more answers the question."""
EMBED_SECS = 2.0
"""Longest wait for the vector of a question; then words alone decide."""
WEIGHED = 10
"""Chunks that both searches put first and that are weighed against the question one by one."""
FRESH_SECS = 0.3
"""Longest wait for an index that is made anew; then the one before it answers once more."""
LOOK_SECS = 2.0
"""How often the folder of an organisation that is asked is looked at for changes."""


class Passage(BaseModel):
    """A chunk that was found for a question."""

    model_config = ConfigDict(frozen=True)

    document_id: str
    chunk_id: str
    title: str
    """The document's name and the headings above the chunk."""
    text: str
    score: float
    """0 to 1, calibrated for the organisation: from `ANSWERS` up it answers the question."""


class Found(BaseModel):
    """What a search found."""

    model_config = ConfigDict(frozen=True)

    query: str
    passages: list[Passage]
    """The best first."""
    answerable: bool
    """Whether the answer is among them; where not, nobody should answer from them."""
    latency_secs: float
    embedding_model: str
    """Or `none` where words alone decided, the model being out of reach."""


class Knowledge(Library):
    """Documents of organisations, and the search in them."""

    def __init__(
        self,
        settings: Settings,
        store: KnowledgeStore,
        embedder: Embedder,
        outside: Outside,
        *,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        super().__init__(settings, store, embedder, outside, clock=clock)
        self._indexes: dict[str, _Ready] = {}
        self._making: dict[str, asyncio.Task[_Ready]] = {}
        self._folders: dict[str, _Folder] = {}
        self._searching = ThreadPoolExecutor(2, "knowledge-search")

    async def close(self) -> None:
        """End what goes on in the background, and let go of the threads."""
        await super().close()
        self._searching.shutdown(wait=False, cancel_futures=True)

    def prepare(self, organisation: str) -> None:
        """Read an organisation's folder and make its index in the background, before any search."""

        async def prepared() -> None:
            await self._look(organisation)
            await self._ready(organisation)

        self._in_background(prepared())

    async def search(
        self,
        organisation: str,
        query: str,
        *,
        documents: Collection[str] | None = None,
        limit: int = 3,
    ) -> Found:
        """Look a question up in what an organisation knows.

        The first search reads the organisation's folder, if it has one; a file that changes later
        is found some seconds after.

        Args:
            organisation: whose knowledge; nothing of another's is ever found.
            query: the question, in the caller's words.
            documents: ids of the documents to look in; None for all of the organisation.
            limit: how many passages at most.
        """
        began = time.perf_counter()
        await self._look(organisation)
        vector = None if self.embedder.local else await self._vector(query)
        by_meaning = self.embedder.local or vector is not None
        question = _Question(query, vector, documents, limit)
        ready = self._indexes.get(organisation)
        if ready is not None:
            version, weighed = await self._weighed(organisation, ready.index, question)
        if ready is None or version != ready.index.version:
            ready = await self._ready(organisation)
            _, weighed = await self._weighed(organisation, ready.index, question)
        passages = [
            _passage(named, _share(strength + ready.calibration.bias))
            for named, strength in weighed[:limit]
        ]
        return Found(
            query=query,
            passages=passages,
            answerable=any(passage.score >= ANSWERS for passage in passages),
            latency_secs=time.perf_counter() - began,
            embedding_model=self.embedder.model if by_meaning else "none",
        )

    async def rankings(self, organisation: str, query: str, limit: int) -> dict[str, list[Chunk]]:
        """Return what the search finds, and what each half of it would find alone.

        Returns:
            Chunks by `search`, `fused` (RRF alone), `bm25` and `vectors`, the best first.
        """
        found = await self.search(organisation, query, limit=limit)
        ready, vector = await self._ready(organisation), await self._vector(query)
        index = ready.index
        rows = {
            "fused": [hit.row for hit in index.search(query, vector, limit=limit)],
            "bm25": [row for row, _ in index.by_words(query)[:limit]],
            "vectors": [row for row, _ in index.by_vector(vector)[:limit]]
            if vector is not None
            else [],
        }
        ids = {name: [index.chunk_ids[row] for row in ranked] for name, ranked in rows.items()}
        ids["search"] = [passage.chunk_id for passage in found.passages]
        _, named = await self.store.named_chunks(organisation, set().union(*ids.values()))
        return {
            name: [named[chunk_id].chunk for chunk_id in ranked if chunk_id in named]
            for name, ranked in ids.items()
        }

    async def calibration(self, organisation: str) -> Calibration:
        """Return what was measured of an organisation's questions."""
        await self._look(organisation)
        return (await self._ready(organisation)).calibration

    async def sync(self, organisation: str) -> None:
        """Bring what an organisation knows in step with the documents in its folder.

        What was added otherwise stays; an organisation without a folder loses nothing. A file
        that cannot be read leaves what it said before, and a line in the log.
        """
        folder = await asyncio.to_thread(self._documents_folder, organisation)
        if folder is None:
            return
        files = await asyncio.to_thread(files_in, folder)
        async for done in ingest(self, organisation, files, folder, "folder"):
            if done.outcome == "refused":
                log.warning("A document of %s: %s", organisation, done.reason)
        await remove_missing(self, organisation, files, folder, "folder")

    def _documents_folder(self, organisation: str) -> Path | None:
        try:
            folder = organisation_folder(organisation, self.settings.data_dir)
        except OrganisationError:  # made over the API, under a name that no folder has
            return None
        documents = folder and folder / "documents"
        return documents if documents and documents.is_dir() else None

    async def _look(self, organisation: str) -> None:
        """Read an organisation's folder when it is asked first, and when it has changed."""
        folder = self._folders.setdefault(organisation, _Folder())
        now = time.monotonic()
        if folder.seen is None:
            async with folder.lock:
                if folder.seen is None:
                    await self._step(organisation, folder)
                    self._in_background(self.embed_pending(organisation))
        elif now - folder.looked_at >= LOOK_SECS and not folder.lock.locked():
            self._in_background(self._again(organisation, folder))

    async def _again(self, organisation: str, folder: "_Folder") -> None:
        async with folder.lock:
            try:
                await self._step(organisation, folder)
            except Exception as error:
                log.error("The documents of %s were not read: %s", organisation, places(error))

    async def _step(self, organisation: str, folder: "_Folder") -> None:
        folder.looked_at = time.monotonic()
        seen = await asyncio.to_thread(self._stamps, organisation)
        if seen != folder.seen:
            await self.sync(organisation)
            folder.seen = seen

    def _stamps(self, organisation: str) -> dict[Path, tuple[int, int]]:
        folder = self._documents_folder(organisation)
        stamps = {}
        for file in files_in(folder) if folder else ():
            with contextlib.suppress(OSError):  # gone since it was listed
                stat = file.lstat()
                stamps[file] = (stat.st_mtime_ns, stat.st_size)
        return stamps

    async def _vector(self, query: str) -> Floats | None:
        embeddings = self.embedder.embeddings
        if self.embedder.local:
            loop = asyncio.get_running_loop()
            return normalised(
                await loop.run_in_executor(self._searching, embeddings.embed_query, query)
            ).ravel()
        try:
            async with asyncio.timeout(EMBED_SECS):
                return normalised(await embeddings.aembed_query(query)).ravel()
        except Exception as error:  # whatever a provider's client raises
            log.warning("%s does not embed: %s", self.embedder.model, places(error))
            return None

    async def _weighed(
        self, organisation: str, index: Index, question: "_Question"
    ) -> tuple[int, list[tuple[Named, float]]]:
        """Return the version there is now, and the best chunks with their log odds in order.

        Where it is another version than the index's, the chunks are those of that index still.
        """
        loop, query = asyncio.get_running_loop(), question.query

        def looked_up() -> tuple[Asked, list[Hit]]:
            apart = asked(query, index.rarity, index.knows)
            vector = apart.vector if self.embedder.local else question.vector
            most = max(WEIGHED, question.limit)
            return apart, index.search(query, vector, documents=question.documents, limit=most)

        apart, hits = await loop.run_in_executor(self._searching, looked_up)
        ids = [hit.chunk_id for hit in hits]
        version, there = await self.store.named_chunks(organisation, ids)
        rows = [hit.row for hit in hits if hit.chunk_id in there]
        named = [there[hit.chunk_id] for hit in hits if hit.chunk_id in there]

        def weighed() -> Floats:
            return strengths(apart, named, index.spoken(rows, apart.stems))

        odds = await loop.run_in_executor(self._searching, weighed)
        order = sorted(range(len(named)), key=lambda at: -odds[at])
        return version, [(named[at], float(odds[at])) for at in order]

    async def _ready(self, organisation: str) -> "_Ready":
        """Return the index as it is now, or for a moment longer the one before.

        Who asks for the first time waits. Later, when a large index takes its time, searches go
        on in the one before it; what was deleted is not in their answers all the same.
        """
        version = await self.store.version(organisation)
        known = self._indexes.get(organisation)
        if known is not None and known.index.version == version:
            return known
        making = self._making.get(organisation)
        if making is None or making.done():
            making = self._in_background(self._make(organisation))
            self._making[organisation] = making
        if known is None:
            return await asyncio.shield(making)
        done, _ = await asyncio.wait([making], timeout=FRESH_SECS)
        return making.result() if done else known

    async def _make(self, organisation: str) -> "_Ready":
        version, model = await self.store.version(organisation), self.embedder.model
        making = Making()
        async for page in self.store.indexed(organisation, model):
            await self._work(making.add, page)
        index = await self._work(making.made, version)
        ready = _Ready(index, await self._calibrated(organisation, index))
        self._indexes[organisation] = ready
        return ready

    async def _calibrated(self, organisation: str, index: Index) -> Calibration:
        model = self.embedder.model
        if stored := await self.store.calibration(organisation):
            with contextlib.suppress(ValidationError):  # of another version of this program
                known = Calibration.model_validate(stored)
                if known.fits(len(index), model):
                    return known
        step = max(1, len(index) // SAMPLE)
        ids = index.chunk_ids[::step][:SAMPLE]
        _, sample = await self.store.named_chunks(organisation, ids)

        async def strength(question: str) -> float:
            asks = _Question(question, None)  # by words alone where embedding is a request
            _, weighed = await self._weighed(organisation, index, asks)
            return weighed[0][1] if weighed else -math.inf

        texts = sorted((named.chunk for named in sample.values()), key=lambda chunk: chunk.id)
        measured = await calibrate(strength, texts, len(index), model)
        if len(index):
            await self.store.set_calibration(organisation, measured.model_dump())
        return measured


@dataclass(frozen=True, slots=True)
class _Question:
    """What is searched for, and where."""

    query: str
    vector: Floats | None
    """Where the model is not in this process; None where words decide."""
    documents: Collection[str] | None = None
    limit: int = 0


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a search needs."""

    index: Index
    calibration: Calibration


class _Folder:
    """What was last seen of an organisation's folder."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.seen: dict[Path, tuple[int, int]] | None = None
        self.looked_at = 0.0


def _share(odds: float) -> float:
    """Return log odds as a share from 0 to 1."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


def _passage(named: Named, score: float) -> Passage:
    chunk = named.chunk
    return Passage(
        document_id=chunk.document_id,
        chunk_id=chunk.id,
        title=" > ".join([named.name, *chunk.headings]),
        text=chunk.text,
        score=score,
    )


@contextlib.asynccontextmanager
async def open_knowledge(
    settings: Settings,
    engine: Database,
    outside: Outside,
    *,
    clock: Callable[[], datetime] = now_utc,
) -> AsyncIterator[Knowledge]:
    """Open what organisations know.

    Args:
        settings: which embeddings, which folders.
        engine: the records, opened.
        outside: fetches pages.
        clock: the time, aware and in UTC.

    Raises:
        EmbeddingsNotConfigured: the settings name no embeddings that can be had.
    """
    embedder = await asyncio.to_thread(open_embedder, settings)
    knowledge = Knowledge(settings, KnowledgeStore(engine), embedder, outside, clock=clock)
    try:
        yield knowledge
    finally:
        await knowledge.close()
