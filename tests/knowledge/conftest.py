"""Knowledge on a data folder, and on a real PostgreSQL."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from settings import Settings
from store.database import open_database
from tools.knowledge import Knowledge, open_knowledge
from tools.outside import Outside


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for an index that is made anew, however busy the machine is."""
    monkeypatch.setattr("tools.knowledge.knowledge.FRESH_SECS", 60.0)


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    data_dir: Path | None = None,
    database_url: str | None = None,
    outside: Outside | None = None,
) -> AsyncIterator[Knowledge]:
    """What a process of its own would open."""
    async with (
        open_database(data_dir or settings.data_dir, database_url) as engine,
        outside or Outside() as outside,
        open_knowledge(settings, engine, outside) as knowledge,
    ):
        yield knowledge


@pytest.fixture
async def knowledge(settings: Settings) -> AsyncIterator[Knowledge]:
    async with opened(settings) as knowledge:
        yield knowledge
