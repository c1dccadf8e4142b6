"""What a language model may remember: dates before its cut-off, and answers that are not read.

The same question is put three times. Named, as the graph puts it. Blind: symbol, dates and sizes in
dollars are not the real ones; who judges the facts answers the same. Counterfactual: returns and
surprises have the other sign; who judges the facts changes its answer (after Profit Mirage, arXiv
2510.07920).
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from graphs.stocks.opinion import Answer, Opinion
from graphs.stocks.track_record import wilson
from tools.data_files import read_data
from tools.market.evidence import Datum

MOVED: Final = 0.01
"""Change of a probability that counts as one, in points of 1."""
BLIND: Final = "SHARE"
EPOCH: Final = datetime(2100, 1, 4, tzinfo=UTC)
"""What the newest day of a blind question is called: a year of which nobody has read."""
_TURNED: Final = re.compile(r"\b(return|surprise|growth|change)", re.IGNORECASE)
_SAME_MODEL: Final = re.compile(
    r"((-|@)\d{8}|-\d{4}-\d\d-\d\d)?(:(free|nitro|floor|extended|thinking))?$"
)
"""What a model's name may end in and be that model: the day of its release, how it is served."""
_CUT_OFFS: Final = Path(__file__).with_name("cut_offs.yaml")

Judge = Callable[[str, Sequence[Datum]], Awaitable[Answer]]
"""Answers on a symbol by the evidence that it is shown."""


def cut_off(model: str) -> date | None:
    """Return up to when a model has read; None where nobody has published it.

    A later version (`gpt-5.2` of `gpt-5`), or one that searches (`:online`), has read more.
    """
    name = _SAME_MODEL.sub("", model.rpartition("/")[2].casefold().replace(".", "-"))
    return _cut_offs().get(name)


@lru_cache(maxsize=1)
def _cut_offs() -> dict[str, date]:
    rows = read_data(_CUT_OFFS)
    return {row["model"].replace(".", "-"): row["until"] for row in rows}


def may_remember(model: str, day: date) -> bool:
    """Whether a model may have read what came after a day: its forecasts of then prove nothing."""
    until = cut_off(model)
    return until is None or day <= until


def blind(symbol: str, data: Sequence[Datum], names: Sequence[str] = ()) -> list[Datum]:
    """Return the evidence without what tells whose it is, when it was, and how large.

    Ratios and percentages stay; amounts in dollars are all multiplied by one factor, so that their
    ratios stay too. Rows in words are left out: they tell too much.

    Args:
        symbol: of the share.
        data: the evidence.
        names: of the company.
    """
    if not data:
        return []
    moved = EPOCH - max(one.as_of for one in data)
    dollars = [one.value for one in data if one.unit == "USD" and isinstance(one.value, Decimal)]
    largest = max((abs(value) for value in dollars), default=Decimal(0))
    factor = Decimal(100) / largest if largest else Decimal(1)
    told = re.compile("|".join(map(re.escape, [symbol, *names])), re.IGNORECASE)
    found = []
    for one in data:
        if not isinstance(one.value, Decimal):
            continue
        value = (
            (one.value * factor).quantize(Decimal("0.01"))
            if "USD" in (one.unit or "")
            else one.value
        )
        changes = {
            "symbol": BLIND if one.symbol else None,
            "name": told.sub(BLIND, one.name),
            "value": value,
            "source": "evidence",
            "as_of": one.as_of + moved,
            "knowable_at": one.knowable_at + moved,
            "url": None,
        }
        found.append(one.model_copy(update=changes))
    return found


def counterfactual(data: Sequence[Datum]) -> list[Datum] | None:
    """Return the evidence with the other sign on returns and surprises; None without any.

    A trend in words would tell the sign that was; it is left out.
    """
    data = [one for one in data if one.name != "trend"]
    turned = [
        one.model_copy(update={"value": -one.value})
        if isinstance(one.value, Decimal) and _TURNED.search(one.name)
        else one
        for one in data
    ]
    return turned if any(a != b for a, b in zip(data, turned, strict=True)) else None


@dataclass(frozen=True, slots=True)
class Recollection:
    """How a model answered the same questions named, blind and counterfactual.

    Attributes:
        analyst: who.
        model: its exact name.
        asked: questions put.
        answered: of which all three versions had an opinion.
        blind_moved: mean change of the probability between named and blind, in points of 1.
        unmoved: questions whose answer stayed when the facts were turned round.
        low: of their share, 90 % interval.
        high: of their share, 90 % interval.
        until: its cut-off, if published.
        before: questions about days that it may have read about.
    """

    analyst: str
    model: str
    asked: int
    answered: int
    blind_moved: float | None
    unmoved: int
    low: float
    high: float
    until: date | None
    before: int


Case = tuple[str, Sequence[Datum], datetime]
"""Symbol, evidence and the time of it."""


async def recollection(
    analyst: str,
    model: str,
    judge: Judge,
    cases: Sequence[Case],
    names: Callable[[str], Sequence[str]] = lambda symbol: (),
) -> Recollection:
    """Put questions to a model three times each.

    Args:
        analyst: its name.
        model: its exact name, by which its cut-off is known.
        judge: asks it.
        cases: the questions; those without figures that could be turned round are left out.
        names: what else a company is called, by symbol.
    """
    apart: list[float] = []
    unmoved = asked = 0
    for symbol, data, _ in cases:
        turned = counterfactual(data)
        if turned is None:
            continue
        asked += 1
        answers = [
            await judge(symbol, data),
            await judge(BLIND, blind(symbol, data, names(symbol))),
            await judge(symbol, turned),
        ]
        said = [one.probability for one in answers if isinstance(one, Opinion)]
        if len(said) == len(answers):
            apart.append(abs(said[0] - said[1]))
            unmoved += abs(said[0] - said[2]) < MOVED
    low, high = wilson(unmoved / len(apart), len(apart)) if apart else (0.0, 1.0)
    return Recollection(
        analyst,
        model,
        asked,
        len(apart),
        sum(apart) / len(apart) if apart else None,
        unmoved,
        low,
        high,
        cut_off(model),
        sum(may_remember(model, at.date()) for _, _, at in cases),
    )
