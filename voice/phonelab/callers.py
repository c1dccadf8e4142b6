"""Who is at the other end of the line: a caller who follows a script, one who types, one silent."""

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from voice.phonelab import mulaw
from voice.phonelab.handset import Handset, check_keys
from voice.phonelab.line import Waited
from voice.phonelab.voices import EmbeddedVoice, Voice

SETTLE_SECS = 0.7
"""Silence after which the bot has finished, in seconds."""
PATIENCE_SECS = 20.0
"""Longest wait for the bot to say something, in seconds."""


class Caller(Protocol):
    """A person on the phone. When `talk` returns, the person hangs up."""

    async def prepare(self) -> None:
        """Do what takes time, such as making speech, before the phone rings."""
        ...

    async def talk(self, phone: Handset) -> None:
        """Lead the call; cancelled when the other side hangs up."""
        ...


class BotSilent(Exception):
    """The bot said nothing when it was its turn."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say a text once the bot has finished."""

    text: str


@dataclass(frozen=True, slots=True)
class PlayWav:
    """Play a recorded utterance once the bot has finished; 16-bit PCM of any rate."""

    file: Path


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys once the bot has finished: 0 to 9, *, #, and w for half a second."""

    digits: str
    at_once: bool = False
    """Do not wait until the bot has finished."""

    def __post_init__(self) -> None:
        """Refuse what is not on a keypad."""
        check_keys(self.digits)


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Say a text while the bot speaks, after it was heard for some seconds."""

    text: str
    after_secs: float = 1.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for some seconds, whatever the bot does."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Listen:
    """Let the bot say one thing more without an answer: silence is the answer."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Hang up while the bot speaks, after it was heard for some seconds; at once by default."""

    after_secs: float = 0.0


Step = Say | PlayWav | Press | Interrupt | Pause | Listen | HangUp


class SilentCaller:
    """Answers and says nothing until the other side hangs up or `patience_secs` are over."""

    def __init__(self, patience_secs: float = 600.0) -> None:
        self._patience_secs = patience_secs

    async def prepare(self) -> None:
        """Nothing to do."""

    async def talk(self, phone: Handset) -> None:
        """Listen."""
        await phone.pause(self._patience_secs)


class ScriptedCaller:
    """Goes through steps, politely: speaks when the bot has finished.

    Args:
        steps: what to do; a text is something to say.
        voice: what the caller sounds like.
        settle_secs: silence after which the bot has finished.
        patience_secs: longest wait for the bot to say something.
    """

    def __init__(
        self,
        steps: Sequence[Step | str],
        *,
        voice: Voice | None = None,
        settle_secs: float = SETTLE_SECS,
        patience_secs: float = PATIENCE_SECS,
    ) -> None:
        self.remaining = [Say(step) if isinstance(step, str) else step for step in steps]
        """Steps not yet done."""
        self.failure: str | None = None
        """Why the script could not go on, for a person to read."""
        self._audio: dict[Step, bytes] = {}
        self._voice = voice or EmbeddedVoice()
        self._settle_secs = settle_secs
        self._patience_secs = patience_secs

    async def prepare(self) -> None:
        """Make the speech of every step.

        Raises:
            ValueError: a recording is not 16-bit PCM WAV.
            OSError: a recording cannot be read.
        """
        for step in self.remaining:
            if isinstance(step, Say | Interrupt):
                self._audio[step] = await self._voice.speak(step.text)
            elif isinstance(step, PlayWav):
                self._audio[step] = await asyncio.to_thread(mulaw.read_wav, step.file)

    async def talk(self, phone: Handset) -> None:
        """Follow the script, then stay until the bot hangs up or has no more to say."""
        try:
            while self.remaining:
                step = self.remaining[0]
                await self._do(step, phone)
                self.remaining.pop(0)
                if isinstance(step, HangUp):
                    return
            await self._stay(phone)
        except BotSilent as silent:
            self.failure = str(silent)

    async def _do(self, step: Step, phone: Handset) -> None:
        match step:
            case Say(text):
                await self._bots_turn(phone, f"before {text!r}")
                await phone.say(text, self._audio[step])
            case PlayWav(file):
                await self._bots_turn(phone, f"before {file.name}")
                await phone.say(f"[{file.name}]", self._audio[step])
            case Press(digits, at_once):
                if not at_once:
                    await self._bots_turn(phone, f"before the keys {digits}")
                await phone.press(digits)
            case Interrupt(text, after_secs):
                await self._speaking(phone, after_secs)
                await phone.say(text, self._audio[step])
            case Pause(seconds):
                await phone.pause(seconds)
            case Listen():
                await self._bots_turn(phone, "while the caller listens")
                phone.my_turn_is_over()
            case HangUp(after_secs):
                if after_secs:
                    await self._speaking(phone, after_secs)

    async def _bots_turn(self, phone: Handset, when: str) -> None:
        try:
            await phone.bot_finished(self._settle_secs, self._patience_secs)
        except Waited as error:
            raise BotSilent(f"The bot said nothing {when}: {error}") from error

    async def _speaking(self, phone: Handset, seconds: float) -> None:
        try:
            await phone.bot_spoke_for(seconds, self._patience_secs)
        except Waited as error:
            raise BotSilent(f"The bot could not be interrupted: {error}") from error

    async def _stay(self, phone: Handset) -> None:
        try:
            while True:
                await phone.bot_finished(self._patience_secs, 2 * self._patience_secs)
                return
        except Waited:
            return


class TypedCaller:
    """Says what is typed, line by line; `/keys 12#` presses keys, `/bye` hangs up.

    Args:
        lines: where lines are read from, in a thread of its own.
        voice: what the caller sounds like.
        polite: wait until the bot has finished before each line; else speak at once, which
            interrupts it. For lines that come from a file.
    """

    def __init__(
        self, lines: Iterable[str], *, voice: Voice | None = None, polite: bool = False
    ) -> None:
        self._lines = lines
        self._voice = voice or EmbeddedVoice()
        self._polite = polite

    async def prepare(self) -> None:
        """Load the voice."""
        await self._voice.speak("Hello.")

    async def talk(self, phone: Handset) -> None:
        """Say each line; hang up at `/bye`, or after the bot's answer to the last line."""
        typed = self._read()
        while (line := await typed.get()) is not None:
            if line.strip() == "/bye":
                return
            await self._do(line.strip(), phone)
        with contextlib.suppress(Waited):
            await phone.bot_finished(SETTLE_SECS, PATIENCE_SECS)

    async def _do(self, line: str, phone: Handset) -> None:
        if line and self._polite:
            with contextlib.suppress(Waited):
                await phone.bot_finished(SETTLE_SECS, PATIENCE_SECS)
        if line.startswith("/keys "):
            try:
                await phone.press(line.removeprefix("/keys ").strip())
            except ValueError as error:
                phone.remark(str(error))
        elif line.startswith("/"):
            phone.remark(f"{line.split()[0]} is not known here; use /keys 12# or /bye.")
        elif line:
            await phone.say(line, await self._voice.speak(line))

    def _read(self) -> "asyncio.Queue[str | None]":
        """Read in a daemon thread: a blocked read must not keep the process alive."""
        loop = asyncio.get_running_loop()
        typed: asyncio.Queue[str | None] = asyncio.Queue()

        def read() -> None:
            for line in self._lines:
                loop.call_soon_threadsafe(typed.put_nowait, line)
            loop.call_soon_threadsafe(typed.put_nowait, None)

        threading.Thread(target=read, name="typed-caller", daemon=True).start()
        return typed
