"""The recording of a call: its sound, and what a disk that fails does to it."""

import asyncio
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from voice.recorder import Recorder

PACKET = 320
TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)).astype(np.int16)


async def test_a_tone_of_the_page_is_recorded_without_seams(tmp_path: Path) -> None:
    path = tmp_path / "new" / "call.wav"
    async with Recorder(path, 16000, 24000) as recorder:
        for start in range(0, len(TONE), PACKET):
            recorder.caller(TONE[start : start + PACKET].tobytes())
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 24000)
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    assert abs(len(both) - 24000) < 240
    heard = both[2400:21600, 0].astype(float)
    phase = 2 * np.pi * 440 * np.arange(len(heard)) / 24000
    waves = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    fit, *_ = np.linalg.lstsq(waves, heard, rcond=None)
    assert np.abs(heard - waves @ fit).max() < 80


async def test_what_the_client_dropped_unplayed_is_not_recorded(tmp_path: Path) -> None:
    """The bot is heard as the caller heard it: cut off, and going on later."""
    path = tmp_path / "call.wav"
    async with Recorder(path, 8000, 8000) as recorder:
        recorder.bot(np.full(16000, 1000, np.int16).tobytes())
        recorder.bot_dropped(12000)
        recorder.bot(np.full(800, 2000, np.int16).tobytes())
    with wave.open(str(path)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
    assert both[:, 1].tolist() == [1000] * 4000 + [2000] * 800


async def test_a_folder_that_cannot_be_made_is_logged_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file")
    async with Recorder(tmp_path / "taken" / "call.wav", 8000, 8000) as recorder:
        recorder.bot(bytes(3200))
    assert caplog.text.count("The recording call.wav is incomplete") == 1


async def test_a_full_disk_is_logged_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: wave.Wave_write, _frames: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wave.Wave_write, "writeframes", full)
    async with Recorder(tmp_path / "call.wav", 8000, 8000) as recorder:
        recorder.bot(bytes(3200))
    assert caplog.text.count("The recording call.wav is incomplete") == 1


async def test_a_disk_that_hangs_does_not_hold_the_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr("voice.recorder.CLOSE_SECS", 0.05)
    monkeypatch.setattr(wave.Wave_write, "writeframes", lambda *_: free.wait())
    async with asyncio.timeout(5):
        async with Recorder(tmp_path / "call.wav", 8000, 8000) as recorder:
            recorder.bot(bytes(3200))
    free.set()
    assert "The recording call.wav was not closed in time." in caplog.text


def test_a_recorder_that_never_began_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    Recorder(tmp_path / "call.wav", 8000, 8000)
    assert threading.active_count() == before
    assert not list(tmp_path.iterdir())
