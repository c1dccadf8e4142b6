"""The official `twilio` client, led to another host than api.twilio.com.

client = twilio_client("ACxxx", "token", "http://127.0.0.1:8080")
client.calls.create(to="+15550100", from_="+15550199", url="https://example.com/voice")
"""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

TWILIO_API = "https://api.twilio.com"


class RedirectedHttpClient(TwilioHttpClient):
    """Sends what is meant for Twilio's REST to another address.

    Args:
        api_url: scheme and host used in place of https://api.twilio.com.
        timeout: of one request, in seconds.
    """

    def __init__(self, api_url: str, timeout: float = 15.0) -> None:
        super().__init__(timeout=timeout)
        self._to = urlsplit(api_url)
        if self.session is not None:
            self.session.trust_env = False

    def request(  # type: ignore[override]  # the client passes the address by place
        self, method: str, url: str, *args: Any, **kwargs: Any
    ) -> Response:
        """Send the request to the other host; everything but the host stays."""
        parts = urlsplit(url)._replace(scheme=self._to.scheme, netloc=self._to.netloc)
        return super().request(method, urlunsplit(parts), *args, **kwargs)


def twilio_client(account_sid: str, auth_token: str, api_url: str = TWILIO_API) -> Client:
    """Return Twilio's client; it blocks, so call it off the event loop.

    Args:
        account_sid: the account.
        auth_token: its token.
        api_url: Twilio's REST address, or the phone lab's.
    """
    if api_url.rstrip("/") == TWILIO_API:
        return Client(account_sid, auth_token)
    http_client = RedirectedHttpClient(api_url)
    return Client(account_sid, auth_token, http_client=http_client)
