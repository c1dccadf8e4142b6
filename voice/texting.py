"""Text messages on the same threads as calls: one turn for each message, answered once.

A quick answer goes back in the webhook's own answer, a slow one by the carrier's REST: by a job,
which is asked for with the message, so that it is answered though a process dies or a carrier is
away for a while.
"""

import contextlib
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from langchain_core.messages import HumanMessage
from twilio.twiml.messaging_response import MessagingResponse

from graphs.events import Begin
from graphs.threads import Threads
from settings import Settings
from store.calls import Calls
from store.carrier_turns import CarrierTurn, CarrierTurns
from store.jobs import Jobs
from tools.opting_out import is_opt_out
from voice.carrier_turn import Once, run_turn
from voice.carriers import Answer
from voice.phrases import phrase
from voice.reception import Reached, about_the_call

ANSWER_SECS: Final = 8.0
"""Longest wait for an answer that goes back with the webhook; Twilio waits for 15."""
GSM_CHARS, UNICODE_CHARS = 459, 201
"""Characters of three segments: more of them are split by some carriers."""
STOP: Final = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit"})
START: Final = frozenset({"start", "unstop"})
HELP: Final = frozenset({"help", "info"})
"""Words that Twilio, too, answers by itself: https://help.twilio.com/articles/223134027"""
_NAMESPACE = uuid.UUID("1f1f2a7e-6f0b-4d6d-9a53-0a4c6a6f5f0a")
_SENTENCE = re.compile(r"(?<=[.!?।])\s+")
KIND: Final = "sms_answer"
"""Kind of the job that sends an answer which the webhook did not wait for."""
LATER: Final = timedelta(seconds=2 * ANSWER_SECS)
"""Until then a webhook is answered by the process that took it, if that lives."""

OptOut = Callable[[str], Awaitable[Any]]
"""Keeps for ever that a number is not to be called or written to."""
Send = Callable[[str, str, str], Awaitable[Any]]
"""Sends a text message once: number, words, key."""


@dataclass(frozen=True, slots=True)
class Message:
    """A text message that has come."""

    sid: str
    person: str
    ours: str
    body: str


class Texting:
    """Answers text messages.

    Args:
        settings: whether messages go on with calls.
        threads: where the graphs run.
        calls: the records of calls.
        turns: where what came and was answered is kept.
        jobs: where later answers are asked for.
        once: does each once.
        opt_out: keeps the wish of who wants no more.
        send: sends later answers.
    """

    def __init__(
        self,
        settings: Settings,
        threads: Threads,
        calls: Calls,
        turns: CarrierTurns,
        jobs: Jobs,
        once: Once,
        opt_out: OptOut,
        send: Send,
    ) -> None:
        self._settings = settings
        self._threads = threads
        self._calls = calls
        self._turns = turns
        self._jobs = jobs
        self._once = once
        self._opt_out = opt_out
        self._send = send

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """At the end wait for what is being answered."""
        try:
            yield
        finally:
            await self._once.close()

    async def answer(self, message: Message, reached: Reached) -> Answer:
        """Return what the carrier is to send back; nothing where the answer comes later."""
        if (known := await self._word(message)) is not None:
            return _twiml(known)
        given = {
            "person": message.person,
            "ours": message.ours,
            "body": message.body,
            "graph": reached.graph,
            "agent_id": reached.agent_id,
            "opening": dict(reached.opening),
        }
        turn = await self._turns.take(f"sms:{message.sid}", message.person, given)
        job, now = f"{KIND}:{turn.key}", datetime.now(UTC)
        await self._jobs.put(KIND, job, {"turn": turn.key}, due_at=now + LATER)
        asked = await self._jobs.get(job)
        if asked and asked.state != "cancelled" and asked.due_at <= now:
            return _twiml([])  # the answer comes later
        result = await self._once.answer(turn, self._work, ANSWER_SECS)
        if result is None:
            await self._jobs.again(job, datetime.now(UTC))
            return _twiml([])
        await self._jobs.cancel(job, datetime.now(UTC))
        return _twiml(split(_lines(result)))

    async def send_later(self, key: str) -> None:
        """Send the answer of a turn once it is known; again, it sends only what was not sent.

        Raises:
            Exception: whatever kept it from being sent.
        """
        turn = await self._turns.get(key)
        if turn is None:
            return  # forgotten
        while (result := await self._once.answer(turn, self._work, ANSWER_SECS)) is None:
            pass
        for number, part in enumerate(split(_lines(result))):
            await self._send(turn.conversation, part, f"{turn.key}:{number}")

    async def forget(self, moment: datetime) -> None:
        """Delete what came by webhook before a moment: messages, and turns of calls."""
        await self._turns.delete_before(moment)

    async def _word(self, message: Message) -> list[str] | None:
        """Answer a word that is for the carrier, or the law; None for any other message."""
        word = message.body.strip().strip(".!").lower()
        if word in STOP or is_opt_out(message.body):
            await self._opt_out(message.person)
            return [] if word in STOP else [phrase("opted_out")]  # the carrier confirms its own
        if word in START or word in HELP:
            return []
        return None

    async def _work(self, turn: CarrierTurn) -> dict[str, Any]:
        given = turn.given
        graph, agent_id = str(given["graph"]), given.get("agent_id")
        thread_id = await self.thread(graph, agent_id, given["person"], given["ours"])
        message = HumanMessage(given["body"], id=turn.key, additional_kwargs={"source": "sms"})
        snapshot = await self._threads.snapshot(graph, thread_id)
        said: HumanMessage | Begin = message
        if not snapshot.exists:
            about = about_the_call(thread_id, "inbound", given["person"], given["ours"])
            said = Begin({**about, **given["opening"], "messages": [message]})
        answered = await run_turn(self._threads, graph, thread_id, said)
        return {"lines": answered.lines, "thread_id": thread_id}

    async def thread(self, graph: str, agent_id: str | None, person: str, ours: str) -> str:
        """Return the thread of an agent's messages with a person."""
        if self._settings.messages_continue_calls:
            last = await self._calls.last_with(person, graph, agent_id)
            if last:
                return last.thread_id
        return str(uuid.uuid5(_NAMESPACE, f"{graph} {agent_id} {ours} {person}"))


def split(lines: list[str]) -> list[str]:
    """Split an answer into messages that every carrier takes, between sentences where it can."""
    text = "\n".join(lines).strip()
    most = GSM_CHARS if text.isascii() else UNICODE_CHARS
    parts: list[str] = []
    for sentence in _SENTENCE.split(text) if text else []:
        for piece in _pieces(sentence, most):
            if parts and len(parts[-1]) + 1 + len(piece) <= most:
                parts[-1] += f" {piece}"
            else:
                parts.append(piece)
    return parts


def _pieces(sentence: str, most: int) -> list[str]:
    """Split a sentence that is too long between words, and a word that is too long anywhere."""
    pieces: list[str] = []
    for word in sentence.split(" "):
        for start in range(0, len(word), most):
            part = word[start : start + most]
            if pieces and not start and len(pieces[-1]) + 1 + len(part) <= most:
                pieces[-1] += f" {part}"
            else:
                pieces.append(part)
    return pieces


def _lines(result: Mapping[str, Any]) -> list[str]:
    if result.get("failed"):
        return [phrase("not_answered")]
    return [str(line) for line in result.get("lines", ())]


def _twiml(parts: list[str]) -> Answer:
    response = MessagingResponse()
    for part in parts:
        response.message(part)
    return Answer(str(response), "application/xml")
