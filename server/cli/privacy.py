"""`dialgraph privacy`: what is kept about somebody, read out or deleted."""

import asyncio
import json
from typing import Annotated

import typer

from server.privacy import export as export_kept
from server.privacy import forget, open_kept
from settings import get_settings

app = typer.Typer()

Whom = Annotated[str, typer.Argument(help="A telephone number, E.164, or the sid of a call.")]


@app.command()
def export(whom: Whom) -> None:
    """Print everything kept about a number, or of a call, as JSON."""

    async def read() -> dict[str, object]:
        async with open_kept(get_settings()) as kept:
            return await export_kept(kept, whom)

    found = asyncio.run(read())
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2, default=str))


@app.command()
def delete(
    whom: Whom, yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False
) -> None:
    """Delete everything kept about a number, or of a call: records, words, recordings, notes.

    The files of the records are written anew, so that nothing is left in them. A number on a list
    of those not to be called stays there. Backups are yours to delete.
    """
    if not yes:
        typer.confirm(f"Delete everything that is kept about {whom}?", abort=True)

    async def remove() -> dict[str, int]:
        async with open_kept(get_settings()) as kept:
            return await forget(kept, whom)

    counts = {name: count for name, count in asyncio.run(remove()).items() if count}
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    typer.echo(f"Deleted: {told}." if told else f"Nothing was kept about {whom}.")
