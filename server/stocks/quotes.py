"""Market data as a person reads it: symbol, name, price, price change, percentage change, trend."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, get_args

from pydantic import AwareDatetime, BaseModel, Field

from graphs.stocks.approval.picks import company
from tools.market.evidence import Datum

Trend = Literal["up", "down", "stable"]


class Quote(BaseModel):
    """A share as a run saw it; what no provider told is None."""

    symbol: str
    name: str
    price: Decimal | None = Field(None, description="The last one known, USD.")
    price_change: Decimal | None = Field(None, description="Since the close before, USD.")
    percentage_change: Decimal | None = Field(None, description="The same in percent.")
    trend: Trend | None = None
    source: str | None = Field(None, description="Who told the price.")
    as_of: AwareDatetime | None = Field(None, description="Time of the price.")


def quotes(symbols: Sequence[str], evidence: Iterable[Datum]) -> list[Quote]:
    """Return each symbol with the newest price in the evidence and what its source says of it."""
    data = list(evidence)
    return [_quote(symbol, [one for one in data if one.symbol == symbol]) for symbol in symbols]


def _quote(symbol: str, data: Sequence[Datum]) -> Quote:
    prices = [one for one in data if one.name in ("price", "close")]
    quote = Quote(symbol=symbol, name=company(symbol, data))
    if not prices:
        return quote
    price = max(prices, key=lambda one: one.as_of)
    said = {one.name: one.value for one in data if one.source == price.source}
    trend = said.get("trend")
    return Quote(
        symbol=symbol,
        name=quote.name,
        price=_figure(price.value),
        price_change=_figure(said.get("price change")),
        percentage_change=_figure(said.get("percentage change")),
        trend=trend if trend in get_args(Trend) else None,
        source=price.source,
        as_of=price.as_of,
    )


def _figure(value: Decimal | str | None) -> Decimal | None:
    return value if isinstance(value, Decimal) else None
