"""Market data as the answer of `/my-api/agent` tells it."""

from datetime import timedelta
from decimal import Decimal

from server.stocks.quotes import quotes
from tests.stocks.approval import datum
from tests.stocks.conftest import MORNING


def test_the_newest_price_is_told_with_what_its_own_source_says_of_it() -> None:
    old = datum("AAPL", "close", "100", "USD").model_copy(update={"source": "recorded"})
    later = {"source": "dataforseo", "as_of": MORNING + timedelta(minutes=1), "kind": "price"}
    rows = {"price": Decimal("101.5"), "price change": Decimal("-0.5"), "trend": "down"}
    live = [
        old.model_copy(update={**later, "name": name, "value": value})
        for name, value in rows.items()
    ]
    (told,) = quotes(["AAPL"], [old, *live])
    assert (told.price, told.price_change, told.trend) == (
        Decimal("101.5"),
        Decimal("-0.5"),
        "down",
    )
    assert (told.source, told.percentage_change) == ("dataforseo", None)
    (nothing,) = quotes(["ZZZZ"], [old])
    assert (nothing.name, nothing.price, nothing.trend) == ("ZZZZ", None, None)
