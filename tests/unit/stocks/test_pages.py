"""What the pages about stocks write of what the API tells."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from server.stocks.costs import costs
from server.stocks.portfolio import PositionView, alerts
from store.journal import Entry
from store.spending import Charge
from tools.broker.alpaca import Standing
from tools.limits import Limits
from tools.market.quota import Limit, Used
from tools.trading import Budget
from ui.costs_page import lists_html
from ui.drawn_figures import intervals, reliability
from ui.portfolio_page import waiting_html
from ui.run_html import run_html

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def standing(equity: str, before: str = "100000") -> Standing:
    money = Decimal(equity)
    return Standing("PA1234", money, Decimal(before), money, money, blocked=False)


def looked_at(equity: str, *, highest: str = "100000", halted: str | None = None) -> list[str]:
    found = alerts(standing(equity), [], Limits(), highest=Decimal(highest), halted=halted, now=NOW)
    return [f"{one.level}: {one.text}" for one in found]


def test_a_loss_is_warned_of_at_half_its_limit_and_named_at_the_whole() -> None:
    assert looked_at("99500") == []
    assert looked_at("98900") == [
        "warn: The account lost 1.1% since the last close. At 2% buying stops."
    ]
    lost = looked_at("97000")
    assert lost == ["bad: The account lost 3.0% since the last close. Nothing is bought."]
    assert "from its highest" in looked_at("100000", highest="120000")[0]
    assert looked_at("100000", halted="Fire.")[0] == "bad: Trading is halted: Fire."


def test_a_position_beyond_its_limit_or_never_analysed_is_named() -> None:
    zero = Decimal(0)
    one = PositionView(
        symbol="IBM",
        qty=Decimal(1),
        average_price=zero,
        price=zero,
        market_value=zero,
        share_pct=Decimal("10.01"),
        gain=zero,
        gain_pct=zero,
        today_pct=zero,
        analysis=None,
    )
    found = alerts(
        standing("100000"), [one], Limits(), highest=Decimal(100000), halted=None, now=NOW
    )
    assert [alert.symbol for alert in found] == ["IBM", "IBM"]
    assert "the limit is 10" in found[0].text and "No analysis" in found[1].text


def charge(usd: str, days_ago: int, run: str = "r", *, ms: int | None = 500) -> Charge:
    at = NOW - timedelta(days=days_ago)
    settled = at + timedelta(milliseconds=ms) if ms is not None else None
    return Charge(
        id=f"{run}{days_ago}",
        run_id=run,
        analyst="claude",
        model="m",
        reserved_usd=Decimal(1),
        spent_usd=Decimal(usd),
        at=at,
        settled_at=settled,
    )


def vote(run: str, state: str, symbol: str, model: str | None = "m") -> Entry:
    body = {"run_id": run, "analyst": "claude", "symbol": symbol, "state": state, "model": model}
    return Entry(1, f"{run}{symbol}", "vote", NOW, body, "", "")


def test_spending_is_summed_by_time_and_model_and_what_was_known_is_counted() -> None:
    votes = [
        vote("r", "opinion", "A"),
        vote("r", "parse_failure", "B"),
        vote("r", "failure", "C"),
        vote("other", "opinion", "A"),
    ]
    charges = [charge("0.30", 8), charge("0.20", 2, ms=None), charge("0.10", 0)]
    budget = Budget(Decimal(1), Decimal(5), month=Decimal(10))
    found = costs(charges, votes, budget, NOW)
    assert (found.today.usd, found.today.left_usd) == (Decimal("0.10"), Decimal("4.90"))
    assert (found.week.usd, found.month.usd) == (Decimal("0.30"), Decimal("0.60"))
    assert (found.week.left_usd, found.month.left_usd) == (None, Decimal("9.40"))
    model = found.by_model[0]
    assert (model.calls, model.unsettled, model.p50_ms) == (3, 1, 500.0)
    assert (found.asked_models, found.cache_hits) == (3, 1)
    assert found.by_analyst[0].error_share == 0.5


def test_quotas_are_shown_with_what_is_used_of_them_and_what_came_of_it() -> None:
    used = Used(((Limit(25, 86400), 3),), {"ok": 2, "rationed": 1}, Decimal("0.0030"))
    budget = Budget(Decimal(1), Decimal(5))
    found = costs([], [], budget, NOW, {"alpha_vantage": used}).model_dump(mode="json")
    shown = lists_html(found)
    assert "alpha vantage" in shown and "3 of 25 in a day" in shown
    assert "2 ok, 1 rationed" in shown and "0.0030" in shown
    assert "recorded prices have none" in lists_html({**found, "by_provider": []})


def consensus(symbol: str, p: float | None) -> dict[str, Any]:
    reach = {"low": None, "high": None} if p is None else {"low": p - 0.02, "high": p + 0.02}
    return {"symbol": symbol, "probability": p, **reach}


def test_intervals_say_in_words_what_they_draw() -> None:
    drawn = intervals([consensus("A", 0.55), consensus("B", None)])
    assert "A: 55 in 100, between 53 and 57" in drawn
    assert "B: nobody has an opinion" in drawn
    assert drawn.count("<circle") == 1


def test_a_bin_on_the_diagonal_is_drawn_on_it() -> None:
    bins = [{"stated": 0.5, "came_true": 0.5, "low": 0.45, "high": 0.55, "n": 40}]
    drawn = reliability("momentum", bins)
    x, y = (float(drawn.split(f'c{axis}="')[1].split('"')[0]) for axis in "xy")
    assert x + y == 220
    assert "n = 40" in drawn


def test_what_a_model_writes_is_text_on_the_page_and_no_link_leads_out_of_it() -> None:
    evil = '<img src=x onerror="alert(1)">'
    answer = {
        "analyst": "claude",
        "symbol": "A",
        "state": "parse_failure",
        "problem": evil,
        "model": evil,
        "cost_usd": "0",
    }
    datum = {
        "id": "d1",
        "symbol": "A",
        "kind": "news",
        "name": evil,
        "value": evil,
        "unit": None,
        "source": evil,
        "as_of": NOW.isoformat(),
        "knowable_at": NOW.isoformat(),
        "url": "javascript:alert(1)",
    }
    empty: dict[str, Any] = dict.fromkeys(
        ("problem", "approval_id", "approval", "base_rate", "session")
    )
    lists: dict[str, Any] = {
        name: [] for name in ("sources_failed", "charges", "debate", "sized", "cuts", "stale")
    }
    older = {
        "analyst": "grok",
        "symbol": "A",
        "made_at": NOW.isoformat(),
        "answer": {"state": "opinion", "probability": 0.61},
    }
    run = {
        **empty,
        **lists,
        "state": "done",
        "live": False,
        "recorded": True,
        "symbols": ["A"],
        "steps": ["begun"],
        "outcome": "nothing_to_buy",
        "as_of": NOW.isoformat(),
        "cost_usd": "0",
        "briefing": evil,
        "answers": [answer],
        "evidence": [datum],
        "consensus": [],
        "standings": {},
    }
    assert "stale" not in run_html(run)
    written = run_html(run | {"stale": [older]})
    assert ">stale<" in written and "61" in written and "counts for nothing" in written
    assert "<img" not in written and "javascript:" not in written
    assert "not understood" in written and "that is not a hold" in written


def test_every_approval_that_waits_can_be_reached_from_the_portfolio() -> None:
    terms = [{"symbol": "IBM", "side": "sell", "qty": "2"}]
    one = {"id": "a" * 32, "terms": terms, "expires_at": NOW.isoformat()}
    assert waiting_html([one]) == ""  # it is shown as a whole
    both = waiting_html([one, one | {"id": "b" * 32}])
    assert f'href="approvals/{"b" * 32}"' in both and both.count("sell 2 IBM") == 2
