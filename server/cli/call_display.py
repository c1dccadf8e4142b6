"""A call shown while it lasts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from voice.phonelab import Happening, LabCall, mulaw
from voice.phonelab.transcriber import transcribe

POLL_SECS = 0.4


class Display:
    """Prints both sides of a call as they speak.

    What the bot says comes from the server's record of the call; where that cannot be had, from
    the embedded speech recognition of what the caller heard.

    Args:
        call: the call.
        api: a client of the server.
        console: where to print.
    """

    def __init__(self, call: LabCall, api: httpx.AsyncClient, console: Console) -> None:
        self._call = call
        self._api = api
        self._console = console
        self._record: dict[str, Any] | None = None
        self._shown = 0
        self._transcribed = 0
        self._answered = 0
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Print while the block runs, and what is still to be printed after it."""
        self._call.watchers.append(self._happenings.put_nowait)
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self._show_bot()

    async def _follow(self) -> None:
        while True:
            happening = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECS):
                    happening = await self._happenings.get()
            await self._look()
            if happening:
                await self._show(happening)
            elif self._record:
                self._show_record()

    async def _look(self) -> None:
        """Read the server's record, if there is one."""
        with contextlib.suppress(httpx.HTTPError, ValueError):
            answer = await self._api.get(f"/api/calls/{self._call.sid}")
            if answer.is_success:
                self._record = answer.json()

    async def _show(self, happening: Happening) -> None:
        match happening.kind:
            case "say" | "keys":
                await self._show_bot()
                said = happening.text if happening.kind == "say" else f"[keys {happening.text}]"
                self._line(happening.at_secs, "caller", said, "cyan")
            case "remark":
                self._console.print(escape(happening.text), style="yellow")
            case "status":
                self._console.print(f"  {happening.text}", style="dim")

    async def _show_bot(self) -> None:
        """Print what the bot said up to now."""
        if self._record is not None:
            await self._look()
            return self._show_record()
        heard = bytes(self._call.line.recording.bot[self._transcribed :])
        self._transcribed += len(heard)
        if mulaw.first_audible(heard) >= 0:
            self._bot(await transcribe(heard))
        return None

    def _show_record(self) -> None:
        transcript = (self._record or {}).get("transcript") or []
        for utterance in transcript[self._shown :]:
            if utterance["role"] == "bot":
                cut = " (interrupted)" if utterance.get("interrupted") else ""
                self._bot(utterance["text"] + cut)
            elif utterance.get("source") == "speech":
                self._console.print(f"         heard as {escape(utterance['text'])!r}", style="dim")
        self._shown = len(transcript)

    def _bot(self, text: str) -> None:
        turns = self._call.line.ear.turns
        answered = [turn for turn in turns[self._answered :] if turn.latency_ms is not None]
        wait = f"  [{answered[-1].latency_ms:.0f} ms]" if answered else ""
        if answered:
            self._answered = turns.index(answered[-1]) + 1
        self._line(self._call.line.seconds, "bot", text, "green", wait)

    def _line(self, at_secs: float, who: str, text: str, colour: str, after: str = "") -> None:
        self._console.print(
            f"[dim]{at_secs:6.1f}[/]  [{colour}]{who:>6}[/]  {escape(text)}[dim]{escape(after)}[/]"
        )
