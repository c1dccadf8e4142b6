"""Analytics: what is counted is what the records hold."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from graphs.stocks.track_record import wilson
from server.analytics import Z95, analytics, percentile, standings
from store.calls import Call, TurnLatency, Utterance

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def call(number: int, secs: float = 60.0, **more: Any) -> Call:
    given: dict[str, Any] = {
        "sid": f"CA{number}",
        "graph": "eligibility",
        "thread_id": str(number),
        "direction": "inbound",
        "carrier": "twilio",
        "status": "completed",
        "started_at": NOON,
        "ended_at": NOON + timedelta(seconds=secs),
        **more,
    }
    return Call(**given)


def test_an_interval_is_that_of_the_textbook() -> None:
    low, high = wilson(0.8, 10, Z95)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3, 1, 2, 4], 0.5) == 2
    assert percentile([*range(1, 101)], 0.95) == 95
    assert percentile([7], 0.99) == 7


def test_hours_and_days_are_those_of_the_zone() -> None:
    late = call(1, started_at=NOON.replace(hour=20), ended_at=NOON.replace(hour=21))
    found = analytics([late], zone="Asia/Kolkata")
    assert found["per_day"] == {"2026-11-22": 1}
    assert found["per_hour"][1] == 1


def test_nothing_is_found_in_nothing() -> None:
    found = analytics([])
    assert (found["calls"], found["eligible"]["share"]) == (0, None)
    assert found["eligible"]["interval"] == [0.0, 1.0]
    assert found["cost"]["total"] is None


def test_calls_are_counted_by_how_they_went() -> None:
    said = [Utterance(role="caller", text="Yes.", at=NOON)]
    latency = [TurnLatency(turn=1, ear_ms=800.0), TurnLatency(turn=2, ear_ms=600.0)]
    found = analytics(
        [
            call(1, outcome="eligible", transcript=said, latency=latency),
            call(2, 120, outcome="not_eligible", transcript=said),
            call(3, 0, status="failed", unanswered="busy", failure="The line was busy."),
            call(4, ended_at=None, status="in-progress"),
        ],
        prices={"carrier": Decimal("0.01")},
    )
    assert (found["calls"], found["in_progress"]) == (4, 1)
    assert (found["eligible"]["of"], found["eligible"]["share"]) == (2, 0.5)
    assert found["unanswered"] == {"busy": 1}
    assert found["duration_secs"]["total"] == 180.0
    assert found["latency_ms"]["ear_ms"]["p50"] == 600.0
    assert found["funnel"] == {"begun": 4, "connected": 3, "spoken": 2, "with_outcome": 2}
    assert found["cost"] == {"total": "0.0300", "parts": {"carrier": "0.0300"}}


def test_reasons_are_counted_of_refusals_only_and_phases_of_every_conversation() -> None:
    found = standings(
        [
            {"outcome": "not_eligible", "reasons": ["salary", "city"], "stage": "not_eligible"},
            {"outcome": "needs_human", "reasons": ["salary"], "stage": "needs_human"},
            {"phase": "ACTIVE"},
            {},
        ]
    )
    assert (found["of"], found["refused"]) == (4, 1)
    assert found["refusals"] == {"salary": 1, "city": 1}
    assert found["phases"] == {"not_eligible": 1, "needs_human": 1, "ACTIVE": 1, "none": 1}
