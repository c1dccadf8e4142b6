"""`dialgraph stocks`: what cannot be looked at is said, and not passed over."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from settings import get_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIALGRAPH_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    return tmp_path / "data"


def test_a_journal_that_is_not_there_is_not_called_whole_nor_made(folder: Path) -> None:
    result = CliRunner().invoke(app, ["stocks", "journal", "verify"])
    assert result.exit_code == 1 and "There is no journal in" in result.output
    assert not folder.exists()


def test_a_day_in_the_future_is_not_taken_for_today() -> None:
    result = CliRunner().invoke(app, ["stocks", "discover", "--as-of", "2999-01-01"])
    assert result.exit_code == 2 and "2999-01-01 is in the future" in result.output
