"""The local exchange: Alpaca's shapes by Alpaca's own files and client, Alpaca's refusals."""

import importlib.util
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest, StockSnapshotRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stocks.conftest import MORNING, SYMBOLS, Running
from tools.exchange import wire
from tools.exchange.account import Exchange
from tools.exchange.kept import keep, reopen
from tools.exchange.orders import Refused, Request
from tools.exchange.prices import Prices
from tools.exchange.sessions import Sessions

HEADERS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}


def spec(name: str) -> dict[str, Any]:
    found = importlib.util.find_spec("alpaca_mcp_server")
    assert found and found.origin
    text = (Path(found.origin).parent / "specs" / f"{name}.json").read_text()
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.fixture(scope="module")
def trading_spec() -> dict[str, Any]:
    return spec("trading-api")


def valid(document: dict[str, Any], schema: str, value: Any) -> None:
    """Check a value against a schema of Alpaca's file, formats included."""
    whole = {**document, "$ref": f"#/components/schemas/{schema}"}
    jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(value)


@pytest.fixture
def client(running: Running) -> TradingClient:
    return TradingClient("key", "secret", url_override=running.url)


@pytest.fixture
def data(running: Running) -> StockHistoricalDataClient:
    return StockHistoricalDataClient("key", "secret", url_override=running.url)


def buy(symbol: str = "AAPL", qty: float = 10, **more: Any) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=symbol, qty=qty, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, **more
    )


def limit(price: float, side: OrderSide = OrderSide.BUY, qty: float = 10) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol="AAPL", qty=qty, side=side, time_in_force=TimeInForce.GTC, limit_price=price
    )


def test_every_trading_answer_is_valid_by_alpacas_own_file(
    running: Running, client: TradingClient, trading_spec: dict[str, Any]
) -> None:
    client.submit_order(buy())
    client.submit_order(limit(10))
    running.later(86_400)
    checks = {
        "/v2/account": "Account",
        "/v2/clock": "legacy_clock",
        "/v2/account/portfolio/history": "PortfolioHistory",
    }
    for path, schema in checks.items():
        answer = httpx.get(running.url + path, headers=HEADERS)
        valid(trading_spec, schema, answer.json())
    lists = {
        "/v2/orders?status=all": "Order",
        "/v2/positions": "Position",
        "/v2/assets": "Assets",
        "/v2/account/activities/FILL": "TradingActivities",
        "/v2/calendar?start=2024-01-01&end=2024-01-31": "legacy_calendar_day",
    }
    for path, schema in lists.items():
        answers = httpx.get(running.url + path, headers=HEADERS).json()
        assert answers, path
        for answer in answers:
            valid(trading_spec, schema, answer)


def test_an_order_is_taken_first_and_filled_a_moment_later(client: TradingClient) -> None:
    taken = client.submit_order(buy(client_order_id="mine"))
    assert taken.status in ("new", "accepted") and float(taken.filled_qty) == 0
    filled = client.get_order_by_client_id("mine")
    assert filled.status == "filled"
    position = client.get_open_position("AAPL")
    assert float(position.qty) == 10
    assert float(position.avg_entry_price) == float(filled.filled_avg_price)


def test_a_used_client_order_id_is_refused_also_after_a_cancel(client: TradingClient) -> None:
    request = limit(10)
    request.client_order_id = "once"
    client.cancel_order_by_id(client.submit_order(request).id)
    with pytest.raises(APIError) as refused:
        client.submit_order(request)
    assert (refused.value.status_code, refused.value.code) == (422, 40010001)
    assert refused.value.message == "client_order_id must be unique"


@pytest.mark.parametrize(
    ("order", "status", "says"),
    [
        ({"symbol": "NOPE", "qty": "1"}, 422, "not found"),
        ({"symbol": "AAPL"}, 422, "qty or notional"),
        ({"symbol": "AAPL", "qty": "1", "notional": "5"}, 422, "qty or notional"),
        ({"symbol": "AAPL", "qty": "-1"}, 422, "qty must be > 0"),
        ({"symbol": "AAPL", "qty": "NaN"}, 422, "qty"),
        ({"symbol": "AAPL", "qty": "many"}, 422, "qty"),
        ({"symbol": "AAPL", "notional": "0.99"}, 422, "notional must be >= 1.00"),
        ({"symbol": "AAPL", "qty": "0.5", "time_in_force": "gtc"}, 422, "fractional"),
        ({"symbol": "AAPL", "qty": "1", "type": "limit"}, 422, "limit_price is required"),
        (
            {"symbol": "AAPL", "qty": "1", "type": "limit", "limit_price": "100.001"},
            422,
            "sub-penny",
        ),
        ({"symbol": "AAPL", "qty": "100000"}, 403, "insufficient buying power"),
        ({"symbol": "AAPL", "qty": "1", "side": "sell"}, 403, "not allowed to short"),
        ({"symbol": "AAPL", "qty": "1", "client_order_id": "x" * 129}, 422, "client_order_id"),
    ],
)
def test_what_alpaca_refuses_is_refused_in_its_words(
    running: Running, order: dict[str, str], status: int, says: str
) -> None:
    body = {"side": "buy", "type": "market", "time_in_force": "day", **order}
    answer = httpx.post(f"{running.url}/v2/orders", json=body, headers=HEADERS)
    assert answer.status_code == status
    assert says in answer.json()["message"]
    assert isinstance(answer.json()["code"], int)


def test_a_key_nobody_gave_out_is_let_in_nowhere(running: Running) -> None:
    answer = httpx.get(f"{running.url}/v2/account", headers={**HEADERS, "APCA-API-SECRET-KEY": ""})
    assert (answer.status_code, answer.json()) == (401, {"message": "unauthorized."})


def test_half_of_a_position_is_fifty_percent(client: TradingClient, running: Running) -> None:
    client.submit_order(buy(qty=10))
    client.close_position("AAPL", ClosePositionRequest(percentage="50"))
    assert float(client.get_open_position("AAPL").qty) == 5


def test_all_positions_are_closed_with_a_status_each(client: TradingClient) -> None:
    client.submit_order(buy("AAPL"))
    client.submit_order(buy("MSFT"))
    closed = client.close_all_positions(cancel_orders=True)
    assert {one.symbol: one.status for one in closed} == {"AAPL": 200, "MSFT": 200}
    assert client.get_all_positions() == []


def test_an_order_that_waits_is_listed_replaced_and_cancelled(client: TradingClient) -> None:
    waiting = client.submit_order(limit(10))
    assert [one.id for one in client.get_orders()] == [waiting.id]
    other = client.replace_order_by_id(waiting.id, ReplaceOrderRequest(limit_price=11))
    assert other.id != waiting.id and other.replaces == waiting.id
    client.cancel_order_by_id(other.id)
    assert client.get_orders() == []
    everything = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL))
    assert {one.status.value for one in everything} == {"replaced", "canceled"}
    with pytest.raises(APIError):
        client.cancel_order_by_id(other.id)


def test_after_the_close_a_day_order_waits_for_the_morning(
    client: TradingClient, running: Running
) -> None:
    running.later(8 * 3600)
    order = client.submit_order(buy())
    assert client.get_order_by_id(order.id).status == "accepted"
    running.later(16 * 3600)
    assert client.get_order_by_id(order.id).status == "filled"


def test_a_limit_that_is_not_reached_expires_with_the_day(
    client: TradingClient, running: Running
) -> None:
    request = limit(10)
    request.time_in_force = TimeInForce.DAY
    order = client.submit_order(request)
    running.later(86_400)
    assert client.get_order_by_id(order.id).status == "expired"


def test_the_clock_knows_holidays_and_new_york(client: TradingClient, running: Running) -> None:
    assert client.get_clock().is_open
    running.later(7 * 86_400)  # Martin Luther King's day
    clock = client.get_clock()
    assert not clock.is_open
    assert clock.next_open.isoformat() == "2024-01-16T09:30:00-05:00"


def test_no_price_is_from_later_than_the_clock(
    data: StockHistoricalDataClient, running: Running
) -> None:
    request = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Day)
    bars = data.get_stock_bars(request).data["AAPL"]
    assert bars[-1].timestamp.date().isoformat() == "2024-01-05"
    running.later(86_400)
    bars = data.get_stock_bars(request).data["AAPL"]
    assert bars[-1].timestamp.date().isoformat() == "2024-01-08"


def test_bars_come_in_pages_that_lose_and_double_none(
    data: StockHistoricalDataClient, running: Running, prices: Prices
) -> None:
    request = StockBarsRequest(symbol_or_symbols=list(SYMBOLS), timeframe=TimeFrame.Day)
    found = data.get_stock_bars(request).data
    page, pages, token = [], 0, None
    while pages == 0 or token:
        params = {"symbols": ",".join(SYMBOLS), "timeframe": "1Day", "limit": 100}
        answer = httpx.get(
            f"{running.url}/v2/stocks/bars",
            params=params | ({"page_token": token} if token else {}),
            headers=HEADERS,
        ).json()
        page += [(s, bar["t"]) for s, bars in answer["bars"].items() for bar in bars]
        token, pages = answer["next_page_token"], pages + 1
    assert len(page) == len(set(page)) == sum(len(bars) for bars in found.values())
    assert pages > 5


def test_quotes_and_snapshots_are_read_by_alpacas_client(data: StockHistoricalDataClient) -> None:
    quotes = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=["AAPL"]))
    assert 0 < quotes["AAPL"].bid_price < quotes["AAPL"].ask_price
    shots = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=["AAPL", "MSFT"]))
    assert shots["MSFT"].daily_bar.close > 0


def test_a_504_after_the_order_leaves_the_order(running: Running) -> None:
    running.fault("504_after")
    body = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    answer = httpx.post(
        f"{running.url}/v2/orders", json=body | {"client_order_id": "c"}, headers=HEADERS
    )
    assert answer.status_code == 504
    assert running.exchange.by_client_id("c").status == "filled"


def test_a_dropped_connection_is_an_error_and_no_answer(running: Running) -> None:
    running.fault("drop_before", on="GET /v2/account")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{running.url}/v2/account", headers=HEADERS)


def test_a_partial_fill_is_completed_later(client: TradingClient, running: Running) -> None:
    running.fault("partial")
    order = client.submit_order(buy(qty=10))
    half = client.get_order_by_id(order.id)
    assert (half.status, float(half.filled_qty)) == ("partially_filled", 5)
    running.later(60)
    assert client.get_order_by_id(order.id).status == "filled"


asked = st.builds(
    Request,
    symbol=st.sampled_from(SYMBOLS),
    qty=st.decimals(1, 300, places=0),
    side=st.sampled_from(["buy", "sell"]),
    type=st.sampled_from(["market", "limit"]),
    time_in_force=st.sampled_from(["day", "gtc", "ioc"]),
    limit_price=st.decimals(10, 400, places=2),
).map(lambda r: r if r.type == "limit" else r.model_copy(update={"limit_price": None}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(asked, st.integers(60, 200_000)), max_size=25))
def test_money_and_shares_are_neither_made_nor_lost(
    prices: Prices, sessions: Sessions, steps: list[Request | int]
) -> None:
    exchange = Exchange(prices, sessions, MORNING)
    for step in steps:
        if isinstance(step, int):
            exchange.advance(exchange.now + timedelta(seconds=step))
        else:
            try:
                exchange.submit(step)
            except Refused:
                continue
            exchange.advance(exchange.now)
    spent = sum(
        (f.shares * f.price * (1 if f.order.request.side == "buy" else -1) for f in exchange.fills),
        Decimal(0),
    )
    assert exchange.cash == Decimal(100_000) - spent >= 0
    for symbol in SYMBOLS:
        signs = [
            f.shares * (1 if f.order.request.side == "buy" else -1)
            for f in exchange.fills
            if f.order.request.symbol == symbol
        ]
        held = exchange.positions.get(symbol)
        assert sum(signs, Decimal(0)) == (held.shares if held else 0)
        assert exchange.available(symbol) >= 0
    for order in exchange.orders.values():
        assert order.filled == sum(
            (f.shares for f in exchange.fills if f.order is order), Decimal(0)
        )


def test_an_exchange_that_was_reopened_is_the_same(
    prices: Prices, sessions: Sessions, exchange: Exchange, tmp_path: Path
) -> None:
    bought = exchange.submit(Request(symbol="AAPL", qty=Decimal(10), client_order_id="a"))
    exchange.submit(
        Request(
            symbol="MSFT",
            qty=Decimal(5),
            type="limit",
            time_in_force="gtc",
            limit_price=Decimal("1.01"),
        )
    )
    exchange.advance(MORNING + timedelta(days=2))
    path = tmp_path / "exchange.json"
    keep(exchange, path)
    again = reopen(path, prices, sessions)
    assert (again.now, again.cash, again.equity) == (exchange.now, exchange.cash, exchange.equity)
    assert wire.history(again) == wire.history(exchange)
    assert [wire.order(o) for o in again.orders.values()] == [
        wire.order(o) for o in exchange.orders.values()
    ]
    assert again.by_client_id("a").id == bought.id
    assert again.buying_power == exchange.buying_power
    assert [wire.fill(f) for f in again.fills] == [wire.fill(f) for f in exchange.fills]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"now": "yesterday"}'])
def test_a_file_that_holds_no_exchange_is_named(
    prices: Prices, sessions: Sessions, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "exchange.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="does not hold an exchange"):
        reopen(path, prices, sessions)
