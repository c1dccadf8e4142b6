"""The stocks graph on threads of its own, with the real desk and the local exchange."""

import atexit
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage

from graphs.stocks.graph import build
from graphs.stocks.ledger import begin_with_history
from graphs.threads import Reply, Snapshot, Threads
from settings import Settings
from store.database import open_checkpointer, open_database
from store.effects import Effects
from tools.desk import Desk, open_desk


class Owner:
    """Somebody who asks about stocks in writing."""

    def __init__(self, threads: Threads, desk: Desk) -> None:
        self.threads, self.desk = threads, desk
        self.snapshot: Snapshot | None = None

    async def say(self, text: str | None, *, thread: str = "t", id_: str | None = None) -> str:
        """Say something and return what is said to it."""
        replies = []
        said = HumanMessage(text, id=id_) if text is not None else None
        async for event in self.threads.turn("stocks", thread, said):
            if isinstance(event, Reply):
                replies.append(event.text)
            if isinstance(event, Snapshot):
                self.snapshot = event
        return " ".join(replies)

    @property
    def values(self) -> Mapping[str, Any]:
        assert self.snapshot is not None
        return self.snapshot.values


_begun: list[Path] = []
"""A data folder on which a run has been: the record of the past takes seconds to make."""


async def begun() -> Path:
    """Return a data folder of which the record of the past is made."""
    if not _begun:
        folder = Path(tempfile.mkdtemp(prefix="begun-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        async with opened(folder) as someone:
            await begin_with_history(await someone.desk.trading(), 21)
        _begun.append(folder)
    return _begun[0]


@contextlib.asynccontextmanager
async def owner(folder: Path, **settings: Any) -> AsyncIterator[Owner]:
    """Open everything on a folder, where the record of the past is made already."""
    if not (folder / "records.sqlite").exists():
        before = await begun()
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(before / "records.sqlite", folder)
    async with opened(folder, **settings) as someone:
        yield someone


@contextlib.asynccontextmanager
async def opened(folder: Path, **settings: Any) -> AsyncIterator[Owner]:
    """Open everything on a folder."""
    made = Settings(_env_file=None, data_dir=folder, **settings)
    async with (
        open_database(made.data_dir, None) as engine,
        open_checkpointer(made.data_dir, None) as saver,
        open_desk(made, engine) as desk,
    ):
        threads = Threads(
            {"stocks": build()},
            saver,
            turn_timeout=made.turn_timeout_secs,
            journal=Effects(engine),
            configurable={"desk": desk},
        )
        yield Owner(threads, desk)
