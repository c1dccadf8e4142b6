"""Replay recorded days: decide on the close of a session, fill on the next one, costs on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, Protocol

import numpy as np

from graphs.stocks.analysts.quant import MONTH
from graphs.stocks.replay.account import Account, Costs, Fill, Happened, Order, after_split
from graphs.stocks.replay.history import SESSIONS, History
from graphs.stocks.risk import Limits
from graphs.stocks.track_record import Floats
from tools.market.bars import Action, Series

FillAt = Literal["open", "close"]
_PLACES = 6


@dataclass(frozen=True, slots=True)
class Rules:
    """How the past is replayed.

    Attributes:
        horizon: sessions that are looked ahead, and from one decision to the next.
        fill_at: which price of the next session orders are filled at.
        costs: of trading.
        limits: what may be risked.
        cash: at the beginning, USD; it earns nothing.
    """

    horizon: int = MONTH
    fill_at: FillAt = "open"
    costs: Costs = field(default_factory=Costs)
    limits: Limits = field(default_factory=lambda: Limits.model_validate({}))
    cash: Decimal = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class Moment:
    """A close on which is decided, and all that is known on it.

    Attributes:
        session: number of the session.
        known: the data up to this close; nothing of later is in it.
        account: cash and shares; who decides only reads it.
        equity: by session since the first decision, up to this one, USD.
    """

    session: int
    known: History
    account: Account
    equity: Sequence[Decimal]

    @property
    def day(self) -> date:
        """Date of the session."""
        found: date = self.known.days[-1].astype(object)
        return found

    def last_prices(self) -> dict[str, Decimal]:
        """Return the last close of each symbol that traded in this session, USD."""
        today = self.known.days[-1]
        return {
            symbol: decimal(one.close[-1])
            for symbol, one in self.known.series.items()
            if one.days[-1] == today
        }


class Policy(Protocol):
    """Decides; the same object is asked for every decision of a replay, in order."""

    def decide(self, moment: Moment) -> Sequence[Order]:
        """Return what is to be done on the next session, sales first."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    Attributes:
        days: from the first decision to the end, shape (d,).
        equity: on each close, USD, shape (d,).
        invested: worth of all shares on each close, USD, shape (d,).
        fills: of every order, in order; also of those that came to nothing.
        happened: splits and dividends on what was held.
        paid: spread and fees, USD.
        traded: amounts bought and sold, USD.
    """

    days: np.ndarray
    equity: Floats
    invested: Floats
    fills: tuple[Fill, ...]
    happened: tuple[Happened, ...]
    paid: Decimal
    traded: Decimal


def replay(
    history: History,
    policy: Policy,
    rules: Rules,
    *,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> Replayed:
    """Replay a history.

    Args:
        history: what happened.
        policy: who decides.
        rules: how often, at which prices and costs.
        told: called with the number of sessions done, and of all.

    Raises:
        ValueError: the history is too short, or has no opens to fill at.
    """
    first, last = SESSIONS - 1, len(history) - 1
    if first + rules.horizon + 1 > last:
        raise ValueError(
            f"{len(history)} sessions are too few: the first decision needs {SESSIONS} of them, "
            f"and {rules.horizon + 1} more."
        )
    if rules.fill_at == "open" and not history.has_opens:
        raise ValueError(f"The data {history.name!r} have no opens; fill at the close.")
    tape = {symbol: _Tape(one, history) for symbol, one in history.series.items()}
    account = Account(rules.cash, rules.costs)
    waiting: list[Order] = []
    fills: list[Fill] = []
    happened: list[Happened] = []
    equity: list[Decimal] = []
    invested: list[Decimal] = []
    for session in range(first, last + 1):
        day: date = history.days[session].astype(object)
        for symbol, one in tape.items():
            if action := one.actions.get(day):
                waiting = [after_split(o, action) if o.symbol == symbol else o for o in waiting]
                if came := account.apply(symbol, action, one.last_close(session - 1)):
                    happened.append(came)
        for order in waiting:
            fills.append(
                account.fill(order, day, tape[order.symbol].quoted(session, rules.fill_at))
            )
        waiting = []
        worth = account.worth({s: tape[s].last_close(session) for s in account.shares})
        equity.append(worth)
        invested.append(worth - account.cash)
        if (session - first) % rules.horizon == 0 and session < last:
            waiting = list(policy.decide(Moment(session, history.until(session), account, equity)))
        told(session - first + 1, last - first + 1)
    return Replayed(
        history.days[first:],
        np.array([float(one) for one in equity]),
        np.array([float(one) for one in invested]),
        tuple(fills),
        tuple(happened),
        account.paid,
        account.traded,
    )


def decimal(price: float) -> Decimal:
    """Return a recorded price in USD."""
    return Decimal(str(round(float(price), _PLACES)))


class _Tape:
    """Prices of one symbol by session of the history."""

    def __init__(self, one: Series, history: History) -> None:
        at = np.searchsorted(one.days, history.days, side="right") - 1
        self._last = at
        self._traded = (at >= 0) & (one.days[np.maximum(at, 0)] == history.days)
        self._prices: Mapping[FillAt, Floats] = {"open": one.open, "close": one.close}
        self.actions: dict[date, Action] = {action.day: action for action in one.actions}

    def quoted(self, session: int, at: FillAt) -> Decimal | None:
        """Return a price of a session; None where it did not trade."""
        if not self._traded[session]:
            return None
        return decimal(self._prices[at][self._last[session]])

    def last_close(self, session: int) -> Decimal:
        """Return the last close by a session."""
        return decimal(self._prices["close"][self._last[session]])
