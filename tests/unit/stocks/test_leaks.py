"""What is planted is found: each check of the leak detector finds its own kind of leak."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from graphs.stocks.leaks import checks
from graphs.stocks.leaks.recollection import (
    BLIND,
    blind,
    counterfactual,
    cut_off,
    may_remember,
    recollection,
)
from graphs.stocks.opinion import Abstention, Answer, Opinion
from graphs.stocks.replay.history import SESSIONS
from graphs.stocks.replay.replay import Rules
from store.database import open_database
from store.forecasts import Forecasts, GradedRow
from store.theses import Theses
from tests.unit.stocks.test_replay import EAGER, made
from tools.market.bars import Series
from tools.market.evidence import Datum, Evidence

AT = datetime(2012, 6, 1, 21, tzinfo=UTC)
MOMENTS = [AT, AT + timedelta(days=1), AT + timedelta(days=40)]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with open_database(tmp_path) as opened:
        yield opened


def test_an_analyst_that_reads_tomorrow_is_found_and_the_others_do_not() -> None:
    history = made()
    sessions = checks.sampled(history, 8)
    assert all(check.passed for check in checks.truncation(history, sessions))
    (found,) = checks.truncation(history, sessions, {"tomorrow": checks.tomorrow})
    assert found.leaked == 8 and not found.passed and "on " in found.example


def test_a_replay_that_is_told_tomorrow_is_found_and_the_real_one_is_not() -> None:
    history, rules = made(SESSIONS + 120), Rules(limits=EAGER)
    sessions = checks.sampled(history, 3)
    honest = checks.decisions(history, rules, sessions)
    assert honest.passed and honest.tried == len([s for s in sessions if s + 22 < len(history)])
    told = checks.Leaky(history.name, history.series, history.days, history.index)
    on_decisions = [SESSIONS - 1, SESSIONS + 20]
    leaking = checks.decisions(told, rules, on_decisions)
    assert leaking.leaked == 2 and not leaking.passed


def test_a_check_whose_planted_leak_is_not_found_does_not_pass() -> None:
    honest = checks.Check("a", "b", 3, 0, True)
    assert honest.passed
    assert not replace(honest, control=False).passed and not replace(honest, tried=0).passed


def test_evidence_that_takes_what_is_known_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.planted_evidence(MOMENTS).passed
    monkeypatch.setattr(Evidence, "add", lambda self, one: self._data.setdefault(one.id, one).id)
    assert checks.planted_evidence(MOMENTS).leaked == 3 * 8


async def test_a_memory_that_tells_of_later_is_found(engine: AsyncEngine) -> None:
    assert (await checks.memory(Theses(engine), MOMENTS)).passed

    class Forgetful(Theses):
        async def sightings(self, *, as_of: datetime, **more: Any) -> Any:
            return await super().sightings(as_of=as_of + timedelta(days=1), **more)

    assert (await checks.memory(Forgetful(engine), MOMENTS)).leaked == 3


async def test_a_track_record_that_counts_what_is_not_due_is_found(engine: AsyncEngine) -> None:
    days = [at.date() for at in MOMENTS]
    assert (await checks.ledger(Forecasts(engine), days, 21)).passed

    class Early(Forecasts):
        async def graded(self, until: date, horizon_days: int) -> Sequence[GradedRow]:
            return await super().graded(until + timedelta(days=2), horizon_days)

    assert (await checks.ledger(Early(engine), days, 21)).leaked == 3


class Provider:
    """Tells the closes of a history, and so many sessions more than were over."""

    name = "made"

    def __init__(self, more: int) -> None:
        self.more, self.history = more, made()

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        return []

    async def bars(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Series]:
        day = as_of.date() + timedelta(days=self.more)
        return {symbol: self.history.series[symbol].until(day) for symbol in symbols}

    async def benchmark(self, as_of: datetime) -> Series:
        return self.history.series["A"]


@pytest.mark.parametrize(("more", "leaked"), [(0, 0), (1, 2)])
async def test_market_data_of_later_are_found(more: int, leaked: int) -> None:
    moments = [datetime.combine(date(2002, 1, day), time(21), UTC) for day in (8, 9)]
    found = await checks.market([Provider(more)], ["A", "B"], moments)
    assert (found.leaked, found.control) == (leaked, True)


# What a model remembers


def datum(name: str, value: Decimal | str, unit: str | None = "%", **more: Any) -> Datum:
    about = {"symbol": "AAPL", "kind": "statistic", "source": "recorded", "unit": unit}
    times = {"as_of": AT, "knowable_at": AT}
    return Datum.model_validate(about | times | {"name": name, "value": value} | more)


ROWS = [
    datum("close", Decimal("587.20"), "USD", url="https://example.com/AAPL"),
    datum("Apple return over 12 months", Decimal("41.5")),
    datum("volatility of 3 months, a year", Decimal("22.0")),
    datum("headline", "Apple sells more than ever", None),
]


def test_a_blind_question_tells_neither_whose_it_is_nor_when_nor_how_large() -> None:
    told = blind("AAPL", ROWS, ["Apple"])
    words = " ".join(one.line() for one in told)
    assert not any(word in words for word in ("AAPL", "Apple", "2012", "587", "recorded"))
    assert [one.url for one in told] == [None] * 3 and "41.5" in words and "22.0" in words


@given(st.lists(st.decimals("0.01", "100000", places=2), min_size=2, max_size=5))
def test_amounts_of_a_blind_question_keep_their_ratios(amounts: list[Decimal]) -> None:
    told = blind("AAPL", [datum("close", amount, "USD") for amount in amounts])
    for before, after in zip(amounts, told, strict=True):
        assert float(after.value) == pytest.approx(float(100 * before / max(amounts)), abs=0.006)


def test_a_counterfactual_question_turns_what_has_a_sign_and_nothing_else() -> None:
    turned = counterfactual(ROWS)
    assert turned is not None
    assert [one.value for one in turned] == [
        ROWS[0].value, Decimal("-41.5"), ROWS[2].value, ROWS[3].value,
    ]  # fmt: skip
    assert counterfactual([ROWS[0], ROWS[2]]) is None


def opinion(probability: float, symbol: str) -> Opinion:
    return Opinion(
        analyst="m", family="m", symbol=symbol, as_of=AT, horizon_days=21, probability=probability
    )


async def reads(symbol: str, data: Sequence[Datum]) -> Answer:
    """Judge by the facts."""
    rose = next(one.value for one in data if "return" in one.name)
    return opinion(0.6 if Decimal(rose) > 0 else 0.4, symbol)


async def remembers(symbol: str, data: Sequence[Datum]) -> Answer:
    """Judge by what is known of Apple."""
    return opinion(0.5 if symbol == BLIND else 0.9, symbol)


async def test_who_remembers_is_told_from_who_reads() -> None:
    cases = [("AAPL", ROWS, AT)] * 4 + [("AAPL", [ROWS[0]], AT)]
    reader = await recollection("m", "gpt-4o", reads, cases, lambda _: ["Apple"])
    assert (reader.asked, reader.unmoved, reader.blind_moved) == (4, 0, 0.0)
    knower = await recollection("m", "gpt-4o", remembers, cases, lambda _: ["Apple"])
    assert (knower.unmoved, knower.answered) == (4, 4) and knower.low > 0.5
    assert knower.blind_moved == pytest.approx(0.4)
    assert knower.until == date(2023, 10, 1) and knower.before == 5


async def test_who_gives_no_opinion_is_not_counted_as_unmoved() -> None:
    async def abstains(symbol: str, data: Sequence[Datum]) -> Answer:
        return Abstention(analyst="m", family="m", symbol=symbol, as_of=AT, reason="x")

    found = await recollection("m", "m", abstains, [("AAPL", ROWS, AT)])
    assert (found.asked, found.answered, found.unmoved, found.blind_moved) == (1, 0, 0, None)
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    "later",
    ["openai/gpt-5.2", "claude-opus-4-5-20251101", "claude-sonnet-4-6", "grok-4.20", "o3-pro"]
    + ["gpt-4o-search-preview", "openai/gpt-5:online"],
)
def test_a_later_version_or_one_that_searches_may_remember_any_day(later: str) -> None:
    """Else forecasts of days that it has read about would count as proven."""
    assert cut_off(later) is None and may_remember(later, date(2026, 1, 2))


def test_a_day_before_a_models_cut_off_may_be_remembered_and_any_day_where_none_is_known() -> None:
    assert cut_off("anthropic/claude-sonnet-4.5") == date(2025, 7, 31)
    assert cut_off("openai/gpt-5-mini") == date(2024, 5, 31)
    assert may_remember("openai/gpt-5", date(2013, 1, 2))
    assert not may_remember("openai/gpt-5", date(2026, 1, 2))
    assert cut_off("claude-3-5-sonnet-20241022") == cut_off("claude-3.5-sonnet") is not None
    assert cut_off("gpt-5-2025-08-07") == cut_off("openai/gpt-5:floor") == date(2024, 9, 30)
    assert cut_off("somebody/new") is None and may_remember("somebody/new", date(2026, 1, 2))


def test_days_are_drawn_anew_by_another_seed_and_the_same_by_the_same() -> None:
    history = made()
    assert checks.sampled(history, 9, 1) == checks.sampled(history, 9, 1)
    assert checks.sampled(history, 9, 1) != checks.sampled(history, 9, 2)
    assert min(checks.sampled(history, 400)) >= SESSIONS - 1
    assert np.all(np.diff(checks.sampled(history, 50)) > 0)
