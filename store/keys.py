"""Keys of the API: made, listed, revoked; kept as hashes, so that nobody can read one here."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.audit import note
from store.database import Table, UtcDateTime

Scope = Literal["read", "write", "call"]
"""What a key may: see, change, and have people called or agents talk."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "dg_"
_NOTED_EVERY = timedelta(minutes=1)
"""How often the last use of a key is written down."""


class ApiKey(BaseModel):
    """What is known of a key; the key itself is shown once, when it is made."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None = None
    """To the minute."""
    revoked_at: datetime | None = None


class _KeyRow(Table):
    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NoSuchKey(LookupError):
    """There is no key of that id that is still good."""


class Keys:
    """The keys."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def create(
        self, name: str, scopes: Collection[Scope] = SCOPES, *, actor: str = "command-line"
    ) -> tuple[ApiKey, str]:
        """Make a key; the second thing returned is the key, which nothing else ever tells."""
        key = ApiKey(
            id=secrets.token_hex(6),
            name=name,
            scopes=[scope for scope in SCOPES if scope in scopes],
            created_at=datetime.now(UTC),
        )
        text = f"{PREFIX}{key.id}_{secrets.token_urlsafe(32)}"
        async with self._session.begin() as session:
            session.add(_KeyRow(digest=_digest(text), **key.model_dump()))
            note(session, actor, "create", "key", key.id)
        return key, text

    async def check(self, text: str) -> ApiKey | None:
        """Return the key that a text is, unless it is revoked; None for any other text.

        256 random bits need no slow hash; digests are compared in constant time.
        """
        key_id = text.removeprefix(PREFIX).partition("_")[0]
        if not text.startswith(PREFIX) or not (key_id.isascii() and key_id.isalnum()):
            return None
        async with self._session() as session:
            row = await session.get(_KeyRow, key_id)
        expected = row.digest if row else _digest("")
        if not secrets.compare_digest(_digest(text), expected) or row is None or row.revoked_at:
            return None
        now = datetime.now(UTC)
        if row.last_used_at is None or now - row.last_used_at > _NOTED_EVERY:
            query = update(_KeyRow).where(_KeyRow.id == key_id).values(last_used_at=now)
            async with self._session.begin() as session:
                await session.execute(query)
        return ApiKey.model_validate(row)

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, the newest first, revoked ones included."""
        query = select(_KeyRow).order_by(_KeyRow.created_at.desc())
        async with self._session() as session:
            return [ApiKey.model_validate(row) for row in (await session.scalars(query)).all()]

    async def revoke(self, key_id: str, *, actor: str = "command-line") -> None:
        """Make a key useless from now on.

        Raises:
            NoSuchKey: there is none, or it is revoked already.
        """
        query = (
            update(_KeyRow)
            .where(_KeyRow.id == key_id, _KeyRow.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )
        async with self._session.begin() as session:
            if not (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                raise NoSuchKey(f"There is no key {key_id!r} that could be revoked.")
            note(session, actor, "revoke", "key", key_id)

    async def rotate(self, key_id: str, *, actor: str = "command-line") -> tuple[ApiKey, str]:
        """Make a key of the same name and scopes; the old one stays good until it is revoked.

        Raises:
            NoSuchKey: there is none, or it is revoked.
        """
        async with self._session() as session:
            row = await session.get(_KeyRow, key_id)
        if row is None or row.revoked_at:
            raise NoSuchKey(f"There is no key {key_id!r} that could be rotated.")
        old = ApiKey.model_validate(row)
        return await self.create(old.name, old.scopes, actor=actor)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
