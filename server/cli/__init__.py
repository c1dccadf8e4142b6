"""The `dialgraph` command line."""

import typer

from server.cli.call import InOrder, call

app = typer.Typer(
    name="dialgraph",
    help="LangGraph agents that answer the phone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(cls=InOrder)(call)


@app.callback()
def dialgraph() -> None:
    """LangGraph agents that answer the phone."""
