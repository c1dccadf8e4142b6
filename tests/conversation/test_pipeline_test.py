"""`dialgraph pipeline-test`, with the real models of speech."""

import wave
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from settings import get_settings


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALGRAPH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()


def test_a_spoken_question_goes_through_every_part(tmp_path: Path) -> None:
    file = tmp_path / "answer.wav"
    done = CliRunner().invoke(app, ["pipeline-test", "--save", str(file)])
    assert done.exit_code == 0, done.output
    for part in ("speech to text", "retrieval", "agent", "first sound", "text to speech"):
        assert part in done.output
    assert "free for 14 days" in " ".join(done.output.replace("│", " ").split())
    with wave.open(str(file)) as wav:
        assert wav.getnframes() > wav.getframerate()
    again = CliRunner().invoke(app, ["pipeline-test", str(file)])  # our voice, as a recording
    assert again.exit_code == 0, again.output


def test_a_file_that_is_no_recording_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_text("no sound")
    done = CliRunner().invoke(app, ["pipeline-test", str(tmp_path / "no.wav")])
    assert done.exit_code != 0 and "cannot be read as WAV" in done.output
