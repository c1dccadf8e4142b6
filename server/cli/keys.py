"""Keys of the API: made, listed, renewed, revoked, and the trail of what was changed with them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from settings import get_settings
from store.audit import AuditTrail
from store.database import Database, open_database
from store.keys import SCOPES, ApiKey, Keys, NoSuchKey, Scope

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
Result = TypeVar("Result")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who or what uses it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, write or call; may be given more than once. All when missing."),
    ] = None,
) -> None:
    """Make a key. It is shown once: only its hash is kept."""
    wanted: list[Scope] = [known for known in SCOPES if scope is None or known in scope]
    if unknown := sorted(set(scope or ()) - set(SCOPES)):
        raise _failed(f"There is no scope {unknown[0]!r}; expected {', '.join(SCOPES)}.")
    _tell(*_on_records(lambda engine: Keys(engine).create(name, wanted)))


@app.command("list")
def list_keys() -> None:
    """List the keys, the newest first, without what only their users know."""
    for key in _on_records(lambda engine: Keys(engine).list()):
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        state = f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "good"
        typer.echo(f"{key.id}  {','.join(key.scopes):15}  used {used:16}  {state}  {key.name}")


@app.command()
def rotate(key_id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Make another key of the same name and scopes; revoke the old one when nobody uses it."""
    try:
        _tell(*_on_records(lambda engine: Keys(engine).rotate(key_id)))
    except NoSuchKey as error:
        raise _failed(str(error)) from None


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Make a key useless, at once and for ever."""
    try:
        _on_records(lambda engine: Keys(engine).revoke(key_id))
    except NoSuchKey as error:
        raise _failed(str(error)) from None
    typer.echo(f"The key {key_id} is revoked.")


@app.command()
def audit(limit: Annotated[int, typer.Option(min=1, help="Most rows shown.")] = 50) -> None:
    """Show who changed what, the newest first."""
    for row in _on_records(lambda engine: AuditTrail(engine).latest(limit)):
        what = f"{row.action:7} {row.kind:13} {row.resource_id}"
        typer.echo(f"{row.at:%Y-%m-%d %H:%M:%S}  {row.actor:14} {what}")


def _tell(key: ApiKey, text: str) -> None:
    typer.echo(f"{text}\n")
    typer.echo(
        f"Key {key.id} ({', '.join(key.scopes)}) for {key.name}. Send it in the header xi-api-key. "
        "It is not shown again.",
        err=True,
    )


def _on_records(do: Callable[[Database], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        settings = get_settings()
        async with open_database(settings.data_dir, settings.postgres) as engine:
            return await do(engine)

    return asyncio.run(run())


def _failed(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)
