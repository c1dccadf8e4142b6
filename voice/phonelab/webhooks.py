"""Requests of the carrier to an application: form fields, signature, deadline."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx
from twilio.request_validator import RequestValidator

from voice.phonelab.notices import CarrierError

DEADLINE_SECS = 15.0
RETRIEVAL_FAILURE = 11200
CONNECTION_FAILURE = 11205
SIGNATURE = "X-Twilio-Signature"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to connect for an address, and what to say one came for."""

    url: str
    headers: dict[str, str]


class Webhooks:
    """Sends what a carrier sends.

    Args:
        client: without redirects, without proxies of the environment.
        auth_token: signs every request; without it none is signed.
        routes: local address by public address, for a server that knows itself by its public name:
            `{"https://voice.example.com": "http://127.0.0.1:7860"}`. Requests are signed for the
            public address and arrive with the headers a proxy would add.
    """

    def __init__(
        self, client: httpx.AsyncClient, auth_token: str | None, routes: Mapping[str, str]
    ) -> None:
        self._client = client
        self._validator = RequestValidator(auth_token) if auth_token else None
        self._routes = {_origin(public): _origin(local) for public, local in routes.items()}

    def destination(self, url: str, params: Mapping[str, str]) -> Destination:
        """Return where `url` is reached, with the signature for `url` itself."""
        headers = {}
        if self._validator:
            headers[SIGNATURE] = self._validator.compute_signature(url, dict(params))
        parts = urlsplit(url)
        secure = parts.scheme in ("https", "wss")
        local = self._routes.get(("https" if secure else "http", parts.netloc))
        if not local:
            return Destination(url, headers)
        scheme, netloc = local
        if parts.scheme in ("ws", "wss"):
            scheme = "wss" if scheme == "https" else "ws"
        headers["X-Forwarded-Proto"] = "https" if secure else "http"
        headers["X-Forwarded-Host"] = parts.netloc
        return Destination(urlunsplit(parts._replace(scheme=scheme, netloc=netloc)), headers)

    async def send(self, url: str, params: Mapping[str, str], method: str = "POST") -> str:
        """Send the form and return the answer's text.

        Raises:
            CarrierError: nobody answers (11205), or not with 2xx in 15 seconds (11200).
        """
        if method == "GET":
            url, params = str(httpx.URL(url).copy_merge_params(params)), {}
        return (await self._request(method, url, params)).text

    async def download(self, url: str) -> bytes:
        """Return what is found at `url`.

        Raises:
            CarrierError: as `send`.
        """
        return (await self._request("GET", url, {})).content

    async def _request(self, method: str, url: str, params: Mapping[str, str]) -> httpx.Response:
        to = self.destination(url, params)
        try:
            async with asyncio.timeout(DEADLINE_SECS):
                answer = await self._client.request(
                    method,
                    to.url,
                    data=dict(params) or None,
                    headers={"User-Agent": "TwilioProxy/1.1", **to.headers},
                    timeout=None,  # noqa: S113 - the deadline above covers all of it
                )
        except (httpx.ConnectError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise CarrierError(
                CONNECTION_FAILURE, f"{url} cannot be reached ({error}). Is the server running?"
            ) from error
        except TimeoutError as error:
            raise CarrierError(
                RETRIEVAL_FAILURE, f"{url} did not answer within {DEADLINE_SECS:g} seconds."
            ) from error
        except httpx.HTTPError as error:
            raise CarrierError(
                RETRIEVAL_FAILURE, f"{url} broke off: {type(error).__name__} {error}"
            ) from error
        if not answer.is_success:
            reason = " ".join(answer.text.split())[:300]
            raise CarrierError(
                RETRIEVAL_FAILURE, f"{url} answered {answer.status_code}, expected 200: {reason}"
            )
        return answer


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc
