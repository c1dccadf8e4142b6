"""Asking a provider's REST: with a deadline, and again where it says to wait."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import httpx

DEADLINE_SECS = 10.0
"""Longest wait for an answer, repetitions included: somebody is on the line."""
_LONGEST_PAUSE = 4.0


class Unanswered(RuntimeError):
    """No usable answer came."""

    def __init__(self, sentence: str, *, arrived: bool) -> None:
        super().__init__(sentence)
        self.arrived = arrived
        """Whether the request may have been carried out."""


async def ask(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    safe: bool,
    json: Any = None,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send a request, and again after 429, 502, 503 and a broken connection where that is safe.

    429 means that it was not carried out, so it is always asked again.

    Args:
        client: with the provider's address.
        method: of HTTP.
        path: below that address.
        safe: whether carrying it out twice is carrying it out once.
        json: the body.
        params: the query.
        headers: besides the client's.

    Raises:
        Unanswered: no answer in time, or only such.
    """
    name = client.base_url.host
    arrived = False
    try:
        async with asyncio.timeout(DEADLINE_SECS):
            for attempt in range(10):
                pause = min(0.25 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311
                try:
                    arrived = True
                    answer = await client.request(
                        method, path, json=json, params=params, headers=headers
                    )
                except httpx.ConnectError:
                    arrived = False
                except httpx.HTTPError:
                    if not safe:
                        raise Unanswered(f"{name} did not answer.", arrived=True) from None
                else:
                    status = answer.status_code
                    if status < 500 and status != 429:
                        return answer
                    if status != 429 and not safe:
                        raise Unanswered(f"{name} failed with status {status}.", arrived=True)
                    arrived = status != 429
                    pause = max(pause, _retry_after(answer))
                await asyncio.sleep(pause)
    except TimeoutError:
        pass
    raise Unanswered(f"{name} did not answer in time.", arrived=arrived)


def _retry_after(answer: httpx.Response) -> float:
    """Return how long the provider wants to be left alone, in seconds."""
    try:
        return min(float(answer.headers.get("retry-after", 0)), DEADLINE_SECS)
    except ValueError:
        return 0.0
