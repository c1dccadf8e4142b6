"""Webhooks: the addresses that are told what happens, and how they have fared."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, LargeBinary, delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

DISABLED_AFTER: Final = timedelta(days=7)
"""How long an address fails without a success until nothing is sent to it any more."""
DISABLED_AFTER_FAILURES: Final = 10
"""How many failures in a row there must be as well."""


class Seal(Protocol):
    """Encrypts what is kept, see `store.secrets.MasterKey`."""

    def seal(self, value: str, about: str) -> bytes:
        """Encrypt a value; `about` says whose it is, and is needed to open it."""
        ...

    def open(self, sealed: bytes, about: str) -> str:
        """Decrypt what `seal` made."""
        ...


class Webhook(BaseModel):
    """An address that is told of events."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    url: str
    events: list[str]
    """Kinds of events that it wants of every conversation; `*` is all of them."""
    agent_id: str | None = None
    """The only agent whose events it wants; None: any."""
    request_headers: dict[str, str]
    """Sent along with each delivery."""
    retry_enabled: bool = True
    is_disabled: bool = False
    is_auto_disabled: bool = False
    created_at: datetime
    failures: int = 0
    """Failed attempts since the last success."""
    failing_since: datetime | None = None
    last_failure_at: datetime | None = None
    last_failure_code: int | None = None
    """The status that was answered; None when nothing was."""

    @property
    def enabled(self) -> bool:
        """Whether anything is sent to it."""
        return not (self.is_disabled or self.is_auto_disabled)

    def wants(self, kind: str, agent_id: str | None) -> bool:
        """Whether it is to be told of an event of that kind, of that agent."""
        return (self.agent_id in (None, agent_id)) and ("*" in self.events or kind in self.events)


class _WebhookRow(Table):
    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    url: Mapped[str]
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    events: Mapped[list[str]] = mapped_column(JSON)
    agent_id: Mapped[str | None] = mapped_column(index=True)
    request_headers: Mapped[dict[str, str]] = mapped_column(JSON)
    retry_enabled: Mapped[bool]
    is_disabled: Mapped[bool] = mapped_column(default=False)
    is_auto_disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_failure_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_failure_code: Mapped[int | None]


async def webhooks_in(session: AsyncSession) -> Sequence[Webhook]:
    """Return every webhook, within a transaction."""
    rows = await session.scalars(select(_WebhookRow).order_by(_WebhookRow.created_at))
    return [Webhook.model_validate(row) for row in rows]


class Webhooks:
    """The registered webhooks.

    Args:
        engine: of the records.
        key: seals the secrets with which deliveries are signed.
    """

    def __init__(self, engine: AsyncEngine, key: Seal) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self._key = key

    async def create(
        self,
        name: str,
        url: str,
        *,
        events: Sequence[str] = (),
        agent_id: str | None = None,
        request_headers: dict[str, str] | None = None,
    ) -> tuple[Webhook, str]:
        """Register an address; returns it with its secret, which is not shown again."""
        webhook_id, secret = f"wh_{secrets.token_hex(10)}", f"wsec_{secrets.token_hex(32)}"
        row = _WebhookRow(
            id=webhook_id,
            name=name,
            url=url,
            sealed_secret=self._key.seal(secret, webhook_id),
            events=list(events),
            agent_id=agent_id,
            request_headers=request_headers or {},
            retry_enabled=True,
            created_at=datetime.now(UTC),
            is_disabled=False,
            is_auto_disabled=False,
            failures=0,
        )
        async with self._session.begin() as session:
            session.add(row)
        return Webhook.model_validate(row), secret

    async def get(self, webhook_id: str) -> Webhook | None:
        """Return the webhook of that id, or None."""
        async with self._session() as session:
            row = await session.get(_WebhookRow, webhook_id)
            return Webhook.model_validate(row) if row else None

    async def list(self, *, agent_id: str | None = None) -> Sequence[Webhook]:
        """Return all webhooks, the oldest first, or those of one agent only."""
        async with self._session() as session:
            return [w for w in await webhooks_in(session) if agent_id in (None, w.agent_id)]

    async def secret(self, webhook_id: str) -> str | None:
        """Return what deliveries to a webhook are signed with; None when there is no such one."""
        async with self._session() as session:
            row = await session.get(_WebhookRow, webhook_id)
        return self._key.open(row.sealed_secret, webhook_id) if row else None

    async def update(self, webhook_id: str, **changes: Any) -> bool:
        """Change fields of a webhook; enabling it forgets its failures.

        Returns:
            Whether there is such a webhook.
        """
        if changes.get("is_disabled") is False:
            changes |= {"is_auto_disabled": False, "failures": 0, "failing_since": None}
        return await self._change(webhook_id, changes)

    async def delete(self, webhook_id: str) -> bool:
        """Forget a webhook; returns whether there was one."""
        query = delete(_WebhookRow).where(_WebhookRow.id == webhook_id).returning(_WebhookRow.id)
        async with self._session.begin() as session:
            return bool((await session.execute(query)).all())

    async def succeeded(self, webhook_id: str) -> None:
        """Note that a delivery was taken."""
        await self._change(webhook_id, {"failures": 0, "failing_since": None})

    async def failed(self, webhook_id: str, code: int | None, now: datetime) -> bool:
        """Note that a delivery was not taken.

        Args:
            webhook_id: the webhook.
            code: the status that was answered; None when nothing was.
            now: the time.

        Returns:
            Whether the webhook is disabled because of this: it has failed `DISABLED_AFTER_FAILURES`
            times in a row and for `DISABLED_AFTER`, or it answered 410 (gone).
        """
        query = (
            update(_WebhookRow)
            .where(_WebhookRow.id == webhook_id)
            .values(
                failures=_WebhookRow.failures + 1,
                last_failure_at=now,
                last_failure_code=code,
            )
            .returning(_WebhookRow)
        )
        async with self._session.begin() as session:
            row = await session.scalar(query)
            if row is None:
                return False
            row.failing_since = row.failing_since or now
            long = row.failures >= DISABLED_AFTER_FAILURES and (
                now - row.failing_since >= DISABLED_AFTER
            )
            newly = (long or code == 410) and not row.is_auto_disabled
            row.is_auto_disabled = row.is_auto_disabled or newly
            return newly

    async def _change(self, webhook_id: str, changes: dict[str, Any]) -> bool:
        query = update(_WebhookRow).where(_WebhookRow.id == webhook_id).values(**changes)
        async with self._session.begin() as session:
            return bool((await session.execute(query.returning(_WebhookRow.id))).all())
