"""Words of an utterance as a speech recogniser writes them, and phrases found among them."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tools.data_files import read_words

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


class Utterance(tuple[Word, ...]):
    """The words of a text. Each lexicon is looked up in them once, whoever asks for it."""

    def __init__(self, _: Iterable[Word] = ()) -> None:
        self.scans: dict[Lexicon, list[Match]] = {}


class Match(NamedTuple):
    """A phrase found: words from `first` up to `last`."""

    kind: str
    id: str
    first: int
    last: int


def load_lexicon(name: str) -> Any:
    """Read `lexicon/NAME.yaml`; every scalar stays a string (`no` and `on` are words here)."""
    return read_words(_LEXICON / f"{name}.yaml")


def _fold(word: str) -> str:
    """Lower case without apostrophes and accents; Devanagari without nukta and chandrabindu."""
    if word.isascii():
        return word.lower().replace("'", "")
    return unicodedata.normalize("NFKD", word.lower()).translate(_FOLDED)


_SPELLINGS: dict[str, str] = {
    _fold(variant): canonical
    for canonical, variants in load_lexicon("spellings").items()
    for variant in variants.split()
}


@lru_cache(maxsize=8192)
def _spell(word: str) -> str:
    folded = _fold(word)
    return _SPELLINGS.get(folded, folded)


@lru_cache(maxsize=256)
def words(text: str) -> Utterance:
    """Split a text into words; punctuation, case and spelling variants of known words vanish.

    Cached, because every parser of an utterance reads the same words.
    """
    return Utterance(
        Word(_spell(match[0]), match.start(), match.end()) for match in _WORD.finditer(text)
    )


def span(heard: Sequence[Word], first: int, last: int) -> tuple[int, int]:
    """Characters that words `first` up to `last` cover."""
    return heard[first].start, heard[last - 1].end


def alternatives(pattern: str) -> list[list[list[str]]]:
    """Parts of a pattern, each with its choices of words.

    `(do not|dont) (ever|) call` has three parts, of two, two and one choices: four phrases.

    Raises:
        ValueError: Brackets are nested or unbalanced.
    """
    parts = _ALTERNATIVES.split(pattern)
    if any("(" in part or ")" in part for part in parts):
        raise ValueError(f"{pattern!r} has nested or unbalanced brackets: write one level only")
    choices = [part.split("|") if at % 2 else [part] for at, part in enumerate(parts)]
    return [[[word.text for word in words(choice)] for choice in part] for part in choices]


_Node = dict[str, Any]
"""What may follow the words read so far, by the word; under `_ENTRY`, what they stand for if they
are a phrase. Plain dictionaries, for they are walked with every word that is heard."""
_ENTRY = "\n"  # which no word is


class _Patterns:
    """Patterns as a nondeterministic automaton: a node for each word that a pattern holds."""

    def __init__(self) -> None:
        self._after: list[dict[str, list[int]]] = [{}]
        """By node, in the order in which patterns came: the nodes that a word leads to."""
        self._phrases: dict[int, tuple[tuple[str, str], str]] = {}
        """By node at the end of a pattern: what that stands for, and the pattern."""

    def add(self, pattern: str, parts: list[list[list[str]]], entry: tuple[str, str]) -> None:
        """Take in a pattern by its parts, for each the choices of words."""
        ends = [0]
        for part in parts:
            after = self._node()
            ends = [after] + [end for choice in part for end in self._grow(ends, choice, after)]
        for end in ends:
            self._phrases.setdefault(end, (entry, pattern))

    def _node(self) -> int:
        self._after.append({})
        return len(self._after) - 1

    def _grow(self, ends: list[int], choice: list[str], after: int) -> list[int]:
        """Lead from the ends by the words to `after`; return the ends again for no words."""
        if not choice:
            return ends
        for word in choice[:-1]:
            ends = [self._lead(ends, word, self._node())]
        self._lead(ends, choice[-1], after)
        return []

    def _lead(self, ends: list[int], word: str, to: int) -> int:
        for end in ends:
            self._after[end].setdefault(word, []).append(to)
        return to

    def deterministic(self, *, first_wins: bool) -> _Node:
        """Return the root of the same as one path a phrase; ends that are alike are one.

        Raises:
            ValueError: A phrase stands for two ids, and the first is not to win.
        """
        made: dict[tuple[int, ...], _Node] = {}

        def node(at: tuple[int, ...]) -> _Node:
            if (known := made.get(at)) is not None:
                return known
            grown: _Node = {}
            made[at] = grown
            following: dict[str, list[int]] = {}
            for one in at:
                for word, after in self._after[one].items():
                    following.setdefault(word, []).extend(after)
            for word, after in following.items():
                grown[word] = node(tuple(sorted(set(after))))
            if (entry := self._entry(at, first_wins=first_wins)) is not None:
                grown[_ENTRY] = entry
            return grown

        return node((0,))

    def _entry(self, at: tuple[int, ...], *, first_wins: bool) -> tuple[str, str] | None:
        stands = [self._phrases[one] for one in at if one in self._phrases]
        if not stands:
            return None
        known = stands[0][0]
        for entry, pattern in stands:
            if entry[1] != known[1] and not first_wins:
                raise ValueError(
                    f"a phrase of {pattern!r} stands for {'.'.join(known)} "
                    f"and for {'.'.join(entry)}: keep it under one of them"
                )
        return known


class Lexicon:
    """Phrases by kind and id; finds the longest at each word, from left to right."""

    def __init__(
        self, entries: Mapping[str, Mapping[str, Sequence[str]]], *, first_wins: bool = False
    ) -> None:
        """Take in the phrases; with `first_wins` one may stand for more, and the first counts.

        Raises:
            ValueError: A phrase stands for two ids, or a pattern is malformed.
        """
        self.vocabulary: set[str] = set()
        """Every word of every phrase."""
        patterns = _Patterns()
        for kind, ids in entries.items():
            for id_, listed in ids.items():
                for pattern in listed:
                    parts = alternatives(pattern)
                    self.vocabulary.update(itertools.chain(*itertools.chain(*parts)))
                    patterns.add(pattern, parts, (kind, id_))
        self._root = patterns.deterministic(first_wins=first_wins)

    def holds(self, phrase: str) -> bool:
        """Whether the phrase, as a whole, is one of the vocabulary."""
        found = self.scan(heard := words(phrase))
        return bool(found) and found[0].last - found[0].first == len(heard)

    def scan(self, heard: Utterance) -> list[Match]:
        """Phrases in the order they were said; they do not overlap."""
        found = heard.scans.get(self)
        if found is None:
            found = heard.scans[self] = self.find([word.text for word in heard])
        return found

    def find(self, texts: Sequence[str]) -> list[Match]:
        """Phrases among words in canonical spelling."""
        found = []
        at, end, start = 0, len(texts), self._root
        while at < end:
            node, ahead, last = start.get(texts[at]), at + 1, 0
            entry: tuple[str, str] | None = None
            while node is not None:
                if (known := node.get(_ENTRY)) is not None:
                    entry, last = known, ahead
                if ahead == end:
                    break
                node, ahead = node.get(texts[ahead]), ahead + 1
            if entry is None:
                at += 1
            else:
                found.append(Match(*entry, at, last))
                at = last
        return found


def uncovered(heard: Sequence[Word], matches: Sequence[Match]) -> list[int]:
    """Positions of the words that no phrase covers."""
    covered = {at for match in matches for at in range(match.first, match.last)}
    return [at for at in range(len(heard)) if at not in covered]
