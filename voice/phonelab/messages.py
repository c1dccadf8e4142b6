"""Text messages: those that the application sends, and those that people send it.

https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/messaging/twiml
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Literal

from voice.phonelab.calls import API_VERSION, StatusCallback, new_sid
from voice.phonelab.clock import Clock
from voice.phonelab.notices import CarrierError, Notice
from voice.phonelab.twiml import parse
from voice.phonelab.webhooks import Webhooks

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
START = frozenset({"START", "UNSTOP", "YES"})
"""Words after which Twilio itself delivers nothing any more to a number, and again:
https://help.twilio.com/articles/223134027"""
MOST_CHARS = 1600
GSM_CHARS, UNICODE_CHARS = (160, 153), (70, 67)
"""Characters of a message of one segment, and of a segment of a longer one."""


@dataclass
class Message:
    """One text message."""

    account_sid: str
    to: str
    from_: str
    body: str
    direction: Literal["inbound", "outbound-api", "outbound-reply"]
    created_at: datetime
    sid: str = field(default_factory=lambda: new_sid("SM"))
    status: Literal["queued", "sent", "delivered", "received", "failed"] = "queued"
    error_code: int | None = None

    @property
    def segments(self) -> int:
        """How many messages of a telephone it takes."""
        whole, part = GSM_CHARS if self.body.isascii() else UNICODE_CHARS
        return 1 if len(self.body) <= whole else -(-len(self.body) // part)

    def resource(self) -> dict[str, object]:
        """Return the message as the REST API shows it."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        at = format_datetime(self.created_at)
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": at,
            "date_sent": at if self.status != "queued" else None,
            "date_updated": at,
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": self.from_,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": str(self.segments),
            "price": None,
            "price_unit": "USD",
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }


class Messages:
    """The messages of a lab.

    Args:
        account_sid: the account.
        webhooks: tells the application of messages and of what becomes of them.
        clock: for the dates.
    """

    def __init__(self, account_sid: str, webhooks: Webhooks, clock: Clock) -> None:
        self.all: dict[str, Message] = {}
        """By sid, oldest first."""
        self.notices: list[Notice] = []
        """Errors and warnings, as Twilio's debugger would list them."""
        self.unsubscribed: set[str] = set()
        """Numbers that have asked for no more."""
        self._account_sid = account_sid
        self._webhooks = webhooks
        self._clock = clock
        self._deliveries: set[asyncio.Task[None]] = set()

    def send(
        self,
        to: str,
        from_: str,
        body: str,
        callback: StatusCallback | None = None,
        direction: Literal["outbound-api", "outbound-reply"] = "outbound-api",
    ) -> Message:
        """Send a message of the application."""
        made = Message(self._account_sid, to, from_, body, direction, self._clock.utc())
        self.all[made.sid] = made
        task = asyncio.create_task(self._deliver(made, callback))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)
        return made

    async def _deliver(self, message: Message, callback: StatusCallback | None) -> None:
        for status in ("sent", "delivered"):
            message.status = status
            if callback is None:
                continue
            fields = self._fields(message) | {"MessageStatus": status, "SmsStatus": status}
            try:
                await self._webhooks.send(callback.url, fields, callback.method)
            except CarrierError as error:
                self.notices.append(error.notice)

    async def receive(self, url: str, from_: str, to: str, body: str, sid: str = "") -> list[str]:
        """Let a person send a message, and return what the webhook's answer sends back.

        Args:
            url: the application's webhook for messages.
            from_: the person's number.
            to: the number written to.
            body: the words.
            sid: of an earlier message whose webhook is sent again; a new one when empty.

        Raises:
            CarrierError: the webhook does not answer, or not with TwiML.
        """
        word = body.strip().upper()
        message = self.all.get(sid) or Message(
            self._account_sid, to, from_, body, "inbound", self._clock.utc(), status="received"
        )
        self.all[message.sid] = message
        document = parse(await self._webhooks.send(url, self._fields(message)))
        if word in STOP:
            self.unsubscribed.add(from_)
        elif word in START:
            self.unsubscribed.discard(from_)
        self.notices += document.notices
        replies = []
        for verb in document.verbs:
            if verb.name != "Message":
                raise CarrierError(12200, f"<{verb.name}> is not for a message.")
            parts = [child.text for child in verb.children if child.name == "Body"]
            replies.append(verb.text or "".join(parts))
            if from_ not in self.unsubscribed:
                self.send(from_, to, replies[-1], direction="outbound-reply")
        return replies

    def _fields(self, message: Message) -> dict[str, str]:
        return {
            "AccountSid": message.account_sid,
            "ApiVersion": API_VERSION,
            "Body": message.body,
            "From": message.from_,
            "MessageSid": message.sid,
            "NumMedia": "0",
            "NumSegments": str(message.segments),
            "SmsMessageSid": message.sid,
            "SmsSid": message.sid,
            "SmsStatus": message.status,
            "To": message.to,
        }

    async def close(self) -> None:
        """Wait until what becomes of every message was told."""
        if self._deliveries:
            await asyncio.wait(self._deliveries)
