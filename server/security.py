"""Who is asking: the client behind a proxy, the address it used, and who may see personal data."""

import base64
import contextlib
import ipaddress
import secrets
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from settings import Settings

_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip")


def client_host(connection: HTTPConnection, settings: Settings) -> str:
    """Return the address of the client, through proxies as far as they are trusted."""
    peer = connection.client.host if connection.client else ""
    trusted = _trusted(settings)
    hops = [hop.strip() for hop in connection.headers.get("x-forwarded-for", "").split(",")]
    for hop in reversed([hop for hop in hops if hop]):
        if peer not in trusted:
            break
        peer = hop
    return peer


def is_local(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether the request comes from a program on this machine, and not through a proxy on it.

    A page of another site is not local, though the browser that shows it is: neither by asking
    from there, nor by pointing its own name at this machine. Once the server has a public address,
    nobody is local: what a proxy on this machine passes on need not look different.
    """
    if settings.public_url:
        return False
    peer = connection.client.host if connection.client else ""
    forwarded = any(connection.headers.get(name) for name in _FORWARDED)
    if forwarded and (peer not in _trusted(settings) or not _via(connection)):
        return False
    name = urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
    return (
        _is_loopback(client_host(connection, settings))
        and (name == "localhost" or _is_address(name))
        and is_same_origin(connection)
    )


def public_base(connection: HTTPConnection, settings: Settings) -> str:
    """Return the address under which the client reaches the server, without a slash at its end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    host = connection.headers.get("host", connection.url.netloc)
    peer = connection.client.host if connection.client else ""
    if peer in _trusted(settings):
        scheme = _first(connection, "x-forwarded-proto") or scheme
        host = _first(connection, "x-forwarded-host") or host
    return f"{scheme}://{host}"


def is_same_origin(connection: HTTPConnection) -> bool:
    """Whether it comes from a page of this server, or from no page: programs name no origin.

    A link on any page may lead to the playground.
    """
    followed = connection.headers.get("sec-fetch-dest") == "document" and (
        connection.scope["path"] == "/"
    )
    site = connection.headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and not followed:
        return False
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


class ClosedByDefault:
    """Lets in programs on this machine and those that know the server's key, and nobody else.

    Open to all are the health checks, and what carriers reach, which proves its origin itself.
    The key of `DIALGRAPH_API_KEY` comes in the header xi-api-key, as a Bearer token, or as the
    password of HTTP basic authentication, for which a browser asks.
    """

    OPEN = ("/healthz", "/readyz", "/voice/", "/ws/voice/")

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 (a socket: 403) with what is missing."""
        if (
            scope["type"] == "lifespan"
            or scope["path"].startswith(self.OPEN)
            or self._admits(HTTPConnection(scope))
        ):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _closed(scope, receive, send)

    def _admits(self, connection: HTTPConnection) -> bool:
        given = _given_key(connection)
        if given and self._settings.api_key:
            expected = self._settings.api_key.get_secret_value()
            return secrets.compare_digest(given.encode(), expected.encode()) and (
                is_same_origin(connection)  # a browser sends the password it knows from any page
            )
        return is_local(connection, self._settings)


_closed = JSONResponse(
    {
        "detail": "Only programs on this machine may ask without a key. Set DIALGRAPH_API_KEY on "
        "the server and send it in the header xi-api-key or as a Bearer token; a browser asks for "
        "it as a password."
    },
    status_code=401,
    headers={"WWW-Authenticate": 'Basic realm="Dialgraph"'},
)


def _given_key(connection: HTTPConnection) -> str:
    """Return the key that came with a request; empty when none did."""
    scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            return base64.b64decode(credentials).decode().partition(":")[2]
    return connection.headers.get("xi-api-key", credentials.strip())


def _trusted(settings: Settings) -> set[str]:
    return {address.strip() for address in settings.trusted_proxies.split(",") if address.strip()}


def _via(connection: HTTPConnection) -> bool:
    return "x-forwarded-for" in connection.headers


def _first(connection: HTTPConnection, header: str) -> str:
    return connection.headers.get(header, "").split(",")[0].strip()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_loopback
