"""The places in which records are kept: a data folder, and a real PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.checkpoints import Checkpoints
from store.database import open_checkpointer


@pytest.fixture
async def saver(data_dir: Path, database_url: str | None) -> AsyncIterator[Checkpoints]:
    """LangGraph's checkpoints, opened."""
    async with open_checkpointer(data_dir, database_url) as saver:
        yield saver
