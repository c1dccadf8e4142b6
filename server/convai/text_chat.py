"""A conversation in writing over ElevenLabs' socket: its events in, its events out."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from fastapi import WebSocketDisconnect
from langchain_core.messages import HumanMessage

from graphs.threads import Asked, Begin, Reply, Said, Snapshot, Threads, Token, ToolRun
from server.convai.client_events import ClientEvents
from server.convai.event_socket import CutOff, EventSocket
from voice.reception import agent_language, last_words, own_longest_secs
from voice.record import CallLog

PING_SECS: Final = 20.0
"""How often a client is asked whether it is there, in seconds."""
IDLE_SECS: Final = 600.0
"""Longest wait for the next words of a client, in seconds: each conversation holds a room."""
LONGEST_SECS: Final = 3600.0
"""Longest conversation of an agent that sets no limit, in seconds."""
MAX_WAITING: Final = 32
"""Messages of a client that wait for their turn; one that sends more is cut off."""


class TextChat:
    """Holds one conversation until either side ends it.

    Args:
        socket: the client.
        threads: where the graph runs.
        call_log: the record; names graph and thread.
        events: takes what is no words.

    It ends, between two turns, when it has lasted as long as the agent lets it, or when nothing is
    said for a while.
    """

    def __init__(
        self,
        socket: EventSocket,
        threads: Threads,
        call_log: CallLog,
        events: ClientEvents,
    ) -> None:
        self._socket = socket
        self._threads = threads
        self._log = call_log
        self._at = (call_log.call.graph, call_log.call.thread_id)
        self._events = events
        longest = own_longest_secs(call_log.call) or LONGEST_SECS
        self._until = asyncio.get_running_loop().time() + longest
        self._inputs: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MAX_WAITING)

    async def run(self, first: dict[str, Any] | None) -> str:
        """Hold the conversation; returns why it ended.

        That is `done`, `hangup`, `silence` or `too_long`.

        Args:
            first: a message that came before the conversation began, if any.

        Raises:
            CutOff: the client sends what cannot be taken, or more than can be answered.
            Exception: a turn of the graph failed.
        """
        reading = asyncio.create_task(self._read(), name="convai-read")
        pinging = asyncio.create_task(self._ping(), name="convai-ping")
        talking = asyncio.create_task(self._talk(), name="convai-talk")
        try:
            if first:
                await self._take(first)
            await asyncio.wait({reading, talking}, return_when=asyncio.FIRST_COMPLETED)
            return await (talking if talking.done() else reading)
        except WebSocketDisconnect:
            return "hangup"
        finally:
            for task in (reading, pinging, talking):
                task.cancel()
            await asyncio.gather(reading, pinging, talking, return_exceptions=True)

    async def _read(self) -> str:
        while True:
            await self._take(await self._socket.receive())

    async def _take(self, event: Mapping[str, Any]) -> None:
        """Put words into their order; what is none is taken at once."""
        if event.get("type") not in ("user_message", "contextual_update"):
            await self._events.take(event)
        elif text := await self._events.words(event):
            try:
                self._inputs.put_nowait((str(event["type"]), text))
            except asyncio.QueueFull:
                raise CutOff(f"More than {MAX_WAITING} messages wait for their answer.") from None

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECS)
            about = {"event_id": self._socket.next_event(), "ping_ms": None}
            await self._socket.send("ping", ping_event=about)

    async def _talk(self) -> str:
        done = await self._turn(Begin(self._log.call.opening))
        while not done:
            try:
                kind, text = await self._next()
            except TimeoutError:
                if asyncio.get_running_loop().time() < self._until:
                    return "silence"
                await self._time_is_up()
                return "too_long"
            if kind == "contextual_update":
                await self._events.know(text)
            else:
                self._log.caller_said(text, "text")
                done = await self._turn(HumanMessage(text, id=str(uuid4())))
        return "done"

    async def _next(self) -> tuple[str, str]:
        """Return what the client says next.

        Raises:
            TimeoutError: it says nothing for too long, or its time is up.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            raise TimeoutError
        async with asyncio.timeout_at(min(self._until, now + IDLE_SECS)):
            return await self._inputs.get()

    async def _time_is_up(self) -> None:
        """Say that the conversation has lasted as long as it may."""
        call = self._log.call
        language = agent_language(call) or "en"
        words = last_words(call, language)
        await self._parts(words, streamed=False)
        await self._responses([words])
        self._said(str(uuid4()), words)

    async def _turn(self, said: Said) -> bool:
        """Run a turn and send what it says; returns whether the conversation is over."""
        streaming: str | None = None
        told: list[str] = []
        async with contextlib.aclosing(self._threads.turn(*self._at, said)) as turn:
            try:
                async for event in turn:
                    match event:
                        case Token(message_id, text, True):
                            if streaming != message_id:
                                await self._part("start")
                                streaming = message_id
                            await self._part("delta", text)
                        case Reply(message_id, text):
                            await self._parts(text, streamed=streaming == message_id)
                            streaming = None
                            self._said(message_id, text)
                            told.append(text)
                        case Asked(interrupt_id, text):
                            await self._parts(text, streamed=False)
                            self._said(interrupt_id, text)
                            told.append(text)
                        case Snapshot():  # committed
                            await self._responses(told)
                            self._log.outcome(event.outcome)
                            return event.done
                        case ToolRun():  # which takes its time
                            await self._responses(told)
            except Exception:
                await self._responses(told)
                raise
        return False

    async def _parts(self, text: str, *, streamed: bool) -> None:
        """Send what is said as it comes."""
        if not streamed:
            await self._part("start")
            await self._part("delta", text)
        await self._part("stop")

    async def _responses(self, told: list[str]) -> None:
        """Send what was said, each as a whole; the last of a turn once it is on the thread."""
        while told:
            response = {"agent_response": told.pop(0), "event_id": self._socket.next_event()}
            await self._socket.send("agent_response", agent_response_event=response)

    async def _part(self, kind: str, text: str = "") -> None:
        part = {"text": text, "type": kind, "event_id": self._socket.next_event()}
        await self._socket.send("agent_chat_response_part", text_response_part=part)

    def _said(self, message_id: str, text: str) -> None:
        self._log.bot_says(message_id)
        self._log.heard(message_id, text, whole=True)
