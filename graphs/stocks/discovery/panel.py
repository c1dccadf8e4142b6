"""Sessions of many symbols side by side, splits taken out, ready for array arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from tools.market.bars import Days, Floats, Series


@dataclass(frozen=True, slots=True)
class Panel:
    """Sessions of symbols; all arrays have the shape (sessions, symbols), NaN where there is none.

    Attributes:
        symbols: of the columns.
        days: of the rows, shape (sessions,).
        traded: closes as they traded on their day.
        closes: closes in shares of the last row: what a split changed is taken out, so a split is
            neither a crash nor a breakout. Dividends stay in.
        volumes: shares traded, likewise in shares of the last row.
    """

    symbols: tuple[str, ...]
    days: Days
    traded: Floats
    closes: Floats
    volumes: Floats

    def until(self, row: int) -> "Panel":
        """Return the sessions up to a row, that one included.

        Ratios between rows stay right: a split of later has changed all rows before it alike.
        """
        rows = slice(row + 1)
        return replace(
            self,
            days=self.days[rows],
            traded=self.traded[rows],
            closes=self.closes[rows],
            volumes=self.volumes[rows],
        )

    def row(self, day: date) -> int:
        """Return the row of the last session up to a day; -1 where there is none."""
        return int(np.searchsorted(self.days, np.datetime64(day), side="right")) - 1


def panel(shares: Iterable[Series]) -> Panel:
    """Put sessions side by side, by the days on which any of the symbols traded.

    Args:
        shares: cut off at the day of the question (`Series.until`), so that a split of later is not
            known.
    """
    whole = [one for one in shares if len(one)]
    days = np.unique(np.concatenate([one.days for one in whole])) if whole else _NO_DAYS
    traded, closes, volumes = (np.full((len(days), len(whole)), np.nan) for _ in range(3))
    for column, one in enumerate(whole):
        rows = np.searchsorted(days, one.days)
        traded[rows, column] = one.close
        closes[rows, column] = one.adjusted(dividends=False)
        volumes[rows, column] = one.adjusted_volume()
    return Panel(tuple(one.symbol for one in whole), days, traded, closes, volumes)


_NO_DAYS: Days = np.array([], dtype="datetime64[D]")
