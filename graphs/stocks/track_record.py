"""What an analyst's word was worth so far: calibration, scores, and the weight they earn.

An analyst's probabilities are put through a logistic map (Platt, 1999) fitted to its own graded
forecasts by maximum a posteriori. With no record the map is the prior's, the same for everybody,
and most of what is stated is not believed; each graded forecast moves it. Pure functions over
arrays; the grades come from `graphs/stocks/forecasts.py`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphs.stocks.opinion import LEAST, MOST

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PRIOR_MEAN = np.array([0.0, 0.25])
"""Intercept and slope before any record: a quarter of the stated log-odds is believed."""
PRIOR_SD = np.array([0.1, 0.25])
"""How far a record must drag them."""
FLOOR = 0.2
"""Weight of an analyst without skill, where the best has at most 1: it may yet earn some."""
HALF_EARNED = 250.0
"""Graded forecasts, counted as independent, at which half of a measured skill is believed."""
FULL_SKILL = 0.01
"""Gain in log score a forecast, in nats over the base rate, that earns the whole weight."""


def logit(probability: npt.ArrayLike) -> Floats:
    """Return log-odds; probabilities are first kept within `LEAST` and `MOST`."""
    p = np.clip(np.asarray(probability, dtype=np.float64), LEAST, MOST)
    return np.asarray(np.log(p) - np.log1p(-p))


def expit(log_odds: npt.ArrayLike) -> Floats:
    """Return probabilities of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(log_odds, dtype=np.float64))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """A map from stated to believed log-odds.

    Attributes:
        mean: intercept and slope, shape (2,).
        covariance: of both, shape (2, 2).
        graded: forecasts it was fitted to.
    """

    mean: Floats
    covariance: Floats
    graded: int = 0

    def believe(self, probability: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return believed log-odds and their standard error, both of the shape given."""
        stated = logit(probability)
        design = np.stack([np.ones_like(stated), stated], axis=-1)
        variance = np.einsum("...i,ij,...j->...", design, self.covariance, design)
        return design @ self.mean, np.sqrt(variance)


UNPROVEN = Calibration(PRIOR_MEAN, np.diag(PRIOR_SD**2))
"""That of an analyst without a record."""


def calibrate(probability: Floats, outcome: Bools, weight: Floats | None = None) -> Calibration:
    """Fit the map to graded forecasts.

    Args:
        probability: what was stated, shape (n,).
        outcome: whether it came true, shape (n,).
        weight: how much each counts, shape (n,); forecasts of one day that err together count
            less than one each. All one if missing.

    Returns:
        The mode of the posterior with Laplace's approximation of its covariance.
    """
    n = len(probability)
    if n == 0:
        return UNPROVEN
    stated = logit(probability)
    design = np.stack([np.ones(n), stated], axis=1)
    target = outcome.astype(np.float64)
    each = np.ones(n) if weight is None else weight
    precision = np.diag(1.0 / PRIOR_SD**2)
    mean = PRIOR_MEAN.copy()
    for _ in range(25):  # Newton's method on a concave function
        believed = expit(design @ mean)
        gradient = design.T @ (each * (target - believed)) - precision @ (mean - PRIOR_MEAN)
        hessian = (design * (each * believed * (1 - believed))[:, None]).T @ design + precision
        step = np.linalg.solve(hessian, gradient)
        mean = mean + step
        if float(np.abs(step).max()) < 1e-9:
            break
    return Calibration(mean, np.asarray(np.linalg.inv(hessian), dtype=np.float64), n)


def log_score(probability: npt.ArrayLike, outcome: npt.ArrayLike) -> Floats:
    """Return the log score of each forecast in nats; 0 is perfect, log(1/2) is a coin's."""
    p = np.clip(np.asarray(probability, dtype=np.float64), LEAST, MOST)
    return np.asarray(np.where(np.asarray(outcome, dtype=np.bool_), np.log(p), np.log1p(-p)))


def brier_score(probability: npt.ArrayLike, outcome: npt.ArrayLike) -> Floats:
    """Return the squared error of each forecast; 0 is perfect, 0.25 is a coin's."""
    p = np.asarray(probability, dtype=np.float64)
    return np.asarray((p - np.asarray(outcome, dtype=np.float64)) ** 2)


def earned_weight(gain: float, independent: float) -> float:
    """Return the weight of an analyst, from `FLOOR` to 1; `FLOOR` without a record.

    Args:
        gain: mean log score of what was believed of it at the time, over the base rate's, nats.
        independent: number of graded forecasts, those that err together counted as fewer.
    """
    believed = gain * independent / (independent + HALF_EARNED)
    return float(FLOOR + (1 - FLOOR) * np.clip(believed / FULL_SKILL, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of a reliability diagram."""

    stated: float
    """Mean stated probability."""
    came_true: float
    """Share that came true."""
    low: float
    high: float
    """Its 90 % interval (Wilson)."""
    n: int


def reliability(probability: Floats, outcome: Bools, bins: int = 10) -> list[Bin]:
    """Return how often came true what was stated, in bins of as many forecasts each."""
    if not len(probability):
        return []
    order = np.argsort(probability, kind="stable")
    found = []
    for part in np.array_split(order, min(bins, len(order))):
        share, n = float(outcome[part].mean()), len(part)
        low, high = wilson(share, n)
        found.append(Bin(float(probability[part].mean()), share, low, high, n))
    return found


def wilson(share: float, n: float, z: float = 1.645) -> tuple[float, float]:
    """Return Wilson's interval of a share of n; 90 % by default, (0, 1) for none."""
    if n <= 0:
        return 0.0, 1.0
    middle = share + z * z / (2 * n)
    reach = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    scale = 1 + z * z / n
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)
