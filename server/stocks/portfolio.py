"""The portfolio as the broker has it, what was last thought of it, and what to look at."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field

from graphs.stocks.consensus import Consensus
from server.stocks.reconciling import RECONCILIATION
from server.stocks.runs import Runs
from store.intents import Intent
from store.jobs import Jobs
from store.journal import Entry
from tools.broker import Refused, Unsure
from tools.broker.alpaca import Held, Standing
from tools.limits import Limits
from tools.trading import Trading

Mode = Literal["PAPER", "LIVE"]
NEAR: Final = Decimal("0.5")
"""Share of a limit at which it is warned of."""
OLD: Final = timedelta(days=14)
"""Age at which an analysis of a position is called old."""


class Account(BaseModel):
    """The account, USD."""

    number: str = Field(description="Its last four characters.")
    equity: Decimal
    cash: Decimal
    buying_power: Decimal
    today: Decimal = Field(description="Change of the equity since the last close.")
    today_pct: Decimal | None
    unrealised: Decimal = Field(description="Gain of the positions that is not realised.")


class LastAnalysis(BaseModel):
    """What was last found of a symbol."""

    run_id: str
    at: AwareDatetime
    consensus: Consensus


class PositionView(BaseModel):
    """A position; amounts in USD, percentages as percent."""

    symbol: str
    qty: Decimal
    average_price: Decimal
    price: Decimal
    market_value: Decimal
    share_pct: Decimal | None = Field(description="Of the equity.")
    gain: Decimal
    gain_pct: Decimal
    today_pct: Decimal
    analysis: LastAnalysis | None = Field(description="None where it was never looked at.")


class Alert(BaseModel):
    """Something to look at."""

    level: Literal["bad", "warn"]
    symbol: str | None = None
    text: str


class Positions(BaseModel):
    """The portfolio."""

    mode: Mode
    recorded: bool = Field(description="Whether prices are recorded ones of the past.")
    at: AwareDatetime = Field(description="Time of the market.")
    account: Account
    positions: list[PositionView]
    open_orders: list[Intent]
    alerts: list[Alert]


class WorthAt(BaseModel):
    """What the account was worth at the end of a day, USD."""

    at: AwareDatetime
    equity: Decimal
    gain: Decimal = Field(description="Since the first day shown.")


class History(BaseModel):
    """What the account was worth, the last row being now."""

    mode: Mode
    recorded: bool
    days: list[WorthAt]


class Reconciled(BaseModel):
    """What the last comparison of our books with the broker's has found."""

    at: AwareDatetime
    followed: int
    mismatches: list[str]
    unsure: list[str]


class Health(BaseModel):
    """Whether trading works, and whether it may."""

    mode: Mode
    recorded: bool
    at: AwareDatetime
    broker_reached: bool
    problem: str | None = Field(None, description="Why the broker was not reached.")
    market_open: bool | None = None
    blocked: bool | None = Field(None, description="Whether the broker has blocked the account.")
    halted: str | None = Field(None, description="Why nothing is bought; None while it may be.")
    reconciled: Reconciled | None = None
    open_orders: int
    open_approvals: int
    market_data: list[str] = Field(description="Where market data comes from.")


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Reads the portfolio.

    Attributes:
        trading: what is traded with.
        jobs: where the last reconciliation is kept.
    """

    trading: Trading
    jobs: Jobs

    @property
    def mode(self) -> Mode:
        """Whose money it is."""
        return "LIVE" if self.trading.live else "PAPER"

    async def positions(self) -> Positions:
        """Return what is held.

        Raises:
            Refused, Unsure: the broker does not tell.
        """
        trading, account = self.trading, self.trading.account
        standing, held = await asyncio.gather(account.standing(), account.positions())
        latest = await Runs(trading, self.jobs).latest_of([one.symbol for one in held])
        highest = await trading.journal.last("highest_equity")
        views = [_position(one, standing, latest.get(one.symbol)) for one in held]
        now, halted = trading.now(), await trading.broker.halted()
        return Positions(
            mode=self.mode,
            recorded=trading.recorded,
            at=now,
            account=_account(standing, held),
            positions=sorted(views, key=lambda one: -one.market_value),
            open_orders=list(await trading.intents.open()),
            alerts=alerts(
                standing,
                views,
                trading.limits,
                highest=Decimal(highest.body["usd"]) if highest else standing.equity,
                halted=halted,
                now=now,
            ),
        )

    async def history(self) -> History:
        """Return what the account was worth day by day, up to now.

        Raises:
            Refused, Unsure: the broker does not tell.
        """
        account = self.trading.account
        days, standing = await asyncio.gather(account.history(), account.standing())
        first = days[0].equity - days[0].gain if days else standing.last_equity
        rows = [WorthAt(at=one.at, equity=one.equity, gain=one.gain) for one in days]
        now = self.trading.now()
        last = WorthAt(at=now, equity=standing.equity, gain=standing.equity - first)
        return History(mode=self.mode, recorded=self.trading.recorded, days=[*rows, last])

    async def health(self) -> Health:
        """Return how it stands; that the broker is silent is part of it."""
        trading = self.trading
        told: dict[str, Any] = {}
        try:
            standing, clock = await asyncio.gather(
                trading.account.standing(), trading.account.clock()
            )
            told = {"market_open": bool(clock.is_open), "blocked": standing.blocked}
        except (Refused, Unsure) as error:
            told = {"problem": str(error)}
        job = await self.jobs.get(RECONCILIATION)
        report = job.result if job else None
        return Health(
            mode=self.mode,
            recorded=trading.recorded,
            at=trading.now(),
            broker_reached="problem" not in told,
            halted=await trading.broker.halted(),
            reconciled=Reconciled.model_validate(report) if report else None,
            open_orders=len(await trading.intents.open()),
            open_approvals=len(await trading.approvals.list("open")),
            market_data=[one.name for one in trading.market.providers],
            **told,
        )


def alerts(
    standing: Standing,
    positions: Sequence[PositionView],
    limits: Limits,
    *,
    highest: Decimal,
    halted: str | None,
    now: datetime,
) -> list[Alert]:
    """Return what a person should look at, the worst first. Pure."""
    found: list[Alert] = []
    if halted:
        found.append(Alert(level="bad", text=f"Trading is halted: {halted}"))
    if standing.blocked:
        found.append(Alert(level="bad", text="The broker has blocked the account."))
    for name, before, limit in (
        ("since the last close", standing.last_equity, limits.daily_loss_fraction),
        ("from its highest", highest, limits.drawdown_fraction),
    ):
        lost = 1 - standing.equity / before if before > 0 else Decimal(0)
        if lost >= limit * NEAR:
            over = "Nothing is bought." if lost >= limit else f"At {limit:.0%} buying stops."
            level: Literal["bad", "warn"] = "bad" if lost >= limit else "warn"
            found.append(Alert(level=level, text=f"The account lost {lost:.1%} {name}. {over}"))
    for one in positions:
        found += _of_position(one, limits, now)
    return sorted(found, key=lambda one: one.level)


def _of_position(one: PositionView, limits: Limits, now: datetime) -> list[Alert]:
    found = []
    most = limits.per_name_fraction * 100
    if one.share_pct is not None and one.share_pct > most:
        text = f"It is {one.share_pct:.1f} % of the equity; the limit is {most:f} %."
        found.append(Alert(level="warn", symbol=one.symbol, text=text))
    if one.analysis is None:
        text = "No analysis of it is on record."
        found.append(Alert(level="warn", symbol=one.symbol, text=text))
        return found
    belief = one.analysis.consensus.probability
    if belief is not None and belief < 0.5:
        text = f"The last analysis gives it {belief * 100:.0f} in 100 to beat the index."
        found.append(Alert(level="warn", symbol=one.symbol, text=text))
    if now - one.analysis.at > OLD:
        text = f"Its last analysis is of {one.analysis.at:%Y-%m-%d}."
        found.append(Alert(level="warn", symbol=one.symbol, text=text))
    return found


def _account(standing: Standing, held: Sequence[Held]) -> Account:
    today = standing.equity - standing.last_equity
    return Account(
        number=standing.number[-4:],
        equity=standing.equity,
        cash=standing.cash,
        buying_power=standing.buying_power,
        today=today,
        today_pct=_pct(today, standing.last_equity),
        unrealised=sum((one.gain for one in held), Decimal(0)),
    )


def _position(held: Held, standing: Standing, last: Entry | None) -> PositionView:
    return PositionView(
        symbol=held.symbol,
        qty=held.qty,
        average_price=held.average_price,
        price=held.price,
        market_value=held.market_value,
        share_pct=_pct(held.market_value, standing.equity),
        gain=held.gain,
        gain_pct=held.gain_pct.quantize(Decimal("0.01")),
        today_pct=held.today_pct.quantize(Decimal("0.01")),
        analysis=_analysis(last) if last else None,
    )


def _analysis(entry: Entry) -> LastAnalysis:
    about: Mapping[str, Any] = {k: v for k, v in entry.body.items() if k != "run_id"}
    return LastAnalysis.model_validate(
        {"run_id": entry.body["run_id"], "at": entry.at, "consensus": about}
    )


def _pct(part: Decimal, whole: Decimal) -> Decimal | None:
    return (part / whole * 100).quantize(Decimal("0.01")) if whole > 0 else None
