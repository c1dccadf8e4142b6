"""The record of one call, written while the call goes on, so that a crash loses nothing said."""

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Literal

from faults import places
from graphs.messages import INTERRUPTED
from graphs.threads import Threads
from store.calls import AnsweredBy, Call, Calls, Status, TurnLatency, Utterance

log = logging.getLogger(__name__)
TURNS = logging.getLogger("dialgraph.turns")
"""Told of each turn and of each call once, with `call`, `turn` (None for the call) and `secs`."""

SAVE_TIMEOUT_SECS = 10.0
"""Longest wait for the database at the end of a call, in seconds."""


async def caught_up(call: Call, threads: Threads) -> Call:
    """Return a call with the words that its thread has, where its record has others.

    Both are written as the caller hears them, but not at once: of a process that was killed, one
    is some words behind. What the graph goes on with is what counts.
    """
    try:
        thread = await threads.snapshot(call.graph, call.thread_id)
    except Exception as error:  # a thread that cannot be read keeps no server from starting
        log.error("The record of %s was not caught up: %s", call.sid, places(error))
        return call
    heard = {message.id: message for message in thread.messages}
    transcript = [
        said.model_copy(
            update={
                "text": str(message.text),
                "interrupted": bool(message.additional_kwargs.get(INTERRUPTED)),
            }
        )
        if (message := heard.get(said.message_id))
        else said
        for said in call.transcript
    ]
    return call.model_copy(update={"transcript": transcript})


def moment(at: float) -> datetime:
    """Return when it was `at` by `time.monotonic()`, UTC."""
    return datetime.now(UTC) + timedelta(seconds=at - time.monotonic())


class CallLog:
    """What is said and measured in one call, saved in the background as it happens.

    Args:
        call: the record at its start.
        calls: where it is kept.
    """

    def __init__(self, call: Call, calls: Calls) -> None:
        self.call = call
        self._calls = calls
        self._changed = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._bot: dict[str, int] = {}
        self._begun: set[str] = set()
        self._turn: TurnLatency | None = None
        self._told_until = call.started_at

    def open(self) -> None:
        """Start to write."""
        self.call.status = "in-progress"
        self.call.ended_at = None
        self._writer = asyncio.create_task(self._write(), name=f"call-log-{self.call.sid}")
        self._changed.set()

    def caller_said(
        self,
        text: str,
        source: Literal["speech", "keys", "text"] = "speech",
        since: float | None = None,
    ) -> None:
        """Note what the caller said, keyed or wrote, and since when, `time.monotonic()` seconds."""
        at = datetime.now(UTC) if since is None else moment(since)
        before = self.call.transcript[-1].at if self.call.transcript else self.call.started_at
        self.call.transcript.append(
            Utterance(role="caller", text=text, at=max(at, before), source=source)
        )
        self._changed.set()

    def bot_says(self, utterance_id: str) -> None:
        """Note that the bot begins to say something; nothing of it was heard yet."""
        if utterance_id not in self._bot:
            self._bot[utterance_id] = len(self.call.transcript)
            self.call.transcript.append(
                Utterance(
                    role="bot",
                    text="",
                    at=datetime.now(UTC),
                    interrupted=True,
                    message_id=utterance_id,
                )
            )
            self._changed.set()

    def bot_is_heard(self, utterance_id: str, since: float) -> None:
        """Note when the caller begins to hear what the bot says, `time.monotonic()` seconds.

        What is said again begins when it was said first. The record stays in the order of time.
        """
        index = self._bot.get(utterance_id)
        if index is None or utterance_id in self._begun:
            return
        self._begun.add(utterance_id)
        said, at = self.call.transcript, moment(since)
        said[index:] = [u.model_copy(update={"at": max(u.at, at)}) for u in said[index:]]
        self._changed.set()

    def heard(self, utterance_id: str, text: str, *, whole: bool) -> None:
        """Note what the caller has heard of an utterance; what was heard once stays heard."""
        index = self._bot.get(utterance_id)
        if index is None:
            return
        before = self.call.transcript[index]
        if whole or len(text.split()) > len(before.text.split()):
            now = before.model_copy(update={"text": text, "interrupted": not whole})
            if now != before:
                self.call.transcript[index] = now
                self._changed.set()

    def measured(self, latency: TurnLatency) -> None:
        """Note where the time of an answer went; what is known later of a turn replaces it."""
        kept = [known for known in self.call.latency if known.turn != latency.turn]
        self.call.latency = [*kept, latency]
        self._changed.set()
        if self._turn and self._turn.turn != latency.turn:
            self._tell_turn()
        self._turn = latency

    def _tell_turn(self) -> None:
        """Log the turn that is over: what is measured of it comes bit by bit."""
        if turn := self._turn:
            self._turn, until = None, max(turn.at or datetime.now(UTC), self._told_until)
            secs = (until - self._told_until).total_seconds()
            self._told_until = until
            TURNS.info("turn", extra={"call": self.call, "turn": turn, "secs": secs})

    def outcome(self, outcome: str | None) -> None:
        """Note the graph's named result."""
        if outcome != self.call.outcome:
            self.call.outcome = outcome
            self._changed.set()

    def answered_by(self, who: AnsweredBy) -> None:
        """Note who has taken the call; a fax stays one."""
        if self.call.answered_by != "fax":
            self.call.answered_by = who
            self._changed.set()

    def failed(self, failure: str) -> None:
        """Note what went wrong; the first failure is the one that is kept."""
        self.call.failure = self.call.failure or failure
        self._changed.set()

    async def close(self, status: Status) -> None:
        """Write the end of the call; that it could not be written is logged, and no more."""
        self.call.status = status
        self.call.ended_at = None if status == "in-progress" else datetime.now(UTC)
        self._tell_turn()
        if self.call.ended_at:
            secs = (self.call.ended_at - self.call.started_at).total_seconds()
            TURNS.info("call", extra={"call": self.call, "turn": None, "secs": secs})
        if self._writer:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        try:
            async with asyncio.timeout(SAVE_TIMEOUT_SECS):
                await self._calls.save(self.call)
        except Exception as error:
            log.error("The record of %s was not closed: %s", self.call.sid, places(error))

    async def _write(self) -> None:
        sid = self.call.sid
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._calls.save(self.call)
            except Exception as error:
                log.error("The record of %s was not written, trying again: %s", sid, places(error))
                await asyncio.sleep(1)
                self._changed.set()
