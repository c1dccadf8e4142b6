"""An answering machine at the other end of the line."""

from voice.phonelab.handset import Handset
from voice.phonelab.interpreter import BEEP
from voice.phonelab.voices import EmbeddedVoice, Voice

RECORDS_SECS = 60.0
"""Longest message it takes, in seconds."""


class AnsweringMachine:
    """Says its greeting at once, gives a tone, and records until the other side hangs up.

    Args:
        greeting: what it says.
        tone: whether it gives one.
        voice: what it sounds like.
    """

    def __init__(self, greeting: str, *, tone: bool = True, voice: Voice | None = None) -> None:
        self._greeting = greeting
        self._tone = tone
        self._voice = voice or EmbeddedVoice()
        self._audio = b""

    async def prepare(self) -> None:
        """Make the greeting."""
        self._audio = await self._voice.speak(self._greeting)

    async def talk(self, phone: Handset) -> None:
        """Play the greeting and record."""
        await phone.say(self._greeting, self._audio)
        if self._tone:
            await phone.pause(0.5)
            await phone.say("[tone]", BEEP)
        await phone.pause(RECORDS_SECS)
