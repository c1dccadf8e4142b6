"""Text messages and e-mail: each once for its key, and not too many to one person."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from langchain_core.tools import BaseTool, ToolException

from store.claims import Claims
from tools.conversation import Conversation, e164
from tools.crm import email_address
from tools.effects import IdempotencyKey, tool
from tools.permission import Code
from tools.permissions import Permissions

MOST_AN_HOUR = 5
"""Messages of a kind to one number or address."""
LONGEST_SMS = 480
"""Characters; three segments of the GSM alphabet."""
LONGEST_EMAIL = 20_000
SETTLED = timedelta(seconds=90)
"""After this long nobody is still about to send what was claimed."""
_ALSO_FOR_MESSAGES: frozenset[Code] = frozenset(
    {"invalid_number", "number_type", "country_not_allowed", "do_not_call"}
)
"""Of the reasons against a call those that are against a message."""


class NotSent(RuntimeError):
    """It was certainly not sent; the message says why, for a person to read."""


class InDoubt(RuntimeError):
    """Nobody can say whether it was sent; it is not sent again."""


class Sender(Protocol):
    """Sends what is written."""

    async def send(self, to: str, subject: str, text: str, key: str) -> str:
        """Send a message and return the provider's id of it.

        Raises:
            NotSent: it certainly was not.
            InDoubt: nobody can say.
        """

    async def find(self, to: str, text: str, key: str, since: datetime) -> str | None:
        """Return the id of a message that was sent since; None if there certainly is none.

        Raises:
            InDoubt: nobody can say.
        """


class Messages:
    """Sends messages, each once for its key.

    Args:
        claims: what was sent.
        senders: `sms`, `email` and `slack`, those that are configured.
        clock: tells the time, UTC.
    """

    def __init__(
        self,
        claims: Claims,
        senders: dict[str, Sender],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._claims = claims
        self._senders = senders
        self._clock = clock

    def can(self, kind: str) -> bool:
        """Whether messages of a kind can be sent: `sms`, `email`, `slack`."""
        return kind in self._senders

    async def send(
        self,
        kind: str,
        to: str,
        text: str,
        *,
        key: str,
        subject: str = "",
        most_an_hour: int | None = None,
    ) -> str:
        """Send a message, once for each key.

        Args:
            kind: `sms`, `email` or `slack`.
            to: E.164, an e-mail address, or a name for the Slack channel.
            text: the words.
            key: what makes it the same message when it is sent again.
            subject: of an e-mail, or the first line in Slack.
            most_an_hour: how many of a kind may go there in an hour, for what a conversation
                sends; an answer and a notice always may.

        Returns:
            The provider's id of it.

        Raises:
            NotSent: it was not: not configured, too many, or refused by the provider.
            InDoubt: it was begun before, and nobody can say whether it was sent.
        """
        if kind not in self._senders:
            raise NotSent(f"No {kind} can be sent from here: it is not configured.")
        sender, now, claim = self._senders[kind], self._clock(), f"{kind}:{key}"
        if (
            most_an_hour is not None
            and await self._claims.get(claim) is None
            and await self._claims.count(kind, to, now - timedelta(hours=1)) >= most_an_hour
        ):
            raise NotSent(f"{most_an_hour} messages were sent there within the hour already.")
        standing = await self._claims.begin(claim, kind, to, now)
        if standing and standing.result:
            return str(standing.result["id"])
        if standing:
            found = await sender.find(to, text, key, standing.at)
            if found is None and now < standing.at + SETTLED:
                raise InDoubt("The message is just being sent.")
            if found:
                await self._claims.finish(claim, {"id": found})
                return found
        try:
            sent = await sender.send(to, subject, text, key)
        except NotSent:
            await self._claims.give_up(claim)
            raise
        await self._claims.finish(claim, {"id": sent})
        return sent


def message_tools(
    messages: Messages,
    permissions: Permissions,
    conversation: Conversation,
    country: str | None = None,
) -> list[BaseTool]:
    """Return the tools that send a text message or an e-mail, as far as either is configured."""

    async def send(kind: str, to: str, text: str, key: Any, subject: str = "") -> dict[str, Any]:
        try:
            await messages.send(
                kind, to, text, key=str(key), subject=subject, most_an_hour=MOST_AN_HOUR
            )
        except NotSent as error:
            raise ToolException(f"Nothing was sent. {error}") from None
        except InDoubt as error:
            raise ToolException(f"It is not known whether it was sent. {error}") from None
        return {"sent": True, "to": to}

    @tool(effect=True, parse_docstring=True)
    async def send_sms(text: str, key: IdempotencyKey, phone: str | None = None) -> dict[str, Any]:
        """Send a text message to who is on the line, who has agreed to that.

        Args:
            text: What it says, at most 480 characters.
            key: Of the effect.
            phone: Another number than the one they call from.
        """
        number = e164(phone, country) if phone else conversation.caller
        if number is None:
            raise ToolException("Ask for the number, with the country's code.")
        if not text.strip() or len(text) > LONGEST_SMS:
            raise ToolException(f"A text message has 1 to {LONGEST_SMS} characters.")
        verdict = await permissions.check(number, conversation.organisation, purpose="callback")
        against = [one for one in verdict.reasons if one.code in _ALSO_FOR_MESSAGES]
        if against:
            raise ToolException(" ".join(["Nothing was sent.", *(a.sentence for a in against)]))
        return await send("sms", number, text.strip(), key)

    @tool(effect=True, parse_docstring=True)
    async def send_email(
        email: str, subject: str, text: str, key: IdempotencyKey
    ) -> dict[str, Any]:
        """Send an e-mail to who is on the line, who has agreed to that.

        Args:
            email: Their address.
            subject: What it is about.
            text: What it says.
            key: Of the effect.
        """
        if not text.strip() or len(text) > LONGEST_EMAIL:
            raise ToolException(f"An e-mail has 1 to {LONGEST_EMAIL} characters.")
        about = " ".join(subject.split())[:200]
        return await send("email", email_address(email), text.strip(), key, about)

    return [one for one, kind in ((send_sms, "sms"), (send_email, "email")) if messages.can(kind)]
