"""The conversations that this server holds now."""

import asyncio
import contextlib
from collections.abc import Set

from store.calls import Call
from voice.pipeline import Conversation

DRAIN_SECS = 20.0
"""Time a call has to come to its end at shutdown, in seconds."""
RELEASE_SECS = 8.0
"""Time a call has to let go of a stream that the carrier has left, in seconds."""


class Conversations:
    """The conversations that go on, by their calls."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._held: dict[str, Conversation] = {}
        self._over = asyncio.Event()
        self._over.set()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def sids(self) -> Set[str]:
        """The calls whose stream has come."""
        return self._calls.keys()

    @property
    def going_on(self) -> Set[str]:
        """The calls whose conversation has begun."""
        return self._held.keys()

    def of(self, sid: str) -> Conversation | None:
        """Return the conversation of a call, if it goes on."""
        return self._held.get(sid)

    def on_thread(self, graph: str, thread_id: str) -> list[Call]:
        """Return the calls that go on now on a thread."""
        calls = self._calls.values()
        return [call for call in calls if (call.graph, call.thread_id) == (graph, thread_id)]

    def enter(self, call: Call) -> None:
        """Take in a call whose stream has come."""
        self._calls[call.sid] = call
        self._over.clear()

    def begin(self, call: Call, conversation: Conversation) -> None:
        """Begin to speak; others on its thread end, or two voices would speak over each other."""
        for other in self.on_thread(call.graph, call.thread_id):
            if held := self.of(other.sid):
                held.end("moved")
        self._held[call.sid] = conversation

    def release(self, sid: str) -> None:
        """Let go of a call whose stream is over."""
        self._calls.pop(sid, None)
        if held := self._held.pop(sid, None):
            held.over.set()
        if not self._calls:
            self._over.set()

    async def released(self, sid: str) -> bool:
        """End what goes on of a call whose stream has broken; whether it let go in time."""
        if held := self.of(sid):
            held.end("hangup")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RELEASE_SECS):
                    await held.over.wait()
        return sid not in self._calls

    async def drain(self) -> None:
        """Let all come to their end; then end the rest."""
        await self._until_over()
        for conversation in list(self._held.values()):
            conversation.end("shutdown")
        await self._until_over()

    async def _until_over(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECS):
                await self._over.wait()
