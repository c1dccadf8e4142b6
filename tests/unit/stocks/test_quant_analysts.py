"""Analysts that are code: they read the past only, and say nothing where they know nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.stocks.analysts.quant import SIGNALS, YEAR, stated


def prices(sessions: int, symbols: int, seed: int = 0) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(0.0003, 0.02, (sessions, symbols))
    return np.asarray(100 * np.exp(np.cumsum(steps, axis=0)))


@pytest.mark.parametrize("name", SIGNALS)
@settings(max_examples=10, deadline=None)
@given(cut=st.integers(1, 599), seed=st.integers(0, 5))
def test_what_is_said_of_a_day_is_the_same_without_the_days_after_it(
    name: str, cut: int, seed: int
) -> None:
    closes = prices(600, 4, seed)
    whole, short = stated(SIGNALS[name](closes)), stated(SIGNALS[name](closes[:cut]))
    np.testing.assert_allclose(whole[:cut], short, equal_nan=True)


@pytest.mark.parametrize("name", SIGNALS)
def test_units_of_a_price_do_not_matter(name: str) -> None:
    closes = prices(400, 3)
    np.testing.assert_allclose(
        SIGNALS[name](closes), SIGNALS[name](closes * [1.0, 7.0, 0.01]), equal_nan=True, atol=1e-9
    )


@pytest.mark.parametrize("name", SIGNALS)
def test_a_short_history_is_no_opinion(name: str) -> None:
    assert np.isnan(stated(SIGNALS[name](prices(5, 3)))).all()


def test_each_finds_what_it_is_named_for() -> None:
    days = np.arange(2 * YEAR)
    rising, falling = 100 * 1.001**days, 100 * 0.999**days
    wild = 100 * 1.0**days * np.where(days % 2, 1.03, 1.0)
    closes = np.stack([rising, falling, wild], axis=1)
    last = {name: signal(closes)[-1] for name, signal in SIGNALS.items()}
    assert last["momentum"][0] > last["momentum"][1]
    assert last["mean_reversion"][1] > last["mean_reversion"][0]
    assert last["breakout"][0] == pytest.approx(0) and last["breakout"][1] < -0.1
    assert last["low_volatility"][2] < last["low_volatility"][0]
    assert last["drawdown"][0] == 0 > last["drawdown"][1]


def test_a_symbol_alone_on_its_day_stands_out_from_nobody() -> None:
    scores = np.array([[1.0, np.nan], [1.0, 2.0], [2.0, 2.0]])
    found = stated(scores)
    assert np.isnan(found[0]).all() and np.isnan(found[2]).all()
    assert found[1][1] > 0.5 > found[1][0]
