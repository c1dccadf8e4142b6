"""A local exchange on loopback, on which it is a Monday morning in January 2024."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import httpx
import pytest
import uvicorn

from tools.exchange.account import Exchange
from tools.exchange.app import create_exchange_app
from tools.exchange.prices import Prices, seeded
from tools.exchange.sessions import Sessions, new_york

MORNING = datetime(2024, 1, 8, 15, 0, tzinfo=UTC)
"""Half an hour after the opening."""
SYMBOLS = ("AAPL", "BRK.B", "MSFT", "NVDA", "XOM")


@dataclass
class Running:
    """An exchange that listens."""

    url: str
    exchange: Exchange

    def fault(self, kind: str, on: str = "POST /v2/orders", **more: object) -> None:
        body = {"kind": kind, "on": on, **more}
        httpx.post(f"{self.url}/lab/faults", json=body).raise_for_status()

    def mended(self) -> None:
        httpx.delete(f"{self.url}/lab/faults").raise_for_status()

    def later(self, secs: float) -> None:
        httpx.post(f"{self.url}/lab/time", json={"secs": secs}).raise_for_status()


@pytest.fixture(scope="session")
def sessions() -> Sessions:
    return new_york()


@pytest.fixture(scope="session")
def prices(sessions: Sessions) -> Prices:
    return seeded(SYMBOLS, sessions.days(date(2023, 6, 1), date(2024, 3, 28)), seed=7)


@pytest.fixture
def exchange(prices: Prices, sessions: Sessions) -> Exchange:
    return Exchange(prices, sessions, MORNING)


@pytest.fixture
def running(exchange: Exchange) -> Iterator[Running]:
    with serving(exchange) as url:
        yield Running(url, exchange)


@contextlib.contextmanager
def serving(exchange: Exchange, join_secs: float = 10) -> Iterator[str]:
    """Serve an exchange on a free port of this machine.

    After a test in virtual time its thread is not waited for: its timers are of another clock.
    """
    app = create_exchange_app(exchange, keys={"key": "secret"})
    config = uvicorn.Config(app, port=0, log_level="critical", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(join_secs)
