"""A line for each turn and each call: who, how long, by what, for how much; and no word."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from server.turn_log import FILE, forget_calls, keep_turn_log
from settings import Settings
from store.calls import Call, LatencyPart, TurnLatency
from voice.record import CallLog

BEGAN = datetime(2026, 11, 24, 15, tzinfo=UTC)
PRICES = {"carrier": "0.60", "stt": "0.30", "other": "9"}


class Nowhere:
    """Records that nobody keeps."""

    async def save(self, call: Call) -> None:
        """Keep nothing."""


def turn(number: int, secs: float, total_ms: float) -> TurnLatency:
    part = LatencyPart(stage="graph", start_ms=0, ms=total_ms)
    at = BEGAN + timedelta(seconds=secs)
    return TurnLatency(turn=number, at=at, total_ms=total_ms, parts=[part])


async def lines(folder: Path, **settings: Any) -> list[dict[str, Any]]:
    """What is logged of a call of two turns, the first of which is measured in two steps."""
    made = Settings(_env_file=None, data_dir=folder, **settings)
    call = Call(
        sid="CA1",
        graph="sdr",
        thread_id="t",
        direction="inbound",
        carrier="twilio",
        status="ringing",
        from_number="+12125550142",
        started_at=BEGAN,
        agent_id="agent_1",
        opening={"agent": {"organisation": "acme", "llm": {"provider": "openai"}}},
    )
    beside = made.model_copy(update={"data_dir": folder / "beside"})
    with keep_turn_log(beside), keep_turn_log(made):
        log = CallLog(call, Nowhere())  # type: ignore[arg-type]
        log.open()
        log.caller_said("My name is Asha.")
        log.measured(turn(1, 10, 300))
        log.measured(turn(1, 10, 340))
        log.measured(turn(2, 30, 500))
        await log.close("completed")
    return [json.loads(line) for line in (folder / FILE).read_text().splitlines()]


async def test_each_turn_is_logged_once_with_all_that_was_measured(tmp_path: Path) -> None:
    first, second, whole = await lines(tmp_path, prices_per_minute=PRICES)
    assert [(one["turn"], one["total_ms"], one["secs"]) for one in (first, second)] == [
        (1, 340, 10), (2, 500, 20),
    ]  # fmt: skip
    assert first["stages"] == {"graph": 340}
    assert {k: first[k] for k in ("call", "agent", "organisation")} == {
        "call": "CA1", "agent": "agent_1", "organisation": "acme",
    }  # fmt: skip
    assert first["parts"] == {
        "carrier": "twilio", "stt": "embedded", "llm": "openai", "tts": "embedded",
    }  # fmt: skip
    assert (first["cost"], second["cost"]) == ("0.150000", "0.300000")  # 10 s, 20 s at 0.90
    assert (whole["turns"], whole["status"]) == (2, "completed")


async def test_without_prices_no_cost_is_made_up(tmp_path: Path) -> None:
    assert {one["cost"] for one in await lines(tmp_path)} == {None}


async def test_nothing_that_was_said_and_no_number_is_in_it(tmp_path: Path) -> None:
    shown = json.dumps(await lines(tmp_path))
    assert "Asha" not in shown and "+1212" not in shown
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


async def test_the_sid_of_a_deleted_call_is_written_over_while_others_are_logged(
    tmp_path: Path,
) -> None:
    before = await lines(tmp_path)
    (tmp_path / f"{FILE}.1").write_text('{"call": "CA1"}\n{"call": "CA12"}\n')
    with (tmp_path / FILE).open("a") as server:
        forget_calls(tmp_path, ["CA1"])
        server.write('{"call": "CA2"}\n')
    after = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    assert after == [*({**line, "call": "..."} for line in before), {"call": "CA2"}]
    assert (tmp_path / f"{FILE}.1").read_text() == '{"call": "..."}\n{"call": "CA12"}\n'
