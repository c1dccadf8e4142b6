"""A scan of 8,000 symbols: seeded prices, with splits, through the code that the market uses.

    python -m benchmarks.scan

Prints how long it takes to put the sessions side by side, to scan the last one, and to measure the
base rate over the sessions before, in seconds of computing (user and system, all threads).
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from graphs.stocks.discovery.base_rates import momentum_base_rate
from graphs.stocks.discovery.momentum import scan
from graphs.stocks.discovery.panel import panel
from tools.market.bars import Action, Series

T = TypeVar("T")
TARGET_SECS = 5.0


def shares(count: int, sessions: int, seed: int) -> list[Series]:
    """Make random walks, one in five with a split, one in ten listed later than the others."""
    rng = np.random.default_rng(seed)
    days = np.array([date(2024, 1, 1) + timedelta(days=i) for i in range(sessions)])
    days = days.astype("datetime64[D]")
    found = []
    for i in range(count):
        first = int(rng.integers(1, sessions - 1)) if i % 10 == 0 else 0
        steps = rng.normal(0.0003, rng.uniform(0.01, 0.04), sessions - first)
        close = rng.lognormal(3.3, 1.2) * np.exp(np.cumsum(steps))
        volume = rng.lognormal(12, 2) * rng.lognormal(0, 0.4, sessions - first)
        actions: tuple[Action, ...] = ()
        if i % 5 == 0:
            at = int(rng.integers(0, sessions - first))
            day = days[first + at].astype(object)
            close[at:], volume[at:] = close[at:] / 2, volume[at:] * 2
            actions = (Action(day, "split", 2.0),) if at else ()
        own = days[first:]
        found.append(Series(f"S{i:05}", "seeded", own, close, close, close, close, volume, actions))
    return found


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """Return what it gives, seconds of computing, and seconds on the clock."""
    began, at = time.process_time(), time.perf_counter()
    found = work()
    return found, time.process_time() - began, time.perf_counter() - at


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=8000)
    parser.add_argument("--sessions", type=int, default=504)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    made = shares(given.symbols, given.sessions, given.seed)
    whole, *side = timed(lambda: panel(made))
    found, *scanned = timed(lambda: scan(whole))
    market = np.nanmean(whole.closes / np.nanmax(whole.closes, axis=0), axis=1)
    rate, *measured = timed(lambda: momentum_base_rate(whole, market, step=21))
    table = Table(title=f"{given.symbols:,} symbols, {given.sessions} sessions, seed {given.seed}")
    for name in ("what", "computing, s", "clock, s"):
        table.add_column(name, justify="left" if name == "what" else "right")
    rows = [("sessions side by side", side), ("scan", scanned), ("base rate", measured)]
    rows.append(("all", [sum(times) for times in zip(side, scanned, measured, strict=True)]))
    for what, (cpu, clock) in rows:
        table.add_row(what, f"{cpu:.2f}", f"{clock:.2f}")
    console = Console(width=100)
    console.print(table)
    for line in found.explain():
        console.print(f"  {line}", highlight=False)
    console.print(f"  {len(found.found)} found; {rate}.", highlight=False)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    computing = side[0] + scanned[0]
    verdict = "met" if computing < TARGET_SECS else "missed"
    console.print(
        f"  target: scan with the sessions side by side under {TARGET_SECS:g} s of computing: "
        f"{computing:.2f} s, {verdict}; memory at most {most:.0f} MB; "
        f"load of the machine {os.getloadavg()[0]:.1f}",
        highlight=False,
    )


if __name__ == "__main__":
    main()
