"""The way out to addresses that somebody else chose: webhook tools, documents by URL.

Who may write an address could otherwise make this server read what only it can reach: the cloud's
metadata, a database, a page of the house network. So an address is resolved here, each of its IP
addresses must be public, and the connection goes to one of those that were checked: a name that
resolves otherwise a moment later (DNS rebinding) changes nothing. A redirect is a new address.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


class NotAllowed(ValueError):
    """The address is not one that may be reached from here; the message says why."""


class NotFetched(RuntimeError):
    """The other side did not answer, not in time, or not with what can be taken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered."""

    url: str
    """The last one, after redirects."""
    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def media_type(self) -> str:
        """What it says it is, without parameters: `text/html`."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whatever it is wrapped in."""
    return _is_public(ipaddress.ip_address(address.partition("%")[0]))


def is_private(host: str) -> bool:
    """Whether a host cannot be on the public internet, as far as that is seen without asking.

    A name is looked up whenever it is connected with. Addresses are understood in every form that
    the operating system understands: `2130706433`, `0x7f.1`, `0177.0.0.1`.
    """
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not is_public(host)
    except ValueError:
        pass
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return False


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        teredo = address.teredo
        wrapped = [address.ipv4_mapped, address.sixtofour, *(teredo or ())]
        if address in _NAT64 or address in _COMPATIBLE:
            wrapped.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inside = [one for one in wrapped if one is not None]
        if inside:
            return all(_is_public(one) for one in inside)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def _by_the_system(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class _Guard(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, and to those on the list."""

    def __init__(self, allowed: Collection[str], resolve: Resolve) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)
        self._resolve = resolve
        self._below = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore names it
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        failed: Exception = httpcore.ConnectError(f"The name {host} has no address.")
        for address in await self._checked(host, port):
            try:
                return await self._below.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError(f"The name {host} has no address.") from None
        listed = {host.lower(), f"{host.lower()}:{port}"} & self._allowed
        if not listed and not all(is_public(address) for address in addresses):
            raise _not_public(host)
        return addresses

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore names it
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        raise NotAllowed("A socket of this machine may not be reached.")

    async def sleep(self, seconds: float) -> None:
        await self._below.sleep(seconds)


class Outside:
    """Fetches from addresses that somebody else chose.

    Args:
        private_hosts: names or addresses, with `:port` or for every port, that may be reached
            although they are not public; `settings.private_hosts`.
        resolve: returns the IP addresses of a name; the operating system's if missing.
    """

    def __init__(
        self, private_hosts: Collection[str] = (), *, resolve: Resolve = _by_the_system
    ) -> None:
        self._guard = _Guard(private_hosts, resolve)
        self._client: httpx.AsyncClient | None = None

    def client(self) -> httpx.AsyncClient:
        """Return the HTTP client, for libraries that take one; it is closed by `aclose`.

        It has no proxy and no cookie, reads nothing from the environment, follows no redirect.
        """
        if self._client is None:
            self._client = self.new_client()
        return self._client

    def new_client(self, **options: Any) -> httpx.AsyncClient:
        """Return a client like `client` that whoever asks for it closes.

        Args:
            options: of httpx: `headers`, `timeout`, `auth`.
        """
        transport = httpx.AsyncHTTPTransport()
        # httpx has no parameter for httpcore's network backend.
        transport._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            network_backend=self._guard,
        )
        return httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            # What one caller's answer sets must not be sent for another.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
            **options,
        )

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int = 1_000_000,
        timeout_secs: float = 20.0,
        redirects: int = 0,
    ) -> Answer:
        """Send a request and return the answer, whatever its status is.

        Args:
            method: GET, POST, ...
            url: `http` or `https`, without user and password.
            headers: sent to the first address, and after a redirect not at all, for they may
                hold a secret.
            content: the body.
            max_bytes: most that is read; a longer answer is refused, not cut.
            timeout_secs: longest wait for all of it, redirects included.
            redirects: most redirects that are followed, by GET without a body.

        Raises:
            NotAllowed: the address, or one it redirects to, may not be reached.
            NotFetched: no answer, not in time, too large, or compressed though not asked for.
        """
        try:
            async with asyncio.timeout(timeout_secs):
                answer = await self._fetch(method, url, headers or {}, content, max_bytes)
                for _ in range(redirects):
                    target = answer.headers.get("location")
                    if answer.status not in (301, 302, 303, 307, 308) or not target:
                        return answer
                    following = str(httpx.URL(answer.url).join(target))
                    answer = await self._fetch("GET", following, {}, None, max_bytes)
                return answer
        except TimeoutError:
            raise NotFetched(f"{_host(url)} did not answer in {timeout_secs:g} s.") from None
        except httpx.InvalidURL:
            raise NotAllowed("The address redirects to something that is no address.") from None

    async def _fetch(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, most: int
    ) -> Answer:
        checked = check_url(url)
        # A few bytes of a compressed answer may become gigabytes.
        sent = {**headers, "Accept-Encoding": "identity"}
        try:
            request = self.client().build_request(method, checked, headers=sent, content=content)
            response = await self.client().send(request, stream=True)
            try:
                if response.headers.get("content-encoding", "identity").lower() != "identity":
                    raise NotFetched(f"{checked.host} answered compressed, which is not read.")
                read = bytearray()
                async for chunk in response.aiter_raw():
                    read += chunk
                    if len(read) > most:
                        raise NotFetched(f"{checked.host} answered more than {most} bytes.")
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpcore.ConnectError, UnicodeError) as error:
            raise NotFetched(f"{checked.host}: {_reason(error)}") from None
        return Answer(str(checked), response.status_code, response.headers, bytes(read))

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def check_url(url: str) -> httpx.URL:
    """Return an address as parsed, if it has the form of one that may be fetched.

    Raises:
        NotAllowed: it has another scheme than `http` and `https`, no host, or a password.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise NotAllowed("That is not an address; expected https://host/path.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise NotAllowed("Only addresses that begin with https:// or http:// are fetched.")
    if parsed.userinfo:
        raise NotAllowed("An address with a user name or password in it is not fetched.")
    return parsed


def check_public(url: str, private_hosts: str) -> httpx.URL:
    """Return an address as parsed, if nothing about it shows that it may not be reached.

    Args:
        url: as `check_url` takes it.
        private_hosts: those that may be reached although they are not public, by commas;
            `settings.private_hosts`.

    Raises:
        NotAllowed: it may not be fetched, or its host is plainly not on the public internet.
    """
    checked = check_url(url)
    listed = {name.strip().lower() for name in private_hosts.split(",")}
    host = checked.host.lower()
    port = checked.port or {"http": 80, "https": 443}[checked.scheme]
    if not {host, f"{host}:{port}"} & listed and is_private(host):
        raise _not_public(host)
    return checked


def _not_public(host: str) -> NotAllowed:
    return NotAllowed(
        f"{host} is not on the public internet. If it may be reached from here, name it "
        "in DIALGRAPH_PRIVATE_HOSTS."
    )


def _host(url: str) -> str:
    return httpx.URL(url).host


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError | httpcore.ConnectError):
        return "no connection"
    return "the connection broke"
