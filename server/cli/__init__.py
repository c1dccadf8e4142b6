"""The `dialgraph` command line; each command stands in a file of its own."""

import os
from typing import Any

import typer
from typer.core import TyperGroup

from server.cli.call import InOrder, call
from server.cli.check import check
from server.cli.replay import replay
from server.cli.serve import serve
from server.startup import CannotStart, read_settings

ELIGIBILITY = """The loan-eligibility interview: prove it, read its certificates, replay them.

Every conversation leaves a certificate: what was heard, understood, decided and asked, chained
by SHA-256. A certificate decided again under the same rules must come out byte for byte."""


class Eligibility(TyperGroup):
    """Commands that are imported when one is asked for, since that takes a second or more."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return self._group().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name."""
        return self._group().get_command(ctx, cmd_name)

    @staticmethod
    def _group() -> TyperGroup:
        from server.cli import eligibility

        return typer.main.get_group(eligibility.app)


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
app.add_typer(
    typer.Typer(
        cls=Eligibility,
        help=ELIGIBILITY,
        no_args_is_help=True,
    ),
    name="eligibility",
)


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
