"""Trading: account, broker, approvals, market data and limits, opened together at first use.

    trading = await desk.trading()

Without a broker's keys the local exchange stands in, on recorded prices of the past; with them it
is Alpaca's paper trading, and real money only where two settings say so.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING

from settings import Settings
from store.analyses import Analyses
from store.approvals import Approvals
from store.database import Database
from store.forecasts import Forecasts
from store.intents import Intents
from store.journal import Journal
from store.spending import Spending
from store.theses import Theses
from tools.limits import Limits
from tools.market.provider import Market, open_provider
from tools.outside import Outside

if TYPE_CHECKING:  # a second to import: only who trades waits for it
    from tools.broker import AlpacaAccount, Broker
    from tools.broker.broker import Guard
    from tools.exchange.recorded import LocalExchange


class TradingNotConfigured(ValueError):
    """The settings for trading do not fit together; says which."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent on models, USD.

    Attributes:
        run: in one run.
        day: in one day, UTC.
        week: in one week from Monday on; None for none of its own.
        month: in one month of the calendar; None for none of its own.
    """

    run: Decimal
    day: Decimal
    week: Decimal | None = None
    month: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Trading:
    """What is traded with.

    Attributes:
        account: the broker's side, which also tells the prices of now.
        broker: carries out what was approved.
        intents: orders that were decided.
        approvals: what the owner was asked.
        journal: the sealed record of all of it.
        market: market data that the settings have chosen.
        forecasts: the ledger of what analysts stated.
        theses: the memory of what was believed and seen.
        analyses: answers of analysts that were paid for.
        spending: what they have cost.
        budget: what they may cost.
        limits: what may be risked.
        symbols: what is looked at where nobody says what.
        recorded: whether prices are recorded ones of the past.
        live: whether it is real money.
        now: time of the market, UTC: of the past where prices are recorded.
    """

    account: "AlpacaAccount"
    broker: "Broker"
    intents: Intents
    approvals: Approvals
    journal: Journal
    market: Market
    forecasts: Forecasts
    theses: Theses
    analyses: Analyses
    spending: Spending
    budget: Budget
    limits: Limits
    symbols: tuple[str, ...]
    recorded: bool
    live: bool
    now: Callable[[], datetime]


class TradingDesk:
    """Opens trading when it is first asked for, once.

    Args:
        settings: those of the process.
        engine: the records, opened.
        outside: the way to other hosts.
    """

    def __init__(self, settings: Settings, engine: Database, outside: Outside) -> None:
        self._settings, self._engine, self._outside = settings, engine, outside
        self._opening = asyncio.Lock()
        self._open: Trading | None = None
        self._opened = contextlib.AsyncExitStack()

    async def __call__(self) -> Trading:
        """Return what is traded with.

        Raises:
            TradingNotConfigured: the settings do not fit together.
        """
        async with self._opening:
            if self._open is None:
                self._open = await self._opened.enter_async_context(
                    open_trading(self._settings, self._engine, self._outside)
                )
            return self._open

    @property
    def is_open(self) -> bool:
        """Whether somebody has traded, or looked, since the process began."""
        return self._open is not None

    async def aclose(self) -> None:
        """Close what was opened."""
        await self._opened.aclose()


@contextlib.asynccontextmanager
async def open_trading(
    settings: Settings, engine: Database, outside: Outside
) -> AsyncGenerator[Trading]:
    """Open what is traded with.

    Args:
        settings: those of the process.
        engine: the records, opened.
        outside: the way to other hosts.

    Raises:
        TradingNotConfigured: the settings do not fit together.
    """
    limits = _limits(settings)
    market = await asyncio.to_thread(open_market, settings, outside)
    await asyncio.to_thread(import_module, "tools.exchange.recorded")
    from tools.broker import AlpacaAccount, Broker
    from tools.broker.broker import Guard
    from tools.exchange.recorded import KEY, SECRET

    async with contextlib.AsyncExitStack() as opened:
        if settings.alpaca_key is None:
            local = await _open_local(settings, opened)
            account = AlpacaAccount(KEY, SECRET, url=local.url)
            guard, now = Guard(), local.now
        else:
            account, guard = _alpaca(settings)
            now = _utc_now
        intents, journal = Intents(engine), Journal(engine)
        yield Trading(
            account=account,
            broker=Broker(account, intents, journal, guard, now, _utc_now),
            intents=intents,
            approvals=Approvals(engine),
            journal=journal,
            market=market,
            forecasts=Forecasts(engine),
            theses=Theses(engine),
            analyses=Analyses(engine),
            spending=Spending(engine),
            budget=Budget(
                settings.stock_usd_per_run,
                settings.stock_usd_per_day,
                settings.stock_usd_per_week,
                settings.stock_usd_per_month,
            ),
            limits=limits,
            symbols=tuple(dict.fromkeys(_names(settings.stock_symbols.upper()))),
            recorded=settings.alpaca_key is None,
            live=guard.live,
            now=now,
        )


async def _open_local(settings: Settings, opened: contextlib.AsyncExitStack) -> "LocalExchange":
    from tools.exchange.recorded import open_recorded_exchange

    folder = settings.data_dir / "exchange"
    local = await asyncio.to_thread(open_recorded_exchange, folder)
    opened.push_async_callback(asyncio.to_thread, local.close)
    return local


def _alpaca(settings: Settings) -> "tuple[AlpacaAccount, Guard]":
    from tools.broker import AlpacaAccount
    from tools.broker.broker import Guard

    key, secret = settings.alpaca_key, settings.alpaca_secret
    if key is None or secret is None:
        raise TradingNotConfigured("APCA_API_SECRET_KEY is missing; APCA_API_KEY_ID is set.")
    live = settings.alpaca_live
    if live and not settings.alpaca_live_account:
        raise TradingNotConfigured(
            "DIALGRAPH_ALPACA_LIVE trades with real money on one account only: name it by "
            "DIALGRAPH_ALPACA_LIVE_ACCOUNT."
        )
    account = AlpacaAccount(
        key.get_secret_value(),
        secret.get_secret_value(),
        paper=not live,
        url=settings.alpaca_url,
        data_url=settings.alpaca_data_url or settings.alpaca_url,
    )
    return account, Guard(live, settings.alpaca_live_account if live else None)


def _limits(settings: Settings) -> Limits:
    try:
        return Limits.model_validate(settings.stock_limits)
    except ValueError as error:
        raise TradingNotConfigured(f"DIALGRAPH_STOCK_LIMITS: {error}") from error


def open_market(settings: Settings, outside: Outside) -> Market:
    """Make the market data that the settings have chosen.

    Raises:
        TradingNotConfigured: none is chosen.
        UnknownProvider, ProviderFailed: one of them is not there, or not configured.
    """
    names = list(dict.fromkeys(_names(settings.market_data)))
    if not names:
        raise TradingNotConfigured("DIALGRAPH_MARKET_DATA names no market data.")
    return Market([open_provider(name, settings, outside) for name in names])


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _utc_now() -> datetime:
    return datetime.now(UTC)
