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
MOST_POLLS = 8
"""Polls after which words are shown even if no answer was heard."""
LONGEST_CATCH_UP_SECS = 60.0


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
        self._printed: list[str] = []
        self._transcribed = 0
        self._answered = 0
        self._greeted = False
        self._polls = 0
        self._happenings: asyncio.Queue[Happening | None] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Print while the block runs, and what is still to be printed after it."""
        self._call.watchers.append(self._happenings.put_nowait)
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            self._happenings.put_nowait(None)
            async with asyncio.timeout(LONGEST_CATCH_UP_SECS):
                await following

    async def _follow(self) -> None:
        """Print until the end is put into the queue."""
        while True:
            try:
                async with asyncio.timeout(POLL_SECS):
                    happening = await self._happenings.get()
            except TimeoutError:
                await self._look()
                if self._audible():
                    self._show_record()
                continue
            if happening is None:
                return await self._show_bot(self._call.line.seconds, over=True)
            await self._show(happening)

    async def _look(self) -> None:
        """Read the server's record, if there is one."""
        with contextlib.suppress(httpx.HTTPError, ValueError):
            answer = await self._api.get(f"/api/calls/{self._call.sid}")
            if answer.is_success:
                self._record = answer.json()

    async def _show(self, happening: Happening) -> None:
        match happening.kind:
            case "say" | "keys":
                await self._show_bot(happening.at_secs)
                said = happening.text if happening.kind == "say" else f"[keys {happening.text}]"
                self._line(happening.at_secs, "caller", said, "cyan")
            case "remark":
                self._console.print(escape(happening.text), style="yellow")
            case "status":
                self._console.print(f"  {happening.text}", style="dim")

    async def _show_bot(self, until_secs: float, *, over: bool = False) -> None:
        """Print what the bot said up to a moment of the call."""
        await self._look()
        if self._record is not None:
            return self._show_record(over=over)
        until = round(until_secs * mulaw.RATE)
        heard = bytes(self._call.line.recording.bot[self._transcribed : until])
        self._transcribed += len(heard)
        if mulaw.first_audible(heard) >= 0:
            self._bot(await transcribe(heard))
        return None

    def _audible(self) -> bool:
        """Whether the answer is heard already; its words are known a little before."""
        turns = self._call.line.ear.turns
        self._polls = 0 if not turns or turns[-1].answered else self._polls + 1
        return self._polls == 0 or self._polls >= MOST_POLLS

    def _show_record(self, *, over: bool = False) -> None:
        transcript = (self._record or {}).get("transcript") or []
        if transcript and transcript[-1].get("interrupted") and not over:
            transcript = transcript[:-1]  # the record follows it word by word while it is said
        for number, utterance in enumerate(transcript[: self._shown]):
            self._correct(number, utterance)
        for utterance in transcript[self._shown :]:
            self._printed.append(_version(utterance))
            if utterance["role"] == "bot":
                self._bot(utterance["text"])
                if utterance.get("interrupted"):
                    self._line(self._call.line.seconds, "", "interrupted there", "dim")
            elif utterance.get("source") == "speech":
                self._heard(utterance["text"])
        self._shown = len(transcript)

    def _correct(self, number: int, utterance: dict[str, Any]) -> None:
        """Print what became of an utterance that is on the screen already."""
        version = _version(utterance)
        if version != self._printed[number] and utterance.get("interrupted"):
            heard = utterance["text"] or "nothing"
            self._line(self._call.line.seconds, "", f"interrupted, heard: {heard}", "dim")
        self._printed[number] = version

    def _heard(self, text: str) -> None:
        """Tell what the server understood, when it is not what was said."""
        said = [_words(turn.said) for turn in self._call.line.ear.turns]
        if _words(text) not in said:
            self._line(self._call.line.seconds, "", f"the server heard: {text}", "dim")

    def _bot(self, text: str) -> None:
        ear, wait = self._call.line.ear, ""
        at = ear.position if self._greeted or not ear.spans else ear.spans[0][0]
        self._greeted = True
        answered = [turn for turn in ear.turns[self._answered :] if turn.answered is not None]
        for turn in answered[-1:]:
            at, wait = turn.answered or at, f"  [{turn.latency_ms:.0f} ms]"
            self._answered = ear.turns.index(turn) + 1
        self._line(at / mulaw.RATE, "bot", text, "green", wait)

    def _line(self, at_secs: float, who: str, text: str, colour: str, after: str = "") -> None:
        self._console.print(
            f"[dim]{at_secs:6.1f}[/]  [{colour}]{who:>6}[/]  {escape(text)}[dim]{escape(after)}[/]",
            soft_wrap=True,
        )


def _version(utterance: dict[str, Any]) -> str:
    return f"{utterance.get('interrupted')} {utterance['text']}"


def _words(text: str) -> str:
    """Return the text as speech has it: no case, no punctuation."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in text.casefold()).split())
