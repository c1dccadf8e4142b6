"""`dialgraph permission`: may a number be called, who agreed to it, and who does not want it."""

import asyncio
import contextlib
import csv
from collections.abc import AsyncGenerator, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from settings import get_settings
from store.database import open_database
from store.permissions import OWN, PermissionRecords
from tools.conversation import e164
from tools.organisation import WORKSPACE
from tools.permission import Purpose, RulesError
from tools.permissions import Permissions

app = typer.Typer()
T = TypeVar("T")

Number = Annotated[str, typer.Argument(help="Telephone number, E.164: +12125550142.")]
Organisation = Annotated[
    str,
    typer.Option(
        help="Name of the organisation that calls; agents made over the API are of "
        f"{WORKSPACE!r} unless they name another."
    ),
]
Country = Annotated[
    str | None, typer.Option(help="ISO 3166, for numbers without a country's code.")
]


@app.command()
def check(
    number: Number,
    organisation: Organisation = WORKSPACE,
    purpose: Annotated[Purpose, typer.Option(help="Why one would call.")] = "marketing",
    from_number: Annotated[
        str | None, typer.Option("--from", help="The caller's own number, E.164.")
    ] = None,
) -> None:
    """Say whether a number may be called now; if not, every reason why, and the exit code is 1."""

    async def ask() -> bool:
        async with _permissions() as permissions:
            verdict = await permissions.check(
                number, organisation, purpose=purpose, from_number=from_number
            )
            typer.echo(f"{number} may be called now." if verdict.allowed else f"{number} may not:")
            for reason in verdict.advised.reasons:
                typer.echo(f"  {reason.code}: {reason.sentence}")
            if verdict.temporary:
                when = await permissions.when(
                    number, organisation, purpose=purpose, from_number=from_number
                )
                if when:
                    typer.echo(f"It may be from {when.astimezone(UTC):%Y-%m-%d %H:%M} UTC on.")
            return verdict.allowed

    if not _run(ask()):
        raise typer.Exit(1)


@app.command()
def allow(
    number: Number,
    proof: Annotated[str, typer.Option(help="Where it is to be seen that they agreed.")],
    organisation: Organisation = WORKSPACE,
    purpose: Annotated[Purpose, typer.Option(help="To which calls they agreed.")] = "marketing",
    written: Annotated[bool, typer.Option("--written", help="They agreed in writing.")] = False,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days it holds; until withdrawn if missing.")
    ] = None,
) -> None:
    """Write down that somebody agreed to be called.

    Who is on a list is still not called: then it says so, and what would lift it; exit code 1.
    """
    strength: Literal["express", "written"] = "written" if written else "express"
    expires = datetime.now(UTC) + timedelta(days=days) if days else None

    async def write() -> list[str]:
        async with _permissions() as permissions:
            await permissions.allow(
                _known(number),
                organisation,
                purpose=purpose,
                strength=strength,
                proof=proof,
                expires_at=expires,
            )
            verdict = await permissions.check(number, organisation, purpose=purpose)
            listed = [one for one in verdict.advised.reasons if one.code == "do_not_call"]
            return [one.sentence for one in listed]

    if stands := _run(write()):
        typer.echo(f"Written down, and yet {number} is not called:")
        for sentence in stands:
            typer.echo(f"  {sentence}")
        raise typer.Exit(1)
    typer.echo(f"{number} agreed to {purpose} calls of {organisation}.")


@app.command("opt-out")
def opt_out(number: Number) -> None:
    """Never call a number again, for any organisation; this cannot be taken back."""

    async def write() -> bool:
        async with _permissions() as permissions:
            return await permissions.opt_out(_known(number), "cli")

    typer.echo(f"{number} is on the list." if _run(write()) else f"{number} was on the list.")


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="One number a line, or the first column of a CSV.")],
    name: Annotated[str, typer.Option("--list", help="Name of the list, such as tps or ncpr.")],
    country: Country = None,
) -> None:
    """Make a list of numbers not to be called what a file says; what it lacks comes off."""
    if name == OWN:
        raise typer.BadParameter("The own list grows by opt-out only.", param_hint="--list")
    try:
        lines = list(_first_column(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from None
    numbers = [number for line in lines if (number := e164(line, country))]
    bad = len(lines) - len(numbers)
    if not numbers:
        raise typer.BadParameter(f"{file} has no telephone number; the list stays as it is.")

    async def write() -> int:
        async with _permissions() as permissions:
            return await permissions.import_list(numbers, name)

    added = _run(write())
    typer.echo(f"The list {name} has {len(set(numbers))} numbers, {added} of them new.")
    if bad:
        typer.echo(f"{bad} lines are no telephone number.", err=True)


def _first_column(file: Path) -> Iterator[str]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        for row in csv.reader(lines):
            if row and (value := row[0].strip()):
                yield value


def _known(number: str) -> str:
    known = e164(number)
    if known is None:
        raise typer.BadParameter(f"{number!r} is not E.164, such as +12125550142.")
    return known


@contextlib.asynccontextmanager
async def _permissions() -> AsyncGenerator[Permissions]:
    settings = get_settings()
    async with open_database(settings.data_dir, settings.postgres) as engine:
        yield Permissions(PermissionRecords(engine), settings)


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except RulesError as error:
        typer.echo(f"The rules cannot be used. {error}", err=True)
        raise typer.Exit(2) from None
