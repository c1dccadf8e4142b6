"""What a word is worth: calibration, scores and earned weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.stocks.standing import Graded, independent, likeness, standing
from graphs.stocks.track_record import (
    FLOOR,
    UNPROVEN,
    brier_score,
    calibrate,
    earned_weight,
    expit,
    log_score,
    logit,
    reliability,
    wilson,
)


def told(n: int, slope: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return forecasts of an analyst whose log-odds are worth `slope` of what is stated."""
    rng = np.random.default_rng(seed)
    stated = expit(rng.normal(0, 1, n))
    return stated, rng.random(n) < expit(slope * logit(stated))


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_calibration_finds_what_a_word_is_worth(slope: float) -> None:
    found = calibrate(*told(20_000, slope))
    assert found.mean[1] == pytest.approx(slope, abs=0.06)
    assert found.mean[0] == pytest.approx(0, abs=0.05)


def test_a_boaster_is_believed_less_and_less() -> None:
    stated, outcome = told(2_000, 0.0)
    believed = [
        abs(float(calibrate(stated[:n], outcome[:n]).believe(0.9)[0])) for n in (0, 50, 2_000)
    ]
    assert believed[0] > believed[2]
    assert believed[2] < 0.2


def test_who_is_always_wrong_is_turned_round_only_by_a_long_record() -> None:
    stated, outcome = told(5_000, -1.0)
    assert float(calibrate(stated[:10], outcome[:10]).believe(0.9)[0]) > -0.5
    assert float(calibrate(stated, outcome).believe(0.9)[0]) < -0.5


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=200))
def test_calibration_survives_any_record(record: list[tuple[float, bool]]) -> None:
    stated = np.array([p for p, _ in record])
    found = calibrate(stated, np.array([o for _, o in record], dtype=bool))
    mean, error = found.believe(np.array([0.01, 0.5, 0.99]))
    assert np.isfinite(mean).all() and (error > 0).all()


def test_no_record_is_the_prior_for_everybody() -> None:
    assert calibrate(np.array([]), np.array([], dtype=bool)) is UNPROVEN


def test_the_more_is_graded_the_surer_it_is() -> None:
    stated, outcome = told(1_000, 0.5)
    few, many = calibrate(stated[:20], outcome[:20]), calibrate(stated, outcome)
    assert float(many.believe(0.7)[1]) < float(few.believe(0.7)[1])


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_scores_are_proper(truth: float, said: float) -> None:
    for score, best in ((log_score, max), (lambda p, o: -brier_score(p, o), max)):
        honest = truth * score(truth, True) + (1 - truth) * score(truth, False)
        other = truth * score(said, True) + (1 - truth) * score(said, False)
        assert best(honest, other + -1e-12) == pytest.approx(float(honest))


@given(st.floats(-1, 1), st.floats(0, 1e6))
def test_weight_is_between_the_floor_and_one(gain: float, n: float) -> None:
    assert FLOOR <= earned_weight(gain, n) <= 1


def test_weight_needs_both_skill_and_a_record() -> None:
    assert earned_weight(0.02, 0) == FLOOR
    assert earned_weight(-0.02, 5_000) == FLOOR
    assert earned_weight(0.02, 20) < 0.5 < earned_weight(0.02, 5_000)


def test_forecasts_of_one_day_that_err_together_count_as_few() -> None:
    rng = np.random.default_rng(1)
    day = np.repeat(np.arange(200), 20)
    together = np.repeat(rng.normal(size=200), 20)
    assert independent(day, together) == pytest.approx(200, rel=0.01)
    assert independent(day, rng.normal(size=4000)) > 3_000


def graded(stated: np.ndarray, outcome: np.ndarray, believed: np.ndarray | None = None) -> Graded:
    n = len(stated)
    return Graded(
        np.arange(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        stated,
        stated if believed is None else believed,
        np.full(n, 0.5),
        outcome,
    )


def test_skill_earns_weight_and_noise_does_not() -> None:
    skilled = standing(graded(*told(3_000, 1.0)))
    stated, outcome = told(3_000, 0.0, seed=3)
    noise = standing(graded(stated, outcome, np.full(3_000, 0.5)))
    assert skilled.weight > 0.9
    assert noise.weight < 0.3


def test_the_future_is_not_in_a_record_until_it_has_come() -> None:
    record = graded(*told(100, 1.0))
    assert len(record.until(-1)) == 0
    assert len(record.until(41)) == 42


def test_copies_are_found_by_what_they_say() -> None:
    stated, outcome = told(500, 1.0)
    other, _ = told(500, 1.0, seed=9)
    found = likeness(
        {
            "a": graded(stated, outcome),
            "copy": graded(expit(0.5 * logit(stated)), outcome),
            "b": graded(other, outcome),
        }
    )
    assert found[frozenset(("a", "copy"))][0] == pytest.approx(1.0)
    assert abs(found[frozenset(("a", "b"))][0]) < 0.15


def test_reliability_counts_every_forecast_once() -> None:
    stated, outcome = told(20_003, 1.0)
    bins = reliability(stated, outcome)
    assert sum(one.n for one in bins) == 20_003
    assert all(one.low <= one.came_true <= one.high for one in bins)
    assert all(one.came_true == pytest.approx(one.stated, abs=0.03) for one in bins)


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_wilson_holds_the_share(k: int, n: int) -> None:
    share = min(k, n) / n
    low, high = wilson(share, n)
    assert 0 <= low <= share + 1e-12 and share - 1e-12 <= high <= 1


def test_nothing_counted_may_be_anything() -> None:
    assert wilson(0.0, 0) == (0.0, 1.0)
