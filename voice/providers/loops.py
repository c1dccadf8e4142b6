"""What keeps Whisper from repeating itself, and what is done when it does.

On a long silence before the words, or none after them, the decoder loses its place and says them
again. So it is always given the same silence around the words; and words that come more often than
there was time to say them are taken once.
"""

import re

import numpy as np
import numpy.typing as npt

LEAD_SECS = 0.1
"""Silence before the words that the model is given, in seconds."""
TAIL_SECS = 0.3
"""Silence after the words that the model is given, in seconds."""
FRAME_SECS = 0.02
"""Stretch over which the level is taken, in seconds."""
QUIET = 0.03
"""Level of silence, as a part of the loudest frame's."""
CHARACTERS_A_SECOND = 15
"""Letters a caller says in a second without haste; spaces and stops take no time."""
CHARACTERS_A_DIGIT = 4
"""Letters in the spoken name of a digit."""

Audio = npt.NDArray[np.float32]


def framed(audio: Audio, rate: int) -> Audio:
    """Return the sound in mono audio with `LEAD_SECS` before it and `TAIL_SECS` after it.

    More silence is cut, less is filled up. A steady noise as loud as the words' softest parts
    counts as sound, so then nothing is cut. Without any sound the audio is returned as it is.
    """
    size = int(FRAME_SECS * rate)
    frames = np.pad(audio, (0, -len(audio) % size)).reshape(-1, size)
    levels = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = np.flatnonzero(levels > QUIET * levels.max(initial=0.0))
    if not loud.size:
        return audio
    begin = int(loud[0]) * size - int(LEAD_SECS * rate)
    end = int(loud[-1] + 1) * size + int(TAIL_SECS * rate)
    missing = (max(0, -begin), max(0, end - len(audio)))
    return np.pad(audio[max(0, begin) : end], missing)


def without_loop(text: str, seconds: float) -> str:
    """Return a text with a phrase that follows itself said once, if there was no time for more.

    What a caller really said twice took twice the time, and stays.

    Args:
        text: what the model made of the audio.
        seconds: length of the sound, without the silence around it.
    """
    pieces = re.findall(r"\S+", text)
    words = [re.sub(r"\W", "", piece).lower() for piece in pieces]
    if size := _broken_off(words):
        pieces, words = pieces[:-size], words[:-size]
    text = " ".join(pieces)
    if _seconds_to_say(text) <= seconds:
        return text
    for start in range(len(words)):
        for size in range(1, (len(words) - start) // 2 + 1):
            phrase = words[start : start + size]
            end = start + size
            while words[end : end + size] == phrase:
                end += size
            if end == start + size:
                continue
            if "".join(phrase).startswith("".join(words[end:])):  # it was cut off in mid-phrase
                end = len(words)
            once = " ".join([*pieces[: start + size], *pieces[end:]])
            return without_loop(once.rstrip(","), seconds)
    return text


def _broken_off(words: list[str]) -> int:
    """Return how many words at the end say the words before them again and stop within one.

    Nobody stops within a word: the model had no more room.
    """
    for size in range(len(words) // 2, 1, -1):
        for length in range(size, len(words) - size + 1):
            before, again = words[-size - length : -size], words[-size:]
            whole, cut = before[size - 1], again[-1]
            if before[: size - 1] == again[:-1] and whole != cut and whole.startswith(cut):
                return size
    return 0


def _seconds_to_say(text: str) -> float:
    letters, digits = len(re.findall(r"[^\W\d]", text)), len(re.findall(r"\d", text))
    return (letters + digits * CHARACTERS_A_DIGIT) / CHARACTERS_A_SECOND
