"""Keypad tones as audio: what `SendDigits` plays, at the level and pace of ITU-T Q.23 and Q.24."""

from typing import Final

import numpy as np

LOW: Final = (697, 770, 852, 941)
HIGH: Final = (1209, 1336, 1477, 1633)
KEYS: Final = ("123A", "456B", "789C", "*0#D")
"""Rows by the low, columns by the high frequency, in Hz."""
LOW_LEVEL, HIGH_LEVEL = 0.28, 0.35
"""Amplitudes, of full scale: -8 and -6 dBm0 on a mu-law line, 2 dB more for the high tone."""
TONE_SECS, GAP_SECS, WAIT_SECS = 0.1, 0.1, 0.5
"""Length of a key, of the silence behind it, and of a `w`."""
LEAD_SECS: Final = 0.05
BLOCK_SECS: Final = 0.04
"""The length is a multiple of this, so that nothing of it waits for more audio."""


def frequencies(key: str) -> tuple[int, int]:
    """Return the two frequencies of a key, in Hz.

    Raises:
        ValueError: there is no such key.
    """
    for low, row in zip(LOW, KEYS, strict=True):
        if key in row:
            return low, HIGH[row.index(key)]
    raise ValueError(f"{key!r} is not on a keypad; expected 0 to 9, A to D, * or #.")


def tones(digits: str, sample_rate: int) -> bytes:
    """Return the tones of keys as mono PCM16.

    Args:
        digits: keys in their order; `w` waits half a second.
        sample_rate: samples a second.

    Raises:
        ValueError: a character is not on a keypad.
    """
    parts = [np.zeros(round(LEAD_SECS * sample_rate))]
    for key in digits:
        if key == "w":
            parts.append(np.zeros(round(WAIT_SECS * sample_rate)))
            continue
        low, high = frequencies(key)
        moments = np.arange(round(TONE_SECS * sample_rate)) / sample_rate
        wave = LOW_LEVEL * np.sin(2 * np.pi * low * moments)
        wave += HIGH_LEVEL * np.sin(2 * np.pi * high * moments)
        parts += [wave, np.zeros(round(GAP_SECS * sample_rate))]
    samples = np.concatenate(parts)
    block = round(BLOCK_SECS * sample_rate)
    padded = np.pad(samples, (0, -len(samples) % block))
    return (padded * 32767).astype("<i2").tobytes()
