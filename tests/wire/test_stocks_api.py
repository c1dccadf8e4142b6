"""Portfolio, trades, analyses and what they cost, over REST, on the local exchange."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from settings import Settings
from store.intents import Intent, Terms
from tests.wire.api_server import Running, serving
from tools.broker import Unsure
from tools.broker.alpaca import AlpacaAccount


@pytest.fixture(scope="module")
def trades(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("stocks"),
        stock_limits={"least_probability": 0.501},
    )
    with serving(settings) as running:
        running.run(without_history(running))
        yield running


async def without_history(running: Running) -> None:
    """Leave out the walk through forty years, which these tests do not look at."""
    trading = await running.services.desk.trading()
    horizon = running.services.settings.stock_horizon_days
    body = {"forecasts": 0}
    await trading.journal.append("history", body, key=f"history:{horizon}", at=datetime.now(UTC))


@pytest.fixture
def http(trades: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=trades.address, timeout=60) as client:
        yield client


def asked(http: httpx.Client, key: str, **order: Any) -> httpx.Response:
    return http.post("/api/trades/execute", json=order, headers={"Idempotency-Key": key})


def approved(http: httpx.Client, approval_id: str) -> httpx.Response:
    code = http.post(f"/api/approvals/{approval_id}/code").json()["code"]
    return http.post("/api/trades/execute", json={"approval_id": approval_id, "code": code})


def held(http: httpx.Client) -> dict[str, str]:
    positions = http.get("/api/portfolio/positions").raise_for_status().json()["positions"]
    return {one["symbol"]: one["qty"] for one in positions}


def test_an_order_waits_for_its_code_and_is_then_placed_once(http: httpx.Client) -> None:
    order = {"symbol": "IBM", "action": "buy_more", "amount_usd": "1500"}
    assert http.post("/api/trades/execute", json=order).status_code == 422
    first, again = asked(http, "ibm", **order), asked(http, "ibm", **order)
    assert first.status_code == again.status_code == 202
    asked_for = first.json()["approval"]
    assert again.json()["approval"]["id"] == asked_for["id"]
    assert asked(http, "ibm", **order | {"amount_usd": "90"}).status_code == 409
    assert "IBM" not in held(http)

    body = {"approval_id": asked_for["id"], "code": "not it"}
    wrong = http.post("/api/trades/execute", json=body)
    assert wrong.status_code == 403 and "not the code" in wrong.json()["detail"]
    assert "IBM" not in held(http)

    done = approved(http, asked_for["id"]).raise_for_status().json()
    assert done["status"] == "carried_out"
    assert [one["intent"]["state"] for one in done["orders"]] == ["filled"]
    assert held(http)["IBM"] == asked_for["terms"][0]["qty"]
    repeated = asked(http, "ibm", **order)
    assert repeated.status_code == 200 and repeated.json()["orders"] == done["orders"]
    assert len(http.get("/api/trades", params={"symbol": "IBM"}).json()["trades"]) == 1


def test_half_and_all_of_a_position_are_sold_in_the_same_way(http: httpx.Client) -> None:
    bought = asked(http, "msft", symbol="MSFT", action="buy_more", amount_usd="400").json()
    approved(http, bought["approval"]["id"]).raise_for_status()
    shares = int(held(http)["MSFT"])
    half = asked(http, "half", symbol="MSFT", action="sell_half").json()["approval"]
    approved(http, half["id"]).raise_for_status()
    assert int(held(http)["MSFT"]) == shares - shares // 2
    rest = asked(http, "rest", symbol="MSFT", action="sell_all").json()["approval"]
    approved(http, rest["id"]).raise_for_status()
    assert "MSFT" not in held(http)
    nothing = asked(http, "more", symbol="MSFT", action="sell_all")
    assert nothing.status_code == 409 and "Nothing of it is held" in nothing.json()["detail"]


def test_a_declined_order_is_never_placed(http: httpx.Client) -> None:
    order = {"symbol": "AAPL", "action": "buy_more"}
    approval = asked(http, "no", **order).json()["approval"]["id"]
    http.post(f"/api/approvals/{approval}", json={"verdict": "decline"}).raise_for_status()
    body = {"approval_id": approval, "code": "000000"}
    assert http.post("/api/trades/execute", json=body).status_code == 409
    assert asked(http, "no", **order).json()["status"] == "not_approved"
    assert "AAPL" not in held(http)


def test_the_kill_switch_stops_buying_until_a_person_lets_it_go_on(http: httpx.Client) -> None:
    health = http.post("/api/portfolio/halt", json={"reason": "Fire drill"}).json()
    assert "Fire drill" in health["halted"]
    refused = asked(http, "halted", symbol="AAPL", action="buy_more")
    assert refused.status_code == 409 and "Fire drill" in refused.json()["detail"]
    alerts = http.get("/api/portfolio/positions").json()["alerts"]
    assert alerts[0]["level"] == "bad" and "Fire drill" in alerts[0]["text"]
    assert http.post("/api/portfolio/resume").json()["halted"] is None


def test_a_trade_made_elsewhere_halts_buying_until_the_brokers_books_are_taken(
    trades: Running, http: httpx.Client
) -> None:
    async def elsewhere() -> None:
        broker = (await trades.services.desk.trading()).broker
        terms = Terms(
            symbol="GOOG",
            side="buy",
            qty=Decimal(3),
            limit_price=Decimal(5000),
            expires_at=broker.now() + timedelta(minutes=5),
        )
        at = broker.now()
        by_hand = Intent(id="by-hand", terms=terms, approved_by="?", created_at=at, updated_at=at)
        await broker.account.submit(by_hand)
        await broker.reconcile()

    trades.run(elsewhere())
    assert "GOOG" in http.get("/api/portfolio/health").json()["halted"]
    http.post("/api/portfolio/resume").raise_for_status()
    trades.run(reconciled(trades))
    assert "GOOG" in http.get("/api/portfolio/health").json()["halted"], "only for a minute"
    assert http.post("/api/portfolio/adopt").raise_for_status().json()["halted"] is None
    trades.run(reconciled(trades))
    assert http.get("/api/portfolio/health").json()["halted"] is None


async def reconciled(running: Running) -> None:
    await (await running.services.desk.trading()).broker.reconcile()


def test_a_run_is_read_with_all_that_it_rests_on(http: httpx.Client) -> None:
    wanted, key = {"symbols": ["AAPL", "ZZZZ"]}, {"Idempotency-Key": "once"}
    run = http.post("/api/ai-analysis?wait_secs=30", json=wanted, headers=key)
    assert run.status_code == 200
    found = run.json()
    assert found["state"] == "done"
    assert found["steps"] == ["begun", "evidence", "votes", "consensus", "briefing"]
    known = {one["id"] for one in found["evidence"]}
    claims = [
        claim
        for one in found["answers"]
        if one["state"] == "opinion"
        for claim in [*one["bull"], *one["bear"]]
    ]
    assert claims and all(set(claim["evidence"]) <= known for claim in claims)
    assert {one["state"] for one in found["answers"] if one["symbol"] == "ZZZZ"} == {"no_data"}
    assert next(c for c in found["consensus"] if c["symbol"] == "ZZZZ")["probability"] is None
    assert "recorded prices of the past" in found["briefing"]

    again = http.post("/api/ai-analysis?wait_secs=30", json=wanted, headers=key).json()
    assert again["run_id"] == found["run_id"]
    assert http.get("/api/ai-analysis/latest").json()["run_id"] == found["run_id"]
    assert http.get(f"/api/ai-analysis/{found['run_id']}").json()["answers"] == found["answers"]
    listed = http.get("/api/ai-analysis", params={"symbol": "ZZZZ"}).json()["runs"]
    assert [one["run_id"] for one in listed] == [found["run_id"]]
    assert http.get("/api/ai-analysis", params={"symbol": "XOM"}).json()["runs"] == []
    assert http.get("/api/ai-analysis/nosuch").status_code == 404


def test_what_was_found_and_spent_is_told_with_its_reasons(http: httpx.Client) -> None:
    scan = http.get("/api/alpha-discovery").raise_for_status().json()
    assert scan["recorded"] and scan["scanned"] == 5 and scan["explanation"]
    events = http.get("/api/catalyst-discovery").raise_for_status().json()
    assert events["found"] == [] and "Not looked at" in events["explanation"][-1]
    spent = http.get("/api/spending").raise_for_status().json()
    assert spent["today"]["usd"] == "0" and spent["today"]["left_usd"] == "5"
    assert http.get("/api/track-record").raise_for_status().json()["coin"]["brier"] == 0.25
    history = http.get("/api/portfolio/history").raise_for_status().json()
    assert history["mode"] == "PAPER" and history["days"]


def test_a_silent_broker_is_told_as_such(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: AlpacaAccount) -> None:
        raise Unsure("The broker gave no answer (ReadTimeout).")

    monkeypatch.setattr(AlpacaAccount, "standing", silent)
    refused = http.get("/api/portfolio/positions")
    assert refused.status_code == 503 and "gave no answer" in refused.json()["detail"]
    health = http.get("/api/portfolio/health").raise_for_status().json()
    assert not health["broker_reached"] and "gave no answer" in health["problem"]


def test_what_is_wrong_with_an_order_is_said_of_the_order_alone(http: httpx.Client) -> None:
    wrong = asked(http, "wrong", symbol="IBM")
    assert wrong.status_code == 422 and wrong.json()["detail"] == "order.action: Field required."
    body = {"approval_id": "0" * 32}
    assert http.post("/api/trades/execute", json=body).json()["detail"] == (
        "approved.code: Field required."
    )
    assert http.post("/api/trades/execute", json=["IBM"]).status_code == 422
