"""Daily bars as they traded, with the splits and dividends that were known by a day.

Prices are kept raw: what an order would have cost. Returns are taken from adjusted closes, and an
adjustment uses only what had happened by the day of the question; a split of later does not reach
back into it.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Action:
    """A split or a dividend.

    Attributes:
        day: first session that trades without it.
        kind: which of them.
        factor: by which the closes before are divided: 2 for two shares in place of one; for a
            dividend the last close with it over the same without it.
    """

    day: date
    kind: Literal["split", "dividend"]
    factor: float


@dataclass(frozen=True, slots=True)
class Series:
    """The sessions of one symbol, in order; all arrays have the shape (n,).

    Attributes:
        symbol: what was traded.
        source: who has recorded it.
        days: dates of the sessions.
        open: first price, USD, raw.
        high: highest.
        low: lowest.
        close: last.
        volume: shares traded, raw; NaN where it was not recorded.
        actions: in order of days.
    """

    symbol: str
    source: str
    days: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    actions: tuple[Action, ...] = ()

    def __len__(self) -> int:
        return len(self.days)

    def until(self, day: date) -> "Series":
        """Return the sessions up to a day, that day included, and what had happened by then."""
        n = int(np.searchsorted(self.days, np.datetime64(day), side="right"))
        return replace(
            self,
            **{name: getattr(self, name)[:n] for name in _COLUMNS},
            actions=tuple(action for action in self.actions if action.day <= day),
        )

    def adjusted(self, *, dividends: bool = True) -> Floats:
        """Return closes whose ratios are returns; the last is as it traded."""
        return np.asarray(self.close / self._factor(dividends=dividends))

    def adjusted_volume(self) -> Floats:
        """Return volumes in shares as they are after all splits."""
        return np.asarray(self.volume * self._factor(dividends=False))

    def turnover(self, sessions: int = 21) -> float:
        """Return the median of what was traded a day lately, USD; NaN where volume is not known."""
        traded = self.close[-sessions:] * self.volume[-sessions:]
        return float(np.median(traded)) if len(traded) else float("nan")

    def _factor(self, *, dividends: bool) -> Floats:
        factor = np.ones(len(self.days))
        for action in self.actions:
            if dividends or action.kind == "split":
                factor[self.days < np.datetime64(action.day)] *= action.factor
        return factor


_COLUMNS = ("days", "open", "high", "low", "close", "volume")

SPLIT_FROM = 1.2
"""Smallest factor that is taken for a split; special dividends have reached 1.11."""
DIVIDEND_FROM = 1.0005


def actions_of(days: Days, close: Floats, adjusted: Floats) -> tuple[Action, ...]:
    """Find splits and dividends where a vendor's adjusted closes jump against the raw ones.

    The jump is known on the day itself, so nothing of later gets into what is known of a day,
    though the vendor's adjusted closes themselves are full of it.

    Args:
        days: dates, shape (n,).
        close: raw closes, shape (n,).
        adjusted: adjusted closes, shape (n,).
    """
    ratio = adjusted / close
    jump = ratio[1:] / ratio[:-1]
    found = []
    for at in np.flatnonzero((jump >= DIVIDEND_FROM) | (jump <= 1 / SPLIT_FROM)):
        factor = float(jump[at])
        split = factor >= SPLIT_FROM or factor <= 1 / SPLIT_FROM
        day: date = days[at + 1].astype(object)
        found.append(Action(day, "split" if split else "dividend", factor))
    return tuple(found)
