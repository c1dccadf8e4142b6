"""Tools of MCP servers: a session for each conversation, closed after it, and nothing without end.

A session lives on a task of its own, for it must be closed by the task that opened it. It ends when
the conversation is said to be over, and by itself when nobody has used it for a while.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langchain_mcp_adapters.sessions import Connection, create_session
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp import ClientSession
from mcp.shared.exceptions import McpError

from faults import places
from settings import Settings
from tools.conversation import Conversation
from tools.effects import IdempotencyKey, declared
from tools.outside import NotAllowed, Outside, check_url
from tools.specs import McpServer, SecretById
from tools.webhook import Secrets, Told

log = logging.getLogger(__name__)

IDLE_SECS = 120.0
"""A session that nobody has used for so long is closed."""
OPEN_SECS = 10.0
"""Longest wait for a server to say which tools it has."""
MOST_TOOLS = 50
MOST_CHARS = 8_000
"""Most of an answer that the model is shown."""


@dataclass
class _Session:
    """One server in one conversation."""

    opened: asyncio.Future[tuple[ClientSession, list[BaseTool]]]
    over: asyncio.Event = field(default_factory=asyncio.Event)
    used: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class McpSessions:
    """The sessions with MCP servers.

    Args:
        settings: the programs that the operator has named.
        outside: the way to servers at an address.
        secrets: for their headers.
        idle_secs: see `IDLE_SECS`.
    """

    def __init__(
        self, settings: Settings, outside: Outside, secrets: Secrets, idle_secs: float = IDLE_SECS
    ) -> None:
        self._programs = settings.mcp_servers
        self._outside = outside
        self._secrets = secrets
        self._idle_secs = idle_secs
        self._sessions: dict[tuple[str, str], _Session] = {}

    async def tools(self, spec: McpServer, conversation: Conversation) -> list[BaseTool]:
        """Return the tools of a server, named `server_tool`; opens the session if need be.

        A tool that says `readOnlyHint` runs at once; every other waits until the turn is certain.

        Raises:
            McpFailed: the server cannot be reached, not in time, or may not be.
        """
        at = (conversation.id, spec.name)
        session = self._sessions.get(at)
        if session is None or session.over.is_set():
            session = _Session(asyncio.get_running_loop().create_future())
            self._sessions[at] = session
            name = f"mcp-{spec.name}"
            session.task = asyncio.create_task(
                self._hold(at, session, spec, conversation), name=name
            )
        session.used.set()
        try:
            async with asyncio.timeout(OPEN_SECS):
                _, listed = await asyncio.shield(session.opened)
        except TimeoutError:
            session.over.set()
            raise McpFailed(f"The MCP server {spec.name} did not answer.") from None
        return [_bounded(one, spec, session) for one in listed[:MOST_TOOLS]]

    async def _hold(
        self, at: tuple[str, str], session: _Session, spec: McpServer, conversation: Conversation
    ) -> None:
        """Keep a session open until it is over."""
        try:
            async with asyncio.timeout(OPEN_SECS) as opening:
                connection = await self._connection(spec, conversation)
                async with create_session(connection) as client:
                    await client.initialize()
                    listed = await load_mcp_tools(client)
                    opening.reschedule(None)
                    session.opened.set_result((client, listed))
                    await self._until_idle(session)
        except Exception as error:
            log.warning("The MCP server %s failed: %s", spec.name, places(error))
            if not session.opened.done():
                why = str(error) if isinstance(error, McpFailed | NotAllowed) else "no connection"
                session.opened.set_exception(McpFailed(f"The MCP server {spec.name}: {why}."))
                session.opened.exception()  # nobody may be waiting for it any more
        finally:
            session.over.set()
            if self._sessions.get(at) is session:
                del self._sessions[at]

    async def _until_idle(self, session: _Session) -> None:
        while not session.over.is_set():
            session.used.clear()
            waits = [asyncio.create_task(one.wait()) for one in (session.over, session.used)]
            done, pending = await asyncio.wait(
                waits, timeout=self._idle_secs, return_when=asyncio.FIRST_COMPLETED
            )
            for one in pending:
                one.cancel()
            if not done:
                return

    async def _connection(self, spec: McpServer, conversation: Conversation) -> Connection:
        if spec.url is None:
            program = self._programs.get(spec.name)
            if program is None:
                raise McpFailed("it has no address, and no program of its name is configured")
            return cast(Connection, {"transport": "stdio", **program})
        told = Told(self._secrets, conversation.id, conversation.variables)
        try:
            url = await told.value(spec.url)
            headers = await told.headers(spec.request_headers)
            if spec.secret_token is not None:
                token = await told.value(SecretById(secret_id=spec.secret_token.secret_id))
                headers["Authorization"] = f"Bearer {token}"
        except ToolException as error:
            raise McpFailed(str(error)) from None
        except KeyError as error:
            raise McpFailed(f"the variable {error} is not known") from None
        return {
            "transport": "streamable_http",
            "url": str(check_url(url)),
            "headers": headers,
            "timeout": timedelta(seconds=spec.response_timeout_secs),
            "httpx_client_factory": self._client,
        }

    def _client(self, headers: Any = None, timeout: Any = None, auth: Any = None) -> Any:
        return self._outside.new_client(headers=headers, timeout=timeout, auth=auth)

    async def close(self, conversation_id: str | None = None) -> None:
        """Close the sessions of a conversation that is over, or all."""
        tasks = []
        for (owner, _), session in list(self._sessions.items()):
            if conversation_id in (None, owner):
                session.over.set()
                tasks += [session.task] if session.task else []
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=OPEN_SECS)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)


class McpFailed(RuntimeError):
    """An MCP server cannot be used; the message says which and why."""


@contextlib.asynccontextmanager
async def open_mcp(
    settings: Settings, outside: Outside, secrets: Secrets
) -> AsyncGenerator[McpSessions]:
    """Open sessions as they are asked for, and close what is left of them at the end."""
    sessions = McpSessions(settings, outside, secrets)
    try:
        yield sessions
    finally:
        await sessions.close()


def _bounded(listed: BaseTool, spec: McpServer, session: _Session) -> BaseTool:
    """Return a tool of a server with a deadline, and failures as sentences."""
    below = cast(StructuredTool, listed)
    hints: Mapping[str, Any] = below.metadata or {}

    async def act(**arguments: Any) -> tuple[Any, Any]:
        session.used.set()
        if session.over.is_set():
            raise ToolException(f"The connection with {spec.name} is closed.")
        try:
            async with asyncio.timeout(spec.response_timeout_secs):
                assert below.coroutine is not None  # noqa: S101 - the adapter makes no other
                content, artifact = await below.coroutine(**arguments)
        except ToolException:
            raise
        except TimeoutError:
            secs = f"{spec.response_timeout_secs:g}"
            raise ToolException(f"{spec.name} did not answer in {secs} seconds.") from None
        except McpError as error:
            raise ToolException(f"{spec.name} refused: {str(error)[:500]}") from None
        except Exception as error:
            log.warning("A tool of the MCP server %s failed: %s", spec.name, places(error))
            raise ToolException(f"{spec.name} failed.") from None
        return _shortened(content), artifact

    async def act_again(key: IdempotencyKey, **arguments: Any) -> tuple[Any, Any]:
        return await act(**arguments)

    made = StructuredTool.from_function(
        coroutine=act_again if hints.get("idempotentHint") else act,
        name=f"{spec.name}_{listed.name}"[:64],
        description=(listed.description or listed.name)[:1024],
        args_schema=below.args_schema,
        response_format="content_and_artifact",
    )
    return declared(made, not hints.get("readOnlyHint", False))


def _shortened(content: Any) -> Any:
    texts = [block.get("text", "") for block in content if isinstance(block, dict)]
    whole = "\n".join(filter(None, texts))
    if len(whole) > MOST_CHARS:
        return whole[:MOST_CHARS] + "\n[the rest was too long]"
    return whole or "Done."
