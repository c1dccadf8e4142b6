"""Which language a caller speaks, as far as the words tell."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from graphs.eligibility.language import detect_language
from graphs.eligibility.utterance import load_lexicon
from tools.data_files import read_words

_DATA: Final[Any] = read_words(Path(__file__).parent / "lexicon" / "languages.yaml")
_SIGNS: Final[dict[str, list[tuple[re.Pattern[str], float]]]] = {
    language: [(re.compile(sign), float(weight)) for sign, weight in signs.items()]
    for language, signs in _DATA["signs"].items()
}
_WORDS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(listed) for language, listed in _DATA.items() if language != "signs"
}
_ENGLISH: Final = _WORDS["en"] | frozenset(load_lexicon("language")["en"])
_WORD: Final = re.compile(r"[¿¡]?[^\W\d_]+(?:['’-][^\W\d_]+)*")
ENOUGH: Final = 2.0
"""Words and signs of a language that tell it apart from English and Hindi."""
_NOUNS_IN_CAPITALS: Final = "de"
_SHARE: Final = 0.5
"""Share of the words that tells it too, where nothing speaks for another language."""


def language_of(text: str) -> str | None:
    """Return the language, ISO 639-1; None where the words do not tell.

    Hindi in Latin letters, and with English mixed in, is `hi` where Hindi words prevail.
    """
    said = [word.replace("’", "'") for word in _WORD.findall(text)]
    counts = {language: _count(said, language) for language in _SIGNS}
    best = max(counts, key=lambda language: counts[language])
    most, ours = counts[best], detect_language(text)
    english = sum(word.lower().replace("'", "") in _ENGLISH for word in said)
    if sorted(counts.values())[-2] >= most or english >= most:
        return ours
    alone = not english and ours is None
    if most >= ENOUGH and (alone or most * 3 >= len(said)):
        return best
    return best if alone and len(said) > 1 and most >= _SHARE * len(said) else ours


def _count(said: Sequence[str], language: str) -> float:
    """Count the words of a language and what else tells it; "Las Vegas" and "El Paso" are names."""
    count = 0.0
    capitals = [*(word.lstrip("¿¡")[0].isupper() for word in said), False]
    for at, word in enumerate(said):
        if capitals[at] and capitals[at + 1] and language != _NOUNS_IN_CAPITALS:
            continue
        low = word.lower().lstrip("¿¡")
        count += low in _WORDS[language]
        if at == 0 or not word[0].isupper():
            count += sum(much for sign, much in _SIGNS[language] if sign.search(word.lower()))
    return count
