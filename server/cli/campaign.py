"""`dialgraph campaign`: call everybody in a file; see how far it is; call nobody more."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any

import typer

from server.cli.records import Records, run, stop
from store.batches import Batch

app = typer.Typer()
NUMBER = "phone_number"
"""The column of a CSV file that holds the number, as it is or with the `'` of what was exported;
the others are dynamic variables."""


@app.command()
def start(
    agent: Annotated[str, typer.Argument(help="Id of the agent that calls.")],
    file: Annotated[Path, typer.Argument(help="CSV with a column phone_number.", exists=True)],
    name: Annotated[str | None, typer.Option(help="What the batch is called.")] = None,
    per_minute: Annotated[float, typer.Option(min=0.1, help="Most calls begun a minute.")] = 30.0,
    at_once: Annotated[int | None, typer.Option(min=1, help="Most calls at once.")] = None,
    attempts: Annotated[int, typer.Option(min=1, max=10, help="Attempts a person.")] = 1,
) -> None:
    """Have an agent call everybody in a CSV file; other columns are dynamic variables."""
    from server.routes.convai.batch_calling import number_of

    people: dict[str, dict[str, Any]] = {}
    with file.open(newline="", encoding="utf-8-sig") as rows:
        reader = csv.DictReader(rows)
        if NUMBER not in (reader.fieldnames or []):
            raise stop(f"{file} has no column {NUMBER}; it has {reader.fieldnames or 'none'}.")
        for line, row in enumerate(reader, 2):
            try:
                number = number_of((row.pop(NUMBER) or "").strip().removeprefix("'"))
            except ValueError as error:
                raise stop(f"{file}, line {line}: {error}.") from None
            if number in people:
                raise stop(f"{file}, line {line}: {number} is there twice.")
            people[number] = {key: value for key, value in row.items() if key and value}
    if not people:
        raise stop(f"{file} names nobody.")
    now = datetime.now(UTC)
    batch = Batch(
        id=f"btcal_{token_hex(10)}",
        name=name or file.stem,
        agent_id=agent,
        created_at=now,
        scheduled_at=now,
        updated_at=now,
        concurrency=at_once,
        calls_per_minute=per_minute,
        attempts=attempts,
    )

    async def command(opened: Records) -> None:
        await opened.workspace.agents.get(agent)
        recipients = [(number, {"dynamic_variables": row}) for number, row in people.items()]
        await opened.batches.create(batch, recipients)

    try:
        run(command)
    except LookupError:
        raise stop(f"There is no agent {agent!r}.") from None
    typer.echo(f"{batch.id}: {len(people)} people wait to be called by a running server.")


@app.command()
def status(
    batch: Annotated[str | None, typer.Argument(help="One batch; all if missing.")] = None,
) -> None:
    """Show how far batches are."""

    async def command(opened: Records) -> None:
        for one in await opened.batches.page(limit=100):
            if batch in (None, one.id):
                counts = await opened.batches.counts(one.id)
                shown = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
                paused = " (paused)" if one.paused else ""
                typer.echo(f"{one.id}  {one.name}  {one.status}{paused}: {shown}")

    run(command)


@app.command()
def cancel(batch: Annotated[str, typer.Argument(help="The batch.")]) -> None:
    """Call nobody more of a batch; calls that go on come to their end."""

    async def command(opened: Records) -> bool:
        if await opened.batches.get(batch) is None:
            return False
        await opened.batches.cancel(batch)
        return True

    if not run(command):
        raise stop(f"There is no batch {batch!r}; `dialgraph campaign status` shows them.")
    typer.echo(f"{batch} is cancelled.")
