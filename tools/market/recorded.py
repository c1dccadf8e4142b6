"""Recorded prices that come with packages: what there is without a key, labelled as historical.

* Five shares with opens, highs, lows, closes and volumes, 2000 to March 2013, raw, from
  `bokeh_sampledata` (Quandl WIKI, in the public domain).
* Twenty shares, closes only and adjusted, 1990 to 2022, from `skfolio` (BSD-3), with an index of
  the same days. All of them still existed at the end: survivors, which flatters what is bought.
"""

import csv
import gzip
import importlib.util
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from tools.market.bars import Days, Floats, Series, actions_of

SHARES: Final = ("AAPL", "FB", "GOOG", "IBM", "MSFT")
LAST_DAY: Final = date(2013, 3, 1)
"""Last day of the five shares."""


@lru_cache(maxsize=1)
def five_shares() -> dict[str, Series]:
    """Return the five shares; reads a file, so call it off the event loop."""
    from bokeh_sampledata import stocks  # reads its file when it is imported

    return {symbol: _series(symbol, getattr(stocks, symbol)) for symbol in SHARES}


def _series(symbol: str, columns: Mapping[str, Sequence[Any]]) -> Series:
    days: Days = np.array(columns["date"], dtype="datetime64[D]")
    open_, high, low, close, volume, adjusted = (
        np.array(columns[name], dtype=np.float64)
        for name in ("open", "high", "low", "close", "volume", "adj_close")
    )
    actions = actions_of(days, close, adjusted)
    return Series(symbol, "recorded (Quandl WIKI)", days, open_, high, low, close, volume, actions)


@lru_cache(maxsize=1)
def twenty_closes() -> tuple[tuple[str, ...], Days, Floats, Floats]:
    """Return symbols, dates (t,), adjusted closes (t, 20) and the index's closes (t,)."""
    folder = _package("skfolio") / "datasets" / "data"
    symbols, days, closes = _table(folder / "sp500_dataset.csv.gz")
    _, index_days, index = _table(folder / "sp500_index.csv.gz")
    common, ours, theirs = np.intersect1d(days, index_days, return_indices=True)
    return symbols, common, closes[ours], index[theirs, 0]


def _table(path: Path) -> tuple[tuple[str, ...], Days, Floats]:
    with gzip.open(path, "rt", newline="") as lines:
        header, *rows = csv.reader(lines)
    days = np.array([row[0] for row in rows], dtype="datetime64[D]")
    values = np.array([[float(cell) for cell in row[1:]] for row in rows])
    return tuple(header[1:]), days, values


def _package(name: str) -> Path:
    """Return the folder of a package without importing it: skfolio alone takes seconds."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"The package {name!r}, which holds recorded prices, is missing.")
    return Path(found.origin).parent
