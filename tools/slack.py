"""Messages to a Slack channel by an incoming webhook, or to any server that takes the same."""

from datetime import datetime

import httpx

from settings import Settings
from tools.messages import InDoubt, NotSent

TIMEOUT_SECS = 10.0
_RESERVED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""Characters that Slack reads as markup (docs.slack.dev, Formatting message text)."""


class SlackWebhook:
    """Writes into the channel that a webhook belongs to; see `tools.messages.Sender`.

    Slack takes no idempotency key and tells nobody what is in the channel, so what is in doubt is
    not sent again. The address is a secret: who knows it can write there.

    Args:
        settings: the webhook's address.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @staticmethod
    def configured(settings: Settings) -> bool:
        """Whether there is a webhook."""
        return settings.slack_webhook_url is not None

    async def send(self, to: str, subject: str, text: str, key: str) -> str:
        """Write a message, the subject in bold above it; see `Sender`."""
        said = text.translate(_RESERVED)
        if subject:
            said = f"*{subject.translate(_RESERVED)}*\n{said}"
        url = self._settings.slack_webhook_url
        assert url is not None  # noqa: S101 - see `configured`
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_SECS) as client:
                answer = await client.post(url.get_secret_value(), json={"text": said})
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise NotSent("Slack could not be reached.") from None
        except httpx.InvalidURL:
            raise NotSent("DIALGRAPH_SLACK_WEBHOOK_URL is no address.") from None
        except httpx.HTTPError:
            raise InDoubt("Slack did not answer.") from None
        if answer.status_code >= 500:
            raise InDoubt(f"Slack failed with status {answer.status_code}.")
        if not answer.is_success:
            raise NotSent(f"Slack refused it with status {answer.status_code}.")
        return key

    async def find(self, to: str, text: str, key: str, since: datetime) -> str | None:
        """Nobody can say; see `Sender`."""
        raise InDoubt("Slack was asked before, and its answer was lost.")
