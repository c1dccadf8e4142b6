"""How often does trading make two orders of one, or lose one? Crashes at every step, by faults.

Each point is one decision to buy or sell on the local exchange: a fault of the broker, a death of
the process before or after one of its calls, sometimes a second one during the restart, then a
restart that goes on. One in five is taken back while a part of it is filled, half of these as the
market fills the rest: the race of a cancel. Counted are orders that were placed twice, decisions
that were lost, and points after which our book is not the broker's.

    python -m benchmarks.trading_crashes --points 2000
"""

import argparse
import asyncio
import random
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import get_args

from store.database import open_database
from store.intents import Intents
from store.journal import Journal
from tests.stocks.conftest import MORNING, SYMBOLS, Running, serving
from tests.stocks.test_broker import Clock, Crash, Dying, buy
from tools.broker import AlpacaAccount, Broker
from tools.exchange.account import Exchange
from tools.exchange.faults import Kind
from tools.exchange.prices import seeded
from tools.exchange.sessions import new_york

ELSEWHERE = {"slow", "cancel_race"}
"""Faults that are not drawn for a call: the one harms nothing, the other comes with a cancel."""
SOLD = 0.4
"""Share of the decisions to sell, where something is held."""
TOLD_SECS = 15.0
"""How often it is printed how far it is."""


async def measure(points: int, seed: int, folder: Path) -> None:
    rng, sessions = random.Random(seed), new_york()  # noqa: S311
    days = sessions.days(MORNING.date().replace(month=1, day=2), MORNING.date())
    exchange = Exchange(seeded(SYMBOLS, days, seed), sessions, MORNING, Decimal(10**9))
    faults = [None, *(kind for kind in get_args(Kind) if kind not in ELSEWHERE)]
    crashed = twice = lost = different = raced = sold = 0
    began = told = time.monotonic()
    with serving(exchange) as url:
        running, clock = Running(url, exchange), Clock()
        account = AlpacaAccount("key", "secret", url=url)
        async with open_database(folder) as engine:

            def broker(*deaths: int) -> Broker:
                calls = [0]
                parts = account, Intents(engine), Journal(engine)
                dying = [Dying(part, list(deaths), calls) for part in parts]
                return Broker(*dying, now=clock)  # type: ignore[arg-type]

            wanted: dict[str, Decimal] = {}
            for point in range(points):
                clock.now = MORNING
                symbol, approval = rng.choice(SYMBOLS), f"{point}"
                owned = int(wanted.get(symbol, 0))
                if owned and rng.random() < SOLD:
                    terms = buy(str(rng.randint(1, owned)), "1", symbol, "sell")
                    sold += 1
                else:
                    terms = buy(str(rng.randint(1, 9)), symbol=symbol)
                running.mended()
                taken_back = rng.random() < 0.2
                if taken_back:
                    running.fault("partial")
                    if rng.random() < 0.5:
                        running.fault("cancel_race", on="DELETE /v2/orders")
                        raced += 1
                elif kind := rng.choice(faults):
                    running.fault(kind, on=rng.choice(["POST /v2/orders", "GET /v2/"]))
                before = len(exchange.orders)
                for attempt in range(3):
                    try:
                        one = broker(rng.randint(1, 30)) if attempt < 2 else broker()
                        await one.reconcile() if attempt else None
                        intent = await one.follow(await one.place(terms, approval))
                        if taken_back:
                            await one.cancel(intent.id)
                        break
                    except Crash:
                        crashed += 1
                    except Exception as error:  # what the graph retries later
                        assert type(error).__name__ in ("Unsure", "Refused"), error
                running.mended()
                one = broker()
                intent = await one.place(terms, approval)
                if taken_back:
                    await one.cancel(intent.id)
                for _ in range(3):
                    clock.later(31)
                    report = await one.reconcile()
                placed = len(exchange.orders) - before
                twice, lost = twice + (placed > 1), lost + (placed < 1)
                exchange.advance(exchange.now)
                bought = terms.qty
                if taken_back:
                    after = await one.intents.get(intent.id)
                    assert after is not None and after.is_final, after
                    bought = after.filled_qty
                wanted[symbol] = owned + (bought if terms.side == "buy" else -bought)
                wanted = {name: shares for name, shares in wanted.items() if shares}
                report = await one.reconcile()
                held = {symbol: p.shares for symbol, p in exchange.positions.items()}
                different += bool(report.mismatches) or held != wanted
                if time.monotonic() - told > TOLD_SECS:
                    told = time.monotonic()
                    bad = f"twice {twice}, lost {lost}, different {different}"
                    print(f"{point + 1} of {points}, {crashed} deaths: {bad}", flush=True)
            chain = await Journal(engine).verify()
    secs = time.monotonic() - began
    print(
        f"{points} decisions, {sold} of them sales, {crashed} deaths, {raced} cancels raced by the "
        f"market, {secs:.0f} s"
    )
    print(f"target 0 of each: placed twice {twice}, lost {lost}, book not the broker's {different}")
    print(f"journal: {chain} rows, chain {'whole' if isinstance(chain, int) else 'BROKEN'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(given.points, given.seed, Path(folder)))
