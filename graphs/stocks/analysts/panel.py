"""The analysts that are code, on the evidence of a run: a probability with its two cases.

Their scores are taken from closes (`quant.SIGNALS`) or, for value, from fundamentals; a case points
at the datum that the score is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np

from graphs.stocks.analysts.quant import SIGNALS, YEAR, stated
from graphs.stocks.opinion import LEAST, MOST, Answer, Claim, NoData, Opinion
from graphs.stocks.track_record import Floats
from tools.market.bars import Series
from tools.market.evidence import Datum

VALUE: Final = "value"
_LOOK_BACK: Final = YEAR + 2
"""Sessions that every signal of closes can be taken from."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How an analyst puts its score into words.

    Attributes:
        datum: name of the datum that it is about.
        bull: its case for the share; `{}` is the datum.
        bear: its case against it.
        would_change: what would change its mind.
    """

    datum: str
    bull: str
    bear: str
    would_change: str


READINGS: Final[Mapping[str, Reading]] = {
    "momentum": Reading(
        "return over 12 months but the last",
        "It returned {} over 12 months but the last, more than the others looked at.",
        "It returned {} over 12 months but the last, less than the others looked at.",
        "Its return of 12 months falling to the other side of the others'.",
    ),
    "mean_reversion": Reading(
        "return over the last week",
        "It returned {} over the last week, less than the others: such falls tend to come back.",
        "It returned {} over the last week, more than the others: such rises tend to give way.",
        "A week in which it moves the other way.",
    ),
    "breakout": Reading(
        "below the highest close of 12 months",
        "It is {} below its highest close of 12 months, nearer than the others.",
        "It is {} below its highest close of 12 months, further than the others.",
        "Its distance from its high passing that of the others.",
    ),
    "low_volatility": Reading(
        "volatility of 3 months, a year",
        "Its closes of 3 months swing by {} a year, calmer than the others.",
        "Its closes of 3 months swing by {} a year, wilder than the others.",
        "Its swings passing those of the others.",
    ),
    "drawdown": Reading(
        "deepest fall of 6 months",
        "Its deepest fall of 6 months was {}, shallower than the others'.",
        "Its deepest fall of 6 months was {}, deeper than the others'.",
        "A fall that passes those of the others.",
    ),
    VALUE: Reading(
        "price to earnings",
        "It costs {} times its earnings, less than the others.",
        "It costs {} times its earnings, more than the others.",
        "Its price, or its earnings, moving it past the others.",
    ),
}
NAMES: Final = tuple(READINGS)
"""Every analyst that is code."""


def scores(
    series: Mapping[str, Series], data: Sequence[Datum], session: np.datetime64
) -> dict[str, dict[str, float]]:
    """Return what each of them states of each symbol, of those it has enough to go by.

    Args:
        series: the sessions of all symbols, up to the same one.
        data: what else is known of them.
        session: the last session; a symbol that did not trade in it has no score.
    """
    symbols = sorted(series)
    closes = np.full((_LOOK_BACK, len(symbols)), np.nan)
    for column, symbol in enumerate(symbols):
        one = series[symbol]
        if len(one) and one.days[-1] == session:
            last = one.adjusted()[-_LOOK_BACK:]
            closes[_LOOK_BACK - len(last) :, column] = last
    tables: dict[str, Floats] = {
        name: stated(signal(closes))[-1] for name, signal in SIGNALS.items()
    }
    tables[VALUE] = stated(_earnings_yields(symbols, data)[None, :])[0]
    return {
        name: {s: float(p) for s, p in zip(symbols, row, strict=True) if np.isfinite(p)}
        for name, row in tables.items()
    }


def _earnings_yields(symbols: Sequence[str], data: Sequence[Datum]) -> Floats:
    """Return earnings over price; a loss counts as no earnings, which is unlike not knowing."""
    wanted = READINGS[VALUE].datum
    ratio = {
        datum.symbol: float(datum.value)
        for datum in sorted(data, key=lambda one: one.as_of)
        if datum.name == wanted and isinstance(datum.value, Decimal)
    }
    return np.array(
        [(1 / ratio[s] if ratio[s] > 0 else 0.0) if s in ratio else np.nan for s in symbols]
    )


def answer(
    name: str,
    symbol: str,
    score: float | None,
    data: Sequence[Datum],
    as_of: datetime,
    horizon: int,
) -> Answer:
    """Return the answer of one of them on one symbol.

    Args:
        name: which.
        symbol: on what.
        score: what it states, see `scores`; None where it has nothing to go by.
        data: what is known of the symbol.
        as_of: time of the run.
        horizon: sessions that it looks ahead.
    """
    about = {"analyst": name, "family": name, "symbol": symbol, "as_of": as_of}
    reading = READINGS[name]
    rows = sorted((d for d in data if d.name == reading.datum), key=lambda one: one.as_of)
    if score is None or not rows:
        return NoData(**about, missing=_missing(name, reading, data))
    probability = min(max(score, LEAST), MOST)
    case = reading.bull if probability >= 0.5 else reading.bear
    claim = Claim(text=case.format(_figure(rows[-1])), evidence=(rows[-1].id,))
    return Opinion(
        **about,
        horizon_days=horizon,
        probability=probability,
        bull=(claim,) if probability >= 0.5 else (),
        bear=() if probability >= 0.5 else (claim,),
        would_change=(reading.would_change,),
    )


def _missing(name: str, reading: Reading, data: Sequence[Datum]) -> str:
    recorded = next((d.value for d in data if d.name == "sessions recorded"), None)
    if name == VALUE:
        return "What it earns is not known."
    if recorded is None:
        return "No prices of it are known."
    if not any(d.name == reading.datum for d in data):
        return f"Only {recorded} sessions of it are recorded."
    return "There is nothing to compare it with."


def _figure(datum: Datum) -> str:
    value = f"{datum.value:f}" if isinstance(datum.value, Decimal) else datum.value
    return f"{value} {datum.unit}" if datum.unit else value
