"""The `dialgraph` command line."""

import typer

app = typer.Typer(
    name="dialgraph",
    help="LangGraph agents that answer the phone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
