"""One turn of the caller and the answer to it, from the run of the graph to the last word heard.

The thread is written when the run has ended, with nothing of the answer, and again as more of it is
heard: at any moment it holds what the caller said, and heard, and no more. Until the first word was
heard the turn can be withdrawn, and leaves nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from langchain_core.messages import HumanMessage

from faults import places
from graphs.call_actions import CallAction
from graphs.threads import Begin, Event, Resume, Threads, Turn

log = logging.getLogger(__name__)

FOLLOW_SECS: Final = 0.1
"""How often it is looked whether more was heard, in seconds."""
WRITE_SECS: Final = 1.0
"""Least time between two writings of what was heard, in seconds."""


@dataclass(frozen=True, slots=True)
class Input:
    """What starts a turn.

    Attributes:
        said: for the graph; None opens the conversation.
        text: what the caller said, where it was words.
        spoke_until: when the caller's last sound was, `time.monotonic()` seconds.
        decided_at: when the turn of the caller had ended.
        certain: whether it had; else the caller may go on.
        keyed: whether it came by the keypad.
    """

    said: HumanMessage | Begin | Event | Resume | None
    text: str = ""
    spoke_until: float | None = None
    decided_at: float = 0.0
    certain: bool = True
    keyed: bool = False


class Exchange:
    """What the caller said, the turn that answers it, and how much of the answer was heard.

    Args:
        threads: where the graph runs.
        graph: its name.
        thread_id: the thread.
        given: what the caller said.
        heard: tells what was heard so far, of all messages of the call, by id.
        played: whether all that was to be said was played.
        act: does what a message has announced that was heard; given its id.
        line: on which line that is, see `Threads.begin`.
    """

    def __init__(
        self,
        threads: Threads,
        graph: str,
        thread_id: str,
        given: Input,
        heard: Callable[[], Mapping[str, str]],
        played: Callable[[], bool],
        act: Callable[[str, CallAction], Awaitable[None]],
        line: Mapping[str, str] | None = None,
    ) -> None:
        self.given = given
        self.spoken: set[str] = set()
        """Ids of the messages that were to be spoken."""
        self.certain = asyncio.Event()
        """Set when the caller's turn has ended for certain."""
        self.announced: dict[str, tuple[str, CallAction]] = {}
        """Text of messages that are to be heard, and what is to be done then, by id."""
        self.kept = False
        """Whether the turn is on the thread."""
        self._threads = threads
        self._at = (graph, thread_id)
        self._heard_of_call = heard
        self._played = played
        self._act = act
        self.comes_back = False
        """Whether it begins with a question that was asked before, in another conversation."""
        self._line = line
        self.over = False
        """Whether nothing of it is to be said or written any more."""
        self._turn: Turn | None = None
        self._written: dict[str, str] = {}
        self._written_at = 0.0
        self._changing = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None

    @property
    def supposed(self) -> bool:
        """Whether the caller may still go on."""
        return not self.over and not self.certain.is_set()

    async def begin(self, languages: frozenset[str]) -> Turn:
        """Begin the turn of the graph."""
        turn = await self._threads.begin(
            *self._at, self.given.said, languages=languages, line=self._line
        )
        self.comes_back = bool(turn.asks) and not isinstance(self.given.said, Resume)
        turn.heard = self._heard
        self._turn = turn
        if self.over:  # the caller has gone on, or away, while it waited for the thread
            turn.stand_for([])
            await turn.withdraw()
            return turn
        if turn.asks and not turn.started:
            turn.stand_for([await turn.snapshot()])
        if self.given.certain:
            self.confirm()
        return turn

    def confirm(self) -> None:
        """Say that the caller's turn has ended: what has effects may go on."""
        self.certain.set()
        if self._turn and not self.over:
            self._turn.confirm()

    def doubt(self) -> None:
        """Say that the caller makes a sound: what has effects and has not begun waits."""
        if self._turn and not self.kept and not self.over:
            self._turn.hold()

    async def answered(self) -> None:
        """Say that the run has ended; from now on it is followed how much is heard."""
        async with self._changing:
            if self.over or self._turn is None:
                return
            silent = not self.spoken
            await self._turn.commit(None if silent else self._heard(), final=silent)
            self.kept = True
            await self._carry_out()
            self.over = silent
            if not silent:
                self._follower = asyncio.create_task(self._follow(), name="heard")

    async def make_way(self, *, withdraw: bool) -> bool:
        """End the exchange where it is.

        Args:
            withdraw: whether to leave nothing of it, if nothing was heard and nothing done.

        Returns:
            Whether nothing is left of it.
        """
        async with self._changing:
            if self.over:
                return False
            self.over = True
            self.certain.set()
            try:
                return await self._end(withdraw and not any(self._heard().values()))
            except Exception as error:  # the call goes on; the thread keeps what it has
                log.error("A turn could not be ended: %s", places(error))
                return False

    async def _end(self, withdraw: bool) -> bool:
        if self._turn is None:
            return True
        if self.kept:
            if withdraw and await self._threads.undo(*self._at, self._turn):
                return True
            await self._write(final=True)
            await self._carry_out()
            return False
        if withdraw and await self._turn.withdraw():
            return True
        await self._turn.commit(self._heard())
        self.kept = True
        return False

    def _heard(self) -> dict[str, str]:
        """What was heard of each message of this exchange; once heard is heard for good."""
        now = self._heard_of_call()
        for key in self.spoken:
            heard = now.get(key, "")
            if len(heard.split()) >= len(self._written.get(key, "").split()):
                self._written[key] = heard
        return dict(self._written)

    async def _follow(self) -> None:
        while not self.over:
            try:
                await self._look()
            except Exception as error:  # it is looked at again: what was announced waits for it
                log.error("What was heard could not be written: %s", places(error))
                await asyncio.sleep(WRITE_SECS)
            await asyncio.sleep(FOLLOW_SECS)

    async def _look(self) -> None:
        async with self._changing:
            if self.over:
                return
            before = dict(self._written)
            heard, all_played = self._heard(), self._played()
            due = time.monotonic() - self._written_at >= WRITE_SECS
            if all_played or (due and heard != before):
                await self._write(final=all_played)
                await self._carry_out()
                self.over = all_played

    async def _carry_out(self) -> None:
        """Have done what messages announced that were heard to their end; the turn is kept."""
        heard = self._heard()
        for key, (text, do) in list(self.announced.items()):
            if len(heard.get(key, "").split()) >= len(text.split()):
                del self.announced[key]
                try:
                    await self._act(key, do)
                except Exception as error:  # the call goes on all the same
                    log.error("%s was not carried out: %s", type(do).__name__, places(error))

    async def _write(self, *, final: bool) -> None:
        """Write what was heard by now."""
        turn, heard = self._turn, self._heard()
        if turn is None:
            return
        await self._threads.amend(
            *self._at, lambda messages: turn.as_heard(messages, heard, final=final)
        )
        self._written_at = time.monotonic()


def joined(earlier: Input, later: Input) -> Input:
    """Join what the caller said with what was added before an answer was heard."""
    if not isinstance(later.said, HumanMessage) or not earlier.text:
        return later
    text = f"{earlier.text} {later.text}".strip()
    said = later.said.model_copy(update={"content": text})
    return replace(later, said=said, text=text)
