"""Who is asking: the client behind a proxy, the address it used, and who may see personal data."""

import ipaddress
import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from server.services import ServicesDep
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

    A name in `Host` other than `localhost` is not taken for local, so that a web page cannot
    reach in by pointing its own name at this machine.
    """
    peer = connection.client.host if connection.client else ""
    forwarded = any(connection.headers.get(name) for name in _FORWARDED)
    if forwarded and (peer not in _trusted(settings) or not _via(connection)):
        return False
    name = urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
    return _is_loopback(client_host(connection, settings)) and (
        name == "localhost" or _is_address(name)
    )


def public_base(connection: HTTPConnection, settings: Settings) -> str:
    """Return the address under which the client reaches the server, without a slash at its end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    host = connection.headers.get("host", connection.url.netloc)
    peer = connection.client.host if connection.client else ""
    if peer in _trusted(settings) or _via(connection):
        scheme = _first(connection, "x-forwarded-proto") or scheme
        host = _first(connection, "x-forwarded-host") or host
    return f"{scheme}://{host}"


def is_same_origin(connection: HTTPConnection) -> bool:
    """Whether it comes from a page of this server, or from no page: programs send no origin."""
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


async def require_local_or_key(connection: HTTPConnection, services: ServicesDep) -> None:
    """Let in programs on this machine, and those that know the server's key.

    Raises:
        HTTPException: 401 for a wrong or missing key.
    """
    settings = services.settings
    bearer = connection.headers.get("authorization", "").removeprefix("Bearer ").strip()
    given = connection.headers.get("xi-api-key") or bearer
    if settings.api_key and given:
        expected = settings.api_key.get_secret_value()
        if secrets.compare_digest(given.encode(), expected.encode()):
            return
    elif is_local(connection, settings):
        return
    raise HTTPException(
        401,
        "This is personal data: ask from this machine, or send the key of DIALGRAPH_API_KEY "
        "in the header xi-api-key or as a Bearer token.",
        headers={"WWW-Authenticate": "Bearer"},
    )


LocalOrKey = Annotated[None, Depends(require_local_or_key)]


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
