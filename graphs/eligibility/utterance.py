"""Words of an utterance as a speech recogniser writes them, and vocabularies that find phrases in them."""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_LEXICON = Path(__file__).parent / "lexicon"
_WORD = re.compile(
    r"[^\W_](?:[^\W_]|[\u0300-\u036f\u0900-\u0963\u0971-\u097f\u200c\u200d]|['’](?=[^\W_]))*"
)
_DROPPED = dict.fromkeys([0x27, 0x2019, 0x200C, 0x200D, 0x93C, *range(0x300, 0x370)])
_FOLDED: dict[int, int | None] = {**_DROPPED, 0x901: 0x902}
_ALTERNATIVES = re.compile(r"\(([^()]*)\)")


class Word(NamedTuple):
    """One word: its canonical spelling, and where it stands in the text."""

    text: str
    start: int
    end: int


class Match(NamedTuple):
    """A phrase found: words from `first` up to `last`."""

    kind: str
    id: str
    first: int
    last: int


def load_lexicon(name: str) -> Any:
    """Read `lexicon/NAME.yaml`; every scalar stays a string (`no` and `on` are words here)."""
    text = (_LEXICON / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (builds only str, list and dict)


def _fold(word: str) -> str:
    """Lower case without apostrophes and accents; Devanagari without nukta and chandrabindu."""
    if word.isascii():
        return word.lower().replace("'", "")
    return unicodedata.normalize("NFKD", word.lower()).translate(_FOLDED)


_SPELLINGS = {
    _fold(variant): canonical
    for canonical, variants in load_lexicon("spellings").items()
    for variant in variants.split()
}


def words(text: str) -> list[Word]:
    """Split a text into words; punctuation, case and spelling variants of known words vanish."""
    found = []
    for match in _WORD.finditer(text):
        folded = _fold(match.group())
        found.append(Word(_SPELLINGS.get(folded, folded), match.start(), match.end()))
    return found


def span(heard: Sequence[Word], first: int, last: int) -> tuple[int, int]:
    """Characters that words `first` up to `last` cover."""
    return heard[first].start, heard[last - 1].end


def expand(pattern: str) -> Iterator[str]:
    """All phrases of a pattern: `(do not|dont) (ever|) call` stands for four."""
    parts = _ALTERNATIVES.split(pattern)
    choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return ("".join(choice) for choice in itertools.product(*choices))


class Lexicon:
    """Phrases by kind and id; finds the longest at each word, from left to right."""

    def __init__(self, entries: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self._by_first: dict[str, dict[tuple[str, ...], tuple[str, str]]] = {}
        self._longest: dict[str, int] = {}
        for kind, ids in entries.items():
            for id_, patterns in ids.items():
                for pattern in patterns:
                    for phrase in expand(pattern):
                        self._add(tuple(word.text for word in words(phrase)), kind, id_)

    def _add(self, phrase: tuple[str, ...], kind: str, id_: str) -> None:
        known = self._by_first.setdefault(phrase[0], {})
        if known.setdefault(phrase, (kind, id_))[1] != id_:
            raise ValueError(
                f"the phrase {' '.join(phrase)!r} stands for {'.'.join(known[phrase])} "
                f"and for {kind}.{id_}: keep it under one of them"
            )
        self._longest[phrase[0]] = max(self._longest.get(phrase[0], 0), len(phrase))

    def __contains__(self, word: str) -> bool:
        """Whether the single word is a phrase by itself."""
        return (word,) in self._by_first.get(word, ())

    def scan(self, heard: Sequence[Word]) -> list[Match]:
        """Phrases in the order they were said; they do not overlap."""
        found = []
        texts = tuple(word.text for word in heard)
        at = 0
        while at < len(texts):
            known = self._by_first.get(texts[at])
            if known is not None:
                for size in range(min(self._longest[texts[at]], len(texts) - at), 0, -1):
                    entry = known.get(texts[at : at + size])
                    if entry is not None:
                        found.append(Match(*entry, at, at + size))
                        at += size - 1
                        break
            at += 1
        return found


def uncovered(heard: Sequence[Word], matches: Sequence[Match]) -> list[int]:
    """Positions of the words that no phrase covers."""
    covered = {at for match in matches for at in range(match.first, match.last)}
    return [at for at in range(len(heard)) if at not in covered]
