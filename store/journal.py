"""The journal of trading: append-only, each row sealed with the hash of the one before it."""

import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

GENESIS: Final = "0" * 64
"""What the first row follows."""
_TRIES: Final = 50
_PAGE: Final = 500


class _Row(Table):
    __tablename__ = "journal"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[str] = mapped_column(unique=True)
    """Unique: of two rows that would follow the same one, the second finds another place."""
    hash: Mapped[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row."""

    seq: int
    key: str
    kind: str
    at: datetime
    body: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that is not what was written, and why."""

    seq: int
    why: str


class JournalBusy(RuntimeError):
    """The journal was written by so many at once that this row found no place."""


class Journal:
    """Every datum, thesis, vote, cut, approval, order and fill, in the order in which they came."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def append(self, kind: str, body: Mapping[str, Any], *, key: str, at: datetime) -> Entry:
        """Write a row, or return the one of that key: what is told twice is written once.

        Args:
            kind: what it is: `order`, `fill`, `approval`.
            body: JSON.
            key: names what happened.
            at: when, UTC.

        Raises:
            JournalBusy: too many write at once.
            TypeError: the body is not JSON.
        """
        (entry,) = await self.append_all([(kind, body, key)], at=at)
        return entry

    async def append_all(
        self, rows: Sequence[tuple[str, Mapping[str, Any], str]], *, at: datetime
    ) -> list[Entry]:
        """Write rows together, in their order, all of them or none; see `append`.

        Args:
            rows: kind, body and key of each.
            at: when, UTC.

        Raises:
            JournalBusy: too many write at once.
            TypeError: a body is not JSON.
        """
        plain = [(kind, json.loads(json.dumps(body)), key) for kind, body, key in rows]
        for _ in range(_TRIES):
            with contextlib.suppress(IntegrityError):
                async with self._session.begin() as session:
                    return await _append(session, plain, at)
        raise JournalBusy(f"{len(rows)} rows found no place in {_TRIES} tries.")

    async def get(self, key: str) -> Entry | None:
        """Return the row of that key, or None."""
        async with self._session() as session:
            row = await session.scalar(select(_Row).where(_Row.key == key))
            return _entry(row) if row else None

    async def last(self, *kinds: str) -> Entry | None:
        """Return the last row of any of these kinds, or None."""
        query = select(_Row).where(_Row.kind.in_(kinds)).order_by(_Row.seq.desc()).limit(1)
        async with self._session() as session:
            row = await session.scalar(query)
            return _entry(row) if row else None

    async def newest(self, kind: str, limit: int = 100) -> Sequence[Entry]:
        """Return rows of a kind, the newest first."""
        query = select(_Row).where(_Row.kind == kind).order_by(_Row.seq.desc()).limit(limit)
        async with self._session() as session:
            return [_entry(row) for row in (await session.scalars(query)).all()]

    async def under(self, prefixes: Sequence[str], *, since: int = 0) -> Sequence[Entry]:
        """Return the rows whose keys begin with any of these, in their order.

        Args:
            prefixes: what keys begin with.
            since: the first row that is looked at.
        """
        begins = or_(*(_Row.key.startswith(prefix, autoescape=True) for prefix in prefixes))
        query = select(_Row).where(_Row.seq >= since, begins).order_by(_Row.seq)
        async with self._session() as session:
            return [_entry(row) for row in (await session.scalars(query)).all()]

    async def entries(self, kind: str | None = None, after: int = 0) -> AsyncIterator[Entry]:
        """Yield the rows in their order.

        Args:
            kind: only those of a kind.
            after: only those after this one.
        """
        while True:
            query = select(_Row).where(_Row.seq > after).order_by(_Row.seq).limit(_PAGE)
            if kind:
                query = query.where(_Row.kind == kind)
            async with self._session() as session:
                rows = (await session.scalars(query)).all()
            for row in rows:
                yield _entry(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1].seq

    async def verify(self) -> Broken | int:
        """Check the chain; returns the number of rows, or the first that breaks it.

        A row that is changed, removed or put in between is found. That the last rows were removed
        is found only by who has kept their hash (`head`).
        """
        previous, seq = GENESIS, 0
        async for entry in self.entries():
            if entry.seq != seq + 1:
                return Broken(entry.seq, f"row {seq + 1} is missing")
            if entry.previous != previous:
                return Broken(entry.seq, "it does not follow the row before it")
            if entry.hash != _hash(entry):
                return Broken(entry.seq, "it was changed after it was written")
            previous, seq = entry.hash, entry.seq
        return seq

    async def head(self) -> str:
        """Return the hash of the last row: who keeps it elsewhere can tell if rows were removed."""
        async with self._session() as session:
            query = select(_Row.hash).order_by(_Row.seq.desc()).limit(1)
            return await session.scalar(query) or GENESIS


async def _append(
    session: AsyncSession, rows: Sequence[tuple[str, dict[str, Any], str]], at: datetime
) -> list[Entry]:
    last = await session.scalar(select(_Row).order_by(_Row.seq.desc()).limit(1))
    seq, previous = (last.seq, last.hash) if last else (0, GENESIS)
    entries = []
    for kind, body, key in rows:
        row = await session.scalar(select(_Row).where(_Row.key == key))
        if row is None:
            seq += 1
            row = _Row(seq=seq, key=key, kind=kind, at=at, body=body, previous=previous)
            row.hash = previous = _hash(_entry(row, ""))
            session.add(row)
        entries.append(_entry(row))
    return entries


def _entry(row: _Row, seal: str | None = None) -> Entry:
    return Entry(
        row.seq,
        row.key,
        row.kind,
        row.at,
        row.body,
        row.previous,
        row.hash if seal is None else seal,
    )


def _hash(entry: Entry) -> str:
    """Seal a row: SHA-256 over its canonical JSON, without its own hash."""
    sealed = {
        "seq": entry.seq,
        "key": entry.key,
        "kind": entry.kind,
        "at": entry.at.isoformat(),
        "body": entry.body,
        "previous": entry.previous,
    }
    text = json.dumps(sealed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
