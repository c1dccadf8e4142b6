"""What calls come to: counts, durations, outcomes, latency, cost; pure, over records of calls."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from graphs.stocks.track_record import wilson
from store.calls import Call

STAGES: Final = ("endpoint_ms", "graph_ms", "tts_ms", "total_ms", "ear_ms")
Z95: Final = 1.959963984540054
"""Standard normal quantile of a 95 % interval."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least a share of the values does not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    at = max(0, -int(-share * len(ordered) // 1) - 1)
    return ordered[min(at, len(ordered) - 1)]


def analytics(
    calls: Iterable[Call],
    *,
    zone: str = "UTC",
    prices: Mapping[str, Decimal] | None = None,
) -> dict[str, Any]:
    """Sum up calls.

    Args:
        calls: any.
        zone: in which days and hours are counted.
        prices: of a minute, by part that is used (`carrier`, `stt`, `tts`, `llm`); nothing is
            assumed of a part that has none.
    """
    found, place = list(calls), ZoneInfo(zone)
    ended = [call for call in found if call.ended_at]
    seconds = [_seconds(call) for call in ended if call.unanswered is None]
    begun = [call.started_at.astimezone(place) for call in found]
    hours = Counter(moment.hour for moment in begun)
    outcomes = Counter(call.outcome or "none" for call in ended)
    by_agent: dict[str, list[Call]] = {}
    for call in ended:
        by_agent.setdefault(call.agent_id or call.graph, []).append(call)
    return {
        "calls": len(found),
        "in_progress": len(found) - len(ended),
        "per_day": dict(sorted(Counter(moment.date().isoformat() for moment in begun).items())),
        "per_hour": [hours[hour] for hour in range(24)],
        "directions": dict(Counter(call.direction for call in found)),
        "statuses": dict(Counter(call.status for call in found)),
        "outcomes": dict(outcomes.most_common()),
        "eligible": _share(_eligible(ended)),
        "unanswered": dict(Counter(call.unanswered for call in ended if call.unanswered)),
        "answered_by": dict(Counter(call.answered_by for call in ended if call.answered_by)),
        "failures": dict(Counter(call.failure for call in ended if call.failure).most_common(20)),
        "duration_secs": {
            "total": round(sum(seconds), 1),
            "median": round(median(seconds), 1) if seconds else None,
            "p95": percentile(seconds, 0.95),
        },
        "latency_ms": {stage: _latency(found, stage) for stage in STAGES},
        "funnel": _funnel(found),
        "cost": _cost(seconds, prices or {}),
        "agents": {
            name: {
                "calls": len(held),
                "outcomes": dict(Counter(call.outcome or "none" for call in held)),
                "completed": _share([call.status == "completed" for call in held]),
            }
            for name, held in sorted(by_agent.items())
        },
    }


def standings(states: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum up where conversations stand, by the states of their graphs.

    Args:
        states: of ended conversations. A graph that decides keeps `outcome` and `reasons`, one
            that goes through phases `phase` or `stage`.
    """
    found = list(states)
    refused = [state for state in found if state.get("outcome") == "not_eligible"]
    reasons = Counter(str(why) for state in refused for why in state.get("reasons") or ())
    phases = Counter(str(state.get("phase") or state.get("stage") or "none") for state in found)
    return {
        "of": len(found),
        "refused": len(refused),
        "refusals": dict(reasons.most_common()),
        "phases": dict(phases.most_common()),
    }


def _eligible(ended: Sequence[Call]) -> list[bool]:
    """Return of the interviews that came to a decision whether it was eligible."""
    decided = {"eligible": True, "not_eligible": False}
    return [decided[call.outcome] for call in ended if call.outcome in decided]


def _share(each: Sequence[bool]) -> dict[str, Any]:
    measured = sum(each) / len(each) if each else 0.0
    low, high = wilson(measured, len(each), Z95)
    share = round(measured, 4) if each else None
    return {"of": len(each), "share": share, "interval": [round(low, 4), round(high, 4)]}


def _funnel(calls: Sequence[Call]) -> dict[str, int]:
    """Return how many calls came how far: placed or rung, taken, spoken on, brought to a result."""
    return {
        "begun": len(calls),
        "connected": sum(bool(call.transcript) or call.status == "in-progress" for call in calls),
        "spoken": sum(any(said.role == "caller" for said in call.transcript) for call in calls),
        "with_outcome": sum(call.outcome is not None for call in calls),
    }


def _latency(calls: Sequence[Call], stage: str) -> dict[str, Any]:
    values = [
        value
        for call in calls
        for turn in call.latency
        if (value := getattr(turn, stage)) is not None
    ]
    shown = {f"p{share}": percentile(values, share / 100) for share in (50, 95, 99)}
    return {"turns": len(values), **shown}


def _cost(seconds: Sequence[float], prices: Mapping[str, Decimal]) -> dict[str, Any]:
    """Return an estimate of what the minutes come to; None where no price is known."""
    if not prices:
        return {"total": None, "parts": {}}
    minutes = Decimal(str(round(sum(seconds) / 60, 4)))
    parts = {part: minutes * price for part, price in prices.items()}
    return {
        "total": str(round(sum(parts.values(), Decimal(0)), 4)),
        "parts": {part: str(round(cost, 4)) for part, cost in parts.items()},
    }


def _seconds(call: Call) -> float:
    return (call.ended_at - call.started_at).total_seconds() if call.ended_at else 0.0
