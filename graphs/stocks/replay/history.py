"""The recorded days that are replayed, and what of them was known by each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from graphs.stocks.analysts.quant import YEAR
from tools.market.bars import Days, Floats, Series
from tools.market.recorded import five_shares, twenty_closes

SESSIONS = YEAR + 1
"""That have to be known for a first decision."""


@dataclass(frozen=True, slots=True)
class History:
    """Shares, their sessions, and an index of the same sessions.

    Attributes:
        name: of the data set.
        series: by symbol; one may begin later than others.
        days: every session, shape (t,), datetime64[D].
        index: closes of what shares are measured against, shape (t,).
        notes: what a reader of any result must know of these data.
    """

    name: str
    series: Mapping[str, Series]
    days: Days
    index: Floats
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.days)

    def until(self, session: int) -> "History":
        """Return what was known on the close of a session; nothing of later is in it."""
        day: date = self.days[session].astype(object)
        known = {symbol: one.until(day) for symbol, one in self.series.items()}
        return replace(
            self,
            series={symbol: one for symbol, one in known.items() if len(one)},
            days=self.days[: session + 1],
            index=self.index[: session + 1],
        )

    @property
    def has_opens(self) -> bool:
        """Whether an order can be filled at the open."""
        return not any(np.isnan(one.open).any() for one in self.series.values())

    @property
    def has_volumes(self) -> bool:
        """Whether limits on price and liquidity can be kept: raw prices, with volumes."""
        return not any(np.isnan(one.volume).any() for one in self.series.values())

    def between(self, start: date | None, end: date | None) -> "History":
        """Return it without the sessions after `end` and, of the index, before `start`.

        Raises:
            ValueError: no session is left.
        """
        whole = self
        if end is not None:
            last = int(np.searchsorted(self.days, np.datetime64(end), side="right")) - 1
            if last < 0:
                raise ValueError(f"The data begin on {self.days[0]}, after {end}.")
            whole = self.until(last)
        if start is None:
            return whole
        first = int(np.searchsorted(whole.days, np.datetime64(start)))
        if first >= len(whole.days):
            raise ValueError(f"No session is left between {start} and {whole.days[-1]}.")
        series = {symbol: _since(one, start) for symbol, one in whole.series.items()}
        return replace(
            whole,
            series={symbol: one for symbol, one in series.items() if len(one)},
            days=whole.days[first:],
            index=whole.index[first:],
        )

    def closes(self, sessions: int) -> tuple[tuple[str, ...], Floats]:
        """Return symbols and adjusted closes of the last sessions, NaN where one did not trade.

        Adjusted by the splits and dividends in it, so: by those known on its last day.
        """
        days = self.days[-sessions:]
        symbols = tuple(sorted(self.series))
        found = np.full((len(days), len(symbols)), np.nan)
        for n, symbol in enumerate(symbols):
            one = self.series[symbol]
            at = np.searchsorted(one.days, days)
            there = (at < len(one)) & (one.days[np.minimum(at, len(one) - 1)] == days)
            found[there, n] = one.adjusted()[at[there]]
        return symbols, found


def _since(one: Series, start: date) -> Series:
    n = int(np.searchsorted(one.days, np.datetime64(start)))
    columns = ("days", "open", "high", "low", "close", "volume")
    return replace(
        one,
        **{name: getattr(one, name)[n:] for name in columns},
        actions=tuple(action for action in one.actions if action.day >= start),
    )


PRICE_INDEX = "The index (S&P 500) is of prices: its dividends are not in it, those of shares are."


def five() -> History:
    """Return five shares, 2000 to March 2013, as they traded, with splits and dividends."""
    series = five_shares()
    _, days, _, index = twenty_closes()
    ours = np.unique(np.concatenate([one.days for one in series.values()]))
    common, _, theirs = np.intersect1d(ours, days, return_indices=True)
    notes = (
        "The five shares were chosen long afterwards, for their fame: survivorship bias. What was "
        "bought of them would hardly have been found in 2000.",
        PRICE_INDEX,
    )
    return History("five", series, common, index[theirs], notes)


def twenty() -> History:
    """Return twenty shares, 1990 to 2022: adjusted closes only, so filled at the close only."""
    symbols, days, closes, index = twenty_closes()
    unknown = np.full(len(days), np.nan)
    series = {
        symbol: Series(
            symbol, "recorded (skfolio)", days, unknown, unknown, unknown, closes[:, n], unknown
        )
        for n, symbol in enumerate(symbols)
    }
    notes = (
        "All twenty shares still existed in 2022: survivorship bias, which flatters who buys.",
        "Adjusted closes only: no volumes, so no limit on liquidity; no prices as they traded, so "
        "no limit on cheap shares; splits and dividends are in the closes.",
        PRICE_INDEX,
    )
    return History("twenty", series, days, index, notes)


HISTORIES = {"five": five, "twenty": twenty}
"""Every recorded data set, by name."""
