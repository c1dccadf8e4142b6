"""Secrets that tools need: encrypted at rest, told to nobody but the tool that uses one."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict
from sqlalchemy import LargeBinary, delete, select
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.audit import note
from store.database import Table, UtcDateTime

KEY_FILE = "secret.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class Secret(BaseModel):
    """What is known of a secret: not its value."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    created_at: datetime
    updated_at: datetime


class _SecretRow(Table):
    __tablename__ = "secrets"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    conversation_id: Mapped[str] = mapped_column(index=True, default="")
    """The conversation that it was given for; empty for those of the workspace."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NoSuchSecret(LookupError):
    """There is no secret of that id or name."""


class Unreadable(RuntimeError):
    """A secret was sealed with another key, or was changed in the database."""


class MasterKey:
    """The key that seals, kept outside the database.

    Args:
        key: 32 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"The key that seals secrets must have {_KEY_BYTES} bytes.")
        self._key = key

    @classmethod
    def of(cls, data_dir: Path, text: str | None = None) -> "MasterKey":
        """Return the key given as text (base64), or that of the data folder; blocks.

        The file is made when it is missing, readable by its owner only.

        Raises:
            ValueError: the text, or the file, holds no such key.
        """
        if text is None:
            path = data_dir / KEY_FILE
            with contextlib.suppress(FileExistsError):
                _make_key_file(path)
            text = path.read_text()
        try:
            return cls(base64.urlsafe_b64decode(text.strip()))
        except ValueError as error:
            raise ValueError(
                "The key that seals secrets must be 32 bytes in URL-safe base64, as "
                f"in {KEY_FILE} of the data folder: {error}"
            ) from None

    def seal(self, value: str, about: str) -> bytes:
        """Encrypt a value; `about` says whose it is, and is needed to open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, value.encode(), about.encode())

    def open(self, sealed: bytes, about: str) -> str:
        """Decrypt what `seal` made.

        Raises:
            Unreadable: the key or `about` is another one, or it was changed.
        """
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._key).decrypt(nonce, text, about.encode()).decode()
        except InvalidTag:
            raise Unreadable(
                f"The secret {about} was sealed with another key. Bring back {KEY_FILE}, or set "
                "the secret anew."
            ) from None

    def sign(self, message: bytes) -> bytes:
        """Return an HMAC-SHA256 of a message under a key derived for signatures."""
        derived = hmac.digest(self._key, b"dialgraph signature", "sha256")
        return hmac.digest(derived, message, hashlib.sha256)


def _make_key_file(path: Path) -> None:
    """Make the key file whole or not at all: another process may start at the same moment."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)))
            file.flush()
            os.fsync(handle)
        os.link(draft, path)
    finally:
        draft.unlink()


class Secrets:
    """The secrets.

    Args:
        engine: of the records.
        key: seals them.
    """

    def __init__(self, engine: AsyncEngine, key: MasterKey) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self.key = key

    @classmethod
    async def open(cls, engine: AsyncEngine, data_dir: Path, text: str | None) -> "Secrets":
        """Open the secrets with the key given as text, or that of the data folder.

        Raises:
            ValueError: there is no such key.
        """
        return cls(engine, await asyncio.to_thread(MasterKey.of, data_dir, text))

    async def create(self, name: str, value: str, *, actor: str) -> Secret:
        """Keep a new secret."""
        now = datetime.now(UTC)
        made = Secret(id=f"sec_{secrets.token_hex(10)}", name=name, created_at=now, updated_at=now)
        async with self._session.begin() as session:
            session.add(_SecretRow(sealed=self.key.seal(value, made.id), **made.model_dump()))
            note(session, actor, "create", "secret", made.id)
        return made

    async def update(
        self, secret_id: str, *, name: str | None, value: str | None, actor: str
    ) -> Secret:
        """Give a secret another name or value.

        Raises:
            NoSuchSecret: there is none of that id.
        """
        async with self._session.begin() as session:
            row = await session.get(_SecretRow, secret_id)
            if row is None or row.conversation_id:
                raise NoSuchSecret(secret_id)
            row.name = row.name if name is None else name
            row.sealed = row.sealed if value is None else self.key.seal(value, secret_id)
            row.updated_at = datetime.now(UTC)
            note(session, actor, "update", "secret", secret_id)
        return Secret.model_validate(row)

    async def delete(self, secret_id: str, *, actor: str) -> None:
        """Delete a secret.

        Raises:
            NoSuchSecret: there is none of that id.
        """
        query = delete(_SecretRow).where(
            _SecretRow.id == secret_id, _SecretRow.conversation_id == ""
        )
        async with self._session.begin() as session:
            if not (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                raise NoSuchSecret(secret_id)
            note(session, actor, "delete", "secret", secret_id)

    async def list(self) -> Sequence[Secret]:
        """Return the secrets of the workspace, by name."""
        query = (
            select(_SecretRow)
            .where(_SecretRow.conversation_id == "")
            .order_by(_SecretRow.name, _SecretRow.id)
        )
        async with self._session() as session:
            return [Secret.model_validate(row) for row in (await session.scalars(query)).all()]

    async def get(self, secret_id: str) -> Secret:
        """Return what is known of a secret.

        Raises:
            NoSuchSecret: there is none of that id.
        """
        async with self._session() as session:
            row = await session.get(_SecretRow, secret_id)
        if row is None or row.conversation_id:
            raise NoSuchSecret(secret_id)
        return Secret.model_validate(row)

    async def reveal(self, secret_id: str) -> str:
        """Return the value of a secret, for the tool that is about to use it.

        Raises:
            NoSuchSecret: there is none of that id.
            Unreadable: see `MasterKey.open`.
        """
        async with self._session() as session:
            row = await session.get(_SecretRow, secret_id)
        if row is None or row.conversation_id:
            raise NoSuchSecret(secret_id)
        return self.key.open(row.sealed, secret_id)

    async def keep_for(self, conversation_id: str, values: Mapping[str, str]) -> None:
        """Keep the `secret__` variables of a conversation, in place of earlier ones."""
        now = datetime.now(UTC)
        async with self._session.begin() as session:
            await session.execute(
                delete(_SecretRow).where(_SecretRow.conversation_id == conversation_id)
            )
            for name, value in values.items():
                row_id = f"{conversation_id}/{name}"
                session.add(
                    _SecretRow(
                        id=row_id,
                        name=name,
                        conversation_id=conversation_id,
                        sealed=self.key.seal(value, row_id),
                        created_at=now,
                        updated_at=now,
                    )
                )

    async def of(self, conversation_id: str, name: str) -> str:
        """Return a `secret__` variable of a conversation, else the secret of that name.

        Raises:
            NoSuchSecret: there is neither.
            Unreadable: see `MasterKey.open`.
        """
        query = (
            select(_SecretRow)
            .where(
                _SecretRow.conversation_id.in_(("", conversation_id)),
                _SecretRow.name.in_((name, name.removeprefix("secret__"))),
            )
            .order_by(_SecretRow.conversation_id.desc(), _SecretRow.created_at)
        )
        async with self._session() as session:
            row = (await session.scalars(query)).first()
        if row is None:
            raise NoSuchSecret(f"There is no secret {name!r}; make it under /v1/convai/secrets.")
        return self.key.open(row.sealed, row.id)

    async def forget(self, conversation_id: str) -> None:
        """Delete the `secret__` variables of a conversation."""
        async with self._session.begin() as session:
            await session.execute(
                delete(_SecretRow).where(_SecretRow.conversation_id == conversation_id)
            )
