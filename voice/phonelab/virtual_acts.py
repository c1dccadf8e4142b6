"""What a scripted caller does at fixed times; seconds since the call was answered."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from voice.phonelab.handset import KEY_SECS, check_keys
from voice.phonelab.line import Line
from voice.phonelab.virtual_socket import MemorySocket
from voice.phonelab.virtual_speech import noise, spell


class Act(Protocol):
    """Something that happens on a line at a time."""

    @property
    def at(self) -> float:
        """When, in seconds since the answer."""
        ...

    def do(self, line: Line, socket: MemorySocket) -> None:
        """Do it; what takes time goes on by itself."""
        ...


@dataclass(frozen=True, slots=True)
class Says:
    """The caller says a text; `...` at its end leaves the turn open."""

    at: float
    text: str
    seconds: float | None = None
    """How long it takes; by its letters when missing."""

    def do(self, line: Line, socket: MemorySocket) -> None:
        """Begin to speak, or go on after what is being said."""
        line.speech.put(spell(self.text, self.seconds))


@dataclass(frozen=True, slots=True)
class Coughs:
    """The caller makes a sound without words."""

    at: float
    seconds: float = 0.3

    def do(self, line: Line, socket: MemorySocket) -> None:
        """Begin the sound."""
        line.speech.put(noise(self.seconds))


@dataclass(frozen=True, slots=True)
class Presses:
    """The caller presses keys, a quarter of a second apart."""

    at: float
    keys: str

    def __post_init__(self) -> None:
        """Refuse what is not on a keypad."""
        check_keys(self.keys)

    def do(self, line: Line, socket: MemorySocket) -> None:
        """Press the first key, and the others after it."""
        for number, key in enumerate(self.keys):
            asyncio.get_running_loop().call_later(number * KEY_SECS, line.press, key)


@dataclass(frozen=True, slots=True)
class Drops:
    """The media stream breaks; the carrier asks the server what to do next."""

    at: float

    def do(self, line: Line, socket: MemorySocket) -> None:
        """Break it."""
        socket.abort()


@dataclass(frozen=True, slots=True)
class HangsUp:
    """The caller hangs up."""

    at: float

    def do(self, line: Line, socket: MemorySocket) -> None:
        """Nothing: it ends the call."""


@dataclass(frozen=True, slots=True)
class Dies:
    """The server is killed: what it has not yet given to the disk is lost."""

    at: float

    def do(self, line: Line, socket: MemorySocket) -> None:
        """Nothing: it ends the call."""
