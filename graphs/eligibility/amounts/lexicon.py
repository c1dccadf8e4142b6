"""What each word of a spoken amount is: `words.yaml`, loaded once, found by folded spelling."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from tools.data_files import read_words

# fmt: off
_ROLES = [
    "number", "digits", "scale", "fraction", "repeat", "word", "and", "point", "article", "oh",
    "currency", "foreign", "month", "year", "ctc", "lpa", "package", "other_period",
    "not_period", "hedge", "to", "or", "between", "low", "low_either", "low_after", "high",
    "high_either", "high_after", "not", "no", "correct", "restate", "minus", "percent", "few",
    "span", "span_before", "span_pay", "counted", "identifier", "income", "not_income",
    "but", "verb_do", "filler", "comma", "stop", "homograph", "letter", "plural",
    "other", "sau", "vague", "repeated", "yearish", "frame", "apart", "closing", "vocative",
    "past", "now", "asks",
    "doubtful", "introduces", "introduced",
]
# fmt: on
ROLE = {name: 1 << bit for bit, name in enumerate(_ROLES)}
"""Bit of each role a word can play; the names are the headings of `words.yaml`."""


def roles(*names: str) -> int:
    """The bits of several roles at once."""
    return sum(ROLE[name] for name in names)


@dataclass(frozen=True, slots=True)
class Fraction:
    """`saadhe`, `paune` and their like: what they add to the number after them, or are alone."""

    plus: Decimal | None
    alone: Decimal | None
    least: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word or phrase of the vocabulary. `value`: number, factor of a scale, or times."""

    roles: int
    value: int = 0
    rule: str = ""
    fraction: Fraction | None = None


UNKNOWN = Word(ROLE["word"])

_DEVANAGARI = re.compile(r"[\u0900-\u097f]")
_SIGNS = re.compile("[\u0901\u0902\u093c\u094d\u200c\u200d]")  # nasal, nukta, halant, joiners
_VOWELS = str.maketrans(
    "\u0940\u0942\u0908\u090a\u0958\u0959\u095a\u095b\u095c\u095d\u095e\u095f",
    "\u093f\u0941\u0907\u0909\u0915\u0916\u0917\u091c\u0921\u0922\u092b\u092f",
)
_DOUBLED = re.compile(r"(.)\1+")
_LEAST_FOLDED = 4  # shorter words are told apart by what folding takes away
_ROMAN = (
    ("aa", "a"),
    ("ee", "i"),
    ("oo", "u"),
    ("z", "j"),
    ("w", "v"),
    ("chh", "ch"),
    ("cch", "ch"),
)


def normal(word: str) -> str:
    """The key a word is listed under: lower case; Devanagari without nukta, nasals and length."""
    word = word.lower().replace("\u2019", "'")
    if _DEVANAGARI.search(word):
        return _DOUBLED.sub(r"\1", _SIGNS.sub("", word.translate(_VOWELS)))
    return word


def folded(word: str) -> str:
    """A romanised Hindi word with the habits of spelling taken out."""
    for spelt, plain in _ROMAN:
        word = word.replace(spelt, plain)
    return _DOUBLED.sub(r"\1", word)


class Lexicon:
    """The vocabulary: single words, and phrases of several."""

    def __init__(self, data: dict[str, Any]) -> None:
        limits = data["limits"]
        self.most_a_month = int(limits["most_a_month"])
        self.bare_below = int(limits["bare_below"])
        self.most_digits = int(limits["most_digits"])
        self.words: dict[str, Word] = {}
        self.folded: dict[str, Word] = {}
        self.phrases: dict[tuple[str, ...], Word] = {}
        self.tree: dict[str | None, Any] = {}
        """The phrases word by word; under None what the words up to there are as a phrase."""
        self._add_numbers(data)
        for role, listed in data["phrases"].items():
            for entry in listed:
                self._add(entry, Word(ROLE[role], rule=f"amount.{role}"))
        for flag, key in (
            ("homograph", "homographs"),
            ("letter", "letters"),
            ("plural", "plurals"),
        ):
            for word in data[key]:
                self._add(word, Word(ROLE[flag]))
        for parts, phrase in self.phrases.items():
            node = self.tree
            for part in parts:
                node = node.setdefault(part, {})
            node[None] = phrase
        for key, word in self.words.items():
            if word.roles & (roles("number", "scale", "fraction")):
                self.folded.setdefault(folded(key), word)
        for key, word in self.words.items():
            self.folded.setdefault(folded(key), word)

    def _add_numbers(self, data: dict[str, Any]) -> None:
        for language in ("english", "hindi"):
            for number, words in data[language].items():
                for word in words:
                    self._add(word, Word(ROLE["number"], int(number), f"amount.{language}"))
        for rule, scale in data["scales"].items():
            for word in scale["words"]:
                self._add(word, Word(ROLE["scale"], int(scale["factor"]), rule))
        for rule, entry in data["fractions"].items():
            plus, alone = entry.get("plus"), entry.get("alone")
            fraction = Fraction(
                Decimal(plus) if plus else None,
                Decimal(alone) if alone else None,
                int(entry.get("least", 1)),
            )
            for word in entry["words"]:
                self._add(word, Word(ROLE["fraction"], 0, rule, fraction))
        for times, words in data["repeats"].items():
            for word in words:
                self._add(word, Word(ROLE["repeat"], int(times), "amount.repeat"))

    def _add(self, phrase: str, word: Word) -> None:
        parts = tuple(normal(part) for part in phrase.split())
        if len(parts) > 1:
            known = self.phrases.get(parts)
            self.phrases[parts] = _merged(known, word) if known else word
        else:
            known = self.words.get(parts[0])
            self.words[parts[0]] = _merged(known, word) if known else word

    def look_up(self, key: str) -> Word:
        """The word listed under a normal key, its folded spelling or its genitive, or `UNKNOWN`."""
        word = self.words.get(key)
        if word is None and key.endswith("'s"):
            return self.look_up(key[:-2])
        if word is None and len(key) >= _LEAST_FOLDED:
            word = self.folded.get(folded(key))
        return word or UNKNOWN


def _merged(old: Word, new: Word) -> Word:
    numeric = old if old.value or old.fraction else new if new.value or new.fraction else old
    return Word(old.roles | new.roles, numeric.value, numeric.rule, numeric.fraction)


_DATA: Any = read_words(Path(__file__).with_name("words.yaml"))
LEXICON = Lexicon(_DATA)
ASIDES: list[str] = _DATA["asides"]
"""Patterns, as in `lexicon/`, of statements that are harmless beside a salary."""


@lru_cache(maxsize=8192)
def classify(text: str) -> tuple[str, Word]:
    """The normal key of a word as it was written, and what it is."""
    key = normal(text)
    return key, LEXICON.look_up(key)
