"""The embedded CRM: people and notes about them, each organisation's apart from all others'."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import JSON, ForeignKey, UniqueConstraint, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime


class Contact(BaseModel):
    """A person, as a CRM knows them; what is not known is None."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str | None = None
    phone: str | None = None
    """E.164."""
    email: str | None = None
    """In lower case."""
    company: str | None = None
    properties: dict[str, Any] = Field(default_factory=dict)
    """Anything else, by the CRM's own names."""
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Note(BaseModel):
    """Something written down about a contact."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    contact_id: str
    text: str
    at: datetime


class ContactExists(ValueError):
    """Another contact of the organisation has that e-mail address or number already."""


class ContactNotFound(LookupError):
    """The organisation has no contact of that id."""


class _ContactRow(Table):
    __tablename__ = "crm_contacts"
    __table_args__ = (
        UniqueConstraint("organisation", "email", name="crm_contact_email"),
        UniqueConstraint("organisation", "phone", name="crm_contact_phone"),
        UniqueConstraint("organisation", "key", name="crm_contact_key"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(index=True)
    key: Mapped[str | None]
    name: Mapped[str | None]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    company: Mapped[str | None]
    properties: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class _NoteRow(Table):
    __tablename__ = "crm_notes"
    __table_args__ = (UniqueConstraint("organisation", "key", name="crm_note_key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(index=True)
    key: Mapped[str]
    contact_id: Mapped[str] = mapped_column(ForeignKey("crm_contacts.id"), index=True)
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


_OWN = ("name", "phone", "email", "company")


class Contacts:
    """The contacts and notes of every organisation."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def find(
        self, organisation: str, *, phone: str | None = None, email: str | None = None
    ) -> Contact | None:
        """Return the contact with that number or e-mail address; by the address if they differ."""
        wanted = [_ContactRow.email == email] if email else []
        wanted += [_ContactRow.phone == phone] if phone else []
        if not wanted:
            return None
        query = select(_ContactRow).where(_ContactRow.organisation == organisation, or_(*wanted))
        async with self._session() as session:
            rows = (await session.scalars(query)).all()
        rows = sorted(rows, key=lambda row: not (email and row.email == email))
        return Contact.model_validate(rows[0]) if rows else None

    async def get(self, organisation: str, contact_id: str) -> Contact:
        """Return a contact.

        Raises:
            ContactNotFound: the organisation has none of that id.
        """
        async with self._session() as session:
            row = await session.get(_ContactRow, contact_id)
        if row is None or row.organisation != organisation:
            raise ContactNotFound(f"There is no contact {contact_id!r}.")
        return Contact.model_validate(row)

    async def create(self, organisation: str, values: Mapping[str, Any], *, key: str) -> Contact:
        """Create a contact, once for each key.

        Args:
            organisation: whose.
            values: fields of `Contact` by name; any other name becomes a property.
            key: what makes it the same contact when it is created again.

        Raises:
            ContactExists: another contact has the number or the e-mail address.
        """
        now = datetime.now(UTC)
        row = _ContactRow(
            id=uuid4().hex,
            organisation=organisation,
            key=key,
            properties={},
            created_at=now,
            updated_at=now,
        )
        _write(row, values)
        try:
            async with self._session.begin() as session:
                session.add(row)
        except IntegrityError:
            query = select(_ContactRow).where(
                _ContactRow.organisation == organisation, _ContactRow.key == key
            )
            async with self._session() as session:
                if existing := await session.scalar(query):
                    return Contact.model_validate(existing)
            raise ContactExists(
                "A contact with that number or e-mail address exists already."
            ) from None
        return Contact.model_validate(row)

    async def update(
        self, organisation: str, contact_id: str, values: Mapping[str, Any]
    ) -> Contact:
        """Change fields of a contact; what is not named stays.

        Raises:
            ContactNotFound: the organisation has none of that id.
            ContactExists: another contact has the number or the e-mail address.
        """
        query = select(_ContactRow).where(
            _ContactRow.id == contact_id, _ContactRow.organisation == organisation
        )
        try:
            async with self._session.begin() as session:
                row = await session.scalar(query.with_for_update())
                if row is None:
                    raise ContactNotFound(f"There is no contact {contact_id!r}.")
                _write(row, values)
                row.updated_at = datetime.now(UTC)
        except IntegrityError:
            raise ContactExists(
                "Another contact has that number or e-mail address already."
            ) from None
        return Contact.model_validate(row)

    async def add_note(self, organisation: str, contact_id: str, text: str, *, key: str) -> Note:
        """Write a note about a contact, once for each key.

        Raises:
            ContactNotFound: the organisation has no contact of that id.
        """
        await self.get(organisation, contact_id)
        row = _NoteRow(
            id=uuid4().hex,
            organisation=organisation,
            key=key,
            contact_id=contact_id,
            text=text,
            at=datetime.now(UTC),
        )
        try:
            async with self._session.begin() as session:
                session.add(row)
        except IntegrityError:
            query = select(_NoteRow).where(
                _NoteRow.organisation == organisation, _NoteRow.key == key
            )
            async with self._session() as session:
                existing = await session.scalar(query)
            if existing is None:
                raise
            return Note.model_validate(existing)
        return Note.model_validate(row)

    async def notes(self, organisation: str, contact_id: str, *, limit: int = 20) -> Sequence[Note]:
        """Return the notes about a contact, the newest first."""
        query = (
            select(_NoteRow)
            .where(_NoteRow.organisation == organisation, _NoteRow.contact_id == contact_id)
            .order_by(_NoteRow.at.desc(), _NoteRow.id)
            .limit(limit)
        )
        async with self._session() as session:
            return [Note.model_validate(row) for row in await session.scalars(query)]

    async def of_number(self, phone: str) -> Sequence[tuple[str, Contact, Sequence[Note]]]:
        """Return (organisation, contact, notes) for a number, wherever it is kept."""
        query = select(_ContactRow).where(_ContactRow.phone == phone)
        async with self._session() as session:
            rows = (await session.scalars(query.order_by(_ContactRow.organisation))).all()
        return [
            (
                row.organisation,
                Contact.model_validate(row),
                await self.notes(row.organisation, row.id, limit=10_000),
            )
            for row in rows
        ]

    async def delete(self, organisation: str, contact_id: str) -> bool:
        """Delete a contact and every note about it; returns whether there was one."""
        own = (_ContactRow.id == contact_id, _ContactRow.organisation == organisation)
        notes = (_NoteRow.contact_id == contact_id, _NoteRow.organisation == organisation)
        async with self._session.begin() as session:
            await session.execute(delete(_NoteRow).where(*notes))
            gone = await session.scalars(delete(_ContactRow).where(*own).returning(_ContactRow.id))
            return bool(gone.all())


def _write(row: _ContactRow, values: Mapping[str, Any]) -> None:
    others = dict(row.properties)
    for name, value in values.items():
        if name in _OWN:
            setattr(row, name, value)
        else:
            others[name] = value
    row.properties = others
