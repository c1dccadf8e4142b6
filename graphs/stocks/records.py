"""What each analyst's word was worth so far, for a person to judge: scores with n and interval.

Pure; made of the graded forecasts of `store/forecasts.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphs.stocks.consensus import Z
from graphs.stocks.standing import Graded, independent, standing
from graphs.stocks.track_record import Bin, Floats, brier_score, log_score, reliability
from store.forecasts import GradedRow

MOST_BINS = 10
LEAST_IN_BIN = 30
"""Forecasts in a point of a reliability diagram, so that its interval says something."""


@dataclass(frozen=True, slots=True)
class Score:
    """A mean with its 90 % interval; forecasts of one day that move together count as fewer."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record of an analyst.

    Attributes:
        analyst: who.
        n: graded forecasts.
        independent: to how many independent ones they amount.
        came_true: share of them that came true.
        weight: what it has earned.
        brier: squared error of what was believed of it; 0 is perfect, 0.25 a coin's.
        log_score: in nats; 0 is perfect, -0.693 a coin's.
        brier_stated: squared error of what it stated itself.
        reliability: how often came true what it stated.
    """

    analyst: str
    n: int
    independent: float
    came_true: float
    weight: float
    brier: Score
    log_score: Score
    brier_stated: Score
    reliability: tuple[Bin, ...]


def graded_by_analyst(rows: Sequence[GradedRow]) -> dict[str, Graded]:
    """Return graded forecasts as arrays, by analyst; they come in the order of their days."""
    numbers = {s: i for i, s in enumerate(sorted({row.symbol for row in rows}))}
    by_analyst: dict[str, list[GradedRow]] = {}
    for row in rows:
        by_analyst.setdefault(row.analyst, []).append(row)
    return {
        name: Graded(
            np.array([row.day.toordinal() for row in said], np.int64),
            np.array([numbers[row.symbol] for row in said], np.int64),
            np.array([row.stated for row in said]),
            np.array([row.believed for row in said]),
            np.array([row.base for row in said]),
            np.array([row.outcome for row in said], np.bool_),
        )
        for name, said in by_analyst.items()
    }


def record(analyst: str, graded: Graded) -> Record:
    """Return what is on record of an analyst that has graded forecasts."""
    brier = brier_score(graded.believed, graded.outcome)
    bins = max(1, min(MOST_BINS, len(graded) // LEAST_IN_BIN))
    return Record(
        analyst,
        len(graded),
        independent(graded.day, brier),
        float(graded.outcome.mean()),
        standing(graded).weight,
        _score(graded.day, brier),
        _score(graded.day, log_score(graded.believed, graded.outcome)),
        _score(graded.day, brier_score(graded.stated, graded.outcome)),
        tuple(reliability(graded.stated, graded.outcome, bins)),
    )


def _score(day: npt.NDArray[np.int64], value: Floats) -> Score:
    mean, n = float(value.mean()), independent(day, value)
    reach = Z * float(value.std(ddof=1)) / n**0.5 if len(value) > 1 else float("inf")
    return Score(mean, mean - reach, mean + reach)
