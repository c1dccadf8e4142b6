"""An outbox on real databases, with time that the test moves."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from server.jobs.webhooks import Delivery
from server.jobs.work import Work
from server.jobs.workers import Workers, utc_now
from store.database import open_database
from store.jobs import Jobs
from store.locks import open_locks
from store.outbox import KIND, Outbox
from store.secrets import MasterKey
from store.webhooks import Webhooks
from tests.jobs.receiver import Receiver, receiver
from tools.outside import Outside


class Clock:
    """The time, which stands still until it is moved."""

    def __init__(self) -> None:
        self.now = utc_now() + timedelta(minutes=2)  # what is asked for now is due

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclasses.dataclass
class Post:
    """An outbox with everything that delivers it."""

    outbox: Outbox
    webhooks: Webhooks
    jobs: Jobs
    delivery: Delivery
    workers: Workers
    clock: Clock


@contextlib.asynccontextmanager
async def open_post(data_dir: Path, url: str | None, *private: str) -> AsyncIterator[Post]:
    """Open an outbox; `private` may be reached though it is not public."""
    async with (
        open_database(data_dir, url) as engine,
        open_locks(data_dir, url) as locks,
        Outside(private) as outside,
    ):
        clock, jobs = Clock(), Jobs(engine)
        outbox = Outbox(engine, jobs)
        webhooks = Webhooks(engine, MasterKey(b"k" * 32))
        delivery = Delivery(outbox, webhooks, outside, data_dir / "recordings", clock)
        kinds: dict[str, Work] = {KIND: delivery.work}
        workers = Workers(jobs, locks, kinds, clock)
        yield Post(outbox, webhooks, jobs, delivery, workers, clock)


@pytest.fixture
async def receiving() -> AsyncIterator[Receiver]:
    async with receiver() as here:
        yield here


@pytest.fixture
async def post(
    data_dir: Path, database_url: str | None, receiving: Receiver
) -> AsyncIterator[Post]:
    async with open_post(data_dir, database_url, receiving.host) as opened:
        yield opened
