"""What the pages are handed: the API, asked from within the process, and agents made ready."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from server.convai.config import ClientData
from server.convai.mapping import Unusable
from server.convai.opening import prepare, remember
from server.security import FROM_PAGE
from server.services import Services
from store.conversations import conversation_id
from store.resources import NoSuchResource
from ui.backend import Opening, Pages, Refused, Upload

DEADLINE_SECS: Final = 60.0
"""Longest wait of a page for an answer, in seconds: a large document is read and indexed in it."""


def pages(app: FastAPI) -> Pages:
    """Return what the pages work with, of an application that runs."""
    services: Services = app.state.services

    async def opening(agent_id: str, thread_id: str) -> Opening:
        return await agent_opening(services, agent_id, thread_id)

    return Pages(services.threads, services.calls, OwnApi(app), opening)


class OwnApi:
    """Asks the application's own routes, without a socket between.

    Whoever sees a page was let in by `ClosedByDefault`, so what the page asks is let in as well.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        upload: Upload | None = None,
        key: str | None = None,
    ) -> Any:
        """Return the answer's JSON.

        Raises:
            Refused: the answer is an error, or does not come in time.
        """
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        headers = {"Idempotency-Key": key} if key else None
        files = {"file": (upload.name, upload.content)} if upload else None
        transport = httpx.ASGITransport(self._from_page, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            try:
                async with asyncio.timeout(DEADLINE_SECS):
                    answer = await client.request(
                        method, path, params=given, json=body, files=files, headers=headers
                    )
            except TimeoutError:
                raise Refused(f"There was no answer in {DEADLINE_SECS:g} seconds.") from None
        try:
            content = answer.json() if answer.content else None
        except ValueError:
            content = None
        if answer.is_error:
            raise Refused(words(answer.status_code, content))
        return content

    async def _from_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, FROM_PAGE: True}, receive, send)


def words(status: int, answer: Any) -> str:
    """Return what an error says, in whichever of the API's shapes it is."""
    detail = answer.get("detail") if isinstance(answer, Mapping) else None
    if isinstance(detail, str):
        return detail
    if isinstance(detail, Mapping):
        return str(detail.get("message") or detail)
    if isinstance(detail, list):
        return " ".join(_problem(one) for one in detail)
    return f"The server answered with status {status}."


def _problem(problem: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in problem["loc"] if step != "body")
    said = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{where}: {said}." if where else f"{said}."


async def agent_opening(services: Services, agent_id: str, thread_id: str) -> Opening:
    """Make an agent ready for a conversation in the playground.

    Raises:
        Refused: there is no such agent, or it could not speak.
    """
    try:
        agent = await services.workspace.agents.get(agent_id)
        ready = await prepare(services, agent, ClientData(), thread_id)
    except NoSuchResource:
        raise Refused(f"There is no agent {agent_id!r}.") from None
    except Unusable as error:
        raise Refused(str(error)) from None
    await remember(services, ready, thread_id, "playground")
    values = ready.opening(conversation_id(thread_id), "browser", None)
    return Opening(ready.graph, values)
