"""Our own voice coming back: what the caller's side sends, compared with what we sent.

A line's echo is our audio again: later by the way there and back, softer, with the line's noise on
it. So the comparison is the highest normalised correlation over all plausible delays, both sides
with their high frequencies raised, for the low ones of any two voices look alike.
"""

import math
from collections import deque

import numpy as np
import numpy.typing as npt

RATE = 8000
"""Samples a second at which the two are compared."""
LONGEST_DELAY_SECS = 1.2
"""Longest way of an echo, in seconds: the line's own 0.5 and the network's, both ways."""
PRE_EMPHASIS = 0.95
PIECES = 2
"""What is heard is compared in so many pieces, each with a delay of its own: where the client ran
dry there is a gap in the echo that was none in what we sent."""

SURE = 0.4
"""Similarity, at any delay, from which on it is an echo; another voice rarely reaches 0.35."""
NEAR = round(0.15 * RATE)
"""How far the delay of a line's echo moves as the client runs dry, in samples."""
SURE_NEAR = 0.3
"""The same within that of the delay at which the line's echo was recognised before: where fewer
delays are tried, another voice reaches less, and an echo that a room has blurred is enough."""
WAITED_SECS = 4.0
"""Longest time that what was heard waits on a busy machine before it is compared, in seconds."""
KEPT_SECS = LONGEST_DELAY_SECS + WAITED_SECS

Samples = npt.NDArray[np.float64]


class Echo:
    """What one call has sent lately, by the time at which it is played; the clock is handed in.

    Args:
        sample_rate: of the audio sent, in Hz; a multiple of `RATE`.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._sent: deque[tuple[float, npt.NDArray[np.int16]]] = deque()
        self._delay: int | None = None
        """How late the line's echo was last, in samples; None before there was one."""

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

    def similarity(self, heard: bytes, sample_rate: int, until: float) -> float:
        """How much of what was heard is ours: 0 nothing, from `SURE` on it is an echo, 1 all.

        Args:
            heard: mono PCM16.
            sample_rate: of it, in Hz; a multiple of `RATE`.
            until: when it ended, in seconds, at most `WAITED_SECS` ago.
        """
        window = _emphasised(_at_rate(heard, sample_rate))
        power = float(np.sum(np.square(window)))
        since = until - window.size / RATE - LONGEST_DELAY_SECS
        sent = self._between(since, round((until - since) * RATE))
        if power == 0.0 or sent is None:
            return 0.0
        sent = _emphasised(sent)
        pieces = np.array_split(window, PIECES)
        explained = [_explained(sent, piece) for piece in pieces]
        # where each piece begins if it is not late
        prompt = sent.size - window.size + np.cumsum([0, *(piece.size for piece in pieces[:-1])])
        near = 0.0
        if self._delay is not None:
            likely = np.maximum(prompt - self._delay, 0)
            around = [slice(max(0, at - NEAR), at + NEAR) for at in likely]
            near = _share([powers[at] for powers, at in zip(explained, around, strict=True)], power)
        anywhere = _share(explained, power)
        if anywhere >= SURE:
            clearest = max(range(PIECES), key=lambda number: float(explained[number].max()))
            self._delay = int(prompt[clearest] - explained[clearest].argmax())
        return min(1.0, max(anywhere, near * SURE / SURE_NEAR))

    def _between(self, since: float, samples: int) -> Samples | None:
        """What was played in that time, silence included; None when nothing was."""
        made = np.zeros(samples)
        for at, audio in self._sent:
            begin = round((at - since) * RATE)
            first, last = max(begin, 0), min(begin + audio.size, samples)
            if first < last:
                made[first:last] = audio[first - begin : last - begin]
        return made if made.any() else None


def _explained(sent: Samples, piece: Samples) -> Samples:
    """How much of the power of a piece is what was sent, for each place where it may begin."""
    size = 1 << (sent.size + piece.size).bit_length()
    product = np.fft.rfft(sent, size) * np.conj(np.fft.rfft(piece, size))
    correlation = np.fft.irfft(product, size)[: sent.size - piece.size + 1]
    total = np.concatenate([[0.0], np.cumsum(np.square(sent))])
    powers = np.maximum(total[piece.size :] - total[: -piece.size], 1e-9)
    loud = powers > 0.005**2 * powers.max()
    return np.asarray(np.square(correlation) / powers * loud)


def _share(explained: list[Samples], power: float) -> float:
    """The share of a sound that is explained where most of it is, as an amplitude."""
    return math.sqrt(sum(float(powers.max(initial=0.0)) for powers in explained) / power)


def _at_rate(pcm: bytes, sample_rate: int) -> Samples:
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    factor = sample_rate // RATE
    if factor < 2:
        return samples
    return np.asarray(samples[: samples.size // factor * factor].reshape(-1, factor).mean(axis=1))


def _emphasised(samples: Samples) -> Samples:
    return samples - PRE_EMPHASIS * np.concatenate([[0.0], samples[:-1]])
