"""Prices come from the list, to the last digit, or not at all."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tools.organisation import Prices
from tools.pricing import NoPrice, Wanted, price_tool, quote

LIST: dict[str, Any] = {
    "currency": "USD",
    "tax": "excluded",
    "tax_percent": "8.875",
    "items": [
        {"id": "team", "name": "Team", "price": "39.00", "unit": "seat", "period": "month",
         "least": 3, "most": 500,
         "tiers": [{"units": 10, "price": "35.10"}, {"units": 100, "price": "29"}]},
        {"id": "setup", "name": "Setup", "price": "1200", "unit": "project"},
        {"id": "third", "name": "A third", "price": "0.333", "unit": "piece"},
    ],
    "discounts": [
        {"id": "annual", "name": "annual billing", "percent": "15", "applies_to": ["team"]},
        {"id": "nonprofit", "name": "non-profit", "percent": "20", "applies_to": ["team"]},
    ],
}  # fmt: skip
PRICES = Prices.model_validate(LIST)


def total(item: str, quantity: int, *discounts: str, **changed: Any) -> Decimal:
    prices = Prices.model_validate(LIST | changed)
    (line,) = quote(prices, [Wanted(item=item, quantity=quantity)], discounts).lines
    return line.total


@pytest.mark.parametrize(
    ("quantity", "cost"),
    [(3, "117.00"), (9, "351.00"), (10, "351.00"), (99, "3474.90"), (100, "2900.00")]
)  # fmt: skip
def test_all_units_have_the_price_of_the_tier_that_is_reached(quantity: int, cost: str) -> None:
    assert total("team", quantity) == Decimal(cost)


def test_discounts_are_taken_off_one_after_the_other_and_the_line_is_rounded_once() -> None:
    assert total("team", 7, "nonprofit", "annual") == Decimal("185.64")
    assert total("third", 2) == Decimal("0.67")
    assert total("third", 2, currency="JPY") == Decimal(1)
    assert total("third", 2, currency="KWD") == Decimal("0.666")


def test_what_is_paid_once_and_what_is_paid_monthly_is_not_added() -> None:
    wanted = [Wanted(item="team", quantity=3), Wanted(item="setup", quantity=1)]
    made = quote(PRICES, wanted)
    assert made.totals == {"month": Decimal(117), "once": Decimal(1200)}
    assert made.totals_with_tax == {"month": Decimal("127.38"), "once": Decimal("1306.50")}


@pytest.mark.parametrize("change", [{"tax": "unstated"}, {"tax_percent": None}])
def test_tax_that_is_not_stated_is_not_computed(change: dict[str, Any]) -> None:
    prices = Prices.model_validate(LIST | change)
    assert quote(prices, [Wanted(item="setup", quantity=1)]).totals_with_tax is None


@pytest.mark.parametrize(
    ("wanted", "asked", "why"),
    [
        ([("gold", 1)], {}, "not on the list"),
        ([("Team", 5)], {}, "not on the list"),
        ([("team", 2)], {}, "from 3 to 500"),
        ([("team", 501)], {}, "from 3 to 500"),
        ([("setup", 0)], {}, "from 1"),
        ([("setup", -5)], {}, "from 1"),
        ([("setup", 10**30)], {}, "from 1"),
        ([], {}, "at least one"),
        ([("team", 3), ("team", 4)], {}, "once"),
        ([("team", 3)], {"currency": "EUR"}, "in USD only"),
        ([("team", 3)], {"discounts": ["friends"]}, "no discount 'friends'"),
        ([("setup", 1)], {"discounts": ["annual"]}, "does not apply"),
    ],
)
async def test_what_the_list_does_not_say_is_refused_in_a_sentence(
    wanted: list[tuple[str, int]], asked: dict[str, Any], why: str
) -> None:
    articles = [Wanted(item=item, quantity=quantity) for item, quantity in wanted]
    with pytest.raises(NoPrice, match=why):
        quote(PRICES, articles, **asked)
    tool: Any = price_tool(PRICES)
    tool.handle_tool_error = True
    given = {"items": [article.model_dump() for article in articles], **asked}
    told = await tool.ainvoke({"type": "tool_call", "name": "get_price", "args": given, "id": "1"})
    assert told.status == "error" and why in told.content


async def test_the_tool_tells_amounts_as_text_to_the_last_digit() -> None:
    given = {"items": [{"item": "team", "quantity": 7}], "discounts": ["annual"]}
    tool = price_tool(PRICES)
    told = await tool.ainvoke({"type": "tool_call", "name": "get_price", "args": given, "id": "1"})
    assert '"total": "232.05"' in told.content
    assert "team: Team, per seat and month" in tool.description


@given(st.integers(3, 500), st.integers(3, 500))
def test_within_a_tier_more_never_costs_less(few: int, many: int) -> None:
    if few <= many and (few >= 10) == (many >= 10) and (few >= 100) == (many >= 100):
        assert total("team", few) <= total("team", many)


def test_tiers_out_of_order_are_refused() -> None:
    tiers = [{"units": 9, "price": "1"}, {"units": 5, "price": "2"}]
    item = {"id": "a", "name": "A", "price": "3", "unit": "x", "tiers": tiers}
    with pytest.raises(ValidationError):
        Prices.model_validate({"currency": "USD", "items": [item]})
