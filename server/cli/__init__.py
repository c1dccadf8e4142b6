"""The `dialgraph` command line; each command stands in a file of its own."""

import typer

from server.cli import eligibility
from server.cli.call import InOrder, call
from server.cli.serve import serve

app = typer.Typer(
    name="dialgraph",
    help="LangGraph agents that answer the phone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command(cls=InOrder)(call)
app.add_typer(eligibility.app, name="eligibility")


@app.callback()
def dialgraph() -> None:
    """LangGraph agents that answer the phone."""
