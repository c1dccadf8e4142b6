"""`dialgraph replay`: hold a recorded call again with today's code, and show what differs."""

from pathlib import Path
from typing import Annotated

import typer

from settings import get_settings

SHOWN_BEFORE = 3
"""Decisions shown before the first that differs."""


def replay(
    call: Annotated[str, typer.Argument(help="Sid of the call, or a file SID.flight.jsonl.")],
    graph: Annotated[
        str | None,
        typer.Option(metavar="path.py:graph", help="Graph; that of the call when missing."),
    ] = None,
    save_test: Annotated[
        Path | None,
        typer.Option(
            metavar="test_NAME.py",
            help="Write a test that what is decided today is decided ever after. The recording, "
            "with the caller's voice, is put beside it.",
        ),
    ] = None,
    although_it_differs: Annotated[
        bool,
        typer.Option(
            "--although-it-differs",
            help="Save the test though something else is decided than then: what was wrong in the "
            "call is mended.",
        ),
    ] = False,
    whole: Annotated[bool, typer.Option("--all", help="Show every decision.")] = False,
) -> None:
    """Hold a recorded call again, in virtual time and with today's code.

    Calls are recorded when DIALGRAPH_RECORD_FLIGHTS is on. Shown is the first decision that
    differs: when turns begin and end, what the graph is told, what it answers, when the bot is
    interrupted, what was heard. The exit code is 0 when none differs, 1 when one does, 2 when
    the call cannot be held again. A test is saved of a call that does not differ, or of which you
    say that it may; never of one that fails now and did not then.
    """
    from graphs.catalogue import GraphNotLoaded, load_graph
    from voice import flight_replay
    from voice.flight import read_flight
    from voice.quiet import quiet_pipecat

    quiet_pipecat()
    try:
        files = _files(call)
        address = graph or _address(read_flight(files[0])[0].data["graph"])
        loaded = load_graph(address)
        held = flight_replay.replay(files, loaded)
    except (ValueError, OSError, GraphNotLoaded) as error:
        typer.echo(f"The call cannot be held again. {error}", err=True)
        raise typer.Exit(2) from None
    if whole:
        typer.echo("\n".join(str(decision) for decision in held.now))
    if save_test:
        try:
            saved = flight_replay.save_test(
                files, address, held, save_test, differs=although_it_differs
            )
        except flight_replay.Differs as error:
            typer.echo(
                f"No test was written: the call is not as it was. {error} See every decision with "
                f"`dialgraph replay {call} --all`.",
                err=True,
            )
            raise typer.Exit(1) from None
        except OSError as error:
            typer.echo(f"The test cannot be written. {error}", err=True)
            raise typer.Exit(2) from None
        typer.echo(f"Written: {saved}. Run it with pytest.")
        return
    if held.first_difference is None:
        typer.echo(f"All {len(held.then)} decisions are the same.")
        return
    then, now = held.first_difference
    at = held.then.index(then) if then else len(held.then)
    for decision in held.then[max(0, at - SHOWN_BEFORE) : at]:
        typer.echo(f"        {decision}")
    typer.echo(f"  then  {then or 'nothing more'}")
    typer.echo(f"   now  {now or 'nothing more'}")
    raise typer.Exit(1)


def _files(call: str) -> list[Path]:
    from voice.flight import SUFFIX, flight_files

    if call.endswith(SUFFIX):
        file = Path(call)
        folder, sid = file.parent, file.name.removesuffix(SUFFIX)
    else:
        folder, sid = get_settings().data_dir / "recordings", call
    if files := flight_files(folder, sid):
        return files
    raise ValueError(
        f"There is no {folder / (sid + SUFFIX)}. Calls are recorded when "
        "DIALGRAPH_RECORD_FLIGHTS is on."
    )


def _address(name: str) -> str:
    """Return the address of a graph that is served.

    Raises:
        ValueError: no graph of that name is served.
    """
    from graphs.catalogue import addresses

    served = addresses(get_settings().extra_graphs)
    if name not in served:
        raise ValueError(
            f"The call was with the graph {name!r}, which is not served here; name it with --graph."
        )
    return served[name]
