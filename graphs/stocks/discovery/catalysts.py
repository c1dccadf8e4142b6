"""Events that may move a share, out of data that say since when they could be known.

What counts is written down here as data, each with why; what a provider tells besides (supplements,
generics, routine items) is counted and named as what it is, so that an empty list explains itself.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from graphs.stocks.discovery.base_rates import BaseRate
from tools.market.evidence import Datum

Kind = Literal["approval", "filing", "deal", "surprise"]

ITEMS: Final[frozenset[str]] = frozenset(
    {"1.01", "1.02", "1.03", "1.05", "2.01", "2.02", "2.05", "2.06", "3.01", "4.02", "5.01"}
)
"""Items of an 8-K that tell of something new; the others are routine or come with one of these."""
LEAST_SURPRISE: Final = Decimal(5)
"""Percent, up or down."""


@dataclass(frozen=True, slots=True)
class Catalyst:
    """An event of a company.

    Attributes:
        kind: of event.
        group: events that are measured together, such as `8-K item 2.02`.
        symbol: of the company; None where nobody knows which share it is.
        what: it in words.
        known_since: from when it could be known, UTC.
        source: who has told it.
        url: where it can be read.
        evidence: id of the datum.
        base_rate: how often it went well before.
    """

    kind: Kind
    group: str
    symbol: str | None
    what: str
    known_since: datetime
    source: str
    url: str | None
    evidence: str
    base_rate: BaseRate


@dataclass(frozen=True, slots=True)
class Catalysts:
    """What was looked at, and what of it counts.

    Attributes:
        found: the newest first.
        looked_at: data.
        left_out: how many did not count, by why.
        silent: what was not looked at, by why: providers that failed or are not configured.
    """

    found: tuple[Catalyst, ...]
    looked_at: int
    left_out: Mapping[str, int]
    silent: Mapping[str, str]

    def explain(self) -> Iterator[str]:
        """Say, line by line, what was looked at and what did not count."""
        yield f"{self.looked_at:,} events looked at, {len(self.found):,} count."
        for why, count in sorted(self.left_out.items(), key=lambda one: -one[1]):
            yield f"{count:,} left out: {why}."
        for name, why in sorted(self.silent.items()):
            yield f"Not looked at, {name}: {why}"


def sort_out(datum: Datum) -> tuple[Kind, str] | str:
    """Return the kind and the group of an event, or why it does not count."""
    name = datum.name
    match datum.kind:
        case "approval":
            if name == "FDA approval, original":
                return "approval", name
            return "supplements and generics are no news to a share"
        case "filing" if name.startswith("8-K"):
            form, _, item = name.partition(" item ")
            if form.endswith("/A"):
                return "amendments of an 8-K tell it again"
            return ("filing", name) if item in ITEMS else "routine items of an 8-K"
        case "filing":
            if name.endswith("/A"):
                return "amendments of a deal's form tell it again"
            return "deal", name
        case "earnings" if name.startswith("EPS surprise"):
            if not isinstance(datum.value, Decimal):
                return "surprises without a figure"
            if abs(datum.value) < LEAST_SURPRISE:
                return f"surprises below {LEAST_SURPRISE} %"
            way = "above" if datum.value > 0 else "below"
            return "surprise", f"EPS at least {LEAST_SURPRISE} % {way} what was expected"
    return "figures that are no event"


def events(data: Iterable[Datum]) -> dict[str, list[tuple[str, datetime]]]:
    """Return the events of symbols with since when each was known, by group."""
    found: dict[str, list[tuple[str, datetime]]] = {}
    for datum in data:
        sorted_out = sort_out(datum)
        if isinstance(sorted_out, tuple) and datum.symbol:
            found.setdefault(sorted_out[1], []).append((datum.symbol, datum.knowable_at))
    return found


def catalysts(
    data: Iterable[Datum],
    since: datetime,
    base_rates: Mapping[str, BaseRate],
    otherwise: BaseRate,
    silent: Mapping[str, str],
) -> Catalysts:
    """Return the events that count.

    Args:
        data: none of which became known after the time of the question.
        since: from when on an event is new.
        base_rates: by group.
        otherwise: base rate of a group that was not measured.
        silent: what could not be looked at, by why.
    """
    found, left_out, looked_at = [], Counter[str](), 0
    for datum in {datum.id: datum for datum in data if datum.knowable_at >= since}.values():
        looked_at += 1
        sorted_out = sort_out(datum)
        if isinstance(sorted_out, str):
            left_out[sorted_out] += 1
            continue
        kind, group = sorted_out
        found.append(
            Catalyst(
                kind,
                group,
                datum.symbol,
                _words(datum),
                datum.knowable_at,
                datum.source,
                datum.url,
                datum.id,
                base_rates.get(group, otherwise),
            )
        )
    found.sort(key=lambda one: one.known_since, reverse=True)
    return Catalysts(tuple(found), looked_at, dict(left_out), dict(silent))


def _words(datum: Datum) -> str:
    value = f"{datum.value:f}" if isinstance(datum.value, Decimal) else datum.value
    return f"{datum.name}: {value}{f' {datum.unit}' if datum.unit else ''}"
