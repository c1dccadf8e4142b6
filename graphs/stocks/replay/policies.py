"""Who decides in a replay: the consensus, as in the graph; and plain holding, to compare with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import ROUND_DOWN, Decimal

import numpy as np

from graphs.stocks.analysts import panel
from graphs.stocks.analysts.quant import YEAR
from graphs.stocks.consensus import Consensus, Standing, agree
from graphs.stocks.opinion import Answer, Opinion
from graphs.stocks.replay.account import Order, ordered
from graphs.stocks.replay.history import History
from graphs.stocks.replay.ledger import Ledger, Stated, believed
from graphs.stocks.replay.replay import Moment, Rules
from graphs.stocks.risk import Book, Conviction, Price, Sized, dispose, reduce
from graphs.stocks.standing import likeness
from tools.market.statistics import statistics

REVIEW = 12
"""Decisions after which it is looked again who is like whom."""
AFTER_CLOSE = time(21, 0, tzinfo=UTC)
"""The exchange has closed by then in summer and in winter."""
UNLIMITED = Decimal("Infinity")
"""Turnover where volumes were not recorded: no limit follows from it."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, for the record."""

    day: date
    answers: Mapping[str, Sequence[Answer]]
    standings: Mapping[str, Standing]
    consensus: Mapping[str, Consensus]
    sized: tuple[Sized, ...]
    sold: tuple[Sized, ...]
    orders: tuple[Order, ...]


def answers_on(known: History, as_of: datetime, horizon: int) -> dict[str, list[Answer]]:
    """Return what the analysts that are code answer on each symbol, as the graph asks them.

    Args:
        known: what was known on the last of its closes.
        as_of: when that was known.
        horizon: sessions that are looked ahead.
    """
    data = {symbol: statistics(one, as_of) for symbol, one in known.series.items()}
    rows = [datum for told in data.values() for datum in told]
    said = panel.scores(known.series, rows, np.datetime64(known.days[-1]))
    return {
        symbol: [
            panel.answer(name, symbol, said.get(name, {}).get(symbol), told, as_of, horizon)
            for name in panel.NAMES
        ]
        for symbol, told in sorted(data.items())
    }


@dataclass(slots=True)
class ByConsensus:
    """Decides as the graph does: answers, consensus, sizes; by records as known on that day.

    They are the graph's own functions: `panel.scores` and `panel.answer`, `agree`, `dispose`.

    A position is sold when its symbol is not believed in any more on the day of a decision; what
    the graph leaves to its owner has to be done by a rule here. The fall that halts buying is
    counted from the highest equity of a year: a person would have let it go on by then.

    Attributes:
        rules: of the replay.
        earned: whether weights are earned; else they are equal.
        said: answers by day; they do not depend on the account, so several may share them.
        decided: every decision so far.
    """

    rules: Rules
    earned: bool = True
    said: dict[date, dict[str, list[Answer]]] = field(default_factory=dict)
    decided: list[Decided] = field(default_factory=list)
    _ledger: Ledger = field(init=False)
    _numbers: dict[str, int] = field(default_factory=dict)
    _alike: dict[frozenset[str], tuple[float, int]] = field(default_factory=dict)
    _sold_at: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ledger = Ledger(panel.NAMES)

    def decide(self, moment: Moment) -> Sequence[Order]:
        """Return sales, then purchases; see `Policy`."""
        now = datetime.combine(moment.day, AFTER_CLOSE)
        self._grade(moment)
        if len(self.decided) % REVIEW == 0:
            self._alike = likeness(self._ledger.records())
        own = self._ledger.standings()
        standings = own if self.earned else {n: replace(s, weight=1.0) for n, s in own.items()}
        if moment.day not in self.said:
            self.said[moment.day] = answers_on(moment.known, now, self.rules.horizon)
        answers = self.said[moment.day]
        self._state(moment, answers, own)
        consensus = {
            symbol: agree(symbol, said, standings, self._alike) for symbol, said in answers.items()
        }
        convictions = [
            Conviction(one.symbol, one.probability)  # all are of one family: voters are not asked
            for one in consensus.values()
            if one.probability is not None
        ]
        book, prices = self._book(moment), self._prices(moment, now)
        sized = dispose(convictions, book, prices, self.rules.limits, now=now)
        sold = tuple(
            reduce(symbol, Decimal(1), book, prices.get(symbol), now=now)
            for symbol in sorted(book.shares)
            if not self._is_believed(consensus.get(symbol))
        )
        self._sold_at |= {one.symbol: now for one in sold if one.shares}
        orders = tuple(ordered(one, moment.day) for one in (*sold, *sized) if one.shares)
        self.decided.append(
            Decided(moment.day, answers, standings, consensus, tuple(sized), sold, orders)
        )
        return orders

    def _is_believed(self, one: Consensus | None) -> bool:
        least = self.rules.limits.least_probability
        return one is not None and one.probability is not None and one.probability >= least

    def _grade(self, moment: Moment) -> None:
        """Grade the forecasts that are due, from the close after each on."""
        oldest = 3 * self.rules.horizon + 3
        start = max(0, moment.session + 1 - oldest)
        symbols, closes = moment.known.closes(oldest)
        index = moment.known.index[start:]
        columns = {self._numbers[s]: n for n, s in enumerate(symbols) if s in self._numbers}

        def outcome(one: Stated) -> bool | None:
            column, begins, ends = columns.get(one.symbol), one.day + 1 - start, one.due - start
            if column is None or begins < 0:
                return None
            own = closes[ends, column] / closes[begins, column]
            return bool(own > index[ends] / index[begins]) if own == own else None

        self._ledger.grade(moment.session, outcome)

    def _state(
        self,
        moment: Moment,
        answers: Mapping[str, Sequence[Answer]],
        standings: Mapping[str, Standing],
    ) -> None:
        base, day = self._ledger.base_rate(), moment.session
        self._ledger.state(
            Stated(
                one.analyst,
                self._numbers.setdefault(symbol, len(self._numbers)),
                day,
                day + 1 + self.rules.horizon,
                one.probability,
                believed(standings, one.analyst, one.probability),
                base,
            )
            for symbol, said in answers.items()
            for one in said
            if isinstance(one, Opinion)
        )

    def _book(self, moment: Moment) -> Book:
        equity = moment.equity
        return Book(
            equity=equity[-1],
            cash=moment.account.cash,
            last_close_equity=equity[-2] if len(equity) > 1 else equity[-1],
            highest_equity=max(equity[-YEAR:]),
            shares=dict(moment.account.shares),
            sold_at=dict(self._sold_at),
        )

    def _prices(self, moment: Moment, now: datetime) -> dict[str, Price]:
        costs, found = self.rules.costs, {}
        for symbol, close in moment.last_prices().items():
            turnover = moment.known.series[symbol].turnover()
            found[symbol] = Price(
                ask=costs.price("buy", close),
                bid=costs.price("sell", close),
                at=now,
                turnover=Decimal(str(turnover)) if turnover == turnover else UNLIMITED,
            )
        return found


@dataclass(slots=True)
class EqualHolding:
    """Holds all shares there are at equal weights, set anew at each decision."""

    rules: Rules

    def decide(self, moment: Moment) -> Sequence[Order]:
        """Return sales, then purchases; see `Policy`."""
        prices = moment.last_prices()
        each = moment.equity[-1] / len(prices) if prices else Decimal(0)
        sales, purchases = [], []
        for symbol, price in sorted(prices.items()):
            held = moment.account.shares.get(symbol, Decimal(0))
            wanted = (each / price).to_integral_value(ROUND_DOWN)
            if wanted < held:
                sales.append(Order(symbol, "sell", held - wanted, moment.day))
            elif wanted > held:
                purchases.append(Order(symbol, "buy", wanted - held, moment.day))
        return [*sales, *purchases]
