"""Whatever goes wrong on the wire has a name, is counted, and shows nobody a key."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.market.conftest import CONTACT, MAKE, NOW, opened
from tests.market.servers import (
    KEY,
    Server,
    alpha_vantage,
    dataforseo,
    edgar,
    finnhub,
    fred,
    openfda,
    page,
    told,
    too_often,
)
from tools.market import fetch
from tools.market.failures import NoAnswer, Rationed, Refused, Rejected, Unreachable, Unreadable

APPROVAL = {
    "application_number": "NDA213082",
    "sponsor_name": "PFIZER",
    "submissions": [
        {
            "submission_type": "ORIG",
            "submission_status": "AP",
            "submission_status_date": "20261030",
        }
    ],
}
UNEMPLOYED = {"realtime_start": "2026-11-06", "date": "2026-10-01", "value": "4.1"}
QUOTE = {
    "displayed_name": "Apple Inc",
    "price": 261.74,
    "timestamp": "2026-11-20 14:59:00 +00:00",
}
FILINGS = {
    "submissions/CIK0000320193.json": {
        "filings": {
            "recent": {
                "accessionNumber": ["0000320193-26-000101"],
                "filingDate": ["2026-10-29"],
                "acceptanceDateTime": ["2026-10-29T20:30:42.000Z"],
                "form": ["8-K"],
                "items": ["2.02,9.01"],
                "reportDate": ["2026-10-29"],
                "primaryDocument": ["aapl-20261029.htm"],
            }
        }
    }
}
SERVERS: dict[str, Callable[[], Server]] = {
    "finnhub": finnhub,
    "alpha_vantage": alpha_vantage,
    "fred": lambda: fred([UNEMPLOYED]),
    "openfda": lambda: openfda([APPROVAL]),
    "edgar": lambda: edgar(FILINGS),
    "dataforseo": lambda: dataforseo({"AAPL:NASDAQ": QUOTE}, {"AAPL": ["AAPL:NASDAQ"]}),
}
SYMBOLS = {"openfda": ["PFE"]}
ALL = pytest.mark.parametrize("name", SERVERS)


def symbols(name: str) -> list[str]:
    return SYMBOLS.get(name, ["AAPL"])


def outcomes(provider: Any) -> dict[str, int]:
    return dict(provider._access.quota.used().outcomes)


def test_every_provider_but_alpaca_is_here() -> None:
    from tools.market.provider import provider_names

    assert set(provider_names()) - {"recorded", "alpaca"} == set(SERVERS) == set(MAKE)


@ALL
async def test_it_tells_data_that_could_be_known_and_says_from_where(name: str) -> None:
    async with opened(name, SERVERS[name]()) as provider:
        data = await provider.data(symbols(name), NOW)
        assert data
        assert all(one.knowable_at <= NOW and one.as_of <= one.knowable_at for one in data)
        assert {one.source for one in data} == {name}
        assert set(outcomes(provider)) <= {"ok", "absent"}


@ALL
async def test_a_web_page_in_place_of_data_is_said_to_be_one(name: str) -> None:
    server = SERVERS[name]()
    server.faults = [page()]
    async with opened(name, server) as provider:
        with pytest.raises(Unreadable, match="a web page titled 'Just a moment...'"):
            await provider.data(symbols(name), NOW)
        assert outcomes(provider)["unreadable"] == 1


@ALL
@pytest.mark.parametrize("body", [[], "nothing", None, 7])
async def test_json_of_another_form_is_not_taken_for_no_data(name: str, body: Any) -> None:
    server = SERVERS[name]()
    server.faults = [told(body)] * 4
    async with opened(name, server) as provider:
        if name == "finnhub" and body == []:
            return  # an empty list is how it says that there is no news
        with pytest.raises(Unreadable):
            await provider.data(symbols(name), NOW)


@ALL
async def test_an_answer_that_breaks_off_is_unreadable(name: str) -> None:
    server = SERVERS[name]()
    broken = told({"a": 1})
    broken.body = b'{"results": [{"a"'
    broken.headers["content-length"] = str(len(broken.body))
    server.faults = [broken]
    async with opened(name, server) as provider:
        with pytest.raises(Unreadable, match="in place of JSON"):
            await provider.data(symbols(name), NOW)


@ALL
async def test_a_short_429_is_waited_for(name: str) -> None:
    server = SERVERS[name]()
    server.faults = [too_often(0)]
    async with opened(name, server) as provider:
        assert await provider.data(symbols(name), NOW)
        assert outcomes(provider)["rationed"] == 1


@ALL
async def test_a_long_429_ends_it_and_nobody_asks_again_before_its_time(name: str) -> None:
    server = SERVERS[name]()
    server.faults = [too_often(3600)] * 4
    async with opened(name, server) as provider:
        with pytest.raises(Rationed) as failed:
            await provider.data(symbols(name), NOW)
        assert failed.value.retry_after == 3600 and failed.value.asked
        asked = len(server.asked)
        with pytest.raises(Rationed, match="Our quota") as failed:
            await provider.data(symbols(name), NOW)
        assert not failed.value.asked and failed.value.retry_after == pytest.approx(3600, abs=30)
        assert len(server.asked) == asked


@ALL
async def test_a_fault_of_theirs_is_asked_again_unless_each_request_costs(name: str) -> None:
    server = SERVERS[name]()
    server.faults = [page(502, "Bad gateway")]
    async with opened(name, server) as provider:
        if name == "dataforseo":
            with pytest.raises(Unreachable, match="status 502"):
                await provider.data(symbols(name), NOW)
            assert len(server.asked) == 1
        else:
            assert await provider.data(symbols(name), NOW)
        assert outcomes(provider)["unreachable"] == 1


@ALL
async def test_a_lasting_fault_of_theirs_is_named(name: str) -> None:
    server = SERVERS[name]()
    server.faults = [page(503, "Down")] * 20
    async with opened(name, server) as provider:
        with pytest.raises(Unreachable, match="status 503 \\(a web page titled 'Down'\\)"):
            await provider.data(symbols(name), NOW)
        assert len(server.asked) <= fetch.ATTEMPTS * 3


@ALL
async def test_no_answer_in_time_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT_SECS", 0.05)
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    server = SERVERS[name]()
    server.faults = [lambda: asyncio.sleep(0.3)] * 4
    async with opened(name, server) as provider:
        with pytest.raises(Unreachable, match="No answer within"):
            await provider.data(symbols(name), NOW)


@ALL
async def test_a_refused_connection_is_named(name: str) -> None:
    server = SERVERS[name]()
    async with opened(name, server) as provider:
        pass
    with pytest.raises(Unreachable, match="The connection failed"):
        await provider.data(symbols(name), NOW)


WRONG = {
    "finnhub": (Refused, "Invalid API key"),
    "alpha_vantage": (Rejected, "apikey is invalid"),
    "fred": (Rejected, "api_key is not registered"),
    "openfda": (Refused, "An invalid key"),
    "edgar": (Refused, "Rate Threshold"),
    "dataforseo": (Refused, "not Authorized"),
}


@ALL
async def test_a_wrong_key_is_said_to_be_wrong(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.market.conftest as here

    monkeypatch.setattr(here, "KEY", "another-key-entirely")
    monkeypatch.setattr(here, "CONTACT", "nobody")
    kind, message = WRONG[name]
    async with opened(name, SERVERS[name]()) as provider:
        with pytest.raises(kind, match=message):
            await provider.data(symbols(name), NOW)


@ALL
async def test_no_log_and_no_message_shows_the_key(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The client writes the address of each request into its log, query and all."""
    caplog.set_level(logging.DEBUG)
    server = SERVERS[name]()
    async with opened(name, server) as provider:
        await provider.data(symbols(name), NOW)
        server.faults = [told({"error": f"{KEY} or {CONTACT} is blocked."}, 403)] * 4
        with pytest.raises(NoAnswer) as failed:
            await provider.data(symbols(name), NOW)
    assert "HTTP Request" in caplog.text
    hidden = CONTACT if name == "edgar" else KEY
    assert hidden not in caplog.text and hidden not in str(failed.value)


@ALL
async def test_our_own_quota_stops_us_before_we_ask(name: str) -> None:
    server = SERVERS[name]()
    async with opened(name, server, "1/day") as provider:
        with pytest.raises(Rationed, match="Our quota"):
            await provider.data([*symbols(name), "MSFT", "IBM"], NOW)
            await provider.data(symbols(name), NOW)
    assert len(server.asked) <= 1  # what was under way is given up with the rest
