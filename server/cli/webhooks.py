"""`dialgraph webhooks`: list, test, redeliver, enable."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from server.cli.records import Records, run, stop
from store.outbox import KIND

app = typer.Typer()


@app.command("list")
def list_webhooks() -> None:
    """List the webhooks, each with what could not be delivered to it."""

    async def command(opened: Records) -> None:
        for webhook in await opened.webhooks.list():
            state = "on" if webhook.enabled else "disabled"
            events = ", ".join(webhook.events) or "as settings of agents name it"
            typer.echo(f"{webhook.id}  {state:<8}  {webhook.url}  {webhook.name}  ({events})")
            for job in await opened.jobs.list(KIND, owner=webhook.id, state="dead", limit=20):
                delivery = job.key.removeprefix(f"{KIND}:")
                typer.echo(f"    dead  {job.data['type']}  {delivery}  {job.error}")

    run(command)


@app.command()
def redeliver(
    webhook_id: Annotated[str, typer.Argument(help="The webhook.")],
    delivery: Annotated[
        str | None, typer.Argument(help="One delivery; every dead one when missing.")
    ] = None,
) -> None:
    """Deliver once more what was given up, under the same ids."""

    async def command(opened: Records) -> int:
        if delivery:
            found = await opened.jobs.get(f"{KIND}:{delivery}")
            keys = [found.key] if found and found.owner == webhook_id else []
        else:
            dead = await opened.jobs.list(KIND, owner=webhook_id, state="dead", limit=10_000)
            keys = [job.key for job in reversed(dead)]
        for key in keys:
            await opened.jobs.again(key, datetime.now(UTC))
        return len(keys)

    typer.echo(f"To be delivered once more: {run(command)}.")


@app.command()
def test(webhook_id: Annotated[str, typer.Argument(help="The webhook.")]) -> None:
    """Have a running server send an event of type `test` to a webhook."""

    async def command(opened: Records) -> bool:
        if await opened.webhooks.get(webhook_id) is None:
            return False
        await opened.outbox.send_to(webhook_id, "test", {"message": "This is a test."})
        return True

    if not run(command):
        raise stop(f"There is no webhook {webhook_id!r}; `dialgraph webhooks list` shows them.")
    typer.echo("The event waits to be delivered.")


@app.command()
def enable(webhook_id: Annotated[str, typer.Argument(help="The webhook.")]) -> None:
    """Send events to a webhook again that was disabled."""
    if not run(lambda opened: opened.webhooks.update(webhook_id, is_disabled=False)):
        raise stop(f"There is no webhook {webhook_id!r}; `dialgraph webhooks list` shows them.")
    typer.echo("It is enabled; `dialgraph webhooks redeliver` sends what was given up.")
