"""Intervals and reliability as SVG; colours come from the page, so they suit dark and light."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

_ROW: Final = 30
_LEFT, _RIGHT, _WIDTH = 70, 16, 560
_SIDE: Final = 220
_EDGE: Final = 30


def intervals(consensus: Sequence[Mapping[str, Any]], least: float | None = None) -> str:
    """Draw each symbol's probability with its interval, even odds as a line.

    Args:
        consensus: `graphs.stocks.consensus.Consensus` as JSON; those without opinion say so.
        least: probability from which something is bought, if it is to be shown.
    """
    if not consensus:
        return ""
    known = [one for one in consensus if one["probability"] is not None]
    bounds = [0.5, *(float(one[end]) for one in known for end in ("low", "high"))]
    if least is not None:
        bounds.append(least)
    low, high = min(bounds) - 0.02, max(bounds) + 0.02

    def x(p: float) -> float:
        return _LEFT + (p - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    height = _ROW * len(consensus) + 34
    base = height - 28
    parts = [_line(x(0.5), 6, x(0.5), base, "even")]
    if least is not None:
        parts.append(_line(x(least), 6, x(least), base, "least"))
    for i, one in enumerate(consensus):
        parts.append(_interval(one, 6 + _ROW * i + _ROW / 2, x))
    step = 0.05 if high - low > 0.12 else 0.02 if high - low > 0.05 else 0.01
    n = int(low / step) + 1
    while n * step <= high:
        parts.append(_text(x(n * step), height - 10, f"{n * step * 100:.0f}", "middle", "axis"))
        n += 1
    said = "; ".join(_said(one) for one in consensus)
    return _svg(_WIDTH, height, f"Probability and 90 % interval. {said}", parts, "intervals")


def _interval(one: Mapping[str, Any], y: float, x: Any) -> str:
    name = _text(_LEFT - 10, y, str(one["symbol"]), "end", "name")
    if one["probability"] is None:
        return name + _text(_LEFT + 4, y, "nobody has an opinion", "start", "axis")
    low, p, high = (x(float(one[k])) for k in ("low", "probability", "high"))
    return name + _line(low, y, high, y, "reach") + f'<circle cx="{p:.1f}" cy="{y:.1f}" r="5"/>'


def _said(one: Mapping[str, Any]) -> str:
    if one["probability"] is None:
        return f"{one['symbol']}: nobody has an opinion"
    low, p, high = (f"{float(one[k]) * 100:.0f}" for k in ("low", "probability", "high"))
    return f"{one['symbol']}: {p} in 100, between {low} and {high}"


def reliability(analyst: str, bins: Sequence[Mapping[str, Any]]) -> str:
    """Draw how often came true what an analyst stated; on the diagonal it is right.

    Args:
        analyst: whose it is.
        bins: `graphs.stocks.track_record.Bin` as JSON.
    """
    reach = [float(one[end]) for one in bins for end in ("stated", "low", "high")]
    low = min([0.4, *reach]) - 0.02
    high = max([0.6, *reach]) + 0.02

    def at(p: float) -> float:
        return _EDGE + (p - low) / (high - low) * (_SIDE - _EDGE - 8)

    def up(p: float) -> float:
        return _SIDE - at(p)

    parts = [_line(at(low), up(low), at(high), up(high), "even")]
    for p in (low + 0.02, 0.5, high - 0.02):
        parts.append(_text(at(p), _SIDE - 8, f"{p * 100:.0f}", "middle", "axis"))
        parts.append(_text(_EDGE - 8, up(p), f"{p * 100:.0f}", "end", "axis"))
    for one in bins:
        stated, true = at(float(one["stated"])), up(float(one["came_true"]))
        parts.append(_line(stated, up(float(one["low"])), stated, up(float(one["high"])), "reach"))
        parts.append(
            f'<circle cx="{stated:.1f}" cy="{true:.1f}" r="4"><title>stated '
            f"{float(one['stated']) * 100:.1f}, came true {float(one['came_true']) * 100:.1f} in "
            f"100, n = {one['n']}</title></circle>"
        )
    label = f"Reliability of {analyst}: what was stated across, what came true upwards, in 100"
    return _svg(_SIDE, _SIDE, label, parts, "reliability")


def _svg(width: float, height: float, label: str, parts: Sequence[str], kind: str) -> str:
    return (
        f'<svg class="drawn {kind}" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {width:g} {height:g}" xmlns="http://www.w3.org/2000/svg" '
        f'style="max-width:{width:g}px">{"".join(parts)}</svg>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'dominant-baseline="central">{escape(text)}</text>'
    )
