"""Which language a caller speaks, as far as the words tell."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

from graphs.eligibility.language import detect_language

_DATA: Final[Any] = yaml.load(
    (Path(__file__).parent / "lexicon" / "languages.yaml").read_text(encoding="utf-8"),
    Loader=yaml.BaseLoader,  # noqa: S506 (no is a word here)
)
_WORDS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(listed) for language, listed in _DATA.items()
}
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
LEAST: Final = 2
"""So many words of a language must be there before it is told apart from English and Hindi."""


def language_of(text: str) -> str | None:
    """Return the language, ISO 639-1; None where the words do not tell.

    Hindi in Latin letters, and with English mixed in, is `hi` where Hindi words prevail.
    """
    said = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    counts = {language: sum(word in listed for word in said) for language, listed in _WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    ours = detect_language(text)
    told_apart = counts[best] >= LEAST and sorted(counts.values())[-2] < counts[best]
    return best if told_apart and (ours is None or counts[best] * 3 >= len(said)) else ours
