"""Asking a provider over HTTP: paced, bounded, and every failure by its name.

A key that a provider wants in the query is put there at the last moment, below the client, so that
no log of the client shows it; a message of the provider that repeats it is cleaned of it.
"""

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self

import httpx

from tools.market.failures import (
    Absent,
    NoAnswer,
    Rationed,
    Refused,
    Rejected,
    Unreachable,
    Unreadable,
)
from tools.market.quota import Exhausted, Quota

TIMEOUT_SECS: Final = 8.0
"""Longest wait for one answer, in seconds."""
PATIENCE_SECS: Final = 8.0
"""Longest wait for a place in the quota, or that a provider asks for, in seconds."""
ATTEMPTS: Final = 3
FIRST_PAUSE_SECS: Final = 0.4
"""Longest pause before the second attempt; the next ones are twice as long."""
_LARGE: Final = 1_000_000
"""Bytes from which an answer is read off the event loop."""


class _Keyed(httpx.AsyncHTTPTransport):
    """Adds secret parameters to the query on the way out."""

    def __init__(self, secret: Mapping[str, str]) -> None:
        super().__init__()
        self._secret = secret

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request with the secret parameters; the client's own request stays without."""
        sent = httpx.Request(
            request.method,
            request.url.copy_merge_params(self._secret),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await super().handle_async_request(sent)


class Fetcher:
    """Asks one provider for JSON; open it with `async with`, for as long as the questions take.

    Args:
        provider: its name.
        url: its address.
        quota: how often it may be asked.
        headers: sent with each request; they may hold a key.
        secret: parameters of the query that nobody may see.
        auth: user and password, or key and nothing.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        provider: str,
        url: str,
        quota: Quota,
        *,
        headers: Mapping[str, str] | None = None,
        secret: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.provider = provider
        self.quota = quota
        self._sleep = sleep
        self._hidden = [*(secret or {}).values(), *(auth or ()), *(headers or {}).values()]
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/",
            headers=headers,
            auth=auth,
            timeout=TIMEOUT_SECS,
            trust_env=False,
            transport=_Keyed(secret) if secret else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON at a path, figures with a point as `Decimal`.

        Raises:
            NoAnswer: one of its kinds.
        """
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: Any) -> Any:
        """Return the JSON that answers a body; sent again only if it was surely not carried out.

        Raises:
            NoAnswer: one of its kinds.
        """
        return await self._ask("POST", path, body=body)

    async def _ask(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(method, path, params, body)
            except Unreachable as failure:
                if attempt == ATTEMPTS or (failure.asked and method != "GET"):
                    raise
                pause = FIRST_PAUSE_SECS * 2 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311
            except Rationed as failure:
                if attempt == ATTEMPTS or not failure.asked or failure.retry_after > PATIENCE_SECS:
                    raise
                pause = failure.retry_after
            await self._sleep(pause)
        raise AssertionError  # the last attempt returns or raises

    async def _once(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any
    ) -> Any:
        try:
            await self._turn()
            found = await self._read(await self._send(method, path, params, body))
        except NoAnswer as failure:
            self.quota.count(failure.kind)
            raise
        self.quota.count("ok")
        return found

    async def _turn(self) -> None:
        try:
            wait = self.quota.take(PATIENCE_SECS)
        except Exhausted as error:
            raise Rationed(
                f"Our quota of it is used up; it may be asked again in {error.wait:.0f} s.",
                error.wait,
                asked=False,
            ) from None
        if wait:
            await self._sleep(wait)

    async def _send(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any
    ) -> httpx.Response:
        try:
            return await self._client.request(method, path.lstrip("/"), params=params, json=body)
        except httpx.TimeoutException:
            raise Unreachable(f"No answer within {TIMEOUT_SECS:.0f} s.") from None
        except httpx.HTTPError as error:
            asked = not isinstance(error, httpx.ConnectError)
            what = type(error).__name__
            raise Unreachable(f"The connection failed ({what}).", asked=asked) from None

    async def _read(self, answer: httpx.Response) -> Any:
        status = answer.status_code
        found = await _json(answer)
        if answer.is_success:
            if found is _NO_JSON:
                raise Unreadable(f"It answered {_what(answer)} in place of JSON.")
            return found
        told = self.clean(complaint(found) or _what(answer))
        if status == 429:
            wait = retry_after(answer.headers)
            self.quota.hold(wait)
            raise Rationed(f"It was asked too often ({told}).", wait)
        if status in (401, 402, 403):
            raise Refused(f"It does not let us in, status {status} ({told}).")
        if status == 404:
            raise Absent(f"It has nothing there ({told}).")
        if status >= 500:
            raise Unreachable(f"It failed with status {status} ({told}).")
        if status < 400:
            raise Unreadable(f"It wants us to go elsewhere, status {status}.")
        raise Rejected(f"It refused the request, status {status} ({told}).")

    def clean(self, message: str) -> str:
        """Return a message of the provider without our keys, short."""
        for secret in filter(None, self._hidden):
            message = message.replace(secret, "***")
        return message[:300]


_NO_JSON: Final = object()


async def _json(answer: httpx.Response) -> Any:
    """Return what an answer holds; `_NO_JSON` where it is a page, or broken."""
    body = answer.content
    try:
        if len(body) >= _LARGE:
            return await asyncio.to_thread(_loads, body)
        return _loads(body)
    except ValueError:
        return _NO_JSON


def _loads(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    """NaN and Infinity are no JSON: None, as where there is no figure."""


def _what(answer: httpx.Response) -> str:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    text = answer.text[:2000]
    if "html" in kind or text.lstrip()[:1] == "<":
        title = re.search(r"<title>\s*(.*?)\s*</title>", text, re.IGNORECASE | re.DOTALL)
        return f"a web page{f' titled {title.group(1)[:80]!r}' if title else ''}"
    return f"{kind or 'nothing'} of {len(answer.content)} bytes"


def complaint(found: Any) -> str | None:
    """Return the words of an error's body, in the fashions that providers have."""
    if not isinstance(found, dict):
        return None
    for key in ("error", "error_message", "message", "status_message", "Error Message"):
        value = found.get(key)
        if isinstance(value, dict):
            value = value.get("message") or value.get("code")
        if isinstance(value, str) and value:
            return value
    return None


def retry_after(headers: Mapping[str, str]) -> float:
    """Return how long the provider wants to be left alone, in seconds; a minute if it is not told.

    `Retry-After` is seconds or a date; Finnhub and Alpaca tell the moment, as seconds since 1970,
    in `X-Ratelimit-Reset`.
    """
    told = headers.get("retry-after", "").strip()
    if told.isdigit():
        return float(told)
    now = _date(headers.get("date", ""))
    if now is not None:
        until = _date(told)
        reset = headers.get("x-ratelimit-reset", "").strip()
        until = float(reset) if until is None and reset.isdigit() else until
        if until is not None:
            return max(0.0, until - now)
    return 60.0


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
