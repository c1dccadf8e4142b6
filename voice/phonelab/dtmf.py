"""Reads keypad tones out of the sound of a line, as a machine at its end would."""

import numpy as np

from voice.dtmf import HIGH, LOW, frequencies
from voice.phonelab import mulaw

WINDOW = mulaw.FRAME
"""Samples looked at together: 20 ms."""
FAINTEST = 0.03
"""Least amplitude of each of the two tones, of full scale: -25 dBm0, as ITU-T Q.24 has it."""
PURE = 0.7
"""Least share of the power that is in the two tones."""
TWIST_DB = 8.0
"""Most that one may be louder than the other."""
SHORTEST = 2
"""Windows, 40 ms, that a key lasts at least."""


def keys_in(audio: bytes) -> str:
    """Return the keys whose tones are in mu-law audio at 8 kHz, in their order."""
    found, last, lasted = "", "", 0
    samples = mulaw.decode(audio).astype(np.float64) / 32768
    for window in samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW):
        key = _key_of(window)
        lasted = lasted + 1 if key == last else 1
        last = key
        if key and lasted == SHORTEST:
            found += key
    return found


def _key_of(window: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    power = float(np.mean(window**2))
    if power < FAINTEST**2:
        return ""
    low, high = _strongest(window, LOW), _strongest(window, HIGH)
    in_tones = (low[0] ** 2 + high[0] ** 2) / 2
    if min(low[0], high[0]) < FAINTEST or in_tones < PURE * power:
        return ""
    if abs(20 * np.log10(low[0] / high[0])) > TWIST_DB:
        return ""
    return next(key for key in "0123456789ABCD*#" if frequencies(key) == (low[1], high[1]))


def _strongest(
    window: np.ndarray[tuple[int], np.dtype[np.float64]], among: tuple[int, ...]
) -> tuple[float, int]:
    """Return amplitude and frequency of the strongest of some tones (Goertzel's measure)."""
    moments = np.arange(len(window)) / mulaw.RATE
    measured = [
        (2 * abs(np.mean(window * np.exp(-2j * np.pi * hertz * moments))), hertz) for hertz in among
    ]
    amplitude, hertz = max(measured)
    return float(amplitude), hertz
