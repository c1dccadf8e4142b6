"""Fundamentals as filed, from the SEC's `companyfacts`: which figure was the last one, when.

A figure of a filing counts from when the filing could be read; where EDGAR's list of filings does
not reach back to it, from the end of the day on which it was filed. Of one period the figure filed
last counts, since that is what restates the others; the same tag is used for quarters, half years
and years, which only their length tells apart.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from tools.market.evidence import Datum
from tools.market.failures import Unreadable
from tools.market.reading import day, end_of, number

Length = Literal["year", "quarter", "day"]

_SPANS: Final[Mapping[Length, tuple[int, int]]] = {"year": (350, 380), "quarter": (80, 100)}
"""Days from the first to the last; fiscal years have 52 or 53 weeks."""

_SALES: Final = (
    "RevenueFromContractWithCustomerExcludingAssessedTax",
    "Revenues",
    "SalesRevenueNet",
)
CONCEPTS: Final[tuple[tuple[str, tuple[str, ...], str, tuple[Length, ...]], ...]] = (
    ("revenue", _SALES, "USD", ("year", "quarter")),
    ("net income", ("NetIncomeLoss",), "USD", ("year", "quarter")),
    ("diluted EPS", ("EarningsPerShareDiluted",), "USD/shares", ("year", "quarter")),
    ("operating cash flow", ("NetCashProvidedByUsedInOperatingActivities",), "USD", ("year",)),
    ("equity", ("StockholdersEquity",), "USD", ("day",)),
    ("assets", ("Assets",), "USD", ("day",)),
    ("shares outstanding", ("EntityCommonStockSharesOutstanding",), "shares", ("day",)),
)
"""Name, tags that mean it (companies change from one to another), unit, lengths that are told."""
_UNITS: Final = {"USD/shares": "USD a share"}


@dataclass(frozen=True, slots=True)
class _Figure:
    start: date | None
    end: date
    value: Decimal
    public: datetime

    @property
    def length(self) -> Length | None:
        if self.start is None:
            return "day"
        days = (self.end - self.start).days + 1
        return next((name for name, (low, high) in _SPANS.items() if low <= days <= high), None)


def fundamentals(
    symbol: str, told: Any, public: Mapping[str, datetime], as_of: datetime
) -> list[Datum]:
    """Return the last figure of each kind that could be known at a time.

    Args:
        symbol: of the company.
        told: an answer of `companyfacts`; empty where the SEC has none.
        public: from when filings could be read, by accession number.
        as_of: the time, UTC.

    Raises:
        Unreadable: the answer is of another form.
    """
    facts = told.get("facts", {}) if isinstance(told, dict) else None
    if not isinstance(facts, dict):
        raise Unreadable(f"The facts about {symbol} are not an object.")
    known = {tag: fact for taxonomy in ("us-gaap", "dei") for tag, fact in _tags(facts, taxonomy)}
    found = []
    for name, tags, unit, lengths in CONCEPTS:
        figures = [one for tag in tags for one in _figures(known.get(tag), unit, public)]
        for length in lengths:
            last = _last(figures, length, as_of)
            if last is not None:
                found.append(_datum(symbol, name, unit, length, last))
    return found


def _tags(facts: Mapping[str, Any], taxonomy: str) -> Iterable[tuple[str, Any]]:
    tags = facts.get(taxonomy)
    return tags.items() if isinstance(tags, dict) else ()


def _figures(fact: Any, unit: str, public: Mapping[str, datetime]) -> Iterable[_Figure]:
    units = fact.get("units") if isinstance(fact, dict) else None
    rows = units.get(unit) if isinstance(units, dict) else None
    for row in rows if isinstance(rows, list) else ():
        end, filed, value = day(row.get("end")), day(row.get("filed")), number(row.get("val"))
        if end is not None and filed is not None and value is not None:
            at = public.get(str(row.get("accn"))) or end_of(filed)
            yield _Figure(day(row.get("start")), end, value, at)


def _last(figures: Iterable[_Figure], length: Length, as_of: datetime) -> _Figure | None:
    known = [one for one in figures if one.public <= as_of and one.length == length]
    return max(known, key=lambda one: (one.end, one.public), default=None)


def _datum(symbol: str, name: str, unit: str, length: Length, figure: _Figure) -> Datum:
    about = f"on {figure.end}" if length == "day" else f"{length} to {figure.end}"
    return Datum(
        symbol=symbol,
        kind="fundamental",
        name=f"{name}, {about}",
        value=figure.value,
        unit=_UNITS.get(unit, unit),
        source="edgar",
        as_of=min(end_of(figure.end), figure.public),
        knowable_at=figure.public,
    )
