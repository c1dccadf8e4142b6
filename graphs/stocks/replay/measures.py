"""What a replay was worth: returns, risk and their intervals, beside holding and the index."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphs.stocks.analysts.quant import YEAR
from graphs.stocks.replay.replay import Replayed
from graphs.stocks.track_record import Floats

BLOCK = 63
"""Sessions of a block of the bootstrap, a quarter: what moves together is drawn together."""
DRAWS = 2000
LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one way of handling money, from closes to closes; an interval is of 90 %.

    Attributes:
        sessions: returns that were measured.
        yearly: return a year, compounded, as a fraction.
        yearly_interval: low and high.
        volatility: of daily returns, a year, as a fraction.
        sharpe: mean over deviation of daily returns, a year; the riskless rate is taken as 0.
        sharpe_interval: low and high.
        deepest_fall: largest fall from a high, as a fraction.
        over: return a year over that of what it is compared with, as a fraction of log-returns;
            None for that itself.
        over_interval: low and high.
    """

    sessions: int
    yearly: float
    yearly_interval: tuple[float, float]
    volatility: float
    sharpe: float
    sharpe_interval: tuple[float, float]
    deepest_fall: float
    over: float | None = None
    over_interval: tuple[float, float] | None = None


def returns_of(values: Floats) -> Floats:
    """Return daily returns of a value, shape (t - 1,)."""
    return np.asarray(values[1:] / values[:-1] - 1)


def returns_of_the_invested(replayed: Replayed) -> Floats:
    """Return what a dollar gained a day while it was in shares, costs included, shape (t - 1,).

    Where more was bought during the day than was held before it, by what was held after it; 0 where
    nothing was held. Cash that lies idle does not dilute it, so it compares with holding.
    """
    gained = np.diff(replayed.equity)
    at_work = np.maximum(replayed.invested[:-1], replayed.invested[1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(at_work > 0, gained / at_work, 0.0)


def falls_of(returns: Floats) -> Floats:
    """Return how far the value is below its highest so far, shape (t + 1,), 0 or less."""
    value = np.concatenate([[1.0], np.cumprod(1 + returns)])
    return np.asarray(value / np.maximum.accumulate(value) - 1)


def measure(ways: Mapping[str, Floats], against: str, *, seed: int = 0) -> dict[str, Measures]:
    """Measure daily returns of the same sessions, each beside one of them.

    The bootstrap draws the same quarters for all ways, so that a difference is of like with like.

    Args:
        ways: returns by way, all of the shape (t,).
        against: the way that the others are compared with.
        seed: of the bootstrap.

    Raises:
        ValueError: the ways are of different lengths.
    """
    lengths = {len(one) for one in ways.values()}
    if len(lengths) != 1 or not min(lengths):
        raise ValueError(f"Returns of {sorted(lengths)} sessions cannot be compared.")
    blocks = -(-min(lengths) // BLOCK)
    drawn = np.random.default_rng(seed).integers(blocks, size=(DRAWS, blocks))
    base = np.log1p(ways[against])
    found = {}
    for way, returns in ways.items():
        logs = np.log1p(returns)
        over = logs - base
        apart = None if way == against else float(over.mean() * YEAR)
        found[way] = Measures(
            len(returns),
            float(np.expm1(logs.mean() * YEAR)),
            _interval(np.expm1(_means(logs, drawn) * YEAR)),
            float(returns.std() * np.sqrt(YEAR)),
            float(_sharpe(returns.mean(), (returns**2).mean())),
            _interval(_sharpe(_means(returns, drawn), _means(returns**2, drawn))),
            float(falls_of(returns).min()),
            apart,
            None if apart is None else _interval(_means(over, drawn) * YEAR),
        )
    return found


def _means(values: Floats, drawn: np.ndarray) -> Floats:
    """Return the means of drawn blocks, shape (draws,)."""
    starts = np.arange(0, len(values), BLOCK)
    sums, sizes = np.add.reduceat(values, starts), np.diff([*starts, len(values)])
    return np.asarray(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))


def _sharpe(mean: Floats | float, square: Floats | float) -> Floats:
    deviation = np.sqrt(np.maximum(np.asarray(square) - np.asarray(mean) ** 2, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(deviation > 0, mean / deviation * np.sqrt(YEAR), 0.0)


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
