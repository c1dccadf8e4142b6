"""What models have cost, what is left of the budget, how fast and how well they answered. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from store.journal import Entry
from store.spending import Charge
from tools.market.quota import Used
from tools.trading import Budget


class Spent(BaseModel):
    """What a time has cost, USD."""

    calls: int
    usd: Decimal = Field(description="Reservations that are not settled count in full.")
    limit_usd: Decimal | None = Field(description="None where there is no limit.")
    left_usd: Decimal | None


class ByModel(BaseModel):
    """What one model has cost, and how it answered."""

    model: str
    analysts: list[str]
    calls: int
    usd: Decimal
    unsettled: int = Field(description="Calls of which nobody knows what they cost.")
    p50_ms: float | None = Field(description="Time to the answer, of settled calls.")
    p95_ms: float | None


class ByAnalyst(BaseModel):
    """How an analyst answered: an error is an answer that could not be read, or none."""

    analyst: str
    model: str | None = Field(description="None for code, which costs nothing.")
    answers: dict[str, int]
    error_share: float


class Places(BaseModel):
    """One limit on how often a provider is asked."""

    most: int
    secs: int = Field(description="Length of the window, which ends now.")
    taken: int


class ByProvider(BaseModel):
    """How often a provider of market data was asked by this server since it began."""

    provider: str
    quota: list[Places]
    outcomes: dict[str, int] = Field(description="`ok`, or the kind of the failure.")
    usd: Decimal = Field(description="What it said that it charged.")


class Costs(BaseModel):
    """What was spent, and what came of it."""

    at: datetime
    per_run_limit_usd: Decimal
    today: Spent
    week: Spent = Field(description="Since Monday, UTC.")
    month: Spent = Field(description="Since the first of the month, UTC.")
    per_day: dict[date, Decimal] = Field(description="The last thirty days, UTC.")
    by_model: list[ByModel]
    by_analyst: list[ByAnalyst] = Field(description="Of the newest votes.")
    votes: int = Field(description="How many votes that is.")
    asked_models: int = Field(description="Of them, answers of models.")
    cache_hits: int = Field(description="Of these, answers that were known and not paid again.")
    by_provider: list[ByProvider] = []


def costs(
    charges: Sequence[Charge],
    votes: Sequence[Entry],
    budget: Budget,
    now: datetime,
    used: Mapping[str, Used] | None = None,
) -> Costs:
    """Sum up.

    Args:
        charges: of the last thirty days, and of this week and month.
        votes: the newest rows of the journal of kind `vote`.
        budget: what may be spent.
        now: real time, UTC.
        used: what is used of the quotas of market data, by provider.
    """
    today = now.date()
    per_day = {today - timedelta(n): Decimal(0) for n in range(29, -1, -1)}
    for one in charges:
        if one.at.date() in per_day:
            per_day[one.at.date()] += one.spent_usd
    asked, hits = _hits(charges, votes)
    return Costs(
        at=now,
        per_run_limit_usd=budget.run,
        today=_spent(charges, today, budget.day),
        week=_spent(charges, today - timedelta(today.weekday()), budget.week),
        month=_spent(charges, today.replace(day=1), budget.month),
        per_day=per_day,
        by_model=_by_model(charges),
        by_analyst=_by_analyst(votes),
        votes=len(votes),
        asked_models=asked,
        cache_hits=hits,
        by_provider=[_by_provider(name, one) for name, one in (used or {}).items()],
    )


def _spent(charges: Iterable[Charge], first: date, limit: Decimal | None) -> Spent:
    within = [one.spent_usd for one in charges if one.at.date() >= first]
    usd = sum(within, Decimal(0))
    left = None if limit is None else max(limit - usd, Decimal(0))
    return Spent(calls=len(within), usd=usd, limit_usd=limit, left_usd=left)


def _by_provider(name: str, used: Used) -> ByProvider:
    places = [Places(most=one.count, secs=one.secs, taken=taken) for one, taken in used.limits]
    outcomes = dict(used.outcomes)
    return ByProvider(provider=name, quota=places, outcomes=outcomes, usd=used.cost_usd)


def _by_model(charges: Iterable[Charge]) -> list[ByModel]:
    grouped: dict[str, list[Charge]] = defaultdict(list)
    for one in charges:
        grouped[one.model].append(one)
    found = []
    for model, of in grouped.items():
        waits = [(one.settled_at - one.at).total_seconds() * 1000 for one in of if one.settled_at]
        p50, p95 = (float(p) for p in np.percentile(waits, [50, 95])) if waits else (None, None)
        found.append(
            ByModel(
                model=model,
                analysts=sorted({one.analyst for one in of}),
                calls=len(of),
                usd=sum((one.spent_usd for one in of), Decimal(0)),
                unsettled=sum(one.settled_at is None for one in of),
                p50_ms=p50,
                p95_ms=p95,
            )
        )
    return sorted(found, key=lambda one: -one.usd)


def _by_analyst(votes: Iterable[Entry]) -> list[ByAnalyst]:
    states: dict[str, Counter[str]] = defaultdict(Counter)
    models: dict[str, str | None] = {}
    for vote in votes:
        name = str(vote.body["analyst"])
        states[name][str(vote.body["state"])] += 1
        models.setdefault(name, vote.body.get("model"))
    return [
        ByAnalyst(
            analyst=name,
            model=models[name],
            answers=dict(counted),
            error_share=(counted["failure"] + counted["parse_failure"]) / counted.total(),
        )
        for name, counted in sorted(states.items())
    ]


def _hits(charges: Iterable[Charge], votes: Iterable[Entry]) -> tuple[int, int]:
    """Return how many answers models gave, and how many of them nobody was charged for again."""
    paid = Counter((one.run_id, one.analyst) for one in charges)
    answered = Counter(
        (str(vote.body["run_id"]), str(vote.body["analyst"]))
        for vote in votes
        if _by_a_model(vote.body)
    )
    hits = sum(max(number - paid[which], 0) for which, number in answered.items())
    return answered.total(), hits


def _by_a_model(vote: Mapping[str, Any]) -> bool:
    return bool(vote.get("model")) and vote["state"] not in ("failure", "no_data")
