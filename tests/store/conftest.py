"""The places in which records are kept: a data folder, and a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.checkpoints import Checkpoints
from store.database import open_checkpointer
from tests.postgres import cluster, database


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL of these tests' own, without databases."""
    with cluster() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """`DATABASE_URL`: None for SQLite in the data folder, else an empty PostgreSQL database."""
    if request.param == "sqlite":
        return None
    return database(request.getfixturevalue("postgres"))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data folder."""
    return tmp_path / "data"


@pytest.fixture
async def saver(data_dir: Path, database_url: str | None) -> AsyncIterator[Checkpoints]:
    """LangGraph's checkpoints, opened."""
    async with open_checkpointer(data_dir, database_url) as saver:
        yield saver
