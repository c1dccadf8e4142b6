"""The records, for commands that work on them with or without a server.

A running server does within a second what they ask for.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import typer

from settings import get_settings
from store.batches import Batches
from store.database import open_database
from store.jobs import Jobs
from store.outbox import Outbox
from store.webhooks import Webhooks
from store.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True)
class Records:
    """What the commands work on."""

    webhooks: Webhooks
    outbox: Outbox
    jobs: Jobs
    batches: Batches
    workspace: Workspace


@contextlib.asynccontextmanager
async def records() -> AsyncIterator[Records]:
    """Open the records of the data folder, or of PostgreSQL."""
    settings = get_settings()
    async with open_database(settings.data_dir, settings.postgres) as engine:
        workspace = await Workspace.open(engine, settings.data_dir, settings.sealing_key)
        key, jobs = workspace.secrets.key, Jobs(engine)
        yield Records(
            Webhooks(engine, key),
            Outbox(engine, jobs),
            jobs,
            Batches(engine, jobs, key),
            workspace,
        )


def run(command: Callable[[Records], Awaitable[T]]) -> T:
    """Run a command on the records."""

    async def opened() -> T:
        async with records() as found:
            return await command(found)

    return asyncio.run(opened())


def stop(message: str) -> typer.Exit:
    """Say what is wrong, and return the end of the command."""
    typer.echo(message, err=True)
    return typer.Exit(1)
