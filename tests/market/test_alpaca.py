"""Alpaca's market data by its own client: from the local exchange, and from odd answers."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi import Response

from tests.market.servers import Asked, Server, page, told
from tests.stocks.conftest import MORNING, Running, serving
from tests.wire.servers import served
from tools.exchange.account import Exchange
from tools.exchange.prices import seeded
from tools.exchange.sessions import new_york
from tools.market.access import Access
from tools.market.failures import Rationed, Refused, Unreachable, Unreadable
from tools.market.providers.alpaca import Alpaca
from tools.market.quota import Quota, limits_of

SECRET = "a-secret-nobody-may-see"
SPLIT = date(2024, 6, 10)


def alpaca(url: str, now: datetime = MORNING, secret: str = "secret") -> Alpaca:  # noqa: S107
    return Alpaca("key", secret, Access(url, Quota(limits_of("1000/second")), lambda: now))


def outcomes(provider: Alpaca) -> dict[str, int]:
    return dict(provider._access.quota.used().outcomes)


@pytest.fixture(scope="module")
def exchange_running() -> Iterator[Running]:
    days = new_york().days(date(2022, 9, 1), date(2024, 3, 28))
    exchange = Exchange(seeded(("AAPL", "SPY"), days, seed=7), new_york(), MORNING)
    with serving(exchange) as url:
        yield Running(url, exchange)


async def test_it_tells_statistics_prices_and_no_session_that_is_still_on(
    exchange_running: Running,
) -> None:
    provider = alpaca(exchange_running.url)
    data = await provider.data(["AAPL", "NOSUCH"], MORNING)
    names = {one.name: one for one in data}
    assert {"close", "return over 12 months", "price", "bid", "ask"} <= set(names)
    assert all(one.knowable_at <= MORNING for one in data)
    assert names["close"].as_of == datetime(2024, 1, 5, 21, 0, tzinfo=UTC)
    assert names["bid"].value < names["price"].value < names["ask"].value
    assert {one.symbol for one in data} == {"AAPL", None}  # None: the index
    bars = await provider.bars(["AAPL", "NOSUCH"], MORNING)
    assert list(bars) == ["AAPL"] and bars["AAPL"].days[-1].astype(object) == date(2024, 1, 5)
    assert len(await provider.benchmark(MORNING)) == len(bars["AAPL"])


async def test_prices_of_now_are_not_told_of_the_past(exchange_running: Running) -> None:
    names = {one.name for one in await alpaca(exchange_running.url).data(["AAPL"], PAST)}
    assert "close" in names and not names & {"price", "bid", "ask"}


PAST = MORNING - timedelta(days=90)

FAULTS = [
    ("html_502", Unreachable, "a web page"),
    ("504_before", Unreachable, "504"),
    ("429", Rationed, "rate limit exceeded"),
    ("html_401", Refused, "a web page"),
    ("malformed", Unreadable, "something else than JSON"),
    ("drop_before", (Unreachable, Unreadable), "connection failed|cannot be read"),
]


@pytest.mark.parametrize(("kind", "failure", "words"), FAULTS)
async def test_a_fault_that_lasts_has_its_name(
    exchange_running: Running, kind: str, failure: Any, words: str
) -> None:
    exchange_running.fault(kind, on="GET /v2/stocks/bars", times=9)
    try:
        with pytest.raises(failure, match=words):
            await alpaca(exchange_running.url).data(["AAPL"], MORNING)
    finally:
        exchange_running.mended()


@pytest.mark.parametrize("kind", ["html_502", "504_before"])
async def test_a_fault_that_passes_is_asked_again(exchange_running: Running, kind: str) -> None:
    exchange_running.fault(kind, on="GET /v2/stocks/bars")
    provider = alpaca(exchange_running.url)
    assert await provider.bars(["AAPL"], MORNING)
    assert outcomes(provider)["unreachable"] == 1


async def test_a_slow_answer_is_given_up(
    exchange_running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.market.providers.alpaca.TIMEOUT_SECS", 0.05)
    monkeypatch.setattr("tools.market.providers.alpaca.ATTEMPTS", 1)
    exchange_running.fault("slow", on="GET /v2/stocks/bars", secs=0.4)
    with pytest.raises(Unreachable, match="No answer within"):
        await alpaca(exchange_running.url).bars(["AAPL"], MORNING)


async def test_no_log_and_no_message_shows_the_secret(
    exchange_running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Refused) as failed:
        await alpaca(exchange_running.url, secret=SECRET).data(["AAPL"], MORNING)
    assert "urllib3" in caplog.text and SECRET not in caplog.text + str(failed.value)


def bar(day: date, close: Any, **more: Any) -> dict[str, Any]:
    hour = 4 if date(2024, 3, 10) <= day < date(2024, 11, 3) else 5
    whole = {"t": f"{day}T{hour:02}:00:00Z", "o": close, "h": close, "l": close, "c": close}
    return whole | {"v": 1000, "n": 1, "vw": close} | more


Answer = Callable[[Asked], Response]


@asynccontextmanager
async def answering(answer: Answer, now: datetime) -> AsyncIterator[tuple[Alpaca, Server]]:
    server = Server(answer)
    async with served(server.app) as url:
        yield alpaca(url, now), server


NOON = datetime(2024, 6, 12, 16, 0, tzinfo=UTC)
DAYS = [date(2024, 6, 6), date(2024, 6, 7), SPLIT, date(2024, 6, 11), date(2024, 6, 12)]


def split_bars(asked: Asked) -> Response:
    """Ten shares for one on 10 June, one bar a page; the last session is still on."""
    whole = asked.params["adjustment"] == "raw"
    rows = [
        bar(day, 1200 if day < SPLIT and whole else "120.0", v=10 if whole else 100) for day in DAYS
    ]
    at = int(asked.params.get("page_token") or 0)
    more = str(at + 1) if at + 1 < len(rows) else None
    return told({"bars": {"NVDA": [rows[at]]}, "next_page_token": more})


async def test_pages_are_turned_and_a_split_is_found_and_not_taken_for_a_crash() -> None:
    async with answering(split_bars, NOON) as (provider, server):
        (series,) = (await provider.bars(["NVDA"], NOON)).values()
        assert len(server.asked) == 2 * len(DAYS)
        assert [day.astype(object) for day in series.days] == DAYS[:-1]
        assert series.close.tolist() == [1200.0, 1200.0, 120.0, 120.0]
        assert series.adjusted().tolist() == [120.0] * 4
        assert [(one.day, one.kind) for one in series.actions] == [(SPLIT, "split")]
        assert series.source == "alpaca (iex)"


async def test_each_page_takes_a_place_in_the_quota() -> None:
    async with answering(split_bars, NOON) as (provider, server):
        url = provider._access.url
        small = Alpaca("key", "secret", Access(url, Quota(limits_of("3/day")), lambda: NOON))
        with pytest.raises(Rationed, match="Our quota"):
            await small.bars(["NVDA"], NOON)
        assert len(server.asked) == 3


async def test_bars_without_all_prices_are_left_out_and_volume_may_be_unknown() -> None:
    rows = [
        bar(DAYS[0], 10),
        bar(DAYS[1], None),
        bar(DAYS[2], "11.5", v=None),
        {"t": "yesterday", "c": 1},
        "nonsense",
    ]

    def answer(asked: Asked) -> Response:
        return told({"bars": {"AAPL": rows, "IBM": []}, "next_page_token": None})

    async with answering(answer, NOON) as (provider, _):
        found = await provider.bars(["AAPL", "IBM"], NOON)
        assert list(found) == ["AAPL"] and found["AAPL"].close.tolist() == [10.0, 11.5]
        assert str(found["AAPL"].volume[1]) == "nan"


def article(**more: Any) -> dict[str, Any]:
    whole = {"id": 1, "headline": "Chips sell", "symbols": ["NVDA", "AMD"], "source": "example"}
    return whole | {"created_at": "2024-06-11T14:00:00Z"} | more


async def test_an_article_is_known_from_its_last_edit_and_a_broken_one_loses_only_itself() -> None:
    rows = [
        article(),
        article(headline="Edited later", updated_at="2024-06-13T14:00:00Z"),
        article(headline=None),
        article(symbols=None),
        {},
    ]

    def answer(asked: Asked) -> Response:
        if asked.path.endswith("news"):
            return told({"news": rows, "next_page_token": None})
        if asked.path.endswith("snapshots"):
            quote = {"ap": 0, "bp": "119.9", "t": "2024-06-12T15:59:59.123456789Z"}
            return told({"NVDA": {"latestQuote": quote, "latestTrade": None}, "AMD": None})
        return told({"bars": {}, "next_page_token": None})

    async with answering(answer, NOON) as (provider, _):
        data = await provider.data(["NVDA"], NOON)
        assert [(one.kind, one.name, one.value) for one in data] == [
            ("news", "headline (example)", "Chips sell"),
            ("price", "bid", Decimal("119.9")),
        ]


@pytest.mark.parametrize("body", [[], {"message": "hm"}, {"bars": [], "quotes": []}, 7])
async def test_json_of_another_form_is_unreadable(body: Any) -> None:
    async with answering(lambda asked: told(body), NOON) as (provider, _):
        with pytest.raises(Unreadable):
            await provider.bars(["AAPL"], NOON)


async def test_a_web_page_with_status_200_is_unreadable() -> None:
    async with answering(lambda asked: page(), NOON) as (provider, _):
        with pytest.raises(Unreadable):
            await provider.bars(["AAPL"], NOON)


async def test_when_to_come_back_is_read_from_the_reset_that_alpaca_tells() -> None:
    def answer(asked: Asked) -> Response:
        reset = str(int(datetime.now(UTC).timestamp()) + 30)
        return told({"message": "too many requests."}, 429, X_RateLimit_Reset=reset)

    async with answering(answer, NOON) as (provider, server):
        with pytest.raises(Rationed):
            await provider.bars(["AAPL"], NOON)
        asked = len(server.asked)
        with pytest.raises(Rationed, match="Our quota") as failed:
            await provider.bars(["AAPL"], NOON)
        assert 0 < failed.value.retry_after < 60 and len(server.asked) == asked
