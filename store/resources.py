"""What is made over the API: agents, tools, telephone numbers, as the JSON objects they came as."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, ColumnElement, delete, insert, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.audit import note
from store.database import Table, UtcDateTime
from store.inserting import insert_new
from store.pages import Page, decode, encode

Kind = Literal["agent", "tool", "phone_number", "settings"]
Order = Literal["name", "created_at", "updated_at"]
_BATCH = 200
"""Rows read at once where some are passed over."""


class Resource(BaseModel):
    """One object, with everything that was sent, known here or not."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    document: dict[str, Any]
    archived: bool = False
    created_by: str = ""
    created_at: datetime
    updated_at: datetime
    revision: int = 0
    """Counts the changes."""


class _ResourceRow(Table):
    __tablename__ = "resources"

    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    folded: Mapped[str] = mapped_column(index=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    archived: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revision: Mapped[int] = mapped_column(default=0)


class NoSuchResource(LookupError):
    """There is no object of that id."""


class Resources:
    """The objects of one kind.

    Args:
        engine: of the records.
        kind: of the objects.
    """

    def __init__(self, engine: AsyncEngine, kind: Kind) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self.kind = kind

    async def create(
        self, resource_id: str, name: str, document: dict[str, Any], *, actor: str
    ) -> Resource:
        """Keep a new object; its id must be new."""
        now = datetime.now(UTC)
        made = Resource(
            id=resource_id,
            name=name,
            document=document,
            archived=_archived(document),
            created_by=actor,
            created_at=now,
            updated_at=now,
        )
        async with self._session.begin() as session:
            row = insert(_ResourceRow).values(
                kind=self.kind, folded=name.casefold(), **made.model_dump()
            )
            await session.execute(row)
            note(session, actor, "create", self.kind, resource_id)
        return made

    async def get(self, resource_id: str) -> Resource:
        """Return one object.

        Raises:
            NoSuchResource: there is none of that id.
        """
        async with self._session() as session:
            row = await session.get(_ResourceRow, (self.kind, resource_id))
        if row is None:
            raise NoSuchResource(resource_id)
        return Resource.model_validate(row)

    async def names(self, resource_ids: Collection[str]) -> Mapping[str, str]:
        """Return what objects are called, by id; of those that there are."""
        row = _ResourceRow
        query = select(row.id, row.name).where(row.kind == self.kind, row.id.in_(resource_ids))
        async with self._session() as session:
            return {found_id: name for found_id, name in (await session.execute(query)).all()}

    async def change(
        self,
        resource_id: str,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        actor: str,
        name: str | None = None,
    ) -> Resource:
        """Change an object; of two changes at once the second is made to what the first left.

        Args:
            resource_id: which.
            change: makes the new document of the old one; may be called more than once.
            actor: who changes it.
            name: its new name, if any.

        Raises:
            NoSuchResource: there is none of that id.
        """
        while True:
            before = await self.get(resource_id)
            document = change(before.document)
            after = before.model_copy(
                update={
                    "document": document,
                    "name": before.name if name is None else name,
                    "archived": _archived(document),
                    "updated_at": max(datetime.now(UTC), before.updated_at),
                    "revision": before.revision + 1,
                }
            )
            values = after.model_dump(exclude={"id", "created_at", "created_by"})
            query = (
                update(_ResourceRow)
                .where(
                    *self._is(resource_id),
                    _ResourceRow.revision == before.revision,
                )
                .values(folded=after.name.casefold(), **values)
            )
            async with self._session.begin() as session:
                if (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                    note(session, actor, "update", self.kind, resource_id)
                    return after

    async def begin(self, resource_id: str, *, actor: str) -> None:
        """Keep an empty object under an id, unless there is one; of many at once one does."""
        now = datetime.now(UTC)
        async with self._session.begin() as session:
            new = await insert_new(
                session,
                _ResourceRow,
                kind=self.kind,
                id=resource_id,
                name=resource_id,
                folded=resource_id.casefold(),
                document={},
                archived=False,
                created_by=actor,
                created_at=now,
                updated_at=now,
                revision=0,
            )
            if new:
                note(session, actor, "create", self.kind, resource_id)

    async def delete(self, resource_id: str, *, actor: str) -> None:
        """Delete an object.

        Raises:
            NoSuchResource: there is none of that id.
        """
        async with self._session.begin() as session:
            query = delete(_ResourceRow).where(*self._is(resource_id))
            if not (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                raise NoSuchResource(resource_id)
            note(session, actor, "delete", self.kind, resource_id)

    async def named(self, name: str) -> Sequence[Resource]:
        """Return the objects of exactly that name, the oldest first."""
        query = (
            select(_ResourceRow)
            .where(
                _ResourceRow.kind == self.kind,
                _ResourceRow.folded == name.casefold(),
                _ResourceRow.name == name,
            )
            .order_by(_ResourceRow.created_at, _ResourceRow.id)
        )
        async with self._session() as session:
            return [Resource.model_validate(row) for row in (await session.scalars(query)).all()]

    async def page(
        self,
        *,
        size: int,
        cursor: str | None = None,
        search: str | None = None,
        archived: bool | None = None,
        created_by: str | None = None,
        order: Order = "created_at",
        descending: bool = True,
        fits: Callable[[Resource], bool] = lambda resource: True,
    ) -> Page[Resource]:
        """Return some of the objects, and where the next begin.

        Args:
            size: most objects of the page.
            cursor: of the page before.
            search: part of the name, in either case.
            archived: only those that are, or are not.
            created_by: only those of that actor.
            order: what they are ordered by, then by id.
            descending: the last first.
            fits: what else they must meet; asked in this process, so it makes a list slow in which
                few do.

        Raises:
            BadCursor: the cursor is not of such a list.
        """
        column = _ORDERS[order]
        wanted: list[ColumnElement[bool]] = [_ResourceRow.kind == self.kind]
        if search:
            wanted.append(_ResourceRow.folded.contains(search.casefold(), autoescape=True))
        if archived is not None:
            wanted.append(_ResourceRow.archived == archived)
        if created_by is not None:
            wanted.append(_ResourceRow.created_by == created_by)
        place = decode(cursor, str if order == "name" else datetime) if cursor else None
        found: list[Resource] = []
        while len(found) <= size:
            rows = await self._after(place, wanted, column, descending)
            found += [resource for resource in map(Resource.model_validate, rows) if fits(resource)]
            if len(rows) < _BATCH:
                break
            place = getattr(rows[-1], column.key), rows[-1].id
        if len(found) <= size:
            return Page(found)
        last = found[size - 1]
        key = last.name.casefold() if order == "name" else getattr(last, order)
        return Page(found[:size], encode(key, last.id))

    async def _after(
        self,
        place: Any,
        wanted: Sequence[ColumnElement[bool]],
        column: Any,
        descending: bool,
    ) -> Sequence[_ResourceRow]:
        query = select(_ResourceRow).where(*wanted).limit(_BATCH)
        at = tuple_(column, _ResourceRow.id)
        if place:
            here = tuple_(*(_bound(part, column) for part in place))
            query = query.where(at < here if descending else at > here)
        ways = (column.desc(), _ResourceRow.id.desc()) if descending else (column, _ResourceRow.id)
        async with self._session() as session:
            return (await session.scalars(query.order_by(*ways))).all()

    def _is(self, resource_id: str) -> tuple[ColumnElement[bool], ...]:
        return _ResourceRow.kind == self.kind, _ResourceRow.id == resource_id


_ORDERS: dict[Order, Any] = {
    "name": _ResourceRow.folded,
    "created_at": _ResourceRow.created_at,
    "updated_at": _ResourceRow.updated_at,
}


def _bound(part: Any, column: Any) -> Any:
    return literal(part, column.type if isinstance(part, datetime) else None)


def _archived(document: dict[str, Any]) -> bool:
    settings = document.get("platform_settings")
    return isinstance(settings, dict) and settings.get("archived") is True
