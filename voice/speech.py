"""What the bot says of a turn: whole or token by token, unless the caller has gone on speaking."""

import time
import uuid
from collections.abc import Awaitable, Callable

from pipecat.frames.frames import (
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
)

from graphs.messages import as_written
from graphs.threads import Reply, Token
from voice.frames import CallEventFrame, UtteranceFrame
from voice.latency import Stopwatch
from voice.record import CallLog
from voice.speakable.structured import is_structured
from voice.transport import Playback
from voice.utterances import Utterances

MARK_PATIENCE_SECS = 3.0
"""Wait for the client to acknowledge the last word, beyond its length, in seconds."""


class Speech:
    """Says messages and keeps, of those that were cut off, what is still to be said.

    Args:
        push: sends a frame towards text to speech.
        call_log: the record of the call.
        playback: what was played so far.
        stopwatch: measures the answers.
    """

    def __init__(
        self,
        push: Callable[[Frame], Awaitable[None]],
        call_log: CallLog,
        playback: Playback,
        stopwatch: Stopwatch,
    ) -> None:
        self._push = push
        self._log = call_log
        self._playback = playback
        self._stopwatch = stopwatch
        self.utterances = Utterances()
        self._interruptions = 0
        self._turn = 0
        self._turn_began = 0
        """Interruptions before the turn."""
        self._streamed: dict[str, str] = {}
        self._cut: dict[str, str] = {}
        """What was heard of messages that were cut off, by id."""

    def open_turn(self, turn: int) -> None:
        """Begin a turn: what comes of it is said until the caller interrupts."""
        self._turn, self._turn_began = turn, self._interruptions
        self._streamed.clear()

    def withdraw(self) -> None:
        """Say nothing more of the turn."""
        self._interruptions += 1

    def interrupt(self) -> None:
        """Withdraw the turn, and note what the caller heard of the messages that are cut off."""
        self.withdraw()
        ledger, now = self._playback.ledger, time.monotonic()
        if self.utterances.pending or not ledger.finished(now):
            self.note_heard()
            self._cut |= {key: ledger.heard(key, now) for key in self.utterances.open}
            self.utterances.cut()
        self.note_played()

    def _note_heard_out(self, now: float) -> None:
        """Note of several messages those that were heard to their end already."""
        for utterance in self.utterances.handed_over:
            if self._playback.ledger.heard_out(utterance.utterance_id, now):
                self.utterances.heard(utterance)
                self._log.heard(utterance.utterance_id, utterance.text, whole=True)

    @property
    def protected(self) -> bool:
        """Whether something is being said that the caller can not cut short."""
        ledger, now = self._playback.ledger, time.monotonic()
        return any(
            not (utterance.handed_over and ledger.heard_out(utterance.utterance_id, now))
            for utterance in self.utterances.uninterruptible
        )

    def note_heard(self) -> None:
        """Note in the record how much of what is being said was heard."""
        now = time.monotonic()
        self._note_heard_out(now)
        for utterance_id, text in self.utterances.open.items():
            heard = as_written(text, self._playback.ledger.heard(utterance_id, now))
            self._log.heard(utterance_id, heard, whole=False)

    def note_played(self) -> None:
        """Note that all that was being said was heard."""
        for utterance_id, text in self.utterances.played():
            self._log.heard(utterance_id, text, whole=True)

    def played(self) -> bool:
        """Whether all that was to be said was played, and is noted as heard or as cut off."""
        finished = self._playback.ledger.finished(time.monotonic(), MARK_PATIENCE_SECS)
        return finished and not self.utterances.open and not self.utterances.unsaid

    def heard(self) -> dict[str, str]:
        """What was heard of every message of the call so far, by id."""
        now = time.monotonic()
        ledger = self._playback.ledger
        spoken = {span.utterance_id for span in ledger.spans}
        heard = {key: ledger.heard(key, now) for key in spoken}
        return heard | self._cut | self.utterances.heard_out

    async def token(self, token: Token) -> None:
        """Say a piece of a message; text to speech gathers the pieces into sentences."""
        if not token.certain:
            return
        if token.message_id not in self._streamed:
            await self.end_message()
            self._stopwatch.first_words(self._turn, time.monotonic())
            if not self._withdrawn:
                await self._begin(token.message_id, token.text, self._turn)
        written = self._streamed.get(token.message_id, "") + token.text
        self._streamed[token.message_id] = written
        self.utterances.write(token.message_id, written)
        if not self._withdrawn:
            await self._push(LLMTextFrame(token.text))

    async def end_message(self) -> None:
        """Note that the message whose tokens came is whole."""
        while self._streamed:
            message_id, text = self._streamed.popitem()
            if self._withdrawn:
                self._withhold(message_id, text)
                continue
            await self._end(message_id, text)

    async def reply(self, reply: Reply) -> None:
        """Say a whole message of the turn, or end the one whose tokens came."""
        if reply.streamed:
            return await self.end_message()
        if not reply.text.strip():  # it only announces something
            self.utterances.heard_out[reply.message_id] = reply.text
            return None
        if is_structured(reply.text):  # for a program: there is nothing of it to be heard
            self.utterances.heard_out[reply.message_id] = reply.text
            return None
        self._stopwatch.first_words(self._turn, time.monotonic())
        if self._withdrawn:
            self._withhold(reply.message_id, reply.text)
        else:
            await self._say(
                reply.text, reply.message_id, self._turn, interruptible=reply.interruptible
            )
        return None

    async def say(self, text: str, *, turn: int = 0, interruptible: bool = True) -> str:
        """Say a phrase that is no message of the graph; returns the id under which it is heard.

        Args:
            text: what is said.
            turn: that it answers, or begins to answer; 0 for none.
            interruptible: whether the caller can cut it short.
        """
        key = str(uuid.uuid4())
        self._stopwatch.first_words(turn, time.monotonic())
        await self._say(text, key, turn, interruptible=interruptible)
        return key

    async def play(self, pcm: bytes) -> None:
        """Play something that is no speech, PCM16 at the rate of the call, to its end."""
        key = str(uuid.uuid4())
        self.utterances.begin(key, "", time.monotonic(), interruptible=False)
        await self._push(UtteranceFrame(key, ""))
        await self._push(OutputAudioRawFrame(pcm, self._playback.sample_rate, 1))
        await self._push(LLMFullResponseEndFrame())

    def drop(self) -> None:
        """Forget what was withheld: the caller has said more."""
        self.utterances.take_unsaid()

    async def say_unsaid(self) -> None:
        """Say again what a noise has interrupted."""
        for utterance_id, text in self.utterances.take_unsaid():
            await self._say(text, utterance_id, 0)

    @property
    def _withdrawn(self) -> bool:
        return self._turn_began != self._interruptions

    def _withhold(self, message_id: str, text: str) -> None:
        """Keep a message that came while the caller spoke, in case that was but a noise."""
        self.utterances.withhold(message_id, text)

    async def _say(
        self, text: str, message_id: str, turn: int, *, interruptible: bool = True
    ) -> None:
        if not text.strip():
            return
        await self._begin(message_id, text, turn, interruptible=interruptible)
        await self._push(LLMTextFrame(text))
        await self._end(message_id, text)

    async def _begin(
        self, utterance_id: str, text: str, turn: int, *, interruptible: bool = True
    ) -> None:
        self.utterances.begin(utterance_id, text, time.monotonic(), interruptible=interruptible)
        self._playback.ledger.forget(utterance_id)
        self._cut.pop(utterance_id, None)
        self._log.bot_says(utterance_id)
        await self._push(UtteranceFrame(utterance_id, text, turn))
        await self._push(LLMFullResponseStartFrame())

    async def _end(self, utterance_id: str, text: str) -> None:
        await self._push(LLMFullResponseEndFrame())
        said = {"role": "bot", "text": text, "id": utterance_id, "final": True}
        await self._push(CallEventFrame("transcript", said))
