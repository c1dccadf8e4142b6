"""What was handed to a client and may not have been played: kept, so that it can be said again."""

import numpy as np

LOOK_BACK_SECS = 0.6
"""How far before what was heard the pause between two words is looked for, in seconds."""
STEP_SECS = 0.01
PAUSE_STEPS = 3
"""Quiet steps in a row that make a pause."""
QUIET = 0.1
"""Level of a pause, as a share of the loudest step around it."""


class Tail:
    """The audio that ends at what is still to be handed over; mono PCM16.

    Positions are the ledger's: samples of what is said, in the order it is said.

    Args:
        sample_rate: samples a second.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._start = 0
        self._pcm = bytearray()

    @property
    def end(self) -> int:
        """The position behind the last sample kept."""
        return self._start + len(self._pcm) // 2

    def keep(self, pcm: bytes) -> None:
        """Add what is to be handed over next."""
        self._pcm += pcm

    def take(self, position: int, samples: int) -> bytes:
        """Return at most so many samples from a position on; they are kept."""
        at = 2 * (position - self._start)
        return bytes(self._pcm[at : at + 2 * samples]) if at >= 0 else b""

    def forget(self, heard: int) -> None:
        """Let go of what lies so far before a position that it is never said again."""
        surplus = heard - self._start - round(2 * LOOK_BACK_SECS * self._rate)
        if surplus > self._rate:  # a second at a time
            del self._pcm[: 2 * surplus]
            self._start += surplus

    def reset(self, position: int) -> None:
        """Drop everything; the next audio begins at a position."""
        self._start = position
        self._pcm.clear()

    def word_start(self, position: int) -> int:
        """Return where the word at a position begins: behind the last pause before it."""
        step = round(STEP_SECS * self._rate)
        first = max(self._start, position - round(LOOK_BACK_SECS * self._rate))
        count = (position - first) // step
        if count <= 0:
            return max(first, min(position, self.end))
        first = position - count * step
        around = np.frombuffer(self.take(first, count * step), np.int16).astype(np.float64)
        levels = np.sqrt(np.mean(np.square(around.reshape(-1, step)), axis=1))
        quiet = levels <= QUIET * levels.max()
        for last in range(count - 1, PAUSE_STEPS - 2, -1):
            if quiet[last - PAUSE_STEPS + 1 : last + 1].all():
                return first + last * step
        return first + int(np.argmin(levels)) * step
