"""Who is asking: the client behind a proxy, the address it used, and who may see personal data."""

import base64
import contextlib
import ipaddress
import re
import secrets
from collections.abc import Collection
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from settings import Settings
from store.keys import PREFIX
from store.keys import Scope as KeyScope

FROM_PAGE = "dialgraph.from_page"
"""Marks, in a scope, what a page asks within this process; nothing that came by a socket has it."""
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
    """Lets in programs on this machine and those that know a key, and nobody else.

    Open to all are the health checks, and what carriers reach, which proves its origin itself.
    A key comes in the header xi-api-key, as a Bearer token, or as the password of HTTP basic
    authentication, for which a browser asks. That of `DIALGRAPH_API_KEY` opens everything; one
    made by `dialgraph keys` opens the API as far as its scopes go. A conversation's socket may
    bring a signature instead, which its route checks.

    Whom the routes may take for the actor of a change is in `request.state.actor`.
    """

    OPEN = ("/healthz", "/readyz", "/voice/", "/ws/voice/", "/twiml/", "/sms/", "/audio/")
    CARRIER = frozenset({"/voice", "/gather"})
    SIGNED = "/v1/convai/conversation"
    """Socket that a signature may open."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 403 (a socket: 403) with what is missing."""
        path = scope.get("path", "")
        if scope["type"] == "lifespan" or path.startswith(self.OPEN) or path in self.CARRIER:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        refusal: Response | None = None
        if not self._signed(connection):
            refusal = await self._refusal(connection)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _signed(self, connection: HTTPConnection) -> bool:
        scope, given = connection.scope, connection.query_params
        names = ("conversation_signature", "token")
        return (
            scope["type"] == "websocket"
            and scope["path"] == self.SIGNED
            and any(given.get(name) for name in names)
        )

    async def _refusal(self, connection: HTTPConnection) -> Response | None:
        """Return why a request is not let in; None when it is, its actor then being known."""
        given, state = _given_key(connection), connection.scope.setdefault("state", {})
        if connection.scope.get(FROM_PAGE):
            state["actor"] = "page"
            return None
        if given.startswith(PREFIX):
            key = await connection.app.state.services.workspace.keys.check(given)
            if key is None:
                return _closed("The key is not known here, or was revoked.")
            if not is_same_origin(connection):
                return _closed(_FOREIGN)
            needed = needed_scope(connection)
            if needed not in key.scopes:
                return _forbidden(needed, key.scopes)
            state["actor"] = key.id
            return None
        if given and self._settings.api_key:
            state["actor"] = "server-key"
            expected = self._settings.api_key.get_secret_value()
            good = secrets.compare_digest(given.encode(), expected.encode())
            if not good:
                return _closed("The key is not known here.")
            # A browser sends the password it knows from any page.
            return None if is_same_origin(connection) else _closed(_FOREIGN)
        state["actor"] = "local"
        if is_local(connection, self._settings):
            return None
        if not is_same_origin(connection):
            return _closed(_FOREIGN)
        return _closed("The key is not known here." if given else _NO_KEY)


_API = ("/v1/", "/api/", "/my-api/", "/docs", "/openapi.json", "/metrics", "/static-offline-docs/")
"""What a key of `dialgraph keys` may reach; the page is for the server's own key."""
_CALLING = re.compile(
    r"/v1/convai/(?:[\w-]+/outbound-call|outbound|twilio/register-call|conversation(?:/.*)?|"
    r"batch-calling/.*|agents/[^/]+/simulate-conversation(?:/stream)?)|/api/chat|/my-api/agent"
)


def needed_scope(connection: HTTPConnection) -> KeyScope | None:
    """Return the scope that a request needs of a key; None where no scope suffices."""
    path = connection.scope["path"]
    if not path.startswith(_API):
        return None
    if connection.scope["type"] == "websocket":
        return "call"
    reads = connection.scope["method"] in ("GET", "HEAD", "OPTIONS")
    if _CALLING.fullmatch(path) and not (reads and "batch-calling" in path):
        return "call"
    return "read" if reads else "write"


_NO_KEY = (
    "No key came with the request, and only programs on this machine may ask without one, as long "
    "as the server has no public address (DIALGRAPH_PUBLIC_URL)."
)
_FOREIGN = "A page of another site may not ask, whatever key it sends."
_HOW = (
    "Send a key in the header xi-api-key or as a Bearer token; a browser asks for it as a "
    "password. Make one with `dialgraph keys create NAME --scope read --scope write --scope call`, "
    "or set DIALGRAPH_API_KEY on the server."
)


def _closed(why: str) -> JSONResponse:
    return JSONResponse(
        {"detail": f"{why} {_HOW}"},
        status_code=401,
        headers={"WWW-Authenticate": 'Basic realm="Dialgraph"'},
    )


def _forbidden(needed: str | None, has: Collection[str]) -> JSONResponse:
    if needed is None:
        detail = "Only DIALGRAPH_API_KEY opens this; keys of `dialgraph keys` open the API."
    else:
        detail = (
            f"The key has the scopes {', '.join(sorted(has))}, and this needs the scope {needed}. "
            "They stay as they are; make another key with `dialgraph keys create NAME "
            f"{' '.join(f'--scope {one}' for one in sorted({*has, needed}))}`."
        )
    return JSONResponse({"detail": detail}, status_code=403)


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
