"""The `dialgraph` command line; each command stands in a file of its own."""

import os
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from server.cli.call import InOrder, call
from server.cli.check import check
from server.cli.ingest import ingest
from server.cli.pipeline_test import pipeline_test
from server.cli.replay import replay
from server.cli.serve import serve
from server.startup import CannotStart, read_settings

ELIGIBILITY = """The loan-eligibility interview: prove it, read its certificates, replay them.

Every conversation leaves a certificate: what was heard, understood, decided and asked, chained
by SHA-256. A certificate decided again under the same rules must come out byte for byte."""


KNOWLEDGE = "What organisations know: look a question up, and measure the search."

STOCKS = "Stocks: measure the consensus on history, and check the journal of trading."

KEYS = """Keys of the API: make them, see who used them when, renew and revoke them.

A key is shown once, when it is made. What it may do are its scopes: read sees, write changes, call
has people called or agents talk."""

PERMISSION = """May a number be called: ask, write down who agreed and who does not want it.

Rules are data with their sources; DIALGRAPH_CALL_COUNTRIES says where anybody may be called."""

PRIVACY = """What is kept about somebody: read it out, or delete it everywhere."""


def _group(module: str) -> type[TyperGroup]:
    """Return commands that are imported when one is asked for, since that takes a second or more.

    Args:
        module: of `server.cli`, with the commands on its `app`.
    """

    class Lazy(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return self._imported().list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            return self._imported().get_command(ctx, cmd_name)

        @staticmethod
        def _imported() -> TyperGroup:
            return typer.main.get_group(import_module(f"server.cli.{module}").app)

    return Lazy


app = typer.Typer(
    name="dialgraph",
    help="LangGraph agents that answer the phone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command(cls=InOrder)(call)
app.command()(replay)
app.command()(check)
app.command()(ingest)
app.command("pipeline-test")(pipeline_test)
for _name, _help in (
    ("eligibility", ELIGIBILITY),
    ("keys", KEYS),
    ("knowledge", KNOWLEDGE),
    ("stocks", STOCKS),
    ("webhooks", "Webhooks: list them, test one, redeliver what was given up."),
    ("campaign", "Batches of calls: start one from a CSV file, see how far it is, cancel it."),
    ("permission", PERMISSION),
    ("privacy", PRIVACY),
):
    commands = typer.Typer(cls=_group(_name), help=_help, no_args_is_help=True)
    app.add_typer(commands, name=_name)


@app.callback()
def dialgraph() -> None:
    """LangGraph agents that answer the phone."""
    _settle_libraries()
    try:
        read_settings()
    except CannotStart as error:
        typer.echo(f"Cannot start. {error}", err=True)
        raise typer.Exit(1) from None


def _settle_libraries() -> None:
    """Keep libraries from reaching for the network, and from greeting: pipecat does at import."""
    for name, value in {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "LOGURU_LEVEL": "WARNING",
        "LANGSMITH_TRACING": "false",
        "LANGGRAPH_STRICT_MSGPACK": "true",
    }.items():
        os.environ.setdefault(name, value)
