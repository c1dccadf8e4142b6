"""Batch calling: many people called by an agent, at a pace, in hours allowed."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from secrets import token_hex
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, Field

from server.convai.config import ClientData, Sent, Text
from server.convai.variables import SECRET
from server.routes.convai import agents, phone_numbers
from server.routes.convai.calling import TelephonyConfig
from server.routes.convai.shapes import Actor, Id, missing, refuse, unix, wrong
from server.routes.convai.wishes import IdempotencyKey, wished
from server.services import Services, ServicesDep
from store.batches import ACTIVE, Batch, Recipient
from store.conversations import conversation_id
from tools.conversation import e164

router = APIRouter(prefix="/batch-calling", tags=["batch calling"])
MOST_RECIPIENTS: Final = 10_000


def number_of(text: str) -> str:
    """Return a telephone number in E.164.

    Raises:
        ValueError: it is none.
    """
    number = e164(text)
    if number is None:
        raise ValueError("it is not a telephone number with + and country code")
    return number


class NewRecipient(Sent):
    """Somebody to be called."""

    id: Text | None = None
    phone_number: Annotated[Text, Field(max_length=64), AfterValidator(number_of)]
    conversation_initiation_client_data: ClientData | None = None


class NewBatch(Sent):
    """People to be called by an agent."""

    call_name: Annotated[Text, Field(min_length=1, max_length=200)]
    agent_id: Text
    recipients: list[NewRecipient] = Field(min_length=1, max_length=MOST_RECIPIENTS)
    scheduled_time_unix: Annotated[int, Field(ge=0, le=253_402_300_799)] | None = None
    agent_phone_number_id: Text | None = None
    timezone: Text | None = None
    telephony_call_config: TelephonyConfig | None = None
    target_concurrency_limit: Annotated[int, Field(ge=1, le=10_000)] | None = None
    calls_per_minute: float = Field(30.0, gt=0, le=10_000)
    """Most calls begun in a minute; an addition to ElevenLabs'."""
    attempts: int = Field(1, ge=1, le=10)
    """How often somebody is called who does not answer or is engaged; an addition as well."""
    retry_minutes: float = Field(60.0, ge=0, le=10_080)
    """Time between two attempts; an addition as well."""


@router.post("/submit")
async def submit(
    body: NewBatch, services: ServicesDep, actor: Actor, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Submit a batch of calls; who may not be called now is called when that is allowed.

    The same body again within two minutes, or with the same `Idempotency-Key` within a day, is
    the same batch: nobody is called by two.
    """
    await agents.found(services, body.agent_id)
    from_number = None
    if body.agent_phone_number_id:
        number = await phone_numbers.found(services, body.agent_phone_number_id)
        from_number = str(number.document["phone_number"])
    elif not services.settings.twilio_number:
        lacks = "There is no number to call from: name one of /v1/convai/phone-numbers here."
        wrong(["body", "agent_phone_number_id"], lacks)
    numbers = Counter(recipient.phone_number for recipient in body.recipients)
    if twice := next((number for number, times in numbers.items() if times > 1), None):
        wrong(["body", "recipients"], f"The number {twice} is there more than once.")
    now = datetime.now(UTC)
    scheduled = body.scheduled_time_unix
    batch = Batch(
        id=f"btcal_{token_hex(10)}",
        name=body.call_name,
        agent_id=body.agent_id,
        phone_number_id=body.agent_phone_number_id,
        from_number=from_number,
        created_at=now,
        scheduled_at=max(now, datetime.fromtimestamp(scheduled, UTC)) if scheduled else now,
        timezone=body.timezone,
        concurrency=body.target_concurrency_limit,
        calls_per_minute=body.calls_per_minute,
        attempts=body.attempts,
        retry_minutes=body.retry_minutes,
        telephony=body.telephony_call_config.sent() if body.telephony_call_config else {},
        updated_at=now,
    )
    recipients = [
        (one.phone_number, (one.conversation_initiation_client_data or ClientData()).sent())
        for one in body.recipients
    ]
    async with wished(services, "batch", body, idempotency_key) as asked:
        before = await services.batches.get(asked.begun) if asked.begun else None
        if before and (idempotency_key or before.status != "cancelled"):
            return await shown(services, before)
        await services.workspace.requests.put(asked.name, asked.digest, batch.id)
        await services.batches.create(batch, recipients)
    await services.workspace.audit.note(actor, "create", "batch", batch.id)
    return await shown(services, batch)


@router.get("/workspace")
async def list_batches(
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    last_doc: Text | None = None,
    agent_id: Text | None = None,
) -> dict[str, Any]:
    """List batches, the newest first."""
    found = await services.batches.page(limit=limit + 1, before=last_doc, agent_id=agent_id)
    more = len(found) > limit
    return {
        "batch_calls": await _all_shown(services, found[:limit]),
        "next_doc": found[limit - 1].id if more else None,
        "has_more": more,
    }


@router.get("/{batch_id}")
async def get_batch(batch_id: Id, services: ServicesDep) -> dict[str, Any]:
    """Return a batch with everybody it is to call, and how far it is with each."""
    batch = await _found(services, batch_id)
    recipients = await services.batches.recipients(batch.id, limit=MOST_RECIPIENTS)
    data = await services.batches.all_data(batch.id)
    return {
        **await shown(services, batch),
        "recipients": [_recipient(one, data.get(one.id, {})) for one in recipients],
    }


@router.post("/{batch_id}/cancel")
async def cancel(batch_id: Id, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Call nobody more; calls that go on come to their end."""
    batch = await _found(services, batch_id)
    await services.batches.cancel(batch.id)
    await services.workspace.audit.note(actor, "update", "batch", batch.id)
    return await shown(services, await _found(services, batch_id))


@router.post("/{batch_id}/retry")
async def retry(batch_id: Id, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Call those again whom no call has reached, of a batch that is over."""
    batch = await _found(services, batch_id)
    counts = await services.batches.counts(batch.id)
    if any(counts.get(status) for status in ("pending", *ACTIVE)):
        refuse(400, "batch_in_progress", "The batch goes on; cancel it, or wait for its end.")
    await services.batches.retry(batch)
    await services.workspace.audit.note(actor, "update", "batch", batch.id)
    return await shown(services, await _found(services, batch_id))


@router.post("/{batch_id}/pause")
async def pause(batch_id: Id, services: ServicesDep) -> dict[str, Any]:
    """Call nobody until the batch is resumed; an addition to ElevenLabs' paths."""
    batch = await _found(services, batch_id)
    if batch.status not in ("pending", "in_progress"):
        refuse(400, "batch_over", f"The batch is {batch.status}; nobody of it is called any more.")
    await services.batches.change(batch_id, paused=True)
    return await shown(services, await _found(services, batch_id))


@router.post("/{batch_id}/resume")
async def resume(batch_id: Id, services: ServicesDep) -> dict[str, Any]:
    """Go on with a batch that was paused; an addition as well."""
    await _found(services, batch_id)
    await services.batches.change(batch_id, paused=False)
    await services.batches.wake(batch_id)
    return await shown(services, await _found(services, batch_id))


@router.delete("/{batch_id}")
async def delete(batch_id: Id, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Forget a batch that is over, and whom it called; the conversations stay."""
    batch = await _found(services, batch_id)
    counts = await services.batches.counts(batch.id)
    if any(counts.get(status) for status in ("pending", *ACTIVE)):
        refuse(400, "batch_in_progress", "The batch goes on; cancel it, or wait for its end.")
    await services.batches.delete(batch.id)
    await services.workspace.audit.note(actor, "delete", "batch", batch.id)
    return {}


@router.get("/{batch_id}/export", response_class=Response)
async def export(batch_id: Id, services: ServicesDep) -> Response:
    """Return the recipients as CSV."""
    batch = await _found(services, batch_id)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["phone_number", "status", "attempts", "conversation_id", "reason"])
    for one in await services.batches.recipients(batch.id, limit=MOST_RECIPIENTS):
        conversation = conversation_id(one.thread_id) if one.thread_id else ""
        # The quote keeps a spreadsheet from taking the number for a formula.
        row = [f"'{one.phone_number}", one.status, one.tries, conversation, one.reason or ""]
        writer.writerow(row)
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8")


async def shown(services: Services, batch: Batch) -> dict[str, Any]:
    """Return a batch in ElevenLabs' shape."""
    (one,) = await _all_shown(services, [batch])
    return one


async def _all_shown(services: Services, batches: Sequence[Batch]) -> list[dict[str, Any]]:
    counts = await services.batches.counts_of([batch.id for batch in batches])
    names = await services.workspace.agents.names({batch.agent_id for batch in batches})
    return [_shown(batch, counts[batch.id], names.get(batch.agent_id)) for batch in batches]


def _shown(batch: Batch, counts: Mapping[str, int], agent: str | None) -> dict[str, Any]:
    total, waiting = sum(counts.values()), counts.get("pending", 0)
    return {
        "id": batch.id,
        "phone_number_id": batch.phone_number_id,
        "phone_provider": "twilio",
        "name": batch.name,
        "agent_id": batch.agent_id,
        "agent_name": agent or batch.agent_id,
        "created_at_unix": unix(batch.created_at),
        "scheduled_time_unix": unix(batch.scheduled_at),
        "timezone": batch.timezone,
        "total_calls_dispatched": total - waiting - counts.get("cancelled", 0),
        "total_calls_scheduled": total,
        "total_calls_finished": sum(
            counts.get(status, 0) for status in ("completed", "failed", "voicemail", "cancelled")
        ),
        "last_updated_at_unix": unix(batch.updated_at),
        "status": batch.status,
        "paused": batch.paused,
        "retry_count": batch.retry_count,
        "telephony_call_config": batch.telephony,
        "target_concurrency_limit": batch.concurrency,
        "calls_per_minute": batch.calls_per_minute,
        "attempts": batch.attempts,
        "retry_minutes": batch.retry_minutes,
        "counts": counts,
    }


def _recipient(recipient: Recipient, data: Mapping[str, Any]) -> dict[str, Any]:
    variables = {
        name: "" if name.startswith(SECRET) else value
        for name, value in (data.get("dynamic_variables") or {}).items()
    }
    return {
        "id": recipient.id,
        "phone_number": recipient.phone_number,
        "status": recipient.status,
        "created_at_unix": unix(recipient.created_at),
        "updated_at_unix": unix(recipient.updated_at),
        "conversation_id": conversation_id(recipient.thread_id) if recipient.thread_id else None,
        "conversation_initiation_client_data": {**data, "dynamic_variables": variables},
        "attempts": recipient.tries,
        "next_attempt_unix": unix(recipient.due_at) if recipient.status == "pending" else None,
        "reason": recipient.reason,
    }


async def _found(services: Services, batch_id: str) -> Batch:
    batch = await services.batches.get(batch_id)
    if batch is None:
        missing("batch", batch_id)
    return batch
