"""What the closes of a share say, as data with a source and a time: the evidence of analysts."""

from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np

from tools.market.bars import Floats, Series
from tools.market.evidence import Datum, Kind

YEAR, QUARTER, MONTH, WEEK = 252, 63, 21, 5
"""Sessions."""
_PLACES: Final = Decimal("0.1")


def statistics(series: Series, closed_at: datetime) -> list[Datum]:
    """Return what can be said of a share on the close of its last session.

    What needs more sessions than there are is not said. Returns are total (dividends included) and
    in percent; the close is as it traded.

    Args:
        series: its sessions up to the last close, see `Series.until`.
        closed_at: when that session closed, UTC: from then on all of it could be known.
    """
    if not len(series):
        return []
    closes = series.adjusted()
    found: dict[str, tuple[float, str | None]] = {
        "return over 12 months but the last": (_change(closes, YEAR, MONTH), "%"),
        "return over 12 months": (_change(closes, YEAR), "%"),
        "return over 3 months": (_change(closes, QUARTER), "%"),
        "return over the last month": (_change(closes, MONTH), "%"),
        "return over the last week": (_change(closes, WEEK), "%"),
        "below the highest close of 12 months": (_below_high(closes), "%"),
        "volatility of 3 months, a year": (_volatility(closes), "%"),
        "deepest fall of 6 months": (_deepest(closes), "%"),
    }
    if np.isfinite(turnover := series.turnover()):
        found["median turnover of a day, last month"] = (turnover / 1e6, "million USD")
    data = [_datum(series, "close", Decimal(str(round(closes[-1], 2))), "USD", closed_at, "price")]
    data += _last_change(series, closes, closed_at)
    for name, (value, unit) in found.items():
        if np.isfinite(value):
            amount = Decimal(str(value)).quantize(_PLACES)
            data.append(_datum(series, name, amount, unit, closed_at))
    data.append(_datum(series, "sessions recorded", Decimal(len(series)), None, closed_at))
    return data


def index_statistics(index: Series, closed_at: datetime) -> list[Datum]:
    """Return what can be said of the index on the close of its last session; for all symbols."""
    closes = index.adjusted()
    changes = {
        "return of the index over 12 months": _change(closes, YEAR),
        "return of the index over the last month": _change(closes, MONTH),
    }
    return [
        _datum(index, name, Decimal(str(value)).quantize(_PLACES), "%", closed_at, symbol=None)
        for name, value in changes.items()
        if np.isfinite(value)
    ]


def _datum(
    series: Series,
    name: str,
    value: Decimal | str,
    unit: str | None,
    at: datetime,
    kind: Kind = "statistic",
    symbol: str | None = "",
) -> Datum:
    return Datum(
        symbol=series.symbol if symbol == "" else symbol,
        kind=kind,
        name=name,
        value=value,
        unit=unit,
        source=series.source,
        as_of=at,
        knowable_at=at,
    )


def _last_change(series: Series, closes: Floats, at: datetime) -> list[Datum]:
    """Return what the last session has changed, and in which direction."""
    if len(closes) < 2:
        return []
    change = Decimal(str(round(closes[-1] - closes[-2], 2)))
    percent = Decimal(str(_change(closes, 1))).quantize(Decimal("0.01"))
    rows: list[tuple[str, Decimal | str, str | None]] = [
        ("price change", change, "USD"),
        ("percentage change", percent, "%"),
        ("trend", "up" if percent > 0 else "down" if percent < 0 else "stable", None),
    ]
    return [_datum(series, name, value, unit, at, "price") for name, value, unit in rows]


def _change(closes: Floats, since: int, until: int = 0) -> float:
    if len(closes) <= since:
        return float("nan")
    return float(closes[-1 - until] / closes[-1 - since] - 1) * 100


def _below_high(closes: Floats) -> float:
    if len(closes) < YEAR:
        return float("nan")
    return float(1 - closes[-1] / closes[-YEAR:].max()) * 100


def _volatility(closes: Floats) -> float:
    if len(closes) <= QUARTER:
        return float("nan")
    returns = np.diff(closes[-QUARTER - 1 :]) / closes[-QUARTER - 1 : -1]
    return float(returns.std() * np.sqrt(YEAR)) * 100


def _deepest(closes: Floats) -> float:
    if len(closes) < YEAR // 2:
        return float("nan")
    window = closes[-YEAR // 2 :]
    return float(1 - (window / np.maximum.accumulate(window)).min()) * 100
