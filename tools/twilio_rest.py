"""Twilio's REST by its official client, on the event loop: `create_async`, `fetch_async`, ...

    client = twilio_client(settings)
    made = await client.calls.create_async(to="+15550100", from_="+15550199", url="https://...")

`DIALGRAPH_TWILIO_API_URL` leads it to another host, such as the phone lab's.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from settings import Settings

log = logging.getLogger(__name__)

REQUEST_SECS: Final = 10.0
"""Longest request, in seconds."""
CONNECTIONS: Final = 20
"""Connections kept to the carrier."""
_in_memory: dict[str, httpx.ASGITransport] = {}


class CarrierNotConfigured(ValueError):
    """There are no credentials with which the carrier could be asked for anything."""


class HttpClient(AsyncHttpClient):
    """Sends the requests of Twilio's client, by httpx.

    Args:
        api_url: scheme and host in place of https://api.twilio.com.
    """

    def __init__(self, api_url: str) -> None:
        super().__init__(log, True, REQUEST_SECS)
        self._to = urlsplit(api_url.rstrip("/"))
        self._client = httpx.AsyncClient(
            timeout=REQUEST_SECS,
            trust_env=False,
            transport=_in_memory.get(api_url.rstrip("/")),
            limits=httpx.Limits(max_connections=CONNECTIONS),
        )

    async def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - Twilio's own signature
        allow_redirects: bool = False,
        **_more: Any,
    ) -> Response:
        """Send one request; everything of its address but the host stays.

        Raises:
            httpx.HTTPError: no answer came; whether the request arrived is then not known.
        """
        parts = urlsplit(url)._replace(scheme=self._to.scheme, netloc=self._to.netloc)
        answer = await self._client.request(
            method,
            urlunsplit(parts),
            params={k: v for k, v in (params or {}).items() if v is not None},
            data={k: v for k, v in (data or {}).items() if v is not None} or None,
            headers=dict(headers or {}),
            auth=auth,
            timeout=timeout or REQUEST_SECS,
            follow_redirects=allow_redirects,
        )
        return Response(answer.status_code, answer.text, answer.headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def twilio_client(settings: Settings) -> Client:
    """Return Twilio's client for the account of the settings; see `close`.

    Raises:
        CarrierNotConfigured: there is no account.
    """
    if settings.twilio_account_sid is None or settings.twilio_auth_token is None:
        raise CarrierNotConfigured(
            "A call can be placed with an account at Twilio only: set TWILIO_ACCOUNT_SID and "
            "TWILIO_AUTH_TOKEN."
        )
    return Client(
        settings.twilio_account_sid,
        settings.twilio_auth_token.get_secret_value(),
        http_client=HttpClient(settings.twilio_api_url),
    )


async def close(client: Client) -> None:
    """Close the connections of a client."""
    if isinstance(client.http_client, HttpClient):
        await client.http_client.close()


@contextlib.contextmanager
def in_memory(api_url: str, app: Any) -> Iterator[None]:
    """Reach an ASGI application without a network under an address, while the context is open."""
    _in_memory[api_url] = httpx.ASGITransport(app)
    try:
        yield
    finally:
        del _in_memory[api_url]
