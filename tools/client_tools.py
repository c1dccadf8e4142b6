"""Client tools: the program at the other end of a socket does it, and says what came of it.

The program is connected to this process as long as the conversation lasts. A tool of its own is
offered to the model only then: on the telephone there is nobody to do it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import jsonschema
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from tools.conversation import Conversation
from tools.effects import IdempotencyKey, declared
from tools.specs import ClientTool
from tools.webhook import MOST_CHARS, checked, value_of

Send = Callable[[str, str, Mapping[str, Any], bool], Awaitable[None]]
"""Asks the program for something: name of the tool, id of the call, arguments, whether it is to
answer."""


class Client:
    """The program at the other end of one conversation.

    Args:
        send: asks it for something; raises when it has gone.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._asked: dict[str, asyncio.Future[tuple[str, bool]]] = {}

    async def call(self, spec: ClientTool, call_id: str, arguments: Mapping[str, Any]) -> str:
        """Have it do something; returns what it answers, or that it was asked.

        Raises:
            ToolException: it has gone, does not answer in time, or says that it failed.
        """
        answer = self._asked.setdefault(call_id, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(spec.response_timeout_secs):
                await self._send(spec.name, call_id, arguments, spec.expects_response)
                if not spec.expects_response:
                    return "The program was asked to do it."
                text, failed = await answer
        except TimeoutError:
            secs = f"{spec.response_timeout_secs:g}"
            raise ToolException(f"{spec.name} did not answer in {secs} seconds.") from None
        except (RuntimeError, OSError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and not answer.cancelled():
                raise
            raise ToolException(f"{spec.name}: the program has gone.") from None
        finally:
            self._asked.pop(call_id, None)
        if failed:
            raise ToolException(f"{spec.name} failed: {text}")
        return text

    def answered(self, call_id: str, text: str, *, failed: bool) -> bool:
        """Take its answer; returns whether that was asked and not yet answered."""
        answer = self._asked.get(call_id)
        if answer is None or answer.done():
            return False
        shown = text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "\n[the rest was too long]"
        answer.set_result((shown or "Done.", failed))
        return True

    def gone(self) -> None:
        """Let nobody wait any longer: it has left."""
        for answer in self._asked.values():
            answer.cancel()


class Clients:
    """The programs that are connected to this process."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}

    def of(self, conversation_id: str) -> Client | None:
        """Return the program of a conversation; None where there is none."""
        return self._clients.get(conversation_id)

    @contextlib.contextmanager
    def connected(self, conversation_id: str, send: Send) -> Iterator[Client]:
        """Let the tools of a conversation reach its program while the context lasts."""
        client = self._clients[conversation_id] = Client(send)
        try:
            yield client
        finally:
            client.gone()
            if self._clients.get(conversation_id) is client:
                del self._clients[conversation_id]


def client_tool(spec: ClientTool, client: Client, conversation: Conversation) -> BaseTool:
    """Make the tool that a spec describes; it may act, so it waits until the turn stands."""
    variables, schema = conversation.variables, spec.parameters.schema_for_model()
    checker = jsonschema.Draft202012Validator(schema)

    async def act(key: IdempotencyKey, **arguments: Any) -> str:
        checked(checker, arguments)
        try:
            given = value_of("all", spec.parameters, {"all": arguments}, variables, True) or {}
        except KeyError as error:
            raise ToolException(
                f"The variable {error} is not known in this conversation."
            ) from None
        return await client.call(spec, str(key), given)

    made = StructuredTool.from_function(
        coroutine=act, name=spec.name, description=spec.description, args_schema=schema
    )
    return declared(made, True)
