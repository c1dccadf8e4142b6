"""Text messages by Twilio, and by the phone lab, which speaks the same REST."""

from datetime import datetime, timedelta

import httpx
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from settings import Settings
from tools.messages import InDoubt, NotSent
from tools.twilio_rest import twilio_client

CLOCKS_DIFFER = timedelta(seconds=30)
"""How far the carrier's clock may be from ours."""
MOST_READ = 100


class TwilioSms:
    """Sends text messages; see `tools.messages.Sender`.

    Twilio takes no idempotency key, so a message in doubt is looked for in its list.

    Args:
        settings: the account and the number to send from.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None

    @staticmethod
    def configured(settings: Settings) -> bool:
        """Whether there is an account, and a number to send from."""
        return bool(
            settings.twilio_account_sid and settings.twilio_auth_token and settings.twilio_number
        )

    async def send(self, to: str, subject: str, text: str, key: str) -> str:
        """Send a message; see `Sender`."""
        try:
            made = await self._twilio().messages.create_async(
                to=to, from_=self._settings.twilio_number, body=text
            )
        except TwilioRestException as error:
            if error.status < 500:
                raise NotSent(f"Twilio refused it: {error.msg} (error {error.code}).") from None
            raise InDoubt(f"Twilio failed with status {error.status}.") from None
        except httpx.ConnectError:
            raise NotSent("Twilio could not be reached.") from None
        except httpx.HTTPError:
            raise InDoubt("Twilio did not answer.") from None
        return str(made.sid)

    async def find(self, to: str, text: str, key: str, since: datetime) -> str | None:
        """Look for a message in Twilio's list; see `Sender`."""
        try:
            sent = await self._twilio().messages.list_async(
                to=to, from_=self._settings.twilio_number, limit=MOST_READ
            )
        except (TwilioRestException, httpx.HTTPError):
            raise InDoubt("Twilio's list of messages could not be read.") from None
        for message in sent:
            at = message.date_created
            if at and message.body == text and at >= since - CLOCKS_DIFFER:
                return str(message.sid)
        return None

    def _twilio(self) -> Client:
        self._client = self._client or twilio_client(self._settings)
        return self._client
