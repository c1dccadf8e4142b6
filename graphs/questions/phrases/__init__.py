"""Sentences around a question, in English and Hindi, and the words any question understands."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from graphs.eligibility.utterance import words
from tools.data_files import read_words

Language = Literal["en", "hi"]


def _load(name: str) -> Any:
    return read_words(Path(__file__).with_name(f"{name}.yaml"))


_SENTENCES: Final = {language: _load(language) for language in ("en", "hi")}


def language_of(tag: str) -> Language:
    """The language spoken for a tag such as `hi-IN`; English where there is no other."""
    return "hi" if tag.lower().partition("-")[0] == "hi" else "en"


def sentence(language: str, key: str, /, **values: object) -> str:
    """Return a sentence by its path, `hint.digits`, with its places filled; "" when unknown."""
    found: Any = _SENTENCES[language_of(language)]
    for name in key.split("."):
        found = found.get(name, {})
    return found.format_map(values) if isinstance(found, str) else ""


def listed(language: str, names: list[str]) -> str:
    """Join names: `small, medium or large`."""
    *first, last = names
    return f"{', '.join(first)} {sentence(language, 'or')} {last}" if first else last


def joined(first: str, second: str) -> str:
    """Two sentences after each other, the first ended where its author left it open."""
    end = "" if not first or first[-1] in ".?!:।" else "."
    return f"{first}{end} {second}".strip() if second else first


class Words:
    """The words any question understands."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._fillers = {word.text for phrase in data["filler"] for word in words(phrase)}
        self._hesitations = {word.text for phrase in data["hesitations"] for word in words(phrase)}
        self._denied = {word.text for phrase in data["denied"] for word in words(phrase)}
        self._agreed = {word.text for phrase in data["agreed"] for word in words(phrase)}
        self.approve = {self.plain(phrase) for phrase in data["approve"]}
        self.reject = {self.plain(phrase) for phrase in data["reject"]}
        self.ordinals = {
            self.plain(word): int(place)
            for place, said in data["ordinals"].items()
            for word in said
        }
        self.unsure = {word.text for phrase in data["unsure"] for word in words(phrase)}
        self._patterns = {
            name: re.compile("|".join(data[name]), re.IGNORECASE)
            for name in ("money", "approval", "hidden")
        }

    @staticmethod
    def plain(text: str) -> str:
        """A text as its words, in the spelling that the vocabulary is kept in."""
        return " ".join(word.text for word in words(text))

    def is_filler(self, word: str) -> bool:
        """Whether a word says nothing that could change an answer."""
        return self.plain(word) in self._fillers

    def content(self, text: str) -> list[str]:
        """The words of a text without the fillers."""
        return [word.text for word in words(text) if word.text not in self._fillers]

    def after_yes_or_no(self, text: str) -> tuple[bool, str]:
        """Whether a text begins by denying, and what follows its first yes or no."""
        denied, heard = False, words(text)
        for word in heard:
            if word.text not in self._denied | self._agreed | self._hesitations:
                return denied, text[word.start :]
            denied |= word.text in self._denied
        return denied, ""

    def says_something(self, text: str) -> bool:
        """Whether a text is more than a hesitation."""
        return any(word.text not in self._hesitations for word in words(text))

    def speaks_of_money(self, text: str) -> bool:
        """Whether money is the matter of a sentence."""
        return self._patterns["money"].search(text) is not None

    def asks_for_leave(self, text: str) -> bool:
        """Whether a question asks for leave to do something: "Do you approve this refund?"."""
        return self._patterns["approval"].search(text.strip()) is not None

    def is_hidden(self, name: str) -> bool:
        """Whether what stands under this name is for machines and not for ears."""
        return self._patterns["hidden"].search(name) is not None


LEXICON: Final = Words(_load("words"))


@lru_cache(maxsize=256)
def words_of(text: str) -> frozenset[str]:
    """The words of a question, in singular and plural, which its answer may repeat."""
    found = {word.text for word in words(text)}
    return frozenset(found | {word + "s" for word in found} | {word.rstrip("s") for word in found})
