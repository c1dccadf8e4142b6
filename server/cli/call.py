"""`dialgraph call`: ring the running server through the phone lab."""

import asyncio
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperCommand

from server.cli.call_display import Display
from server.cli.place import NotPlaced, place
from settings import Settings, get_settings
from voice.phonelab import (
    Caller,
    HangUp,
    Interrupt,
    LabCall,
    PhoneLab,
    PlayWav,
    Press,
    Say,
    ScriptedCaller,
    Step,
    TypedCaller,
)
from voice.phonelab.lab import ACCOUNT_SID

ARGUMENTS = "dialgraph.call.arguments"
STEPS: dict[str, Callable[[str], Step]] = {
    "--say": Say,
    "--press": Press,
    "--keys": Press,
    "--interrupt": Interrupt,
    "--wav": lambda file: PlayWav(Path(file)),
}
RECORD_SECS = 5.0
"""How long the server may take to finish the record of a call."""


class InOrder(TyperCommand):
    """Keeps the arguments as they were given, since `--say` and `--press` may alternate."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse as usual; the arguments stay in the context."""
        ctx.meta[ARGUMENTS] = [*args]
        return super().parse_args(ctx, args)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One call that is to be made."""

    server: str
    graph: str | None
    thread: str | None
    caller: Caller
    from_: str
    to: str
    longest_secs: float
    recording: Path | None


class CallFailed(Exception):
    """The call did not go as it should; the text says why and what to do."""


def _address(server: str | None) -> str | None:
    """Refuse what is not the address of a server."""
    if server and not re.fullmatch(r"https?://(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d+)?(/\S*)?", server):
        raise typer.BadParameter(f"{server!r} is none; expected one such as http://127.0.0.1:7860.")
    return server


def _thread(thread: str | None) -> str | None:
    """Refuse what is no thread's id."""
    from graphs.threads import is_thread_id

    if thread and not is_thread_id(thread):
        raise typer.BadParameter(f"{thread!r} is none; expected up to 100 letters and digits.")
    return thread


def call(
    ctx: typer.Context,
    graph: Annotated[str | None, typer.Option(help="Graph to talk to; else the default.")] = None,
    thread: Annotated[
        str | None,
        typer.Option(
            callback=_thread,
            help="Conversation to go on with, of an earlier call or a chat; else a new one.",
        ),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(help="Have the server ring --to for this agent, by its carrier: a real call."),
    ] = None,
    say: Annotated[
        list[str] | None, typer.Option(help="Say this once the bot has finished. Repeatable.")
    ] = None,
    press: Annotated[
        list[str] | None,
        typer.Option("--press", "--keys", help="Press keys, such as 1 or 40000#. Repeatable."),
    ] = None,
    interrupt: Annotated[
        list[str] | None, typer.Option(help="Say this while the bot speaks. Repeatable.")
    ] = None,
    wav: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True, dir_okay=False, help="Play a recorded utterance, 16-bit PCM. Repeatable."
        ),
    ] = None,
    hang_up: Annotated[
        bool, typer.Option("--hang-up", help="Hang up at once after the last of these.")
    ] = False,
    type_: Annotated[
        bool,
        typer.Option("--type", help="Type what the caller says; /keys 1 presses, /bye hangs up."),
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(callback=_address, help="Address of the server; else that of the settings."),
    ] = None,
    from_: Annotated[str, typer.Option("--from", help="Number of the caller.")] = "+15550199",
    to: Annotated[str, typer.Option("--to", help="Number called.")] = "+15550100",
    timeout: Annotated[float, typer.Option(min=1, help="Longest call, in seconds.")] = 300.0,
    recording: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            writable=True,
            help="Where the stereo WAV goes; else lab/SID.wav in the data folder.",
        ),
    ] = None,
) -> None:
    """Ring the running server with a synthetic caller; no account, no network.

    Left in the recording is the caller, right the bot. Each line of the bot shows how long the
    caller waited for its first sound. The exit code is 1 when the call failed.

        dialgraph call --graph eligibility --say "Yes, I am salaried" --say "forty thousand"
        dialgraph call --press 1 --say "Mumbai"
        dialgraph call --thread 5f3c... --say "yes"
        dialgraph call --type
    """
    console = Console(highlight=False)
    settings = get_settings()
    if agent:
        own = f"http://{settings.host}:{settings.port}"
        try:
            place(agent, to, (server or own).rstrip("/"), settings, console)
        except NotPlaced as failure:
            console.print(f"[bold red]No call was placed.[/] {escape(str(failure))}")
            raise typer.Exit(1) from None
        return
    grouped = _grouped({"--say": say, "--press": press, "--interrupt": interrupt, "--wav": wav})
    try:
        steps = [*steps_in_order(ctx.meta.get(ARGUMENTS) or grouped)]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if hang_up:
        steps.append(HangUp())
    rehearsal = Rehearsal(
        (server or f"http://{settings.host}:{settings.port}").rstrip("/"),
        graph,
        thread,
        TypedCaller(sys.stdin, polite=not sys.stdin.isatty()) if type_ else ScriptedCaller(steps),
        from_,
        to,
        timeout,
        recording,
    )
    try:
        asyncio.run(_rehearse(rehearsal, settings, console))
    except CallFailed as failure:
        console.print(f"[bold red]The call failed.[/] {escape(str(failure))}", soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("You hung up.")
        raise typer.Exit(130) from None


def steps_in_order(arguments: Sequence[str]) -> Iterator[Step]:
    """Yield what the caller does, in the order of the command line.

    Raises:
        ValueError: keys that are not on a keypad.
    """
    rest = iter(arguments)
    for argument in rest:
        name, joined, value = argument.partition("=")
        if step := STEPS.get(name):
            yield step(value if joined else next(rest, ""))


def _grouped(options: dict[str, Sequence[object] | None]) -> list[str]:
    return [
        part
        for name, values in options.items()
        for value in values or []
        for part in (name, str(value))
    ]


async def _rehearse(rehearsal: Rehearsal, settings: Settings, console: Console) -> None:
    """Make the call and show it.

    Raises:
        CallFailed: with the reason.
    """
    token = settings.twilio_auth_token
    public = settings.public_url.rstrip("/") if settings.public_url else rehearsal.server
    asked = {"graph": rehearsal.graph, "thread": rehearsal.thread}
    query = urlencode({name: value for name, value in asked.items() if value})
    key = {"xi-api-key": settings.api_key.get_secret_value()} if settings.api_key else {}
    async with httpx.AsyncClient(
        base_url=rehearsal.server, headers=key, trust_env=False, timeout=5
    ) as api:
        await _check(api, rehearsal.server)
        async with PhoneLab(
            account_sid=settings.twilio_account_sid or ACCOUNT_SID,
            auth_token=token.get_secret_value() if token else None,
            routes={public: rehearsal.server} if public != rehearsal.server else None,
        ) as lab:
            console.print(f"Ringing {escape(rehearsal.server)} ...", style="dim")
            made = lab.ring(
                f"{public}/voice/incoming" + (f"?{query}" if query else ""),
                rehearsal.caller,
                from_=rehearsal.from_,
                to=rehearsal.to,
            )
            display = Display(made, api, console)
            file = rehearsal.recording or settings.data_dir / "lab" / f"{made.sid}.wav"
            try:
                async with display.following():
                    await made.wait(rehearsal.longest_secs)
            except TimeoutError:
                raise CallFailed(
                    f"It was not over after {rehearsal.longest_secs:g} seconds; "
                    "--timeout allows longer ones."
                ) from None
            finally:
                lab.hang_up(made)
                if made.line.recording.seconds:
                    await _save(made, file, console)
        record = await _final_record(api, made.sid)
    _summarise(made, record, console)
    if reason := failure(made, rehearsal.caller, record):
        raise CallFailed(reason)


async def _save(call: LabCall, file: Path, console: Console) -> None:
    try:
        await call.save_wav(file)
    except OSError as error:
        reason = f"The recording cannot be written to {file}: {error.strerror}."
        console.print(escape(reason), style="yellow", soft_wrap=True)
    else:
        console.print(f"Recording: {escape(str(file))}", style="dim", soft_wrap=True)


async def _check(api: httpx.AsyncClient, server: str) -> None:
    """Make sure that a server answers.

    Raises:
        CallFailed: none does.
    """
    try:
        await api.get("/healthz")
    except httpx.HTTPError as error:
        raise CallFailed(
            f"Nothing answers at {server} ({type(error).__name__}). Start the server with "
            "`make run`, or name another one with --server."
        ) from error


async def _final_record(api: httpx.AsyncClient, sid: str) -> dict[str, Any]:
    """Return the server's record of the call once it is closed; empty when it cannot be had."""
    record: dict[str, Any] = {}
    try:
        async with asyncio.timeout(RECORD_SECS):
            while record.get("status") not in ("completed", "failed"):
                answer = await api.get(f"/api/calls/{sid}")
                if not answer.is_success:
                    return {}
                record = answer.json()
                await asyncio.sleep(0.1)
    except (TimeoutError, httpx.HTTPError, ValueError):
        return record
    return record


def failure(call: LabCall, caller: Caller, record: dict[str, Any]) -> str | None:
    """Return why a call that is over did not go as it should, or None."""
    remaining = caller.remaining if isinstance(caller, ScriptedCaller) else []
    silent = caller.failure if isinstance(caller, ScriptedCaller) else None
    if call.errors:
        first = call.errors[0].message
        if " answered 403" in first:
            first += " The lab signs with TWILIO_AUTH_TOKEN: is it the one the server has?"
        return first
    if call.status != "completed":
        return f"The server did not take it: {call.status}."
    if not call.streams:
        verbs = ", ".join(call.verbs) or "nothing"
        return f"The server opened no media stream; its answer was: {verbs}."
    if not call.line.ear.spans:
        return "The bot never spoke."
    if silent:
        return silent
    if remaining:
        return f"The script was not finished: the call ended before {remaining[0]}."
    if record.get("status") == "failed":
        return f"The server reports: {record.get('failure') or 'no reason'}."
    return None


def _summarise(call: LabCall, record: dict[str, Any], console: Console) -> None:
    waits = [turn.latency_ms for turn in call.line.ear.turns if turn.latency_ms is not None]
    parts = [f"{call.line.seconds:.1f} s", f"{len(call.line.ear.turns)} turns"]
    if waits:
        parts.append(f"first sound after {statistics.median(waits):.0f} ms (median)")
        parts.append(f"{max(waits):.0f} ms (longest)")
    console.print(", ".join(parts), style="dim")
    for notice in [notice for notice in call.notices if notice not in call.errors[:1]]:
        console.print(f"[yellow]{escape(str(notice))}[/]")
    if outcome := record.get("outcome"):
        console.print(f"Outcome: [bold]{escape(str(outcome))}[/]")
    if thread := record.get("thread_id"):
        console.print(f"Thread: {escape(thread)}", style="dim", soft_wrap=True)
