"""What a client tells beside its words, in writing and in speech alike."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from langchain_core.messages import BaseMessage, SystemMessage

from faults import places
from graphs.threads import Threads
from server.convai.event_socket import EventSocket
from tools.client_tools import Client

log = logging.getLogger(__name__)

MOST_NOTES = 32
"""Contextual updates that may wait for the turn that goes on."""


class ClientEvents:
    """Takes the events of a client that are no words: what its tools did, what it knows.

    Args:
        socket: the client.
        threads: where the graph runs.
        graph: its name.
        thread_id: of the conversation.
        max_chars: longest text that is taken, in characters.
    """

    def __init__(
        self, socket: EventSocket, threads: Threads, graph: str, thread_id: str, max_chars: int
    ) -> None:
        self._socket = socket
        self._threads = threads
        self._at = (graph, thread_id)
        self._max_chars = max_chars
        self._noting: set[asyncio.Task[None]] = set()
        self.client: Client | None = None
        """What has tools of its own, once it is connected."""

    async def ask(
        self, name: str, call_id: str, arguments: Mapping[str, Any], expects_response: bool
    ) -> None:
        """Have the client use one of its tools."""
        call = {
            "tool_name": name,
            "tool_call_id": call_id,
            "parameters": dict(arguments),
            "expects_response": expects_response,
        }
        await self._socket.send("client_tool_call", client_tool_call=call)

    async def take(self, event: Mapping[str, Any]) -> bool:
        """Take an event; returns whether it was one of these.

        Raises:
            CutOff: the client goes on sending what cannot be taken.
        """
        match event.get("type"):
            case "client_tool_result":
                await self._answered(event)
            case "contextual_update":
                text = await self.words(event)
                if text and len(self._noting) < MOST_NOTES:
                    task = asyncio.create_task(self.know(text), name="contextual-update")
                    self._noting.add(task)
                    task.add_done_callback(self._noting.discard)
                elif text:
                    await self._socket.complain(f"More than {MOST_NOTES} contextual updates wait.")
            case "pong" | "feedback" | "user_activity":
                pass
            case _:
                return False
        return True

    async def words(self, event: Mapping[str, Any]) -> str:
        """Return the text of an event; empty where it has none that can be taken.

        Raises:
            CutOff: the client goes on sending what cannot be taken.
        """
        text = event.get("text")
        if not isinstance(text, str):
            await self._socket.complain(f"{event.get('type')}: text: expected a string.")
            return ""
        if len(text) > self._max_chars:
            await self._socket.complain(
                f"{event.get('type')}: text: expected at most {self._max_chars} characters."
            )
            return ""
        return text.strip()

    async def settle(self) -> None:
        """Wait until what the client knows is on the thread."""
        await asyncio.gather(*self._noting, return_exceptions=True)

    async def _answered(self, event: Mapping[str, Any]) -> None:
        call_id, result = event.get("tool_call_id"), event.get("result")
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        known = self.client is not None and self.client.answered(
            str(call_id), text, failed=event.get("is_error") is True
        )
        if not known:
            await self._socket.complain("client_tool_result: tool_call_id: nothing was asked so.")

    async def know(self, text: str) -> None:
        """Put what a client knows on the thread, for the model to read; nothing is answered."""

        def noted(messages: list[BaseMessage]) -> list[BaseMessage]:
            return [*messages, SystemMessage(text, id=str(uuid4()), name="contextual_update")]

        try:
            await self._threads.amend(*self._at, noted)
        except Exception as error:  # a database that is away, a turn that does not end
            log.error("What a client knows was not kept: %s", places(error))
