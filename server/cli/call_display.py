"""A call shown while it lasts."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime
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

    What the bot says comes from the server's record of the call, each line once it is known how
    much of it was heard; where that cannot be had, from the embedded speech recognition of what the
    caller heard. What the caller says stands after what the bot had begun to say by then.

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
        self._waiting: deque[tuple[int, float, str]] = deque()
        """What the caller said, when, and how much of the record comes before."""
        self._transcribed = 0
        self._asked = self._answered = 0
        """How much of what the caller said is printed, and how much of it with its answer."""
        self._greeted = False
        self._began: datetime | None = None
        """When the first that was heard of the bot began, by the record."""
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
                said = happening.text if happening.kind == "say" else f"[keys {happening.text}]"
                await self._look()
                self._waiting.append((len(self._transcript), happening.at_secs, said))
                await self._show_bot(happening.at_secs)
            case "remark":
                self._console.print(escape(happening.text), style="yellow")
            case "status":
                self._console.print(f"  {happening.text}", style="dim")

    async def _show_bot(self, until_secs: float, *, over: bool = False) -> None:
        """Print what the bot said up to a moment of the call."""
        if over:
            await self._look()
        if self._record is not None:
            return self._show_record(over=over)
        until = round(until_secs * mulaw.RATE)
        heard = bytes(self._call.line.recording.bot[self._transcribed : until])
        self._transcribed += len(heard)
        if mulaw.first_audible(heard) >= 0:
            self._bot(await transcribe(heard))
        return self._show_caller()

    def _audible(self) -> bool:
        """Whether the answer is heard already; its words are known a little before."""
        turns = self._call.line.ear.turns
        self._polls = 0 if not turns or turns[-1].answered else self._polls + 1
        return self._polls == 0 or self._polls >= MOST_POLLS

    @property
    def _transcript(self) -> list[dict[str, Any]]:
        return (self._record or {}).get("transcript") or []

    def _show_record(self, *, over: bool = False) -> None:
        """Print both sides in order, as far as it is certain what was heard."""
        transcript = self._transcript
        while True:
            self._show_caller()
            if self._shown == len(transcript) or not (over or self._settled(self._shown)):
                break
            utterance = transcript[self._shown]
            self._shown += 1
            if utterance["role"] == "caller":
                if utterance.get("source") == "speech":
                    self._heard(utterance["text"])
            elif utterance["text"]:
                self._bot(utterance["text"], utterance.get("at"))
                if utterance.get("interrupted") and (over or self._by_caller(transcript)):
                    self._line(self._call.line.seconds, "", "interrupted there", "dim")

    def _by_caller(self, transcript: list[dict[str, Any]]) -> bool:
        """Whether the caller comes after what is shown; else its last mark is only late."""
        after = transcript[self._shown :]
        said = bool(self._waiting) and self._waiting[0][0] <= self._shown
        return said or not after or after[0]["role"] == "caller"

    def _show_caller(self) -> None:
        """Print what the caller said after all that is printed of the record."""
        while self._waiting and self._waiting[0][0] <= self._shown:
            _, at_secs, said = self._waiting.popleft()
            self._asked += 1
            self._line(at_secs, "caller", said, "cyan")

    def _settled(self, number: int) -> bool:
        """Whether no more will be heard of an utterance: it was whole, or another one is heard.

        The record follows each word by word while it is said, and what a noise has held goes on.
        """
        utterance, *later = self._transcript[number:]
        another = any(one["role"] == "bot" and one["text"] for one in later)
        return another or not utterance.get("interrupted")

    def _heard(self, text: str) -> None:
        """Tell what the server understood, when it is not what was said."""
        said = [_words(turn.said) for turn in self._call.line.ear.turns]
        if _words(text) not in said:
            self._line(self._call.line.seconds, "", f"the server heard: {text}", "dim")

    def _bot(self, text: str, began: str | None = None) -> None:
        ear, wait = self._call.line.ear, ""
        at = self._heard_at(began)
        asked = ear.turns[self._answered : self._asked]  # its words may come after the next ones
        answered = [turn for turn in asked if turn.answered is not None]
        for turn in answered[-1:]:
            at, wait = turn.answered or at, f"  [{turn.latency_ms:.0f} ms]"
            self._answered = ear.turns.index(turn) + 1
        self._line(at / mulaw.RATE, "bot", text, "green", wait)

    def _heard_at(self, began: str | None) -> int:
        """Return the sample at which something was first heard, by the record as far as it goes.

        The record tells the time of day; the first that was heard of the bot ties it to the line.
        """
        ear, at = self._call.line.ear, datetime.fromisoformat(began) if began else None
        if not ear.spans:
            return ear.position
        if not self._greeted:
            self._greeted, self._began = True, at
            return ear.spans[0][0]
        if at is None or self._began is None:
            return ear.position
        return ear.spans[0][0] + round((at - self._began).total_seconds() * mulaw.RATE)

    def _line(self, at_secs: float, who: str, text: str, colour: str, after: str = "") -> None:
        self._console.print(
            f"[dim]{at_secs:6.1f}[/]  [{colour}]{who:>6}[/]  {escape(text)}[dim]{escape(after)}[/]",
            soft_wrap=True,
        )


def _words(text: str) -> str:
    """Return the text as speech has it: no case, no punctuation."""
    return " ".join("".join(sign if sign.isalnum() else " " for sign in text.casefold()).split())
