"""The whole application rung by the phone lab in virtual time, with the embedded speech models."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.app import create_app
from server.housekeeping import delete_expired
from settings import Settings
from tests.phone.call_graphs import GREETING, LAST, SECOND, interview
from voice.flight_replay import replay
from voice.phonelab import Faults, PhoneLab, ScriptedCaller
from voice.phonelab.virtual_time import run

LINES = ["Yes, I am salaried.", "I live in Mumbai."]


def rung(
    folder: Path, faults: Faults | None = None, **more: bool
) -> tuple[list[tuple[str, str]], float]:
    """Ring the application once: who said what, and for how many virtual seconds."""
    settings = Settings(data_dir=folder, default_graph="interview", _env_file=None, **more)  # type: ignore[arg-type]
    app = create_app(settings, {"interview": interview()})

    async def ring() -> tuple[list[tuple[str, str]], float]:
        async with app.router.lifespan_context(app):
            async with PhoneLab(auth_token=None, app=app, faults=faults) as lab:
                caller = ScriptedCaller(LINES)
                call = await lab.ring("http://127.0.0.1/voice/incoming", caller).wait()
            assert call.errors == []
            assert caller.failure is None
            record = await app.state.services.calls.get(call.sid)
            return [(said.role, said.text) for said in record.transcript], call.line.seconds

    return run(ring())


def test_a_call_is_held_from_webhook_to_last_word(tmp_path: Path) -> None:
    said, seconds = rung(tmp_path)
    assert seconds > 8
    assert [text for role, text in said if role == "bot"] == [GREETING, SECOND, LAST]
    assert [role for role, _ in said] == ["bot", "caller", "bot", "caller", "bot"]


def test_frames_that_come_twice_or_late_or_never_do_not_change_the_course_of_a_call(
    tmp_path: Path,
) -> None:
    faults = Faults(jitter_ms=30, loss=0.02, duplicates=0.02, reordered=0.02)
    said, _ = rung(tmp_path, faults)
    assert [text for role, text in said if role == "bot"] == [GREETING, SECOND, LAST]


def test_a_call_with_the_embedded_models_is_held_again_from_its_flight(tmp_path: Path) -> None:
    """Voice activity and the end of turns are today's verdict on the recorded voice."""
    rung(tmp_path, record_flights=True)
    again = replay(sorted((tmp_path / "recordings").glob("*.flight.jsonl")), interview())
    assert again.first_difference is None
    assert [d.what for d in again.now if d.kind == "caller"] != []


def test_a_flight_is_deleted_with_the_record_of_its_call(tmp_path: Path) -> None:
    rung(tmp_path, record_flights=True)
    settings = Settings(data_dir=tmp_path, default_graph="interview", _env_file=None)
    app = create_app(settings, {"interview": interview()})
    flights = tmp_path / "recordings"

    async def keep_house() -> list[int]:
        async with app.router.lifespan_context(app):
            counts = []
            for days in (89, 91):
                then = datetime.now(UTC) + timedelta(days=days)
                await delete_expired(settings, app.state.services, then)
                counts.append(len([*flights.iterdir()]))
            return counts

    assert run(keep_house()) == [1, 0]


async def test_the_lab_reaches_an_application_without_a_port_in_real_time_too(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path, default_graph="interview", _env_file=None)
    app = create_app(settings, {"interview": interview((LAST,))})
    async with app.router.lifespan_context(app), PhoneLab(auth_token=None, app=app) as lab:
        call = await asyncio.wait_for(lab.ring("http://127.0.0.1/voice/incoming").wait(), 30)
    assert call.errors == []
    assert lab.url == "http://phone-lab.invalid"
