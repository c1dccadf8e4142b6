"""What is said of a piece of a message, and where in it each word came from."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from voice.speakable.english import English
from voice.speakable.hindi import Hindi
from voice.speakable.language import Language
from voice.speakable.markup import unmarked
from voice.speakable.reading import read
from voice.speakable.structured import is_structured

LANGUAGES: Final[dict[str, Language]] = {"en": English(), "hi": Hindi()}
WRAPPED: Final = 60
"""A line of at least so many characters may have been broken for its length alone."""

_ENDS = ".!?…।॥,;:"
_CLOSING = "\"'”’)]"
_WORD = re.compile(r"\s+|\S+")
_DEVANAGARI = re.compile(r"[\u0904-\u0939\u0958-\u0961]")
_LATIN = re.compile(r"[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What goes to text to speech for a written text.

    Args:
        text: the words that are said; empty when nothing is.
        anchors: for some positions in `text`, rising, how much of what was written is then said:
            characters said, characters written.
    """

    text: str
    anchors: tuple[tuple[int, int], ...] = ()

    def written(self, said: int) -> int:
        """Return how many characters of the written text were certainly said with the first `said`.

        Whole words, and of what is said in words of its own (a sum, a table) all or nothing.
        """
        at = bisect_right(self.anchors, said, key=lambda anchor: anchor[0])
        return self.anchors[at - 1][1] if at else 0


def language_of(text: str, otherwise: str = "en") -> str:
    """Return the language whose letters a text has most of: `hi` for Devanagari, else `en`."""
    hindi, english = len(_DEVANAGARI.findall(text)), len(_LATIN.findall(text))
    return otherwise if hindi == english == 0 else "hi" if hindi * 2 > english else "en"


@lru_cache(maxsize=1024)
def say(text: str, language: str = "en") -> Spoken:
    """Return what is said of a text that a model wrote, or of any part of it.

    Args:
        text: Markdown or plain; a JSON object or array, fenced or not, is not said at all.
        language: `en` or `hi`.
    """
    if is_structured(text):
        return Spoken("")
    tongue = LANGUAGES[language]
    words = _Words(tongue.stop)
    plain, origin = _plain(text, tongue)
    at = 0
    for start, end, said in read(plain, tongue):
        words.literal(plain, at, start, origin)
        words.instead(said, plain[end : end + 1], origin[end - 1])
        at = end
    words.literal(plain, at, len(plain), origin)
    return words.spoken()


def _plain(text: str, tongue: Language) -> tuple[str, list[int]]:
    """Return a text without marks, and for each character how much of the text it completes."""
    parts: list[str] = []
    origin: list[int] = []
    before = 0
    for words, end in unmarked(text, tongue.phrases):
        parts.append(words)
        if words == text[end - len(words) : end] and end - len(words) >= before:
            origin += range(end - len(words) + 1, end + 1)
        elif words:
            origin += [before] * (len(words) - 1) + [end]
        before = end
    return "".join(parts), origin


class _Words:
    """Puts words together with one space between them and a pause where a block ends."""

    def __init__(self, stop: str) -> None:
        self._stop = stop
        self._text = ""
        self._line = 0
        self._anchors: list[tuple[int, int]] = []

    def literal(self, plain: str, start: int, end: int, origin: list[int]) -> None:
        """Add words as they are written."""
        for match in _WORD.finditer(plain, start, end):
            if match[0].isspace():
                self._space(match[0])
            else:
                if match[0][0] in _ENDS:
                    self._text = self._text.rstrip()
                self._text += match[0]
                self._anchor(origin[match.end() - 1])

    def instead(self, said: str, following: str, written: int) -> None:
        """Add words in the place of what is written."""
        if not said.strip():
            self._space(" ")
            return
        if said[0] == " " or self._text[-1:].isalnum():
            self._space(" ")
        self._text += " ".join(said.split())
        self._anchor(written)
        if said[-1] == " " or following.isalnum():
            self._space(" ")

    def _space(self, written: str) -> None:
        short = len(self._text) - self._line < WRAPPED
        if written.count("\n") > 1 or ("\n" in written and short):
            self._end()
        if "\n" in written:
            self._line = len(self._text)
        if self._text and self._text[-1] != " ":
            self._text += " "

    def _end(self) -> None:
        self._text = self._text.rstrip()
        last = self._text.rstrip(_CLOSING)[-1:]
        if last and last not in _ENDS and any(c.isalnum() for c in self._text[self._line :]):
            self._text += self._stop

    def _anchor(self, written: int) -> None:
        self._anchors.append((len(self._text), written))

    def spoken(self) -> Spoken:
        """Return the words, which end as a sentence does."""
        if not any(c.isalnum() for c in self._text):
            return Spoken("")
        self._line = 0
        self._end()
        return Spoken(self._text, tuple(self._anchors))
