"""The consensus: one probability of many, with its interval, its dissent, and how many it is of.

The believed log-odds of the analysts (`track_record.Calibration`) are averaged by weight. A weight
is earned by skill and shared with whoever says the same: two names of one model are not two votes.
Averaging never claims more than its members together; who has no opinion is in no sum.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from graphs.stocks.opinion import LEAST, MOST, Answer, Opinion
from graphs.stocks.track_record import UNPROVEN, Calibration, Floats, expit, logit

Z: Final = 1.645
"""Half width of a 90 % interval, in standard errors."""
SAME_FAMILY: Final = 0.8
"""Correlation of two of one family before any record."""
OTHER_FAMILY: Final = 0.3
"""Correlation of two of different families before any record: they read the same news."""
LIKENESS_RECORD: Final = 60.0
"""Common forecasts at which the measured correlation counts as much as the prior."""
MOST_WAITING: Final = 10
"""Most analysts of whom every choice is tried."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an analyst before it speaks.

    Attributes:
        calibration: what its word is worth.
        weight: what it has earned, see `track_record.earned_weight`.
    """

    calibration: Calibration = UNPROVEN
    weight: float = 0.2


@dataclass(frozen=True, slots=True)
class Dissent:
    """An analyst on the other side of even odds."""

    analyst: str
    probability: float
    """As stated."""
    argument: str
    """Its strongest: the first claim of the case on its side; empty where it names none."""
    would_change: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consensus:
    """What all together say of a symbol; `probability` is None where nobody has an opinion."""

    symbol: str
    probability: float | None
    low: float | None = None
    high: float | None = None
    """Its 90 % interval."""
    dispersion: float = 0.0
    """Weighted standard deviation of what was stated, in points of probability (0 to 0.5)."""
    effective_voters: float = 0.0
    """How many independent voters the opinions amount to."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Share of each analyst in the sum; they add up to 1."""
    dissent: tuple[Dissent, ...] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    """How many answered in which state."""

    @property
    def log_odds(self) -> float:
        """The probability as log-odds.

        Raises:
            ValueError: there is none.
        """
        if self.probability is None:
            raise ValueError(f"Nobody has an opinion on {self.symbol}, so there are no odds.")
        return float(np.log(self.probability) - np.log1p(-self.probability))


def agree(
    symbol: str,
    answers: Sequence[Answer],
    standings: Mapping[str, Standing],
    likeness: Mapping[frozenset[str], tuple[float, int]] | None = None,
) -> Consensus:
    """Combine the answers on one symbol.

    Args:
        symbol: what they are about.
        answers: one of each analyst.
        standings: by analyst; the standing of the unproven for those missing.
        likeness: measured correlation of stated log-odds and number of common forecasts, by pair.

    Raises:
        ValueError: an answer is about something else, an analyst answers twice, or two opinions
            are about different horizons.
    """
    opinions = _checked(symbol, answers)
    states: dict[str, int] = {}
    for answer in answers:
        states[answer.state] = states.get(answer.state, 0) + 1
    if not opinions:
        return Consensus(symbol, None, states=states)
    shares, correlation = _shares_of(opinions, standings, likeness or {})
    voters = float(1.0 / (shares @ correlation @ shares))
    stated = np.array([opinion.probability for opinion in opinions])
    believed = [known(standings, o.analyst).calibration.believe(o.probability) for o in opinions]
    log_odds = np.array([float(mean) for mean, _ in believed])
    errors = np.array([float(error) for _, error in believed])
    middle = float(shares @ log_odds)
    between = float(shares @ (log_odds - middle) ** 2) / voters
    error = float(np.sqrt(between + (shares * errors) @ correlation @ (shares * errors)))
    low, probability, high = (
        float(expit(x)) for x in (middle - Z * error, middle, middle + Z * error)
    )
    centre = float(shares @ stated)
    return Consensus(
        symbol,
        probability,
        low,
        high,
        dispersion=float(np.sqrt(shares @ (stated - centre) ** 2)),
        effective_voters=voters,
        shares={o.analyst: float(s) for o, s in zip(opinions, shares, strict=True)},
        dissent=_dissent(opinions, probability),
        states=states,
    )


def is_settled(
    symbol: str,
    answers: Sequence[Answer],
    waiting: Mapping[str, str],
    standings: Mapping[str, Standing],
    threshold: float,
    likeness: Mapping[frozenset[str], tuple[float, int]] | None = None,
) -> bool:
    """Whether those not asked yet could not carry the consensus across a threshold any more.

    Exact: it tries everybody who waits at both extremes, and every choice of who gives an opinion.

    Args:
        symbol: what it is about.
        answers: what was answered so far.
        waiting: family by name of those who were not asked yet, `MOST_WAITING` at most.
        standings: by analyst, see `agree`.
        threshold: probability above which something is done.
        likeness: see `agree`.

    Raises:
        ValueError: too many wait, or see `agree`.
    """
    if len(waiting) > MOST_WAITING:
        raise ValueError(f"{len(waiting)} analysts wait; at most {MOST_WAITING} can be tried.")
    opinions = _checked(symbol, answers)
    if not opinions:
        return not waiting
    line = float(logit(threshold))
    above = agree(symbol, answers, standings, likeness).log_odds > line
    extremes = {
        name: [float(known(standings, name).calibration.believe(p)[0]) for p in (LEAST, MOST)]
        for name in waiting
    }
    like = opinions[0]
    for size in range(1, len(waiting) + 1):
        for voting in itertools.combinations(waiting, size):
            more = [
                like.model_copy(update={"analyst": name, "family": waiting[name]})
                for name in voting
            ]
            everybody = [*opinions, *more]
            shares = _shares_of(everybody, standings, likeness or {})[0]
            sure = sum(
                float(share * known(standings, o.analyst).calibration.believe(o.probability)[0])
                for share, o in zip(shares, opinions, strict=False)
            )
            pulled = [
                share * (min if above else max)(extremes[name])
                for share, name in zip(shares[len(opinions) :], voting, strict=True)
            ]
            if (sure + sum(pulled) > line) != above:
                return False
    return True


def known(standings: Mapping[str, Standing], analyst: str) -> Standing:
    """Return the standing of an analyst; that of the unproven when it has none."""
    return standings.get(analyst, Standing())


def _checked(symbol: str, answers: Sequence[Answer]) -> list[Opinion]:
    names = [answer.analyst for answer in answers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            f"{', '.join(twice)} answered twice on {symbol}; expected one answer each."
        )
    if other := sorted({answer.symbol for answer in answers} - {symbol}):
        raise ValueError(f"Answers about {', '.join(other)} were given for {symbol}.")
    opinions = [answer for answer in answers if isinstance(answer, Opinion)]
    if len(horizons := {opinion.horizon_days for opinion in opinions}) > 1:
        raise ValueError(f"Opinions on {symbol} look {sorted(horizons)} days ahead; expected one.")
    return opinions


def _correlation(
    opinions: Sequence[Opinion], likeness: Mapping[frozenset[str], tuple[float, int]]
) -> Floats:
    """Return how alike the opinions' sources are, from 0 (independent) to 1, shape (n, n)."""
    matrix = np.eye(len(opinions))
    for i, one in enumerate(opinions):
        for j, other in enumerate(opinions[:i]):
            prior = SAME_FAMILY if one.family == other.family else OTHER_FAMILY
            measured, n = likeness.get(frozenset((one.analyst, other.analyst)), (prior, 0))
            mixed = (prior * LIKENESS_RECORD + measured * n) / (LIKENESS_RECORD + n)
            matrix[i, j] = matrix[j, i] = min(max(mixed, 0.0), 1.0)
    return matrix


def _shares_of(
    opinions: Sequence[Opinion],
    standings: Mapping[str, Standing],
    likeness: Mapping[frozenset[str], tuple[float, int]],
) -> tuple[Floats, Floats]:
    """Divide each weight by the number of votes that say the same; returns the correlation too."""
    correlation = _correlation(opinions, likeness)
    weights = np.array([known(standings, opinion.analyst).weight for opinion in opinions])
    shared = weights / correlation.sum(axis=1)
    return np.asarray(shared / shared.sum()), correlation


def _dissent(opinions: Sequence[Opinion], probability: float) -> tuple[Dissent, ...]:
    """Return who stands on the other side, the furthest first."""
    against = [o for o in opinions if (o.probability - 0.5) * (probability - 0.5) < 0]
    against.sort(key=lambda o: abs(o.probability - 0.5), reverse=True)
    found = []
    for opinion in against:
        case = opinion.bull if opinion.probability > 0.5 else opinion.bear
        argument = case[0].text if case else ""
        found.append(Dissent(opinion.analyst, opinion.probability, argument, opinion.would_change))
    return tuple(found)
