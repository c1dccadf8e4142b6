"""What is said of a run: what may be bought and how sure that is, who disagrees, what fell out.

About 40 seconds of speech. Every figure is from the run; where nothing is to be bought it says why.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from graphs.stocks.opinion import SILENT
from graphs.stocks.risk import Sized
from graphs.stocks.state import Json, State
from tools.limits import Limits

GREETING: Final = (
    "I ask many analysts about stocks, weigh them by what they were worth so far, and order "
    "nothing without your yes. Ask: what should I buy? Or name some symbols."
)
_ORDINALS: Final = ("First", "Second", "Third")
_NUMBERS: Final = ("none", "one", "two", "three", "four", "five")


def briefing(state: State, limits: Limits, *, recorded: bool, horizon: int) -> str:
    """Return what is said of a run."""
    sized = [Sized.model_validate(row) for row in state.get("sized") or []]
    picks = [one for one in sized if one.shares > 0]
    by_symbol = {row["symbol"]: row for row in state.get("consensus") or []}
    parts = [_dated(state, recorded=recorded)]
    if picks:
        parts.append(_proposal(picks, by_symbol, horizon))
        parts.append(_edge(state, picks))
        parts.append(_dissent(picks, by_symbol))
    elif state.get("broker_silent"):
        parts.append("The broker does not say what the account holds, so nothing is proposed.")
        return " ".join(parts)
    else:
        parts.append("There is nothing to buy.")
    parts.append(_fallen(state, sized, by_symbol, limits))
    parts.append(_unheard(state))
    if stale := state.get("stale"):
        names = _listed(sorted({one["analyst"] for one in stale}))
        parts.append(f"What {names} said earlier counts for nothing.")
    if failed := state.get("sources_failed"):
        parts.append(f"Not everything was told: {failed[0]['provider']} failed.")
    return " ".join(part for part in parts if part)


def _dated(state: State, *, recorded: bool) -> str:
    day = _day(date.fromisoformat(state["session"]))
    if recorded:
        return f"These are recorded prices of the past, closes of {day}, not today's."
    return f"By the closes of {day}:"


def _proposal(picks: Sequence[Sized], by_symbol: Mapping[str, Json], horizon: int) -> str:
    said = []
    for i, one in enumerate(picks):
        belief = by_symbol[one.symbol]
        place = f"{_ORDINALS[i]}: " if len(picks) > 1 and i < len(_ORDINALS) else ""
        share = "share" if one.shares == 1 else "shares"
        said.append(
            f"{place}{one.symbol}, {one.shares:f} {share}, {one.amount:.0f} dollars; "
            f"{_in_100(belief['probability'])} in 100, between {_in_100(belief['low'])} and "
            f"{_in_100(belief['high'])}{_few(belief['states'])}."
        )
    what = "one stock" if len(picks) == 1 else f"{_count(len(picks))} stocks, each"
    return (
        f"I propose {what} with its chance of beating the index over {horizon} sessions. "
        + " ".join(said)
    )


def _few(states: Mapping[str, int]) -> str:
    """Say so where no more than half of the analysts have an opinion."""
    opinions, all_ = states.get("opinion", 0), sum(states.values())
    return f", by only {opinions} of {all_} analysts" if 2 * opinions <= all_ else ""


def _edge(state: State, picks: Sequence[Sized]) -> str:
    base = state.get("base_rate")
    if base is None:
        return "The analysts have no record yet, so little of what they say is believed."
    best = max(one.probability or 0.0 for one in picks)
    usual = f"Of all earlier forecasts {_in_100(base)} in 100 came true, whatever was said"
    return f"{usual}; so this is {'a small edge' if best - base > 0.02 else 'hardly an edge'}."


def _dissent(picks: Sequence[Sized], by_symbol: Mapping[str, Json]) -> str:
    for one in picks:
        for dissent in by_symbol[one.symbol]["dissent"]:
            if dissent["argument"]:
                name = str(dissent["analyst"]).replace("_", " ")
                return f"Against {one.symbol} speaks {name}: {dissent['argument']}"
    return "No analyst speaks against them." if len(picks) > 1 else "No analyst speaks against it."


def _fallen(
    state: State, sized: Sequence[Sized], by_symbol: Mapping[str, Json], limits: Limits
) -> str:
    """Say of each symbol that is not bought why, those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    tried = {one.symbol: one for one in sized}
    for symbol in state["symbols"]:
        one = tried.get(symbol)
        if one is not None and one.shares > 0:
            continue
        reason = _reason(symbol, one, by_symbol.get(symbol), limits)
        reasons.setdefault(reason, []).append(symbol)
    said = [f"{_listed(symbols)}: {reason}" for reason, symbols in reasons.items()]
    return " ".join(said)


def _unheard(state: State) -> str:
    """Name the models that failed or could not be understood, however few the symbols were."""
    models = [one for one in state.get("answers") or [] if one.get("model")]
    said = []
    for kind in ("failure", "parse_failure"):
        if who := sorted({one["analyst"] for one in models if one["state"] == kind}):
            said.append(f"{_listed(who)} {SILENT[kind]}.")
    return " ".join(said)


def _reason(symbol: str, one: Sized | None, belief: Json | None, limits: Limits) -> str:
    if one is not None and one.why_not:
        return one.why_not
    if belief is None or belief["probability"] is None:
        states: Mapping[str, int] = belief["states"] if belief else {}
        said = [f"{states[state]} {what}" for state, what in SILENT.items() if states.get(state)]
        return f"nobody has an opinion ({', '.join(said)})." if said else "nobody was asked."
    if belief["probability"] < limits.least_probability:
        least = limits.least_probability
        return f"less likely than the {_percent(least)} in 100 that you ask for."
    return "others are more likely."


def _percent(probability: float) -> str:
    return f"{probability * 100:.3g}"


def _in_100(probability: float) -> str:
    return f"{probability * 100:.0f}"


def _count(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else str(n)


def _listed(symbols: Sequence[str]) -> str:
    if len(symbols) == 1:
        return symbols[0]
    return f"{', '.join(symbols[:-1])} and {symbols[-1]}"


def _day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"
