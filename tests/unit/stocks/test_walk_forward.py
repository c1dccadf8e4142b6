"""The walk through history knows nothing before its time, and compares like with like."""

import numpy as np
import pytest

from graphs.stocks.analysts.quant import YEAR, Signal
from graphs.stocks.track_record import Floats
from graphs.stocks.walk_forward import WAYS, Panel, Report, decision_days, walk

HORIZON = 21


def panel(sessions: int = 3 * YEAR, symbols: int = 4, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.02, (sessions, symbols)), axis=0))
    dates = np.datetime64("2001-01-01") + np.arange(sessions)
    names = tuple("ABCDEFGH"[:symbols])
    return Panel(names, dates, closes, closes.mean(axis=1))


def said(report: Report, until: int) -> dict[str, Floats]:
    return {
        way: forecasts.probability[forecasts.day <= until]
        for way, forecasts in {**report.ways, **report.analysts}.items()
    }


def test_what_happens_later_changes_nothing_that_was_said_before() -> None:
    whole = panel()
    cut = int(decision_days(whole, HORIZON)[12])
    planted = whole.closes.copy()
    planted[cut + 1 :] *= np.array([10.0, 0.1, 5.0, 0.5])
    other = Panel(whole.symbols, whole.dates, planted, planted.mean(axis=1))
    before, after = said(walk(whole, HORIZON), cut), said(walk(other, HORIZON), cut)
    for way, probabilities in before.items():
        np.testing.assert_array_equal(probabilities, after[way])


def test_every_way_is_graded_on_the_same_forecasts() -> None:
    rows = walk(panel(), HORIZON).rows()
    assert {row["n"] for row in rows} == {rows[0]["n"]}
    assert [row["way"] for row in rows[: len(WAYS)]] == list(WAYS)


def knowing(share: float, horizon: int, seed: int = 0) -> Signal:
    """Return a cheat that knows the outcome, but for a share of noise; to see that it pays."""

    def signal(closes: Floats) -> Floats:
        scores = np.full_like(closes, np.nan)
        own = closes[horizon + 1 :] / closes[1:-horizon]
        scores[: -horizon - 1] = own / own.mean(axis=1, keepdims=True) - 1
        noise = np.random.default_rng(seed).normal(0, 0.08 * share, closes.shape)
        return scores + noise

    return signal


def test_skill_is_found_and_weighed_and_noise_is_not() -> None:
    signals = {"knows": knowing(0.5, HORIZON), "guesses": knowing(1e6, HORIZON, 1)}
    report = walk(panel(8 * YEAR, 6), HORIZON, signals)
    rows = {row["way"]: row for row in report.rows()}
    assert report.standings["knows"].weight > 3 * report.standings["guesses"].weight
    assert float(rows["earned weights"]["low"]) > 0
    assert float(rows["earned weights"]["gain"]) > float(rows["equal weights"]["gain"])


def test_in_pure_noise_no_way_is_surer_than_it_may_be() -> None:
    rows = {row["way"]: row for row in walk(panel(6 * YEAR, 6, seed=4), HORIZON).rows()}
    assert float(rows["earned weights"]["gain"]) == pytest.approx(0, abs=3)
    assert float(rows["mean of what is stated"]["gain"]) < float(rows["earned weights"]["gain"])
