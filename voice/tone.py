"""Finds the tone after which an answering machine records; pure."""

import numpy as np
import numpy.typing as npt

WINDOW_SECS = 0.04
LOWEST_HZ, HIGHEST_HZ = 430.0, 2020.0
"""Tones of answering machines, with a little room; ring tones of one frequency are lower."""
PURE = 0.9
"""Share of the power that is within 50 Hz of the strongest frequency."""
STEADY_HZ = 30.0
LOUD = 0.005
"""Least amplitude, of full scale: -46 dB."""
SHORTEST_SECS = 0.2
"""Shorter ones are keys, or chance."""


class Tone:
    """Listens to one line.

    Args:
        sample_rate: samples a second of what it is given.
    """

    def __init__(self, sample_rate: int) -> None:
        self._size = round(WINDOW_SECS * sample_rate)
        self._window = np.hanning(self._size)
        self._hertz = np.fft.rfftfreq(self._size, 1 / sample_rate)
        self._rest = np.zeros(0, np.int16)
        self._at_hz: float | None = None
        self._lasted = 0.0

    def ended(self, pcm: bytes) -> bool:
        """Take the next audio, PCM16; returns whether a tone has ended in it."""
        samples = np.concatenate([self._rest, np.frombuffer(pcm, np.int16)])
        whole = len(samples) // self._size * self._size
        self._rest = samples[whole:]
        ends = [self._take(part) for part in samples[:whole].reshape(-1, self._size)]
        return any(ends)

    def _take(self, samples: npt.NDArray[np.int16]) -> bool:
        hertz = self._pitch(samples)
        if hertz is not None and (self._at_hz is None or abs(hertz - self._at_hz) <= STEADY_HZ):
            self._at_hz = hertz if self._at_hz is None else self._at_hz
            self._lasted += WINDOW_SECS
            return False
        ended = hertz is None and self._lasted >= SHORTEST_SECS - WINDOW_SECS / 2
        self._at_hz, self._lasted = hertz, WINDOW_SECS if hertz is not None else 0.0
        return ended

    def _pitch(self, samples: npt.NDArray[np.int16]) -> float | None:
        """Return the frequency of a window that is a pure tone, in Hz; None for any other."""
        wave = samples / 32768
        if np.sqrt(np.mean(np.square(wave))) < LOUD:
            return None
        power = np.square(np.abs(np.fft.rfft(wave * self._window)))
        strongest = int(power.argmax())
        near = power[max(0, strongest - 2) : strongest + 3].sum()
        hertz = float(self._hertz[strongest])
        pure = near >= PURE * power.sum()
        return hertz if pure and LOWEST_HZ <= hertz <= HIGHEST_HZ else None
