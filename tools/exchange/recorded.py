"""The local exchange on recorded prices, inside this process, for whoever has no broker.

Its state is in the data folder, so a position is still there after a restart. It is a replay: time
passes as it does outside while a process runs, stands still otherwise, and one session follows the
other without the night between. Of several processes on one data folder the first one serves it.
"""

import asyncio
import contextlib
import fcntl
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final

import httpx
import uvicorn

from tools.exchange.account import Exchange
from tools.exchange.app import create_exchange_app
from tools.exchange.kept import keep, reopen
from tools.exchange.prices import Bar, Prices
from tools.exchange.sessions import new_york
from tools.market.recorded import five_shares

log = logging.getLogger(__name__)

FIRST_MORNING: Final = datetime(2012, 10, 1, 14, 0, tzinfo=UTC)
"""When it is in the beginning: ten o'clock in New York, five months before the recording ends."""
KEY, SECRET = "local", "local"
"""What it lets in; it listens on this machine only."""
START_SECS: Final = 20.0


@dataclass(frozen=True, slots=True)
class LocalExchange:
    """A local exchange that listens.

    Attributes:
        url: its address on this machine.
        now: tells its time, UTC.
        close: ends it, if this process serves it.
    """

    url: str
    now: Callable[[], datetime]
    close: Callable[[], None]


def recorded_prices() -> Prices:
    """Return the recorded shares as the exchange trades them; reads a file, off the event loop."""
    bars = {}
    for symbol, one in five_shares().items():
        columns = (one.open, one.high, one.low, one.close)
        rows = zip(one.days, *(column.tolist() for column in columns), one.volume, strict=True)
        bars[symbol] = [
            Bar(day.astype(object), opened, high, low, closed, int(volume))
            for day, opened, high, low, closed, volume in rows
        ]
    return Prices(bars)


def open_recorded_exchange(folder: Path, *, speed: float = 1.0) -> LocalExchange:
    """Open the exchange of a data folder, or find the process that serves it; blocks a second.

    Args:
        folder: where its state is kept; made when missing.
        speed: seconds of the exchange in a second.

    Raises:
        TimeoutError: nobody serves it, and it does not start.
        ValueError: its file holds something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w")
    deadline = time.monotonic() + START_SECS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if found := _served_elsewhere(folder):
                lock.close()
                return found
            time.sleep(0.05)
            continue
        return _serve(folder, lock, speed)
    lock.close()
    raise TimeoutError(f"The exchange of {folder} does not answer.")


def _serve(folder: Path, lock: IO[str], speed: float) -> LocalExchange:
    state, address = folder / "state.json", folder / "url"
    address.unlink(missing_ok=True)
    prices, sessions = recorded_prices(), new_york()
    if state.exists():
        exchange = reopen(state, prices, sessions)
    else:
        exchange = Exchange(prices, sessions, FIRST_MORNING)
        keep(exchange, state)
    app = create_exchange_app(
        exchange, keys={KEY: SECRET}, speed=speed, skip_nights=True, path=state
    )
    config = uvicorn.Config(app, port=0, log_level="critical", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve()), name="local-exchange", daemon=True
    )
    thread.start()
    deadline = time.monotonic() + START_SECS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            lock.close()
            raise TimeoutError("The local exchange does not start.")
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    address.write_text(url)

    def close() -> None:
        server.should_exit = True
        thread.join(10)
        keep(exchange, state)
        address.unlink(missing_ok=True)
        lock.close()

    return LocalExchange(url, lambda: exchange.now, close)


def _served_elsewhere(folder: Path) -> LocalExchange | None:
    """Return the exchange that another process serves; None while it does not answer."""
    with contextlib.suppress(OSError, httpx.HTTPError, ValueError):
        url = (folder / "url").read_text()
        headers = {"apca-api-key-id": KEY, "apca-api-secret-key": SECRET}
        told = httpx.get(f"{url}/v2/clock", headers=headers, timeout=2).raise_for_status().json()
        then, began = datetime.fromisoformat(told["timestamp"]).astimezone(UTC), time.monotonic()

        def now() -> datetime:
            return then + timedelta(seconds=time.monotonic() - began)

        return LocalExchange(url, now, lambda: None)
    return None
