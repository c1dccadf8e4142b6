"""The ledger of forecasts while days are replayed: a grade is given when it is due, not before."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from graphs.stocks.consensus import Standing
from graphs.stocks.ledger import BASE_PRIOR
from graphs.stocks.standing import Graded, standing
from graphs.stocks.track_record import expit


@dataclass(frozen=True, slots=True)
class Stated:
    """What one analyst said of one symbol on one day.

    Attributes:
        analyst: who.
        symbol: number of the symbol.
        day: session of the decision.
        due: session on whose close it can be graded.
        probability: as stated.
        believed: after the calibration of that day.
        base: share that had come true by that day.
    """

    analyst: str
    symbol: int
    day: int
    due: int
    probability: float
    believed: float
    base: float


Outcome = Callable[[Stated], bool | None]
"""Whether a forecast came true; None where that was not recorded."""


class Ledger:
    """Forecasts, those that are due graded; `standings` knows of nothing else."""

    def __init__(self, analysts: Iterable[str]) -> None:
        empty = np.zeros(0)
        whole = np.zeros(0, np.int64)
        self._graded = {
            name: Graded(whole, whole, empty, empty, empty, np.zeros(0, np.bool_))
            for name in analysts
        }
        self._waiting: list[Stated] = []
        self._outcomes: dict[tuple[int, int], bool] = {}

    def state(self, forecasts: Iterable[Stated]) -> None:
        """Write down forecasts."""
        self._waiting += forecasts

    def grade(self, day: int, outcome: Outcome) -> None:
        """Grade what is due on the close of a session."""
        due = [one for one in self._waiting if one.due <= day]
        self._waiting = [one for one in self._waiting if one.due > day]
        came = [(one, came_true) for one in due if (came_true := outcome(one)) is not None]
        self._outcomes |= {(one.day, one.symbol): true for one, true in came}
        for name, record in self._graded.items():
            own = [(one, true) for one, true in came if one.analyst == name]
            if own:
                self._graded[name] = _longer(record, own)

    def records(self) -> Mapping[str, Graded]:
        """Return what is graded, by analyst."""
        return self._graded

    def standings(self) -> dict[str, Standing]:
        """Return what each analyst's next forecast is worth."""
        return {name: standing(record) for name, record in self._graded.items()}

    def base_rate(self) -> float:
        """Return the share that came true, drawn to one half; each symbol and day counts once."""
        n, true = len(self._outcomes), sum(self._outcomes.values())
        return (true + BASE_PRIOR / 2) / (n + BASE_PRIOR)


def believed(standings: Mapping[str, Standing], analyst: str, probability: float) -> float:
    """Return what is believed of an analyst's word today."""
    return float(expit(standings[analyst].calibration.believe(probability)[0]))


def _longer(record: Graded, own: list[tuple[Stated, bool]]) -> Graded:
    columns = (
        np.array([one.day for one, _ in own], np.int64),
        np.array([one.symbol for one, _ in own], np.int64),
        np.array([one.probability for one, _ in own]),
        np.array([one.believed for one, _ in own]),
        np.array([one.base for one, _ in own]),
        np.array([true for _, true in own], np.bool_),
    )
    names = Graded.__slots__
    return Graded(
        *(
            np.concatenate([getattr(record, name), more])
            for name, more in zip(names, columns, strict=True)
        )
    )
