"""Delivery of events to webhooks, signed as ElevenLabs signs (`ElevenLabs-Signature`)."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import httpcore
import httpx

from server.jobs.work import Done, Failed, Outcome, Retry, Work
from server.jobs.workers import utc_now
from store.jobs import Job
from store.outbox import Event, Outbox
from store.webhooks import Webhook, Webhooks
from tools.outside import NotAllowed, Outside, check_url

log = logging.getLogger(__name__)

SIGNATURE: Final = "ElevenLabs-Signature"
RESERVED: Final = frozenset(
    {"elevenlabs-signature", "host", "content-length", "content-type", "transfer-encoding"}
)
"""Headers that a registration may not set."""
ANSWER_SECS: Final = 15.0
"""Longest wait for an address to take a delivery, in seconds."""
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
RECORDING: Final = "recording"
"""Key of an event's data that names the file whose sound is sent, as `full_audio`."""
MAX_BYTES: Final = 64_000_000
"""Largest body that is sent; an hour of stereo sound at 8 kHz is larger."""


def sign(body: bytes, secret: str, moment: datetime) -> str:
    """Return the value of `ElevenLabs-Signature` for the raw bytes of a body.

    `t=<unix seconds>,v0=<hex of HMAC-SHA256(secret, "<t>.<body>")>`, as
    `elevenlabs.webhooks.construct_event` reads it.
    """
    stamp = str(int(moment.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v0={digest}"


def retry_after(headers: httpx.Headers, now: datetime) -> datetime | None:
    """Read `Retry-After`, in seconds or as a date; None where there is none that makes sense."""
    text = headers.get("retry-after", "").strip()
    try:
        if text.isascii() and text.isdigit():
            moment = now + timedelta(seconds=min(int(text), 10**9))
        else:
            moment = parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return min(moment, now + LONGEST_RETRY_AFTER)


class Delivery:
    """Tells webhooks of events.

    Args:
        outbox: the events.
        webhooks: the addresses, and how they fare.
        outside: the way to addresses of others.
        recordings: the folder of the recordings.
        now: the clock.
    """

    def __init__(
        self,
        outbox: Outbox,
        webhooks: Webhooks,
        outside: Outside,
        recordings: Path,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._outbox = outbox
        self._webhooks = webhooks
        self._outside = outside
        self._recordings = recordings
        self._now = now

    @property
    def work(self) -> Work:
        """The kind of job that this is: about two days of attempts."""
        return Work(self.deliver, Retry(), deadline_secs=2 * ANSWER_SECS)

    async def deliver(self, job: Job) -> Outcome:
        """Send an event to a webhook, once."""
        webhook = await self._webhooks.get(job.data["webhook_id"])
        event = await self._outbox.get(job.data["event_id"])
        if webhook is None or event is None:
            gone = "webhook" if webhook is None else "event"
            return Failed(f"The {gone} has been deleted.", final=True)
        if not webhook.enabled:
            return Failed("The webhook is disabled; enable it, then redeliver.", final=True)
        try:
            body = await asyncio.to_thread(_body, event, self._recordings)
        except OSError:
            return Failed("The recording is gone.", final=True)
        if len(body) > MAX_BYTES:
            return Failed(f"The event is larger than {MAX_BYTES} bytes.", final=True)
        return await self._judge(webhook, await self._send(webhook, event, body, job))

    async def _send(
        self, webhook: Webhook, event: Event, body: bytes, job: Job
    ) -> httpx.Response | str:
        """Return what was answered, or why nothing was."""
        secret = await self._webhooks.secret(webhook.id) or ""
        headers = {
            **webhook.request_headers,
            "Content-Type": "application/json",
            "User-Agent": "Dialgraph",
            "Dialgraph-Event-Id": event.id,
            "Dialgraph-Delivery-Attempt": str(job.attempts),
            SIGNATURE: sign(body, secret, self._now()),
        }
        client = self._outside.client()
        try:
            async with asyncio.timeout(ANSWER_SECS):
                url = check_url(webhook.url)
                request = client.build_request("POST", url, headers=headers, content=body)
                response = await client.send(request, stream=True)
                await response.aclose()  # what else it says is of no interest, however long
                return response
        except NotAllowed as refusal:
            return str(refusal)
        except TimeoutError:
            return f"No answer within {ANSWER_SECS:g} s."
        except (httpx.HTTPError, httpcore.ConnectError, UnicodeError) as error:
            return f"No answer ({type(error).__name__})."

    async def _judge(self, webhook: Webhook, answer: httpx.Response | str) -> Outcome:
        now = self._now()
        code = None if isinstance(answer, str) else answer.status_code
        if code is not None and 200 <= code < 300:
            await self._webhooks.succeeded(webhook.id)
            return Done({"status": code})
        if await self._webhooks.failed(webhook.id, code, now):
            log.warning(
                "The webhook %s is disabled: it has failed for too long, or is gone. "
                "`dialgraph webhooks enable` tries it again.",
                webhook.id,
            )
        if isinstance(answer, str):
            return Failed(answer, final=not webhook.retry_enabled)
        return Failed(
            f"It answered {code}.",
            {"status": code},
            not_before=retry_after(answer.headers, now),
            final=code == 410 or not webhook.retry_enabled,
        )


def _body(event: Event, recordings: Path) -> bytes:
    """Return the bytes of an event, with the sound it names; the same each time."""
    if event.kind != "post_call_audio":
        return event.body.encode()
    body: dict[str, Any] = json.loads(event.body)
    sound = (recordings / Path(body["data"].pop(RECORDING)).name).read_bytes()
    body["data"]["full_audio"] = base64.b64encode(sound).decode()
    return json.dumps(body, separators=(",", ":")).encode()
