"""Which language a caller speaks, as far as the words tell it."""

import re
from typing import Final, Literal

from graphs.eligibility.utterance import load_lexicon, words

_DEVANAGARI: Final = re.compile(r"[\u0904-\u0939\u0958-\u0961]")
_DATA: Final = load_lexicon("language")
_HINDI: Final = frozenset(_DATA["hi"])
_ENGLISH: Final = frozenset(_DATA["en"]) - _HINDI


def detect_language(text: str) -> Literal["en", "hi"] | None:
    """Tell English from Hindi in either script; None for names, numbers, "okay", even mixtures."""
    hindi = english = 0
    for word in words(text):
        if _DEVANAGARI.match(text, word.start) or word.text in _HINDI:
            hindi += 1
        elif word.text in _ENGLISH:
            english += 1
    if hindi == english:
        return None
    return "hi" if hindi > english else "en"
