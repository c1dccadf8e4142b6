"""Carries out what a message of the graph announces, once that message was heard.

Whatever is withdrawn or was not heard to its end is not done. A browser shows transfers and keys
instead of doing them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pipecat.frames.frames import Frame, STTUpdateSettingsFrame, TTSUpdateSettingsFrame

from faults import places
from graphs.call_actions import CallAction, HangUp, SendDigits, SpeakAs, Transfer
from graphs.events import Expectation
from settings import Settings
from store.calls import Call
from store.transfers import TransferRecord
from voice.dtmf import tones
from voice.providers import STT, TTS
from voice.speech import Speech
from voice.transferring import Transferring

log = logging.getLogger(__name__)

FOLLOW_AGAIN_SECS = (0.5, 2.0, 5.0, 10.0, 20.0)
"""Waits after each look at a transfer that failed, in seconds."""


class Actions:
    """What a call can be made to do.

    Args:
        call: the record of the call.
        settings: providers.
        sample_rate: samples a second of what is said.
        speech: says, and plays, what is to be heard.
        push: sends a frame towards text to speech.
        push_back: sends a frame towards speech to text.
        publish: tells the page.
        finish: ends the call with a reason when all was played.
        failed: tells the graph that a transfer has failed.
        transferring: connects with people; None where that cannot be.
    """

    def __init__(
        self,
        call: Call,
        settings: Settings,
        sample_rate: int,
        speech: Speech,
        push: Callable[[Frame], Awaitable[None]],
        push_back: Callable[[Frame], Awaitable[None]],
        publish: Callable[..., Awaitable[None]],
        finish: Callable[[str], None],
        failed: Callable[[TransferRecord | None], Awaitable[None]],
        transferring: Transferring | None,
    ) -> None:
        self.language: str | None = None
        """In which the bot speaks now; None until it was told."""
        self._call = call
        self._settings = settings
        self._sample_rate = sample_rate
        self._speech = speech
        self._push = push
        self._push_back = push_back
        self._publish = publish
        self._finish = finish
        self._failed = failed
        self._transferring = transferring
        self._following: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> bool:
        """Whether a person is being rung while the caller stays."""
        return self._following is not None and not self._following.done()

    async def carry_out(self, message_id: str, do: CallAction) -> None:
        """Do what a message has announced that was heard."""
        await self._publish("action", action=do.model_dump(mode="json"), id=message_id)
        match do:
            case HangUp():
                self._finish("done")
            case SpeakAs():
                await self.speak_as(do)
            case SendDigits(digits=digits) if self._call.direction != "browser":
                await self._speech.play(tones(digits, self._sample_rate))
            case Transfer() if self._call.direction != "browser":
                await self._transfer(message_id, do)

    async def speak_as(self, do: SpeakAs) -> None:
        """Speak with another voice, or in another language, from now on."""
        voice = TTS[self._settings.tts].speak_as(do.voice, do.language)
        if voice is not None:
            await self._push(TTSUpdateSettingsFrame(delta=voice))
        if do.language:
            self.language = do.language
            listening = STT[self._settings.stt].listen_for(Expectation(language=do.language))
            if listening is not None:
                await self._push_back(STTUpdateSettingsFrame(delta=listening))

    async def _transfer(self, message_id: str, do: Transfer) -> None:
        if self._transferring is None:
            return await self._failed(None)
        language = self.language or "en"
        transfer = await self._transferring.begin(self._call, message_id, do, language)
        if transfer is None:  # this message has done it before
            return None
        if transfer.state == "asked":
            return self._finish("transfer")
        self._following = asyncio.create_task(self._follow(transfer.id), name="transfer")
        return None

    async def _follow(self, transfer_id: str) -> None:
        """Wait for what the person says who is rung."""
        assert self._transferring  # noqa: S101 - there is one that has begun
        for wait in FOLLOW_AGAIN_SECS:
            try:
                transfer = await self._transferring.outcome(transfer_id)
                if transfer.state != "failed":
                    return self._finish("transfer")
                told = await self._transferring.failure(self._call.sid)
                break
            except Exception as error:  # the record is away: the person may accept meanwhile
                log.error("A transfer could not be followed: %s", places(error))
                await asyncio.sleep(wait)
        else:
            return await self._failed(None)
        if told:
            await self._failed(told)
        return None

    async def settle(self, reason: str) -> None:
        """Let go of what is under way when the stream has ended for a reason."""
        if self._following:
            self._following.cancel()
            await asyncio.wait({self._following})
        if self._transferring and reason in ("hangup", "shutdown", "cancelled", "failed"):
            await self._transferring.withdraw(self._call.sid)
