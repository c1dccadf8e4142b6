"""Quotas: windows slide, places queue, and a provider that says wait is left alone."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.market_metrics import market_metrics
from tools.market.quota import Exhausted, Limit, Quota, all_used, limits_of, shared_quota


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_limits_are_read_as_they_are_written() -> None:
    assert limits_of("60/minute; 30/second") == [Limit(60, 60), Limit(30, 1)]
    assert limits_of("25/day") == [Limit(25, 86_400)]
    with pytest.raises(ValueError):
        limits_of("often")


def test_places_beyond_the_limit_are_later_and_all_limits_hold() -> None:
    clock = Clock()
    quota = Quota([Limit(2, 1), Limit(3, 60)], clock)
    assert [quota.take(100) for _ in range(5)] == [0, 0, 1, 60, 60]


def test_whoever_does_not_want_to_wait_takes_no_place() -> None:
    clock = Clock()
    quota = Quota([Limit(1, 60)], clock)
    quota.take(0)
    for _ in range(3):
        with pytest.raises(Exhausted) as failed:
            quota.take(10)
        assert failed.value.wait == 60
    clock.now += 60
    assert quota.take(0) == 0


def test_a_provider_that_says_wait_is_left_alone_for_so_long() -> None:
    clock = Clock()
    quota = Quota([Limit(10, 1)], clock)
    quota.hold(30)
    quota.hold(5)
    assert quota.take(60) == 30


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_window_ever_holds_more_than_its_limit(pauses: list[float]) -> None:
    clock, asked = Clock(), list[float]()
    limits = [Limit(3, 1), Limit(7, 5)]
    quota = Quota(limits, clock)
    for pause in pauses:
        clock.now += pause
        asked.append(clock.now + quota.take(1e9))
    for limit in limits:
        for first, last in zip(asked, asked[limit.count :], strict=False):
            assert last - first >= limit.secs - 1e-6


def test_what_was_used_is_counted_by_window_outcome_and_cost() -> None:
    clock = Clock()
    quota = Quota([Limit(5, 60)], clock)
    for _ in range(3):
        quota.take(0)
    quota.count("ok")
    quota.count("ok")
    quota.count("rationed")
    quota.spend(Decimal("0.002"))
    used = quota.used()
    assert used.limits == ((Limit(5, 60), 3),)
    assert used.outcomes == {"ok": 2, "rationed": 1} and used.cost_usd == Decimal("0.002")
    clock.now += 61
    assert quota.used().limits == ((Limit(5, 60), 0),)


def test_a_provider_has_one_quota_in_a_process() -> None:
    assert shared_quota("example", "5/minute") is shared_quota("example", "5/minute")
    assert "example" in all_used()


def test_quotas_outcomes_and_costs_are_shown_to_prometheus() -> None:
    quota = Quota([Limit(5, 60), Limit(25, 86_400)], Clock())
    quota.take(0)
    quota.count("ok")
    quota.count("unreadable")
    quota.spend(Decimal("0.0020"))
    lines = [line for line in market_metrics({"example": quota.used()}) if line[0] != "#"]
    assert lines == [
        'dialgraph_market_requests_total{provider="example",outcome="ok"} 1',
        'dialgraph_market_requests_total{provider="example",outcome="unreadable"} 1',
        'dialgraph_market_quota_used{provider="example",window_secs="60"} 1',
        'dialgraph_market_quota_used{provider="example",window_secs="86400"} 1',
        'dialgraph_market_quota{provider="example",window_secs="60"} 5',
        'dialgraph_market_quota{provider="example",window_secs="86400"} 25',
        'dialgraph_market_cost_usd_total{provider="example"} 0.0020',
    ]
