"""Our own voice coming back: what the caller's side sends, compared with what we sent.

A line's echo is our audio again: later by the way there and back, softer, with the line's noise on
it. So the comparison is the highest normalised correlation over all plausible delays, both sides
with their high frequencies raised, for the low ones of any two voices look alike.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

RATE = 8000
"""Samples a second at which the two are compared."""
LONGEST_DELAY_SECS = 1.2
"""Longest way of an echo, in seconds: the line's own 0.5 and the network's, both ways."""
PRE_EMPHASIS = 0.95

KEPT_SECS = LONGEST_DELAY_SECS + 2.0

Samples = npt.NDArray[np.float64]


class Echo:
    """What one call has sent lately, by the time at which it is played; the clock is handed in.

    Args:
        sample_rate: of the audio sent, in Hz; a multiple of `RATE`.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._sent: deque[tuple[float, npt.NDArray[np.int16]]] = deque()

    def played(self, pcm: bytes, at: float, now: float) -> None:
        """Note that mono PCM16, handed over now, is played from a time on."""
        self._sent.append((at, _at_rate(pcm, self._rate).astype(np.int16)))
        while self._sent[0][0] < now - KEPT_SECS:
            self._sent.popleft()

    def cut(self, now: float) -> None:
        """Note that the client was told to drop what it has not played."""
        while self._sent and self._sent[-1][0] >= now:
            self._sent.pop()
        if self._sent:
            at, audio = self._sent[-1]
            self._sent[-1] = (at, audio[: round((now - at) * RATE)])

    def similarity(self, heard: bytes, sample_rate: int, now: float) -> float:
        """How much of what was heard is ours: 0 nothing, 1 all.

        Args:
            heard: mono PCM16 that ends now.
            sample_rate: of it, in Hz; a multiple of `RATE`.
            now: the time, in seconds.
        """
        window = _emphasised(_at_rate(heard, sample_rate))
        norm = float(np.sqrt(np.sum(np.square(window))))
        since = now - window.size / RATE - LONGEST_DELAY_SECS
        sent = self._between(since, round((now - since) * RATE))
        if norm == 0.0 or sent is None:
            return 0.0
        sent = _emphasised(sent)
        size = 1 << (sent.size + window.size).bit_length()
        product = np.fft.rfft(sent, size) * np.conj(np.fft.rfft(window, size))
        correlation = np.fft.irfft(product, size)[: sent.size - window.size + 1]
        power = np.concatenate([[0.0], np.cumsum(np.square(sent))])
        norms = np.sqrt(np.maximum(power[window.size :] - power[: -window.size], 1e-9))
        loud = norms > 0.005 * norms.max()
        return float(np.max(np.abs(correlation) / norms * loud, initial=0.0)) / norm

    def _between(self, since: float, samples: int) -> Samples | None:
        """What was played in that time, silence included; None when nothing was."""
        made = np.zeros(samples)
        for at, audio in self._sent:
            begin = round((at - since) * RATE)
            first, last = max(begin, 0), min(begin + audio.size, samples)
            if first < last:
                made[first:last] = audio[first - begin : last - begin]
        return made if made.any() else None


def _at_rate(pcm: bytes, sample_rate: int) -> Samples:
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    factor = sample_rate // RATE
    if factor < 2:
        return samples
    return np.asarray(samples[: samples.size // factor * factor].reshape(-1, factor).mean(axis=1))


def _emphasised(samples: Samples) -> Samples:
    return samples - PRE_EMPHASIS * np.concatenate([[0.0], samples[:-1]])
