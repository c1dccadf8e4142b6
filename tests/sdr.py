"""A sales conversation in writing, for tests: the real desk on a database of its own."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from graphs.call_actions import action_of
from graphs.sdr.agent import Agent, Llm, agent_of
from graphs.sdr.graph import build
from graphs.threads import Begin, Event, Reply, Snapshot, Threads
from settings import Settings
from store.bookings import Bookings
from store.database import open_checkpointer, open_database
from store.effects import Effects
from tools.desk import Desk, open_desk
from tools.organisation import load_organisation

CALLER = "+15550100999"
OPEN = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
"""A Monday, ten in the morning in New York."""
CLOSED = datetime(2027, 2, 28, 15, 0, tzinfo=UTC)
"""The Sunday before."""


def real_time() -> datetime:
    return datetime.now(UTC)


def agent(**changes: Any) -> Agent:
    """The shipped agent, changed."""
    name = "lanternfield"
    made = agent_of(load_organisation(name, Path("nowhere")), name, Llm())
    return Agent.model_validate({**made.model_dump(), **changes})


class Conversation:
    """One conversation."""

    def __init__(self, threads: Threads, desk: Desk, bookings: Bookings, thread_id: str) -> None:
        self.threads = threads
        self.desk = desk
        self.bookings = bookings
        self.thread_id = thread_id
        self.snapshot: Snapshot | None = None

    async def turn(self, said: Any) -> str:
        """Run a turn and return what the agent says."""
        replies = []
        async for event in self.threads.turn("sdr", self.thread_id, said):
            if isinstance(event, Reply):
                replies.append(event.text)
            if isinstance(event, Snapshot):
                self.snapshot = event
        return " ".join(replies)

    async def say(self, text: str) -> str:
        return await self.turn(HumanMessage(text))

    async def open(self, **values: Any) -> str:
        return await self.turn(Begin({"direction": "inbound", "caller": CALLER, **values}))

    async def event(self, kind: Any) -> str:
        return await self.turn(Event(kind))

    @property
    def values(self) -> Mapping[str, Any]:
        assert self.snapshot is not None
        return self.snapshot.values

    @property
    def last(self) -> AIMessage:
        """The last message of the agent."""
        assert self.snapshot is not None
        return next(m for m in reversed(self.snapshot.messages) if isinstance(m, AIMessage))

    @property
    def action(self) -> Any:
        return action_of(self.last)


@contextlib.asynccontextmanager
async def conversation(
    folder: Path, *, clock: Callable[[], datetime] = real_time, **settings: Any
) -> AsyncIterator[Conversation]:
    """Open a conversation on a database in a folder."""
    made = Settings(_env_file=None, data_dir=folder, call_countries="US", **settings)
    async with (
        open_database(made.data_dir, None) as engine,
        open_checkpointer(made.data_dir, None) as saver,
        open_desk(made, engine) as desk,
    ):
        threads = Threads(
            {"sdr": build(clock)}, saver, journal=Effects(engine), configurable={"desk": desk}
        )
        yield Conversation(threads, desk, Bookings(engine), "t")
