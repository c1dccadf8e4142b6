"""From graded forecasts to standings: what each analyst's word is worth today, and who is alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from graphs.stocks.consensus import Standing
from graphs.stocks.track_record import (
    Bools,
    Floats,
    calibrate,
    earned_weight,
    log_score,
    logit,
)

LEAST_COMMON = 20
"""Common forecasts below which two analysts are not compared."""


@dataclass(frozen=True, slots=True)
class Graded:
    """The graded forecasts of one analyst, in the order in which they were made.

    Attributes:
        day: session of each, a number that grows, shape (n,).
        symbol: number of the symbol, shape (n,).
        stated: probability that the analyst gave, shape (n,).
        believed: probability after the calibration of that day, shape (n,).
        base: share of forecasts that had come true by that day, of all analysts, shape (n,).
        outcome: whether it came true, shape (n,).
    """

    day: npt.NDArray[np.int64]
    symbol: npt.NDArray[np.int64]
    stated: Floats
    believed: Floats
    base: Floats
    outcome: Bools

    def until(self, day: int) -> Self:
        """Return those made on or before a day."""
        return self.first(int(np.searchsorted(self.day, day, side="right")))

    def first(self, n: int) -> Self:
        """Return the first n of them."""
        return type(self)(*(getattr(self, name)[:n] for name in self.__slots__))

    def __len__(self) -> int:
        return len(self.day)


def independent(day: npt.NDArray[np.int64], value: Floats) -> float:
    """Return to how many independent values these amount, where those of one day move together.

    The variance of the mean with days as clusters is compared with that without; from the number
    of days to the number of values.
    """
    if len(value) < 2:
        return float(len(value))
    starts = np.flatnonzero(np.r_[True, day[1:] != day[:-1]])
    apart = value - value.mean()
    by_day = np.add.reduceat(apart, starts)
    alone, together = float(apart @ apart), float(by_day @ by_day)
    if alone == 0 or together == 0:
        return float(len(value))
    return float(np.clip(len(value) * alone / together, min(len(starts), len(value)), len(value)))


def standing(graded: Graded) -> Standing:
    """Return what an analyst's next forecast is worth."""
    if not len(graded):
        return Standing()
    miss = graded.outcome - graded.stated
    share = independent(graded.day, miss) / len(graded)
    calibration = calibrate(graded.stated, graded.outcome, np.full(len(graded), share))
    gain = log_score(graded.believed, graded.outcome) - log_score(graded.base, graded.outcome)
    weight = earned_weight(float(gain.mean()), independent(graded.day, gain))
    return Standing(calibration, weight)


def likeness(records: Mapping[str, Graded]) -> dict[frozenset[str], tuple[float, int]]:
    """Return the correlation of what analysts state of the same symbol on the same day, by pair.

    Pairs with fewer than `LEAST_COMMON` common forecasts, or of whom one never moves, are left out.
    """
    found = {}
    names = sorted(records)
    keys = {
        name: {key: i for i, key in enumerate(zip(r.day.tolist(), r.symbol.tolist(), strict=True))}
        for name, r in records.items()
    }
    for i, one in enumerate(names):
        for other in names[:i]:
            common = sorted(keys[one].keys() & keys[other].keys())
            if len(common) < LEAST_COMMON:
                continue
            a, b = (
                logit(records[name].stated[[keys[name][key] for key in common]])
                for name in (one, other)
            )
            if a.std() > 0 and b.std() > 0:
                measured = float(np.corrcoef(a, b)[0, 1])
                found[frozenset((one, other))] = (measured, len(common))
    return found
