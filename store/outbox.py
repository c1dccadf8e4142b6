"""The outbox: what happened, written with what it tells of, until every address has been told.

An event and its deliveries (jobs of kind `webhook`, one for each address that wants it) are written
in one transaction, that of the change itself where it is given. The text that is sent is kept as it
was made, so that each attempt sends the same bytes under the same id.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Text, delete, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime
from store.inserting import insert_new
from store.jobs import Jobs, put_job
from store.webhooks import webhooks_in

KIND: Final = "webhook"
"""The kind of the jobs that deliver."""
_NAMESPACE = uuid.UUID("8a6f7a52-6f0c-4b1d-9d5e-5d8f2f1c7f11")

Subscriptions = Callable[[str | None, str], Awaitable[Collection[str]]]
"""Given an agent and a kind of event: ids of the webhooks that its settings name for it."""


class Event(BaseModel):
    """Something that happened."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    kind: str
    conversation_id: str | None
    agent_id: str | None
    body: str
    """The JSON that is sent: `type`, `event_timestamp`, `event_id`, `data`."""
    at: datetime


class _EventRow(Table):
    __tablename__ = "events"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    conversation_id: Mapped[str | None] = mapped_column(index=True)
    agent_id: Mapped[str | None]
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def event_id(kind: str, key: str) -> str:
    """Return the id of an event: the same whenever the same thing is told."""
    return f"evt_{uuid.uuid5(_NAMESPACE, f'{kind} {key}').hex}"


def delivery_key(event: str, webhook_id: str) -> str:
    """Return the key of the job that tells a webhook of an event."""
    return f"{KIND}:{event}:{webhook_id}"


async def _nobody(_agent_id: str | None, _kind: str) -> Collection[str]:
    return ()


class Outbox:
    """Takes events in.

    Args:
        engine: of the records.
        jobs: woken when there is something to deliver.
        subscriptions: the webhooks that the settings of an agent name, beside those registered
            for a kind of event.
    """

    def __init__(self, engine: AsyncEngine, jobs: Jobs, subscriptions: Subscriptions = _nobody):
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self._jobs = jobs
        self._subscriptions = subscriptions

    async def put(self, kind: str, data: Mapping[str, Any], *, key: str) -> None:
        """Tell every webhook that wants to know; the same key again tells nobody anew.

        Args:
            kind: what happened, for example `post_call_transcription`.
            data: told as it is, as JSON; `agent_id` and `conversation_id` choose who is told, and
                in which order.
            key: what makes it the same event again, with its kind.
        """
        async with self._session.begin() as session:
            await self.put_in(session, kind, data, key=key)
        self._jobs.asked.set()

    async def tell(self, kind: str, data: Mapping[str, Any], key: str) -> None:
        """Do as `put`, for who gives the key in its place."""
        await self.put(kind, data, key=key)

    async def put_in(
        self, session: AsyncSession, kind: str, data: Mapping[str, Any], *, key: str
    ) -> None:
        """Tell within a transaction: told when that commits, and not at all when it does not."""
        agent_id, conversation_id = data.get("agent_id"), data.get("conversation_id")
        named = await self._subscriptions(agent_id, kind)
        takers = [
            webhook
            for webhook in await webhooks_in(session)
            if webhook.wants(kind, agent_id) or webhook.id in named
        ]
        if takers:
            event = _event(kind, data, key)
            if await insert_new(session, _EventRow, **event.model_dump()):
                for webhook in takers:
                    await _deliver(session, event, webhook.id, conversation_id)

    async def send_to(self, webhook_id: str, kind: str, data: Mapping[str, Any]) -> str:
        """Tell one webhook, whether it wants to know or not; returns the key of the delivery."""
        event = _event(kind, data, uuid.uuid4().hex)
        async with self._session.begin() as session:
            await insert_new(session, _EventRow, **event.model_dump())
            key = await _deliver(session, event, webhook_id, None)
        self._jobs.asked.set()
        return key

    async def get(self, event: str) -> Event | None:
        """Return the event of that id, or None."""
        async with self._session() as session:
            row = await session.get(_EventRow, event)
            return Event.model_validate(row) if row else None

    async def delete_before(self, moment: datetime) -> None:
        """Forget events from before a moment; what of them is not delivered by then never is."""
        async with self._session.begin() as session:
            await session.execute(delete(_EventRow).where(_EventRow.at < moment))

    async def delete_of(self, conversation_id: str) -> None:
        """Forget the events of a conversation, which hold what was said."""
        query = delete(_EventRow).where(_EventRow.conversation_id == conversation_id)
        async with self._session.begin() as session:
            await session.execute(query)

    async def of_conversation(self, conversation_id: str) -> list[Event]:
        """Return the events of a conversation, the oldest first."""
        query = select(_EventRow).where(_EventRow.conversation_id == conversation_id)
        async with self._session() as session:
            rows = await session.scalars(query.order_by(_EventRow.at))
            return [Event.model_validate(row) for row in rows]


def _event(kind: str, data: Mapping[str, Any], key: str) -> Event:
    now, number = datetime.now(UTC), event_id(kind, key)
    body = {
        "type": kind,
        "event_timestamp": int(now.timestamp()),
        "event_id": number,
        "data": data,
    }
    return Event(
        id=number,
        kind=kind,
        conversation_id=data.get("conversation_id"),
        agent_id=data.get("agent_id"),
        body=json.dumps(body, allow_nan=False, separators=(",", ":")),
        at=now,
    )


async def _deliver(
    session: AsyncSession, event: Event, webhook_id: str, conversation_id: str | None
) -> str:
    key = delivery_key(event.id, webhook_id)
    await put_job(
        session,
        KIND,
        key,
        {"event_id": event.id, "webhook_id": webhook_id, "type": event.kind},
        owner=webhook_id,
        lane=f"{webhook_id} {conversation_id}" if conversation_id else None,
    )
    return key
