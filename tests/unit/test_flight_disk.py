"""A flight on a disk that hangs."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from settings import Settings
from store.calls import Call
from voice.flight import FlightRecorder


async def test_a_call_ends_though_the_disk_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing bounded the wait: the call stayed among those that go on, for ever."""
    hangs = threading.Event()
    monkeypatch.setattr("voice.flight.CLOSE_SECS", 0.05)
    monkeypatch.setattr(FlightRecorder, "_write", lambda *_: hangs.wait(30))
    call = Call(
        sid="CA1",
        graph="sdr",
        thread_id="t",
        direction="inbound",
        carrier="twilio",
        status="in-progress",
        started_at=datetime.now(UTC),
    )
    try:
        async with asyncio.timeout(5), FlightRecorder(tmp_path, call, Settings(), 8000):
            pass
    finally:
        hangs.set()
    assert "was not written in time" in caplog.text
