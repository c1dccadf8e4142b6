"""Memory: theses are tested by what is known on a close, and nothing of later is ever read."""

import inspect
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphs.stocks.memory.conditions import (
    Beats,
    Condition,
    Facts,
    Happens,
    Keeps,
    Reaches,
    StaysLikely,
    judge,
)
from graphs.stocks.memory.recall import LEAST, positions_of, recall, rolling_view
from graphs.stocks.memory.theses import review, thesis_of
from store.database import open_database
from store.theses import Review, Sighting, Theses, Thesis
from tools.market.bars import Action, Series
from tools.market.evidence import Datum, FromTheFuture

FIRST = date(2012, 1, 2)
AT = datetime(2012, 1, 2, 21, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Theses]:
    async with open_database(tmp_path) as engine:
        yield Theses(engine)


def series(closes: list[float], symbol: str = "A", actions: tuple[Action, ...] = ()) -> Series:
    prices = np.array(closes)
    days = np.datetime64(FIRST) + np.arange(len(prices))
    return Series(symbol, "made", days, prices, prices, prices, prices, prices * 1e6, actions)


def facts(closes: list[float], **more: Any) -> Facts:
    known = series(closes, actions=more.pop("actions", ()))
    day = FIRST + timedelta(days=len(closes) - 1)
    at = datetime(day.year, day.month, day.day, 21, tzinfo=UTC)
    return Facts(at, day, {"A": known}, **more)


def about(**more: Any) -> dict[str, Any]:
    return {"symbol": "A", "since": FIRST, "by": FIRST + timedelta(days=3)} | more


@pytest.mark.parametrize(
    ("condition", "closes", "state", "said"),
    [
        (Reaches(**about(price=110)), [100, 105], "open", "not yet above 110.00"),
        (Reaches(**about(price=110)), [100, 105, 111], "met", "closed at 111.00 on 2012-01-04"),
        (Reaches(**about(price=110)), [100, 105, 99, 100], "failed", "did not close above"),
        (Reaches(**about(price=110)), [100, 1, 1, 1, 120], "failed", "by 2012-01-05"),
        (Reaches(**about(price=90, above=False)), [100, 89], "met", "89.00"),
        (Keeps(**about(price=90)), [100, 101], "open", "clear of 90.00"),
        (Keeps(**about(price=90)), [100, 94], "open", "60% of the way to 90.00"),
        (Keeps(**about(price=90)), [100, 89, 200], "failed", "on 2012-01-03, below 90.00"),
        (Keeps(**about(price=90)), [100, 95, 95, 95], "met", "never closed below"),
        (Keeps(**about(price=90)), [100, 95, 95, 95, 50], "met", "until 2012-01-05"),
        (Reaches(**about(price=110, symbol="B")), [100, 120], "open", "not known"),
        (Keeps(**about(price=90, symbol="B")), [100, 1, 1, 1, 1], "open", "not known"),
    ],
)
def test_a_price_is_tested_on_the_closes_after_the_thesis(
    condition: Condition, closes: list[float], state: str, said: str
) -> None:
    verdict = judge(condition, facts(closes))
    assert verdict.state == state and said in verdict.why


def test_what_has_gone_more_than_half_the_way_to_failing_warns() -> None:
    keeps = Keeps(**about(price=90))
    assert judge(keeps, facts([100, 95])).warns and not judge(keeps, facts([100, 96])).warns


@pytest.mark.parametrize("condition", [Reaches(**about(price=110)), Keeps(**about(price=90))])
def test_a_split_is_no_fall(condition: Condition) -> None:
    split = Action(FIRST + timedelta(days=2), "split", 2.0)
    plain, halved = (
        judge(condition, facts([100, 101, 102])),
        judge(condition, facts([100, 101, 51], actions=(split,))),
    )
    assert plain == halved and plain.state == "open"


def test_a_return_is_measured_from_the_close_after_the_thesis_against_the_index() -> None:
    one = Beats(**about())
    index = series([50, 50, 51, 52], "INDEX")
    assert judge(one, facts([100])).state == "open"
    early = judge(one, facts([100, 200, 201], index=series([50, 50, 51], "INDEX")))
    assert early.state == "open" and early.warns
    assert judge(one, facts([100, 200, 201, 202], index=index)).state == "failed"
    assert judge(one, facts([100, 100, 101, 105], index=index)).state == "met"
    dividend = Action(FIRST + timedelta(days=2), "dividend", 1.05)
    assert judge(one, facts([100, 100, 96, 100], index=index, actions=(dividend,))).state == "met"


def test_a_consensus_that_falls_to_the_line_breaks_and_one_that_falls_much_warns() -> None:
    one = StaysLikely(**about(above=0.5, at_first=0.56))

    def said(*values: float) -> dict[str, list[tuple[datetime, float]]]:
        return {"A": [(AT + timedelta(days=n), value) for n, value in enumerate(values)]}

    assert judge(one, facts([1, 1])).state == "open"
    assert not judge(one, facts([1, 1], probabilities=said(0.56, 0.55))).warns
    assert judge(one, facts([1, 1], probabilities=said(0.56, 0.53))).warns
    broken = judge(one, facts([1, 1, 1], probabilities=said(0.56, 0.5, 0.6)))
    assert broken.state == "failed" and "50.0% on 2012-01-03" in broken.why
    kept = facts([1, 1, 1, 1], probabilities=said(0.56, 0.51))
    assert judge(one, kept).state == "met"


def test_an_event_is_awaited_until_its_day() -> None:
    one = Happens(**about(what="filing", named="8-K"))
    filed = Datum(
        symbol="A", kind="filing", name="8-K", value="item 2.02", source="edgar",
        as_of=AT, knowable_at=AT + timedelta(days=1),
    )  # fmt: skip
    assert judge(one, facts([1, 1])).state == "open"
    assert judge(one, facts([1, 1], data=[filed])).state == "met"
    other = filed.model_copy(update={"symbol": "B"})
    assert judge(one, facts([1, 1, 1, 1], data=[other])).state == "failed"


def test_facts_of_later_are_refused() -> None:
    known = series([1.0, 2.0, 3.0])
    with pytest.raises(FromTheFuture, match="after 2012-01-03"):
        Facts(AT, FIRST + timedelta(days=1), {"A": known})
    with pytest.raises(FromTheFuture):
        Facts(AT, FIRST, {}, index=known)
    with pytest.raises(FromTheFuture):
        Facts(AT, FIRST, probabilities={"A": [(AT + timedelta(seconds=1), 0.5)]})
    late = Datum(
        kind="macro", name="x", value="y", source="z", as_of=AT, knowable_at=AT + timedelta(1)
    )
    with pytest.raises(FromTheFuture):
        Facts(AT, FIRST, data=[late])


# Theses


def a_thesis(**more: Any) -> Thesis:
    plain = Keeps(**about(price=90)).model_dump(mode="json")
    beats = Beats(**about()).model_dump(mode="json")
    given = {"run_id": "r", "symbol": "A", "text": "A beats the index.", "opened_at": AT}
    return Thesis.model_validate(
        given | {"day": FIRST, "by": FIRST + timedelta(days=3), "conditions": (plain, beats)} | more
    )


@pytest.mark.parametrize(
    ("closes", "standing", "why"),
    [
        ([100, 100, 101], "stands", "clear of"),
        ([100, 100, 94], "weakened", "60% of the way"),
        ([100, 100, 89], "broken", "below 90.00"),
        ([100, 100, 101, 102], "confirmed", "returned +2.0%"),
        ([100, 100, 99, 99], "broken", "returned -1.0%"),
    ],
)
def test_a_thesis_stands_weakens_breaks_or_is_confirmed_and_says_why(
    closes: list[float], standing: str, why: str
) -> None:
    index = series([50.0] * len(closes), "INDEX")
    found = review(a_thesis(), facts(closes, index=index))
    assert found.standing == standing and any(why in reason for reason in found.reasons)
    assert ("beats" in found.met) == (standing == "confirmed")


def test_when_it_is_due_what_cannot_be_told_does_not_keep_a_thesis_open() -> None:
    unknown = StaysLikely(**about(above=0.5, at_first=0.6)).model_dump(mode="json")
    thesis = a_thesis(conditions=(*a_thesis().conditions, unknown))
    before, due = (series([50.0] * n, "INDEX") for n in (3, 4))
    assert review(thesis, facts([100, 100, 101], index=before)).standing == "stands"
    assert review(thesis, facts([100, 100, 101, 102], index=due)).standing == "confirmed"


def test_a_thesis_of_later_is_not_looked_at() -> None:
    with pytest.raises(ValueError, match="later"):
        review(a_thesis(opened_at=AT + timedelta(days=9)), facts([100, 101]))


def test_a_pick_becomes_conditions_that_its_own_swings_survive() -> None:
    rng = np.random.default_rng(0)
    calm = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 100)))
    wild = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, 100)))
    floors = []
    for closes in (calm, wild):
        known = series(list(closes))
        made = thesis_of("r", known, 0.56, "It rose.", as_of=AT, by=date(2012, 6, 1), horizon=21)
        kinds = [one["kind"] for one in made.conditions]
        assert kinds == ["beats", "keeps", "stays_likely"] and "56.0% likely. It rose." in made.text
        floors.append(float(made.conditions[1]["price"]) / closes[-1])
    assert 0.8 < floors[0] < 0.95 and floors[1] < floors[0]


# The store


async def test_what_is_written_twice_is_written_once(store: Theses) -> None:
    thesis = a_thesis()
    assert await store.open(thesis) and not await store.open(thesis)
    seen = Sighting(run_id="r", symbol="A", day=FIRST, as_of=AT, close=Decimal("1.50"))
    assert await store.see(seen) and not await store.see(seen)
    assert await store.theses(as_of=AT) == [thesis] and await store.sightings(as_of=AT) == [seen]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(hours=st.lists(st.integers(0, 200), min_size=1, max_size=6), cut=st.integers(0, 200))
async def test_nothing_of_after_the_time_asked_for_is_read(
    store: Theses, hours: list[int], cut: int
) -> None:
    run = f"{hours} {cut}"
    for n, hour in enumerate(hours):
        at = AT + timedelta(hours=hour)
        thesis = a_thesis(run_id=f"{run} {n}", symbol=f"{run} {n}", opened_at=at, day=at.date())
        await store.open(thesis)
        await store.review(
            Review(thesis_id=thesis.id, day=at.date(), as_of=at, standing="stands", reasons=("x",))
        )
        await store.see(
            Sighting(run_id=thesis.run_id, symbol=thesis.symbol, day=at.date(), as_of=at)
        )
    as_of = AT + timedelta(hours=cut)
    names = [f"{run} {n}" for n, hour in enumerate(hours) if hour <= cut]
    found = await recall(store, as_of, [f"{run} {n}" for n in range(len(hours))])
    assert sorted(held.thesis.symbol for held in found.theses) == names
    assert all(held.last and held.last.as_of <= as_of for held in found.theses)
    assert all(seen.as_of <= as_of for row in found.rolling for seen in row.sightings)


def test_every_reading_has_to_say_as_of_when() -> None:
    for name, method in inspect.getmembers(Theses, inspect.isfunction):
        if not name.startswith("_") and name not in ("open", "review", "see"):
            assert inspect.signature(method).parameters["as_of"].default is inspect.Parameter.empty


# What is recalled


def seen(n: int, symbol: str = "A", **more: Any) -> Sighting:
    at = AT + timedelta(days=n)
    given = {"run_id": f"r{n}", "symbol": symbol, "day": at.date(), "as_of": at}
    return Sighting.model_validate(given | more)


def test_the_rolling_view_is_of_the_last_three_sessions_and_the_last_word_of_each() -> None:
    rows = [seen(n, probability=0.5 + n / 100, close=Decimal(100 + n)) for n in range(5)]
    again = seen(4, run_id="later", probability=0.6, close=Decimal(110))
    again = again.model_copy(update={"as_of": again.as_of + timedelta(hours=1)})
    (row,) = rolling_view([again, *rows])
    assert [one.day.day for one in row.sightings] == [4, 5, 6]
    assert row.sightings[-1] == again
    assert row.change == pytest.approx(0.08) and row.moved == pytest.approx(110 / 102 - 1)


def test_a_position_is_told_by_its_steps() -> None:
    paid = {"average_price": Decimal(10), "close": Decimal(12)}
    rows = [
        seen(0, shares=Decimal(0)),
        seen(1, shares=Decimal(5), **paid),
        seen(2, shares=None),
        seen(3, shares=Decimal(5), **paid),
        seen(4, shares=Decimal(2), **paid),
        seen(5, shares=Decimal(0)),
    ]
    (position,) = positions_of(rows)
    assert [step.bought for step in position.steps] == [5, -3, -2]
    assert position.steps[0].gain is None  # that close may have been before the purchase
    assert position.steps[1].gain == 4 and not position.open
    (still,) = positions_of(rows[:4])
    assert still.open and [step.bought for step in still.steps] == [5, 0]


async def test_patterns_are_told_with_how_many_cases_they_are_of(store: Theses) -> None:
    for n in range(LEAST):
        at = AT + timedelta(days=n)
        thesis = a_thesis(run_id=f"r{n}", opened_at=at, day=at.date())
        await store.open(thesis)
        standing, failed = ("broken", ("keeps",)) if n else ("confirmed", ())
        await store.review(
            Review(
                thesis_id=thesis.id,
                day=at.date(),
                as_of=at,
                standing=standing,  # type: ignore[arg-type]
                reasons=("A closed at 89.00.",),
                failed=failed,
            )
        )
        await store.see(seen(n, probability=0.6 - n / 100, shares=Decimal(1)))
    told = {one.kind: one for one in (await recall(store, AT + timedelta(days=9))).patterns}
    ended = told["theses confirmed"]
    assert ended.text.startswith("1 of 5") and ended.share == 0.2
    assert ended.low is not None and ended.high is not None and ended.low < 0.2 < ended.high
    assert told["falling"].n == 4 and "to 56.0%" in told["falling"].text
    assert told["held though broken"].symbol == "A"
    assert "broken by" not in told
    before = await recall(store, AT + timedelta(days=3, hours=-1))
    assert "theses confirmed" not in {one.kind for one in before.patterns}


def test_runs_on_the_same_close_believe_the_same_thing_once() -> None:
    first = a_thesis()
    again = first.model_copy(update={"run_id": "another"})
    assert again.id == first.id
    later = first.model_copy(update={"day": first.day + timedelta(days=1)})
    assert later.id != first.id


def test_what_was_seen_on_one_close_has_not_changed_nor_stayed() -> None:
    (row,) = rolling_view([seen(1, close=Decimal(10)), seen(1, close=Decimal(10))])
    assert row.change is None and row.moved is None
