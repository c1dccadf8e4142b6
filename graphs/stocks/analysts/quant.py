"""Analysts that are code: what they read in a panel of closing prices, and how sure they are.

Each is a pure, causal function from closes, shape (sessions, symbols), to scores of the same shape,
NaN where the history is too short. A score says how far a symbol stands out among those of its
day; `stated` makes a probability of it. The slope is stated too boldly or too timidly: the track
record corrects it. What is at row t depends on rows up to t only, which a test checks.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from graphs.stocks.track_record import Floats, expit

YEAR, MONTH, WEEK = 252, 21, 5
"""Sessions."""
SLOPE: Final = 0.2
"""Log-odds stated for each standard deviation from the others of the day."""

Signal = Callable[[Floats], Floats]


def momentum(closes: Floats) -> Floats:
    """Return over a year but its last month (Jegadeesh and Titman, 1993)."""
    return _ratio(_ago(closes, MONTH), _ago(closes, YEAR))


def mean_reversion(closes: Floats) -> Floats:
    """Fall over the last week (Lehmann, 1990)."""
    return -_ratio(closes, _ago(closes, WEEK))


def breakout(closes: Floats) -> Floats:
    """Nearness to the highest close of a year (George and Hwang, 2004)."""
    return _ratio(closes, _rolling(closes, YEAR, np.max))


def low_volatility(closes: Floats) -> Floats:
    """Calm of the daily returns of a quarter (Ang et al., 2006)."""
    returns = np.full_like(closes, np.nan)
    returns[1:] = closes[1:] / closes[:-1] - 1.0
    return -_rolling(returns, 3 * MONTH, np.std)


def drawdown(closes: Floats) -> Floats:
    """Shallowness of the deepest fall from a high within half a year."""
    return _rolling(closes, YEAR // 2, _deepest)


SIGNALS: Final[Mapping[str, Signal]] = {
    "momentum": momentum,
    "mean_reversion": mean_reversion,
    "breakout": breakout,
    "low_volatility": low_volatility,
    "drawdown": drawdown,
}
"""Every analyst that needs closes only, by name."""


def stated(scores: Floats) -> Floats:
    """Return the probability of beating the others, of the shape given; NaN where there is none.

    A day on which fewer than two symbols have a score tells nothing about any of them.
    """
    known = np.isfinite(scores)
    count = known.sum(axis=1, keepdims=True)
    filled = np.where(known, scores, 0.0)
    middle = filled.sum(axis=1, keepdims=True) / np.maximum(count, 1)
    apart = np.where(known, scores - middle, 0.0)
    spread = np.sqrt((apart**2).sum(axis=1, keepdims=True) / np.maximum(count - 1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.clip(apart / spread, -3.0, 3.0)
    return np.where(known & (count > 1) & (spread > 0), expit(SLOPE * z), np.nan)


def _ratio(now: Floats, before: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(now / before - 1.0)


def _ago(closes: Floats, sessions: int) -> Floats:
    shifted = np.full_like(closes, np.nan)
    shifted[sessions:] = closes[:-sessions]
    return shifted


def _rolling(values: Floats, sessions: int, measure: Callable[..., Floats]) -> Floats:
    found = np.full_like(values, np.nan)
    if len(values) >= sessions:
        found[sessions - 1 :] = measure(sliding_window_view(values, sessions, axis=0), axis=-1)
    return found


def _deepest(windows: Floats, axis: int) -> Floats:
    highs = np.maximum.accumulate(windows, axis=axis)
    return np.asarray((windows / highs - 1.0).min(axis=axis))
