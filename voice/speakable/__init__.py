"""Speakable text: what a message says on the telephone, sentence by sentence while it is written.

`Speakable(language)` takes tokens (`feed`) and gives `Sentence`s; `say` turns any text at once.
"""

from voice.speakable.spoken import LANGUAGES, Spoken, language_of, say
from voice.speakable.stream import Sentence, Speakable

__all__ = ["LANGUAGES", "Sentence", "Speakable", "Spoken", "language_of", "say"]
