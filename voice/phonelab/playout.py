"""The play-out buffer: audio waiting to be heard, and the marks set in it. Pure data, no time."""

from collections import deque
from typing import Generic, NamedTuple, TypeVar

Mark = TypeVar("Mark")


class Played(NamedTuple, Generic[Mark]):
    """One frame that begins to be heard."""

    audio: bytes
    """At most the size asked for; less when there was no more."""
    marks: list[Mark]
    """Marks whose audio has been heard whole by now, oldest first."""


class PlayoutBuffer(Generic[Mark]):
    """Audio in the order it came, taken frame by frame, with marks between its bytes.

    A mark is given back exactly once and in order: when the frame with the last byte before it
    has been heard, that is when the next frame is taken; or at once when the buffer is cleared.
    Bytes put in are bytes taken, cleared or pending, never anything else.
    """

    def __init__(self) -> None:
        self._audio: deque[bytes] = deque()
        self._offset = 0
        self._marks: deque[tuple[int, Mark]] = deque()
        self._heard = 0
        self.taken = 0
        """Bytes handed out to be heard."""
        self.cleared = 0
        """Bytes dropped by `clear`."""
        self.pending = 0
        """Bytes that wait."""

    def put(self, audio: bytes) -> None:
        """Add audio at the end."""
        if audio:
            self._audio.append(audio)
            self.pending += len(audio)

    def mark(self, name: Mark) -> list[Mark]:
        """Set a mark at the end; returns it at once when all before it has been heard already."""
        self._marks.append((self.taken + self.pending, name))
        return self._due()

    def take(self, size: int) -> Played[Mark]:
        """Take the next frame: the one before it has been heard, so its marks are due."""
        self._heard = self.taken
        due = self._due()
        parts: list[bytes] = []
        while size and self._audio:
            part = self._audio[0][self._offset : self._offset + size]
            parts.append(part)
            size -= len(part)
            self._offset += len(part)
            self.taken += len(part)
            self.pending -= len(part)
            if self._offset == len(self._audio[0]):
                self._audio.popleft()
                self._offset = 0
        return Played(b"".join(parts), due)

    def clear(self) -> list[Mark]:
        """Drop what waits and return every outstanding mark, oldest first."""
        self._audio.clear()
        self.cleared += self.pending
        self.pending = self._offset = 0
        due = [name for _, name in self._marks]
        self._marks.clear()
        return due

    def waiting(self) -> bytes:
        """Return the audio that waits."""
        return b"".join(self._audio)[self._offset :]

    def _due(self) -> list[Mark]:
        due: list[Mark] = []
        while self._marks and self._marks[0][0] <= self._heard:
            due.append(self._marks.popleft()[1])
        return due
