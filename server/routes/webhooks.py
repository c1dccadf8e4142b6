"""Webhooks: registration on ElevenLabs' paths, the older form for each agent, and deliveries."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from server.jobs.webhooks import RESERVED
from server.services import Services, ServicesDep
from server.storable import storable
from settings import Settings
from store.jobs import Job, JobState
from store.outbox import KIND
from store.webhooks import Webhook
from tools.outside import NotAllowed, check_public

router = APIRouter(tags=["webhooks"])

OK = {"status": "ok"}
Words = Annotated[str, AfterValidator(storable), Field(max_length=200)]
Address = Annotated[str, AfterValidator(storable), Field(min_length=1, max_length=2000)]
Headers = dict[Words, Annotated[str, AfterValidator(storable)] | None]


class HmacSettings(BaseModel):
    """What a new webhook is; ElevenLabs' `WebhookHmacSettings`."""

    model_config = ConfigDict(extra="ignore")

    auth_type: Literal["hmac"] = "hmac"
    name: Words
    webhook_url: Address
    request_headers: Headers | None = None


class NewWebhook(BaseModel):
    """A webhook to register."""

    settings: HmacSettings
    events: list[Words] = Field(default_factory=list, max_length=50)
    """Kinds of events it wants of every conversation, `*` for all; an addition to ElevenLabs'."""
    agent_id: Words | None = None
    """The only agent whose events it wants; an addition as well."""


class WebhookChange(BaseModel):
    """Fields to change."""

    is_disabled: bool | None = None
    name: Words | None = None
    retry_enabled: bool | None = None
    request_headers: Headers | None = None
    events: list[Words] | None = Field(None, max_length=50)
    webhook_url: Address | None = None


class AgentWebhook(BaseModel):
    """A webhook configuration of one agent, in the older form."""

    event_type: Words = "*"
    url: Address


class Delivery(BaseModel):
    """How the telling of one event goes on, or went."""

    delivery_id: str
    event_id: str
    webhook_id: str
    type: str
    state: JobState
    attempts: int
    status: int | None
    """What was answered last; null when nothing was."""
    error: str | None
    created_at_unix: int
    next_attempt_unix: int | None
    finished_at_unix: int | None

    @classmethod
    def of(cls, job: Job) -> "Delivery":
        """Show the job that delivers."""
        waits = job.state == "waiting"
        return cls(
            delivery_id=job.key.removeprefix(f"{KIND}:"),
            event_id=job.data["event_id"],
            webhook_id=job.data["webhook_id"],
            type=job.data["type"],
            state=job.state,
            attempts=job.attempts,
            status=(job.result or {}).get("status"),
            error=job.error,
            created_at_unix=_unix(job.asked_at),
            next_attempt_unix=_unix(job.due_at) if waits else None,
            finished_at_unix=_unix(job.finished_at) if job.finished_at else None,
        )


@router.get("/v1/workspace/webhooks")
async def list_webhooks(services: ServicesDep, include_usages: bool = False) -> dict[str, Any]:
    """List the webhooks."""
    found = await services.webhooks.list()
    return {"webhooks": [_shown(webhook, include_usages) for webhook in found]}


@router.post("/v1/workspace/webhooks")
async def create_webhook(new: NewWebhook, services: ServicesDep) -> dict[str, str]:
    """Register a webhook; the secret is shown here and never again."""
    _check_address(new.settings.webhook_url, services.settings)
    webhook, secret = await services.webhooks.create(
        new.settings.name,
        new.settings.webhook_url,
        events=new.events,
        agent_id=new.agent_id,
        request_headers=_headers(new.settings.request_headers),
    )
    return {"webhook_id": webhook.id, "webhook_secret": secret}


@router.patch("/v1/workspace/webhooks/{webhook_id}")
async def update_webhook(
    webhook_id: str, change: WebhookChange, services: ServicesDep
) -> dict[str, str]:
    """Change a webhook; `is_disabled: false` also forgets that it has failed."""
    given = change.model_dump(exclude_none=True)
    if change.request_headers is not None:
        given["request_headers"] = _headers(change.request_headers)
    if url := given.pop("webhook_url", None):
        _check_address(url, services.settings)
        given["url"] = url
    if given and not await services.webhooks.update(webhook_id, **given):
        raise _missing(webhook_id)
    await _webhook(webhook_id, services)
    return OK


@router.delete("/v1/workspace/webhooks/{webhook_id}")
async def delete_webhook(webhook_id: str, services: ServicesDep) -> dict[str, str]:
    """Forget a webhook; what is still to be delivered to it is not."""
    if not await services.webhooks.delete(webhook_id):
        raise _missing(webhook_id)
    return OK


@router.post("/v1/workspace/webhooks/{webhook_id}/test")
async def test_webhook(webhook_id: str, services: ServicesDep) -> Delivery:
    """Send an event of type `test` to a webhook; its delivery tells how it goes."""
    await _webhook(webhook_id, services)
    key = await services.outbox.send_to(webhook_id, "test", {"message": "This is a test."})
    return await _delivery(key, services)


@router.get("/v1/workspace/webhooks/{webhook_id}/deliveries")
async def list_deliveries(
    webhook_id: str,
    services: ServicesDep,
    state: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, list[Delivery]]:
    """List deliveries to a webhook, the newest first; `state=dead`: those that were given up."""
    await _webhook(webhook_id, services)
    jobs = await services.jobs.list(KIND, owner=webhook_id, state=state, limit=limit)
    return {"deliveries": [Delivery.of(job) for job in jobs]}


@router.get("/v1/workspace/webhooks/{webhook_id}/deliveries/{delivery_id}")
async def one_delivery(webhook_id: str, delivery_id: str, services: ServicesDep) -> Delivery:
    """Return one delivery."""
    return await _delivery_of(webhook_id, delivery_id, services)


@router.post("/v1/workspace/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver")
async def redeliver(webhook_id: str, delivery_id: str, services: ServicesDep) -> Delivery:
    """Deliver once more, with the same event id and the same bytes."""
    found = await _delivery_of(webhook_id, delivery_id, services)
    await services.jobs.again(f"{KIND}:{found.delivery_id}", datetime.now(UTC))
    return await _delivery(f"{KIND}:{found.delivery_id}", services)


@router.get("/v1/convai/agents/{agent_id}/webhooks")
async def list_of_agent(agent_id: str, services: ServicesDep) -> list[dict[str, Any]]:
    """List the webhook configurations of an agent, in the older form."""
    return [_older(webhook) for webhook in await services.webhooks.list(agent_id=agent_id)]


@router.post("/v1/convai/agents/{agent_id}/webhooks")
async def create_of_agent(
    agent_id: str, new: Annotated[AgentWebhook, Body()], services: ServicesDep
) -> dict[str, Any]:
    """Register an address for one kind of event of an agent, in the older form."""
    _check_address(new.url, services.settings)
    webhook, secret = await services.webhooks.create(
        f"{agent_id} {new.event_type}", new.url, events=[new.event_type], agent_id=agent_id
    )
    return {**_older(webhook), "secret": secret}


@router.delete("/v1/convai/agents/{agent_id}/webhooks/{webhook_id}")
async def delete_of_agent(agent_id: str, webhook_id: str, services: ServicesDep) -> dict[str, str]:
    """Forget a webhook configuration of an agent."""
    webhook = await _webhook(webhook_id, services)
    if webhook.agent_id != agent_id:
        raise _missing(webhook_id)
    return await delete_webhook(webhook_id, services)


def _shown(webhook: Webhook, usages: bool) -> dict[str, Any]:
    failed_at = webhook.last_failure_at
    shown: dict[str, Any] = {
        "name": webhook.name,
        "webhook_id": webhook.id,
        "webhook_url": webhook.url,
        "is_disabled": webhook.is_disabled,
        "is_auto_disabled": webhook.is_auto_disabled,
        "created_at_unix": _unix(webhook.created_at),
        "auth_type": "hmac",
        "events": webhook.events,
        "agent_id": webhook.agent_id,
        "retry_enabled": webhook.retry_enabled,
        "most_recent_failure_error_code": webhook.last_failure_code,
        "most_recent_failure_timestamp": _unix(failed_at) if failed_at else None,
    }
    return shown | ({"usage": [{"usage_type": "ConvAI Settings"}]} if usages else {})


def _older(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "event_type": webhook.events[0] if webhook.events else None,
        "url": webhook.url,
        "agent_id": webhook.agent_id,
        "created_at": webhook.created_at.isoformat(),
    }


def _check_address(url: str, settings: Settings) -> None:
    try:
        check_public(url, settings.private_hosts)
    except NotAllowed as refusal:
        raise HTTPException(422, str(refusal)) from None


def _headers(given: Mapping[str, str | None] | None) -> dict[str, str]:
    headers = {name: value for name, value in (given or {}).items() if value is not None}
    for name, value in headers.items():
        token = name.replace("-", "").replace("_", "")
        if not (token.isascii() and token.isalnum()) or name.lower() in RESERVED:
            raise HTTPException(422, f"The header {name!r} cannot be sent along.")
        if not value.isascii() or not value.isprintable() or len(value) > 4000:
            raise HTTPException(422, f"The header {name!r} must be one line of ASCII.")
    return headers


async def _webhook(webhook_id: str, services: Services) -> Webhook:
    webhook = await services.webhooks.get(webhook_id)
    if webhook is None:
        raise _missing(webhook_id)
    return webhook


async def _delivery_of(webhook_id: str, delivery_id: str, services: Services) -> Delivery:
    found = await _delivery(f"{KIND}:{delivery_id}", services)
    if found.webhook_id != webhook_id:
        raise HTTPException(404, f"There is no delivery {delivery_id!r}.")
    return found


async def _delivery(key: str, services: Services) -> Delivery:
    job = await services.jobs.get(key)
    if job is None or job.kind != KIND:
        raise HTTPException(404, f"There is no delivery {key.removeprefix(f'{KIND}:')!r}.")
    return Delivery.of(job)


def _missing(webhook_id: str) -> HTTPException:
    return HTTPException(404, f"There is no webhook {webhook_id!r}.")


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
