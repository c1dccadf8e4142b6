"""What the graph answers the caller: one exchange at a time, the newest words first.

* What the caller adds before an answer was heard withdraws the turn; the graph is asked once, with
  all that was said. A turn in which something was heard, or done, is kept as far as it came.
* Keys do not withdraw: who knows the questions may key answers ahead.
* While an `interrupt()` of the graph is open, what the caller says is an answer to its question; a
  yes counts where the substance of the question was heard.
* A failure of the graph keeps what was said.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Literal

from langchain_core.messages import HumanMessage

from faults import places
from graphs import questions
from graphs.call_actions import CallAction, SpeakAs
from graphs.messages import asks_in
from graphs.questions import Asking
from graphs.threads import (
    AnswerRefused,
    Begin,
    Event,
    Expectation,
    Node,
    Reply,
    Resume,
    Snapshot,
    Threads,
    Token,
    ToolRun,
    TurnEvent,
    TurnTimedOut,
)
from voice.exchange import Exchange, Input, joined
from voice.latency import Stopwatch
from voice.phrases import phrase
from voice.reception import line_of
from voice.record import CallLog
from voice.speech import Speech
from voice.timing import watch_run

log = logging.getLogger(__name__)

FILLER_SECS: Final = 1.0
"""Silence while a tool runs after which the caller is told to wait, in seconds."""
PROTECTED_SECS: Final = 0.1
"""How often it is looked whether what cannot be cut short has ended, in seconds."""


class Answers:
    """Asks the graph what the caller said, and has its answers spoken.

    Args:
        threads: where the graph runs.
        call_log: the record of the call; names graph and thread.
        speech: says the answers.
        stopwatch: measures them.
        languages: what can be spoken.
        settled: called with the thread after a turn, and what the open question expects.
        failed: called when a turn has failed.
        publish: tells the page.
        act: does what a message has announced that was heard; given its id.
    """

    def __init__(
        self,
        threads: Threads,
        call_log: CallLog,
        speech: Speech,
        stopwatch: Stopwatch,
        languages: frozenset[str],
        settled: Callable[[Snapshot | None, Expectation], Awaitable[None]],
        failed: Callable[[], Awaitable[None]],
        publish: Callable[..., Awaitable[None]],
        act: Callable[[str, CallAction], Awaitable[None]],
    ) -> None:
        self._threads = threads
        self._log = call_log
        self._at = (call_log.call.graph, call_log.call.thread_id)
        self._speech = speech
        self._stopwatch = stopwatch
        self._languages = languages
        self._settled = settled
        self._failed = failed
        self._publish = publish
        self._act = act
        self._inputs: asyncio.Queue[Input] = asyncio.Queue()
        self._idle = asyncio.Event()
        self._idle.set()
        self._turn = 0
        self._exchange: Exchange | None = None
        self._ways: set[asyncio.Task[bool]] = set()
        self._spoken_language = "en"
        self._asking: Asking | None = None
        self._asking_before: Asking | None = None
        self._asked = ("", "")
        """Id and text of the question as it was put last."""
        self._filler: asyncio.Task[None] | None = None
        self._loop: asyncio.Task[None] | None = None

    @property
    def begun(self) -> bool:
        """Whether the conversation has been opened."""
        return self._loop is not None

    def start(self, first: Event | None = None, *, silent: bool = False) -> None:
        """Begin to answer, with the opening of the conversation.

        Args:
            first: what has happened, of a conversation that goes on, instead of an opening.
            silent: whether the caller is to speak first.
        """
        opening = self._log.call.opening
        if not silent:
            self._inputs.put_nowait(Input(first or (Begin(opening) if opening else None)))
        self._loop = asyncio.create_task(self._run(), name="answers")

    @property
    def idle(self) -> bool:
        """Whether no turn of the graph runs or waits."""
        return self._idle.is_set() and self._inputs.empty()

    @property
    def announces(self) -> bool:
        """Whether something is to be done once it was heard that it will be."""
        current = self._exchange
        return current is not None and not current.over and bool(current.announced)

    @property
    def waiting(self) -> int:
        """How many inputs wait for the graph."""
        return self._inputs.qsize()

    # The caller

    def suppose(self, text: str) -> None:
        """Take what the caller said, who may go on: the graph may begin, nothing is said yet."""
        if self._asking:
            return
        current = self._exchange
        if current and current.supposed:
            self._let_go(current)
        elif not self.idle or (current and not current.over):
            return
        self._inputs.put_nowait(Input(_human(text, "speech"), text, certain=False))

    async def hear(
        self, text: str, source: Literal["speech", "keys", "text"], spoke_until: float | None
    ) -> str:
        """Take what the caller said for certain; returns the id of the message."""
        self._speech.drop()
        message = _human(text, source)
        given = Input(message, text, spoke_until, time.monotonic(), keyed=source == "keys")
        current = self._exchange
        if current and current.supposed and current.given.text == text:
            if isinstance(current.given.said, HumanMessage):
                message = current.given.said  # which the graph has been given already
            current.given = replace(given, said=message)
            self._stopwatch.decided(self._turn, spoke_until, given.decided_at)
            current.confirm()
            return str(message.id)
        self._inputs.put_nowait(given)
        if current and not given.keyed and not self._speech.utterances.protected:
            self._let_go(current)
        return str(message.id)

    def _let_go(self, exchange: Exchange) -> None:
        """End an exchange, for the caller has said more."""
        way = asyncio.create_task(exchange.make_way(withdraw=True), name="make-way")
        self._ways.add(way)

    def tell(self, event: Event) -> None:
        """Take something that happened."""
        self._inputs.put_nowait(Input(event))

    def doubt(self) -> None:
        """Note that the caller makes a sound: nothing is done before it is known what it is."""
        if self._exchange:
            self._exchange.doubt()

    def noise(self) -> None:
        """Note that the sound was nothing."""
        if self._exchange and self._exchange.given.certain:
            self._exchange.confirm()

    async def ask_again(self) -> bool:
        """Put the open question of an `interrupt()` again; returns whether there is one."""
        if self._asking is None:
            return False
        self._asking, step = self._asking.hear("", "speech")
        await self._say(step)
        return True

    # The graph

    async def _run(self) -> None:
        while True:
            given = await self._inputs.get()
            self._idle.clear()
            try:
                # The caller waits for its end as well; of what is played there is only the clock.
                while self._exchange and self._speech.utterances.protected:  # noqa: ASYNC110
                    await asyncio.sleep(PROTECTED_SECS)
                given = await self._after_the_last(given)
                taken = await self._as_answer(given)
                stale = not given.certain and not self._inputs.empty()
                if taken is not None and not stale:
                    await self._answer(taken)
            except Exception as error:
                log.error("A turn could not be kept: %s", places(error))
                await self._failed()
            finally:
                self._idle.set()

    async def _after_the_last(self, given: Input) -> Input:
        """End the exchange before; what it leaves nothing of is asked again with what was added."""
        last, self._exchange = self._exchange, None
        if last is None:
            return given
        ways, self._ways = self._ways, set()
        left_nothing = [await way for way in ways] or [
            await last.make_way(withdraw=bool(given.text) and not given.keyed)
        ]
        if not any(left_nothing):
            return given
        if isinstance(last.given.said, Resume):
            self._asking = self._asking_before
        return joined(last.given, given) if last.given.certain else given

    async def _as_answer(self, given: Input) -> Input | None:
        """Read words as the answer to the open question; None when it is not answered yet."""
        if self._asking is None or not given.text:
            return given
        self._asking_before = self._asking
        source: questions.Source = "keys" if given.keyed else "speech"
        key, question = self._asked
        unheard = not asks_in(self._speech.heard().get(key, ""), question)
        self._asking, step = self._asking.hear(given.text, source, unheard=unheard)
        if isinstance(step, questions.Resume):
            return replace(given, said=Resume({step.interrupt_id: step.value}))
        await self._say(step)
        return None

    async def _say(self, step: questions.Say | questions.Resume) -> None:
        if isinstance(step, questions.Say):
            self._asked = (await self._speech.say(step.text), step.text)
            await self._settled(None, step.expects)

    async def _answer(self, given: Input) -> None:
        self._turn += 1
        if given.text:  # an answer keyed ahead: what it answers need not be said any more
            self._speech.drop()
        self._speech.open_turn(self._turn)
        self._stopwatch.decided(self._turn, given.spoke_until, given.decided_at)
        watch_run(self._stopwatch.run(self._turn))
        exchange = Exchange(
            self._threads,
            *self._at,
            given,
            self._speech.heard,
            self._speech.played,
            self._act,
            line_of(self._log.call),
        )
        self._exchange = exchange
        try:
            turn = await exchange.begin(self._languages)
            await exchange.certain.wait()
            async for event in turn:
                if not exchange.over:
                    await self._take(event, exchange)
        except AnswerRefused as refusal:
            await exchange.make_way(withdraw=False)
            await self._ask_again(refusal)
        except Exception as error:
            self._log.failed(_described(error))
            sid = self._log.call.sid
            log.error("A turn of %s in call %s failed: %s", self._at[0], sid, places(error))
            await exchange.make_way(withdraw=False)
            await self._failed()
        self._end_filler()
        await self._speech.end_message()
        await exchange.answered()
        self._stopwatch.forget(self._turn - 1)

    async def _ask_again(self, refusal: AnswerRefused) -> None:
        """Put a question again whose answer the graph refused."""
        if self._asking_before is not None:
            self._asking, step = self._asking_before.refused(refusal.sentence)
            await self._say(step)

    async def _take(self, event: TurnEvent, exchange: Exchange) -> None:
        match event:
            case Token(message_id, _, certain):
                self._end_filler()
                await self._speak_as_announced(exchange)
                if certain:
                    exchange.spoken.add(message_id)
                await self._speech.token(event)
            case Reply(message_id):
                self._end_filler()
                await self._speak_as_announced(exchange, but=message_id)
                exchange.spoken.add(message_id)
                if event.action:
                    exchange.announced[message_id] = (event.text, event.action)
                await self._speech.reply(event)
            case ToolRun(_, running, filler):
                self._end_filler()
                if running:
                    self._filler = asyncio.create_task(self._fill(filler), name="filler")
            case Node(name):
                await self._publish("node", name=name)
            case Snapshot():
                await self._after(event)

    async def _speak_as_announced(self, exchange: Exchange, but: str = "") -> None:
        """Change the voice before the next message, when the one was heard that announced it."""
        for key, (_, do) in list(exchange.announced.items()):
            if isinstance(do, SpeakAs) and key != but:
                while not self._speech.played() and not exchange.over:  # noqa: ASYNC110
                    await asyncio.sleep(PROTECTED_SECS)
                if not exchange.over and key in exchange.announced:
                    del exchange.announced[key]
                    await self._act(key, do)

    async def _after(self, snapshot: Snapshot) -> None:
        """Take over what the thread says after a turn, and put the question it waits for."""
        language = self._spoken_language = snapshot.expects.get("language", "en")
        comes_back = self._exchange is not None and self._exchange.comes_back
        if not snapshot.interrupts:
            self._asking = None
            return await self._settled(snapshot, snapshot.expects)
        asking = (self._asking or Asking((), language)).now(snapshot.interrupts)
        self._asking, step = asking.first(language, anew=comes_back)
        if step is None:
            return await self._settled(snapshot, snapshot.expects)
        self._asked = (await self._speech.say(step.text, turn=self._turn), step.text)
        return await self._settled(snapshot, step.expects)

    async def _fill(self, words: str | None) -> None:
        await asyncio.sleep(FILLER_SECS)
        if self._speech.played():
            await self._speech.say(words or phrase("one_moment", self._language()))

    def _language(self) -> str:
        return self._asking.language if self._asking else self._spoken_language

    def _end_filler(self) -> None:
        if self._filler:
            self._filler.cancel()
            self._filler = None

    async def settle(self, within_secs: float) -> None:
        """End what is under way: what was heard or done is kept, nothing else."""
        self._end_filler()
        if self._exchange:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_secs):
                    kept = self._exchange.kept
                    await asyncio.shield(self._exchange.make_way(withdraw=not kept))
        if self._loop:
            self._loop.cancel()
            await asyncio.wait({self._loop})


def _human(text: str, source: str) -> HumanMessage:
    return HumanMessage(text, id=str(uuid.uuid4()), additional_kwargs={"source": source})


def _described(error: Exception) -> str:
    """Say of an error what may be kept: its kind, and its text only where we wrote it."""
    if isinstance(error, TurnTimedOut):
        return str(error)
    return f"The graph failed in a turn ({type(error).__name__})."
