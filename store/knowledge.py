"""What organisations know: documents, the chunks they were split into, and the chunks' vectors.

Every query names its organisation, and none sees another's rows. Each change of what an
organisation knows raises the organisation's version in the same transaction, as its first
statement: whoever reads a version sees all that led to it, and writers take turns on that row.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    JSON,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

PAGE = 500
"""Rows read or written at once: a few milliseconds of the event loop."""

Origin = Literal["folder", "ingest", "api"]
"""Who answers for a document: the organisation's folder, `dialgraph ingest`, or the API."""
Kind = Literal["text", "file", "url"]


class Document(BaseModel):
    """A document of an organisation, without its text."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    organisation: str
    origin: Origin
    source: str
    """Which document of its origin it is: a path below the folder, an address, or its id."""
    name: str
    kind: Kind
    size_bytes: int
    """Of what was given: the file, the page, or the text in UTF-8."""
    digest: str
    """Of what was given and how it was split: equal means there is nothing to do."""
    created_at: datetime
    updated_at: datetime


class Chunk(BaseModel):
    """A piece of a document. Its id depends on its document and its words alone."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    document_id: str
    position: int
    """From 0, in the order of the document."""
    headings: tuple[str, ...] = ()
    """The headings above it, outermost first."""
    text: str

    @property
    def full_text(self) -> str:
        """The text under its headings: what is indexed."""
        return "\n".join([" > ".join(self.headings), self.text]) if self.headings else self.text


@dataclass(frozen=True, slots=True)
class Named:
    """A chunk as a search shows and weighs it."""

    name: str
    """Its document's."""
    chunk: Chunk
    tokens: bytes | None = None
    """It taken apart (tools/knowledge/answering.py); None until it is embedded."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A chunk as an index needs it."""

    id: str
    document_id: str
    text: str
    vector: bytes | None
    """Normalised float16 numbers of the model asked for; None until it is embedded."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the chunks of a document are embedded."""

    chunks: int
    embedded: int
    bytes: int
    """What the vectors take."""


class _OrganisationRow(Table):
    __tablename__ = "knowledge_organisations"

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    calibration: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class _DocumentRow(Table):
    __tablename__ = "knowledge_documents"
    __table_args__ = (UniqueConstraint("organisation", "origin", "source"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(index=True)
    origin: Mapped[str]
    source: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    size_bytes: Mapped[int]
    digest: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    content: Mapped[str] = mapped_column(Text, deferred=True)


class _ChunkRow(Table):
    __tablename__ = "knowledge_chunks"
    __table_args__ = (Index("ix_knowledge_chunks_of_document", "organisation", "document_id"),)

    organisation: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str]
    position: Mapped[int]
    headings: Mapped[list[str]] = mapped_column(JSON)
    text: Mapped[str] = mapped_column(Text)
    model: Mapped[str | None]
    vector: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    tokens: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


# What each search asks, made once: making a statement takes longer than what it finds.
_VERSION = select(_OrganisationRow.version).where(
    _OrganisationRow.name == bindparam("organisation")
)
_NAMED = (
    select(
        *(_DocumentRow.name, _ChunkRow.id, _ChunkRow.document_id, _ChunkRow.position),
        *(_ChunkRow.headings, _ChunkRow.text, _ChunkRow.tokens),
        _VERSION.scalar_subquery().label("version"),
    )
    .join(_DocumentRow, _DocumentRow.id == _ChunkRow.document_id)
    .where(
        _ChunkRow.organisation == bindparam("organisation"),
        _DocumentRow.organisation == bindparam("organisation"),
        _ChunkRow.id.in_(bindparam("ids", expanding=True)),
    )
)

_EMBEDDED = (
    update(_ChunkRow.__table__)  # type: ignore[arg-type]
    .where(_ChunkRow.organisation == bindparam("of"), _ChunkRow.id == bindparam("chunk"))
    .values(model=bindparam("by"), vector=bindparam("made"), tokens=bindparam("apart"))
)


class KnowledgeStore:
    """Documents, chunks and vectors by organisation."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine, self._session = engine, async_sessionmaker(engine, expire_on_commit=False)
        self._upsert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    async def version(self, organisation: str) -> int:
        """Return a number that grows with each change of what the organisation knows."""
        async with self._engine.connect() as connection:
            return await connection.scalar(_VERSION, {"organisation": organisation}) or 0

    async def organisations(self) -> list[str]:
        """Return the names of the organisations that ever had a document."""
        async with self._session() as session:
            query = select(_OrganisationRow.name).order_by(_OrganisationRow.name)
            return list(await session.scalars(query))

    async def put(
        self, document: Document, content: str, chunks: Sequence[Chunk], *, over: bool = False
    ) -> bool:
        """Write a document over its earlier version; chunks that stay keep their vectors.

        With `over` only over one: what was deleted while it was read stays deleted. Returns
        whether it was written.
        """
        row = document.model_dump() | {"content": content}
        fixed = {"id", "organisation", "origin", "source", "created_at"}
        async with self._session.begin() as session:
            await self._touch(session, document.organisation)
            if over and await session.get(_DocumentRow, document.id) is None:
                return False
            await session.execute(
                self._upsert(_DocumentRow)
                .values(row)
                .on_conflict_do_update(
                    index_elements=["id"],
                    set_={name: value for name, value in row.items() if name not in fixed},
                )
            )
            query = select(_ChunkRow.id, _ChunkRow.position).where(*_of(document))
            there = {row.id: row.position for row in await session.execute(query)}
            gone = there.keys() - {chunk.id for chunk in chunks}
            for ids in _pages(sorted(gone)):
                await session.execute(
                    delete(_ChunkRow).where(*_of(document), _ChunkRow.id.in_(ids))
                )
            for chunk in chunks:
                if there.get(chunk.id, chunk.position) != chunk.position:
                    moved = update(_ChunkRow).where(*_of(document), _ChunkRow.id == chunk.id)
                    await session.execute(moved.values(position=chunk.position))
            new = [
                {**chunk.model_dump(mode="json"), "organisation": document.organisation}
                for chunk in chunks
                if chunk.id not in there
            ]
            for rows in _pages(new):
                await session.execute(self._upsert(_ChunkRow), rows)
        return True

    async def rename(self, organisation: str, document_id: str, name: str, now: datetime) -> bool:
        """Give a document another name; returns whether there is such a document."""
        query = (
            update(_DocumentRow)
            .where(_DocumentRow.organisation == organisation, _DocumentRow.id == document_id)
            .values(name=name, updated_at=now)
        )
        async with self._session.begin() as session:
            return bool((await session.execute(query)).rowcount)  # type: ignore[attr-defined]

    async def delete(self, organisation: str, document_id: str) -> bool:
        """Delete a document with its chunks; returns whether there was such a document."""
        async with self._session.begin() as session:
            await self._touch(session, organisation)
            query = select(_DocumentRow).where(
                _DocumentRow.organisation == organisation, _DocumentRow.id == document_id
            )
            if (row := await session.scalar(query)) is None:
                return False
            await session.execute(delete(_ChunkRow).where(*_of(Document.model_validate(row))))
            await session.delete(row)
            return True

    async def documents(self, organisation: str, origin: Origin | None = None) -> list[Document]:
        """Return the documents of an organisation, the oldest first."""
        query = select(_DocumentRow).where(_DocumentRow.organisation == organisation)
        if origin:
            query = query.where(_DocumentRow.origin == origin)
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_DocumentRow.created_at, _DocumentRow.id))
            return [Document.model_validate(row) for row in rows]

    async def document(self, organisation: str, document_id: str) -> Document | None:
        """Return a document of an organisation, or None."""
        query = select(_DocumentRow).where(
            _DocumentRow.organisation == organisation, _DocumentRow.id == document_id
        )
        async with self._session() as session:
            row = await session.scalar(query)
            return Document.model_validate(row) if row else None

    async def missing(self, organisation: str, document_ids: Sequence[str]) -> Sequence[str]:
        """Return those of some ids of which an organisation has no document."""
        if not document_ids:
            return []
        query = select(_DocumentRow.id).where(
            _DocumentRow.organisation == organisation, _DocumentRow.id.in_(document_ids)
        )
        async with self._session() as session:
            there = set((await session.scalars(query)).all())
        return [one for one in document_ids if one not in there]

    async def content(self, organisation: str, document_id: str) -> str | None:
        """Return the text that was read from a document, or None."""
        query = select(_DocumentRow.content).where(
            _DocumentRow.organisation == organisation, _DocumentRow.id == document_id
        )
        async with self._session() as session:
            return await session.scalar(query)

    async def chunks(self, organisation: str, document_id: str) -> list[Chunk]:
        """Return the chunks of a document, in its order."""
        query = select(_ChunkRow).where(
            _ChunkRow.organisation == organisation, _ChunkRow.document_id == document_id
        )
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_ChunkRow.position))
            return [Chunk.model_validate(row) for row in rows]

    async def named_chunks(
        self, organisation: str, ids: Collection[str]
    ) -> tuple[int, dict[str, Named]]:
        """Return the version, and those of the chunks that the organisation still has, by id.

        This is where an answer from an index that is a moment old loses what was deleted.
        """
        async with self._engine.connect() as connection:
            given = {"organisation": organisation, "ids": list(ids)}
            rows = (await connection.execute(_NAMED, given)).all() if ids else []
            version = (
                rows[0].version
                if rows
                else await connection.scalar(_VERSION, {"organisation": organisation})
            )
        named = {row.id: Named(row.name, Chunk.model_validate(row), row.tokens) for row in rows}
        return version or 0, named

    async def indexed(self, organisation: str, model: str) -> AsyncIterator[list[Indexed]]:
        """Yield all chunks of an organisation as an index needs them, by pages.

        Args:
            organisation: whose.
            model: the model whose vectors are wanted.
        """
        columns = (
            *(_ChunkRow.id, _ChunkRow.document_id, _ChunkRow.headings, _ChunkRow.text),
            *(_ChunkRow.model, _ChunkRow.vector),
        )
        async for rows in self._by_pages(select(*columns), organisation):
            yield [
                Indexed(
                    row.id,
                    row.document_id,
                    _full_text(row.headings, row.text),
                    row.vector if row.model == model else None,
                )
                for row in rows
            ]

    async def _by_pages(self, query: Any, organisation: str) -> AsyncIterator[Sequence[Any]]:
        query = query.where(_ChunkRow.organisation == organisation).order_by(_ChunkRow.id)
        last = ""
        while True:
            async with self._session() as session:
                page = query.where(_ChunkRow.id > last).limit(PAGE)
                rows = (await session.execute(page)).all()
            if not rows:
                return
            yield rows
            last = rows[-1].id

    async def pending(
        self,
        organisation: str,
        model: str,
        limit: int,
        document_id: str | None = None,
        after: str = "",
    ) -> list[Chunk]:
        """Return some of the chunks, all or of a document, that a model has not embedded yet.

        In the order of their ids, from that after `after`: who goes on where it left off does not
        read again what is done.
        """
        query = (
            select(_ChunkRow)
            .where(
                _ChunkRow.organisation == organisation,
                _ChunkRow.id > after,
                _ChunkRow.model.is_(None) | (_ChunkRow.model != model),
            )
            .order_by(_ChunkRow.id)
            .limit(limit)
        )
        if document_id is not None:
            query = query.where(_ChunkRow.document_id == document_id)
        async with self._session() as session:
            return [Chunk.model_validate(row) for row in await session.scalars(query)]

    async def waiting(self, organisation: str, model: str) -> int:
        """Return how many chunks a model has not embedded yet."""
        query = select(func.count()).where(
            _ChunkRow.organisation == organisation,
            _ChunkRow.model.is_(None) | (_ChunkRow.model != model),
        )
        async with self._session() as session:
            return await session.scalar(query) or 0

    async def set_vectors(
        self, organisation: str, model: str, vectors: Mapping[str, tuple[bytes, bytes]]
    ) -> None:
        """Write vectors and tokens by chunk id; a chunk that has gone meanwhile stays away.

        The version stays until `touch`, so that no index is made anew for each batch of many.
        """
        rows = [
            {"of": organisation, "chunk": chunk_id, "by": model, "made": vector, "apart": tokens}
            for chunk_id, (vector, tokens) in vectors.items()
        ]
        if rows:
            async with self._engine.begin() as connection:
                await connection.execute(_EMBEDDED, rows)

    async def progress(self, organisation: str, document_id: str, model: str) -> Progress:
        """Return how far a document is embedded by a model."""
        where = (_ChunkRow.organisation == organisation, _ChunkRow.document_id == document_id)
        done = (*where, _ChunkRow.model == model)
        async with self._session() as session:
            chunks = await session.scalar(select(func.count()).where(*where))
            query = select(func.count(), func.sum(func.length(_ChunkRow.vector))).where(*done)
            embedded, size = (await session.execute(query)).one()
            return Progress(chunks or 0, embedded, size or 0)

    async def vector_bytes(self, organisation: str, model: str) -> int:
        """Return what the vectors of a model take of all that an organisation knows."""
        query = select(func.sum(func.length(_ChunkRow.vector))).where(
            _ChunkRow.organisation == organisation, _ChunkRow.model == model
        )
        async with self._session() as session:
            return int(await session.scalar(query) or 0)

    async def calibration(self, organisation: str) -> dict[str, Any] | None:
        """Return what was measured of an organisation's questions, or None."""
        query = select(_OrganisationRow.calibration).where(_OrganisationRow.name == organisation)
        async with self._session() as session:
            return await session.scalar(query)

    async def set_calibration(self, organisation: str, calibration: dict[str, Any]) -> None:
        """Keep what was measured of an organisation's questions."""
        query = update(_OrganisationRow).where(_OrganisationRow.name == organisation)
        async with self._session.begin() as session:
            await session.execute(query.values(calibration=calibration))

    async def touch(self, organisation: str) -> None:
        """Raise the version, after vectors were written."""
        async with self._session.begin() as session:
            await self._touch(session, organisation)

    async def _touch(self, session: AsyncSession, organisation: str) -> None:
        await session.execute(
            self._upsert(_OrganisationRow)
            .values(name=organisation, version=1)
            .on_conflict_do_update(
                index_elements=["name"], set_={"version": _OrganisationRow.version + 1}
            )
        )


def _of(document: Document) -> tuple[Any, Any]:
    return (
        _ChunkRow.organisation == document.organisation,
        _ChunkRow.document_id == document.id,
    )


def _full_text(headings: Iterable[str], text: str) -> str:
    path = " > ".join(headings)
    return f"{path}\n{text}" if path else text


def _pages(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[at : at + PAGE] for at in range(0, len(items), PAGE))
