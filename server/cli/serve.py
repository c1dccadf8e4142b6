"""`dialgraph serve`: the page, the chat API and the telephone on one address."""

import gc
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer
from dotenv import dotenv_values

from server.startup import (
    CannotStart,
    check,
    keep_data_folder,
    make_data_folder,
    unknown_variables,
)
from settings import get_settings

MAX_SOCKET_MESSAGE = 1_000_000
"""Longest message that a socket takes, in bytes; more closes it. Sound comes in small pieces."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    graph: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=path.py:graph",
            help="Serve a graph from outside by chat, voice and telephone; may be repeated.",
        ),
    ] = None,
) -> None:
    """Start the server and print its address.

    The page at / lets you type and talk with every graph. Settings come from the environment
    and from .env; .env.example lists them all.
    """
    try:
        _serve(host, port, graph or [])
    except CannotStart as error:
        typer.echo(f"Cannot start. {error}", err=True)
        raise typer.Exit(1) from None


def _serve(host: str | None, port: int | None, graphs: list[str]) -> None:
    settings = get_settings()
    for warning in unknown_variables([*os.environ, *dotenv_values(".env")]):
        typer.echo(warning, err=True)
    settings.host = host or settings.host
    settings.port = settings.port if port is None else port
    settings.extra_graphs |= dict(_name_and_address(text) for text in graphs)
    listener = _listen(settings.host, settings.port)
    make_data_folder(settings.data_dir)
    if not settings.postgres:
        _kept = keep_data_folder(settings.data_dir)  # held as long as this function runs
    typer.echo("Loading the graphs and the voice ...")

    import uvicorn

    from graphs.catalogue import GraphNotLoaded, load_catalogue
    from server.shutdown import DrainingServer
    from voice.warm_up import warm_up

    try:
        catalogue = load_catalogue(settings.extra_graphs)
    except GraphNotLoaded as error:
        raise typer.BadParameter(str(error), param_hint="--graph") from None
    check(settings, catalogue)
    with ThreadPoolExecutor(1) as beside:  # the pages take as long to import as the models to load
        models = beside.submit(warm_up, settings)
        from server.app import create_app

        app = create_app(settings, catalogue)
    models.result()
    address = f"http://{_displayed(settings.host)}:{listener.getsockname()[1]}"

    def announce() -> None:
        gc.freeze()  # what is there now stays: to go through it again and again holds up calls
        gc.enable()
        typer.echo(f"Dialgraph is ready: {address}")

    app.state.announce = announce
    config = uvicorn.Config(
        app,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        ws_max_size=MAX_SOCKET_MESSAGE,
    )
    DrainingServer(config, lambda: app.state.services.switchboard.drain()).run(sockets=[listener])


def _name_and_address(text: str) -> tuple[str, str]:
    name, separator, address = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"{text!r} is not of the form NAME=path.py:graph.")
    return name, address


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything slow is loaded, so that a taken one is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise typer.BadParameter(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port.",
            param_hint="--port",
        ) from None
    listener.listen(2048)
    return listener


def _displayed(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host
