"""Fixtures shared by all tests."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("LANGSMITH_TRACING", "false")
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from collections.abc import AsyncIterator, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from settings import Settings, get_settings  # noqa: E402
from tests.postgres import cluster, database  # noqa: E402

hypothesis.settings.register_profile("suite", deadline=None)  # nothing here is timed
hypothesis.settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test another try: servers, processes and real time are everywhere.

    What is wrong fails three times; what passes at last is named by the report, a race to be found.
    """
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=2))


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    """Settings that see nothing of the developer's machine and keep their data apart."""
    for name in list(os.environ):
        if name.startswith(
            ("DIALGRAPH_", "TWILIO_", "EXOTEL_", "OPENAI_", "DEEPGRAM_", "DATABASE_")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DIALGRAPH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()


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
