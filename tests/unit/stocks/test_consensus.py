"""The consensus: probability, interval, dissent, and how many voters it is of."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.stocks.consensus import Standing, agree, is_settled
from graphs.stocks.opinion import (
    ANSWER,
    Abstention,
    Answer,
    Claim,
    Failure,
    NoData,
    Opinion,
    ParseFailure,
)
from graphs.stocks.track_record import Calibration, logit

NOW = datetime(2026, 1, 5, tzinfo=UTC)
BELIEVED = Calibration(np.array([0.0, 1.0]), np.eye(2) * 1e-6, 1000)


def opinion(analyst: str, probability: float, family: str = "", **more: Any) -> Opinion:
    return Opinion(
        analyst=analyst,
        family=family or analyst,
        symbol="AAPL",
        as_of=NOW,
        horizon_days=21,
        probability=probability,
        **more,
    )


def silent(analyst: str, state: int = 0) -> Answer:
    base = {"analyst": analyst, "family": analyst, "symbol": "AAPL", "as_of": NOW}
    return [
        Abstention(**base, reason="mixed"),
        ParseFailure(**base, problem="no JSON", raw="Buy!"),
        NoData(**base, missing="closes"),
        Failure(**base, problem="time-out"),
    ][state]


probabilities = st.floats(0.01, 0.99)
panels = st.lists(probabilities, min_size=1, max_size=6)


def everybody(stated: list[float]) -> list[Answer]:
    return [opinion(f"a{i}", p) for i, p in enumerate(stated)]


@given(panels)
def test_it_never_claims_more_than_its_boldest_member(stated: list[float]) -> None:
    standings = {f"a{i}": Standing(BELIEVED, 1.0) for i in range(len(stated))}
    found = agree("AAPL", everybody(stated), standings)
    assert found.probability is not None and found.low is not None and found.high is not None
    assert min(stated) - 1e-9 <= found.probability <= max(stated) + 1e-9
    assert found.low <= found.probability <= found.high


@given(panels, st.lists(st.integers(0, 3), max_size=4))
def test_whoever_has_no_opinion_changes_nothing_but_the_count(
    stated: list[float], states: list[int]
) -> None:
    answers = everybody(stated)
    quiet = [silent(f"q{i}", state) for i, state in enumerate(states)]
    alone, together = agree("AAPL", answers, {}), agree("AAPL", [*quiet, *answers], {})
    assert together.probability == pytest.approx(alone.probability, abs=1e-12)
    assert together.high == pytest.approx(alone.high, abs=1e-12)
    assert sum(together.states.values()) == len(stated) + len(states)


def test_nobody_with_an_opinion_is_no_verdict_and_not_even_odds() -> None:
    found = agree("AAPL", [silent("a", 0), silent("b", 2)], {})
    assert found.probability is None
    assert found.states == {"abstention": 1, "no_data": 1}
    with pytest.raises(ValueError, match="no odds"):
        _ = found.log_odds


@given(panels)
def test_as_much_for_as_against_mirrors(stated: list[float]) -> None:
    up = agree("AAPL", everybody(stated), {}).log_odds
    down = agree("AAPL", everybody([1 - p for p in stated]), {}).log_odds
    assert up == pytest.approx(-down, abs=1e-9)


def test_one_model_under_three_names_is_hardly_more_than_one_voter() -> None:
    alike = [opinion(f"m{i}", 0.7, family="m") for i in range(3)]
    apart = [opinion(f"n{i}", 0.7) for i in range(3)]
    assert agree("AAPL", alike, {}).effective_voters < 1.2
    assert agree("AAPL", apart, {}).effective_voters > 1.7


def test_duplicates_share_a_vote_against_an_independent_analyst() -> None:
    standings = {name: Standing(BELIEVED, 1.0) for name in ("m0", "m1", "m2", "other")}
    copies = [opinion(f"m{i}", 0.7, family="m") for i in range(3)]
    found = agree("AAPL", [*copies, opinion("other", 0.3)], standings)
    assert found.shares["other"] > found.shares["m0"] * 1.5


@given(st.floats(0.51, 0.99))
def test_nobody_is_believed_at_his_word_before_a_record(stated: float) -> None:
    found = agree("AAPL", [opinion("new", stated)], {})
    assert 0.5 < (found.probability or 0) < stated


def test_a_measured_likeness_replaces_what_was_assumed() -> None:
    two = [opinion("a", 0.7), opinion("b", 0.7)]
    same = agree("AAPL", two, {}, {frozenset(("a", "b")): (1.0, 10_000)})
    other = agree("AAPL", two, {}, {frozenset(("a", "b")): (0.0, 10_000)})
    assert same.effective_voters == pytest.approx(1.0, abs=0.01)
    assert other.effective_voters == pytest.approx(2.0, abs=0.01)


def test_dissent_names_who_and_his_strongest_argument() -> None:
    bear = Claim(text="Margins fell.", evidence=("d1",))
    against = opinion("bear", 0.2, bear=(bear,), would_change=("margins recover",))
    found = agree("AAPL", [opinion("a", 0.8), opinion("b", 0.75), against], {})
    (dissent,) = found.dissent
    assert (dissent.analyst, dissent.argument) == ("bear", "Margins fell.")
    assert dissent.would_change == ("margins recover",)


def test_more_disagreement_widens_the_interval() -> None:
    calm = agree("AAPL", everybody([0.6, 0.6, 0.6]), {})
    wild = agree("AAPL", everybody([0.9, 0.6, 0.2]), {})
    assert (wild.high or 0) - (wild.low or 0) > (calm.high or 0) - (calm.low or 0)
    assert wild.dispersion > 0.2 > calm.dispersion


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([opinion("a", 0.6), opinion("a", 0.7)], "twice"),
        ([opinion("a", 0.6).model_copy(update={"symbol": "MSFT"})], "MSFT"),
        ([opinion("a", 0.6), opinion("b", 0.6).model_copy(update={"horizon_days": 5})], "days"),
    ],
)
def test_answers_that_do_not_belong_together_are_refused(answers: list[Answer], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        agree("AAPL", answers, {})


@given(panels, st.lists(probabilities, max_size=3), st.floats(0.4, 0.6), st.data())
def test_once_settled_no_answer_of_those_who_wait_crosses_the_line(
    stated: list[float], later: list[float], threshold: float, data: st.DataObject
) -> None:
    names = [f"a{i}" for i in range(len(stated))] + [f"w{i}" for i in range(len(later))]
    weights = data.draw(st.lists(st.floats(0.2, 1), min_size=len(names), max_size=len(names)))
    standings = {
        name: Standing(BELIEVED, weight) for name, weight in zip(names, weights, strict=True)
    }
    answers, waiting = everybody(stated), {f"w{i}": f"w{i}" for i in range(len(later))}
    if not is_settled("AAPL", answers, waiting, standings, threshold):
        return
    above = agree("AAPL", answers, standings).log_odds > float(logit(threshold))
    more = [opinion(f"w{i}", p) for i, p in enumerate(later)]
    speaking = data.draw(st.lists(st.sampled_from(more), unique_by=id) if more else st.just([]))
    after = agree("AAPL", [*answers, *speaking], standings)
    assert (after.log_odds > float(logit(threshold))) == above


def test_many_who_agree_settle_it_before_the_last_is_asked() -> None:
    names = [f"a{i}" for i in range(8)]
    standings = {name: Standing(BELIEVED, 1.0) for name in names} | {
        "late": Standing(BELIEVED, 0.2)
    }
    answers = everybody([0.9] * 8)
    assert is_settled("AAPL", answers, {"late": "late"}, standings, 0.53)
    assert not is_settled("AAPL", answers[:1], {"late": "late"}, {}, 0.53)


def test_every_state_survives_being_written_down() -> None:
    for answer in [opinion("a", 0.6), *(silent("b", state) for state in range(4))]:
        assert ANSWER.validate_json(ANSWER.dump_json(answer)) == answer
