"""Prices, computed from the organisation's list and from nothing else.

Whatever the list does not say is refused with a sentence, never guessed: an unknown article, a
quantity out of its bounds, a discount that does not apply, another currency, tax that is unstated.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel, ConfigDict, Field

from tools.effects import tool
from tools.organisation import Discount, Item, Prices

_NO_DECIMALS = re.compile("BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|VND|VUV|XAF|XOF|XPF")
_THREE_DECIMALS = re.compile("BHD|IQD|JOD|KWD|LYD|OMR|TND")
"""Currencies whose smallest unit is not a hundredth (ISO 4217)."""
MOST_UNITS = 10_000_000


class NoPrice(ValueError):
    """The list has no such price; the message says what it has."""


class Wanted(BaseModel):
    """So many of an article."""

    item: str = Field(description="Id of the article on the list.")
    quantity: int = Field(description="How many units.")


class Line(BaseModel):
    """The price of one article of a quote."""

    model_config = ConfigDict(frozen=True)

    item: str
    name: str
    quantity: int
    unit: str
    unit_price: Decimal
    """Before discounts."""
    discounts: tuple[str, ...]
    """Names of those that were taken off, one after the other."""
    total: Decimal
    """Without tax if the prices are, with it if they are."""
    period: str
    """`once`, `month` or `year`."""
    year_total: Decimal | None = None
    """What twelve months come to, where the price is by the month and the year was asked for."""


class Quote(BaseModel):
    """What a number of articles cost together."""

    model_config = ConfigDict(frozen=True)

    currency: str
    lines: tuple[Line, ...]
    totals: dict[str, Decimal]
    """By period; amounts of different periods are never added."""
    tax: str
    """`included`, `excluded` or `unstated`."""
    tax_name: str
    tax_percent: Decimal | None
    totals_with_tax: dict[str, Decimal] | None
    """By period; None where the list does not say enough."""
    year_total: Decimal | None = None
    """What twelve months of all that is paid by the month come to, if the year was asked for."""


def quote(
    prices: Prices,
    wanted: Sequence[Wanted],
    discounts: Iterable[str] = (),
    currency: str | None = None,
    *,
    a_year: bool = False,
) -> Quote:
    """Compute what articles cost.

    Each line is rounded to the currency's smallest unit, half up, after its discounts, which are
    taken off one after the other in the order of the list.

    Args:
        prices: the organisation's list.
        wanted: articles, each once.
        discounts: ids of those that the buyer is entitled to.
        currency: ISO 4217, if one was asked for.
        a_year: whether to tell too what twelve months come to.

    Raises:
        NoPrice: the list does not say.
    """
    if currency and currency.upper() != prices.currency:
        raise NoPrice(f"There are prices in {prices.currency} only; nothing is converted.")
    if not wanted:
        raise NoPrice("Name at least one article and how many of it.")
    if len({one.item for one in wanted}) < len(wanted):
        raise NoPrice("Name each article once, with the quantity in total.")
    granted = _discounts(prices, discounts, {one.item for one in wanted})
    lines = [_line(prices, one, granted, a_year=a_year) for one in wanted]
    totals: dict[str, Decimal] = {}
    for line in lines:
        totals[line.period] = totals.get(line.period, Decimal(0)) + line.total
    return Quote(
        currency=prices.currency,
        lines=tuple(lines),
        totals=totals,
        tax=prices.tax,
        tax_name=prices.tax_name,
        tax_percent=prices.tax_percent,
        totals_with_tax=_with_tax(prices, totals),
        year_total=totals["month"] * 12 if a_year and "month" in totals else None,
    )


def unit_price(item: Item, quantity: int) -> Decimal:
    """Return the price of a unit when so many are bought."""
    reached = [tier.price for tier in item.tiers if quantity >= tier.units]
    return reached[-1] if reached else item.price


def _line(prices: Prices, wanted: Wanted, granted: Sequence[Discount], *, a_year: bool) -> Line:
    item = next((one for one in prices.items if one.id == wanted.item), None)
    if item is None:
        listed = ", ".join(one.id for one in prices.items) or "nothing"
        raise NoPrice(f"{wanted.item!r} is not on the list of prices, which has: {listed}.")
    most = min(item.most or MOST_UNITS, MOST_UNITS)
    if not item.least <= wanted.quantity <= most:
        bounds = f"from {item.least}" + (f" to {most}" if item.most else "")
        raise NoPrice(f"{item.name} is sold {bounds} {item.unit}s, not {wanted.quantity}.")
    each = unit_price(item, wanted.quantity)
    total = each * wanted.quantity
    taken = [one for one in granted if item.id in one.applies_to]
    for discount in taken:
        total *= (100 - discount.percent) / 100
    total, period = _rounded(total, prices.currency), item.period or "once"
    return Line(
        item=item.id,
        name=item.name,
        quantity=wanted.quantity,
        unit=item.unit,
        unit_price=each,
        discounts=tuple(one.name for one in taken),
        total=total,
        period=period,
        year_total=total * 12 if a_year and period == "month" else None,
    )


def _discounts(prices: Prices, ids: Iterable[str], items: set[str]) -> Sequence[Discount]:
    asked, known = set(ids), {one.id for one in prices.discounts}
    if unknown := sorted(asked - known):
        listed = ", ".join(sorted(known)) or "none"
        raise NoPrice(f"There is no discount {unknown[0]!r}; there are: {listed}.")
    granted = [one for one in prices.discounts if one.id in asked]
    for one in granted:
        if not items & set(one.applies_to):
            raise NoPrice(f"The discount {one.name} does not apply to {', '.join(sorted(items))}.")
    return granted


def _with_tax(prices: Prices, totals: dict[str, Decimal]) -> dict[str, Decimal] | None:
    if prices.tax == "included":
        return dict(totals)
    if prices.tax == "excluded" and prices.tax_percent is not None:
        factor = (100 + prices.tax_percent) / 100
        return {p: _rounded(total * factor, prices.currency) for p, total in totals.items()}
    return None


def _rounded(amount: Decimal, currency: str) -> Decimal:
    places = 0 if _NO_DECIMALS.fullmatch(currency) else 2
    places = 3 if _THREE_DECIMALS.fullmatch(currency) else places
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def price_tool(prices: Prices) -> BaseTool:
    """Return the tool that computes prices from a list."""

    @tool(effect=False, parse_docstring=True)
    async def get_price(
        items: list[Wanted],
        discounts: list[str] | None = None,
        currency: str | None = None,
        a_year: bool = False,
    ) -> dict[str, Any]:
        """Compute exactly what articles cost; no other price may be told.

        Args:
            items: Articles and quantities.
            discounts: Ids of the discounts the person is entitled to.
            currency: ISO 4217 code, if the person asks for one.
            a_year: Whether the person asks what a year comes to.
        """
        try:
            found = quote(prices, items, discounts or (), currency, a_year=a_year)
        except NoPrice as error:
            raise ToolException(str(error)) from None
        return found.model_dump(mode="json")

    articles = "; ".join(
        f"{item.id}: {item.name}, per {item.unit}" + (f" and {item.period}" if item.period else "")
        for item in prices.items
    )
    reductions = "; ".join(f"{one.id}: {one.name}" for one in prices.discounts) or "none"
    get_price.description += f" Articles: {articles}. Discounts: {reductions}."
    return get_price
