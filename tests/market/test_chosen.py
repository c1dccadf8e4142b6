"""Providers are chosen by name, say what they lack, and are never exchanged for one another."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from server.cli import app
from settings import Settings, get_settings
from tests.market.conftest import NOW, opened
from tests.market.servers import dataforseo, fred, page
from tools.market.failures import NotConfigured
from tools.market.provider import Market, open_provider
from tools.market.quota import Limit
from tools.outside import Outside

LACKING = {
    "alpaca": "APCA_API_KEY_ID",
    "finnhub": "FINNHUB_API_KEY",
    "alpha_vantage": "ALPHA_VANTAGE_API_KEY",
    "dataforseo": "DATAFORSEO_LOGIN",
    "fred": "FRED_API_KEY",
    "edgar": "DIALGRAPH_EDGAR_CONTACT",
}
CONFIGURED: dict[str, dict[str, Any]] = {
    "alpaca": {"alpaca_key": "k", "alpaca_secret": "s"},
    "finnhub": {"finnhub_api_key": "k"},
    "alpha_vantage": {"alpha_vantage_api_key": "k"},
    "dataforseo": {"dataforseo_login": "me", "dataforseo_password": "p"},
    "fred": {"fred_api_key": "k"},
    "edgar": {"edgar_contact": "Example data@example.com"},
    "openfda": {},
}


def settings(**more: Any) -> Settings:
    return Settings(_env_file=None, **more)


def opened_by(name: str, **more: Any) -> Any:
    return open_provider(name, settings(**more), Outside())


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*LACKING.values(), "OPENFDA_API_KEY", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DIALGRAPH_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize("name", LACKING)
def test_a_provider_says_which_setting_it_lacks(name: str) -> None:
    with pytest.raises(NotConfigured, match=f"set {LACKING[name]}"):
        opened_by(name)


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_configured_provider_opens_under_its_name_without_asking_anybody(name: str) -> None:
    assert opened_by(name, **CONFIGURED[name]).name == name


def test_a_contact_without_an_address_is_not_shown_to_the_sec() -> None:
    with pytest.raises(NotConfigured, match="e-mail address"):
        opened_by("edgar", edgar_contact="Example Ltd")


def test_the_sec_is_asked_at_most_ten_times_a_second() -> None:
    (limit,) = opened_by("edgar", **CONFIGURED["edgar"])._access.quota.limits
    assert limit.count <= 10 and limit.secs == 1


def test_quotas_and_addresses_can_be_set_and_nonsense_is_refused() -> None:
    made = opened_by(
        "fred",
        fred_api_key="k",
        market_quotas={"fred": "3/second"},
        market_urls={"fred": "http://127.0.0.1:9"},
    )
    assert made._access.quota.limits == (Limit(3, 1),)
    assert made._access.url == "http://127.0.0.1:9"
    with pytest.raises(NotConfigured, match="DIALGRAPH_MARKET_QUOTAS has 'often' for fred"):
        opened_by("fred", fred_api_key="k", market_quotas={"fred": "often"})
    with pytest.raises(NotConfigured, match="delayed_sip"):
        opened_by("alpaca", **CONFIGURED["alpaca"], alpaca_feed="ours")


async def test_what_one_provider_cannot_tell_no_other_tells_in_its_place() -> None:
    quote = {"price": 261.74, "timestamp": "2026-11-20 14:59:00 +00:00"}
    broken = fred([])
    broken.faults = [page()]
    async with (
        opened("dataforseo", dataforseo({"AAPL:NYSE": quote})) as working,
        opened("fred", broken) as failing,
    ):
        told = await Market([working, failing]).data(["AAPL:NYSE"], NOW)
    assert {one.source for one in told.data} == {"dataforseo"}
    (failure,) = told.failures
    assert failure.provider == "fred" and "a web page" in failure.problem


async def test_what_was_told_before_the_quota_ran_out_is_kept_beside_the_failure() -> None:
    from tests.market.servers import alpha_vantage

    async with opened("alpha_vantage", alpha_vantage(), "3/day") as provider:
        told = await Market([provider]).data(["AAPL", "MSFT"], NOW)
    assert {one.symbol for one in told.data} == {"AAPL"}
    assert "Our quota" in told.failures[0].problem


async def test_a_dated_question_gets_nothing_that_only_shows_now() -> None:
    quote = {"price": 261.74, "timestamp": "2026-11-20 14:59:00 +00:00"}
    async with opened("dataforseo", dataforseo({"AAPL:NYSE": quote})) as provider:
        told = await Market([provider]).data(["AAPL:NYSE"], NOW - timedelta(days=1))
    assert told.data == () and told.failures == ()


def run(*arguments: str) -> Any:
    get_settings.cache_clear()
    try:
        return CliRunner().invoke(app, ["stocks", "discover", *arguments])
    finally:
        get_settings.cache_clear()


def test_the_command_explains_why_nothing_passes() -> None:
    shown = run("--as-of", "2005-02-28")
    assert shown.exit_code == 0
    assert "4 symbols scanned on the close of 2005-02-28." in shown.output
    assert "close above the highest of the year before: 4 fail it" in shown.output
    assert "base rate unknown" in shown.output
    assert "none of the market data chosen tells any" in " ".join(shown.output.split())


def test_the_command_finds_with_softer_rules_and_writes_json() -> None:
    import json

    shown = run("--as-of", "2012-01-25", "--surge", "1", "--json")
    assert shown.exit_code == 0
    told = json.loads(shown.output)
    assert [one["symbol"] for one in told["momentum"]["found"]] == ["AAPL"]
    assert "beat the benchmark" in told["momentum"]["base_rate"]


def test_the_command_names_the_setting_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALGRAPH_MARKET_DATA", "recorded,fred")
    shown = run()
    assert shown.exit_code == 2 and "FRED_API_KEY" in shown.output


async def test_catalysts_of_three_providers_come_together_and_say_what_is_not_known() -> None:
    from graphs.stocks.discovery.discover import discover
    from tests.market.servers import edgar, finnhub, openfda
    from tests.market.test_edgar import submissions
    from tests.market.test_finnhub import result
    from tests.market.test_openfda import DRUGS

    surprise = result("amc", date="2026-11-18", symbol="MSFT")
    async with (
        opened("openfda", openfda(DRUGS)) as approvals,
        opened("edgar", edgar(submissions())) as filings,
        opened("finnhub", finnhub(earnings=[surprise])) as results,
    ):
        found = await discover(Market([approvals, filings, results]), ["AAPL", "PFE"], NOW)
    told = [(one.kind, one.symbol, one.source) for one in found.catalysts.found]
    assert told == [
        ("surprise", "MSFT", "finnhub"),
        ("approval", None, "openfda"),
        ("filing", "AAPL", "edgar"),
        ("approval", "PFE", "openfda"),
    ]
    assert all(one.known_since <= NOW for one in found.catalysts.found)
    assert {one.base_rate.share for one in found.catalysts.found} == {None}
    assert found.catalysts.silent == {}
    assert "supplements and generics" in "\n".join(found.catalysts.explain())
