"""One of several: by label, alias, place in the list or key; what may mean two is none.

A choice that takes other words as well (`others`) hears a choice only where nothing else can be
meant: what is beside it, a question above all, is for the graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz

from graphs.eligibility.readings import Reading
from graphs.eligibility.utterance import words
from graphs.eligibility.yes_no import parse_yes_no
from graphs.events import Expectation
from graphs.questions.kinds import UNCLEAR, Answer, Heard, Source, Texts, spoken
from graphs.questions.numbers import number_in
from graphs.questions.phrases import LEXICON, language_of, listed, sentence

MOST_LISTED = 6
"""Choices that are read aloud with the question."""
_KEYS = 9
_LIKE, _APART = 83, 15
"""Least likeness, of 100, of a misheard label, and how far the next best must be behind."""
_ASIDE = 3
"""Words a choice may have beside it that say nothing of it."""
_PLAIN = 4
"""Most words of a choice that other words may be said in place of."""


@dataclass(frozen=True, slots=True)
class Option:
    """One of the choices."""

    value: Any
    label: Texts
    names: tuple[tuple[str, ...], ...]
    """Everything it may be called, as words."""

    @classmethod
    def of(
        cls, value: Any, label: Texts | str | None = None, aliases: Sequence[str] = ()
    ) -> "Option":
        """Name a choice by its label, its value and its aliases."""
        plain = str(value).replace("_", " ").replace("-", " ").strip()
        texts = {"en": label} if isinstance(label, str) else label or {"en": plain}
        called = [*texts.values(), *aliases]
        if isinstance(value, (str, int)):
            called.append(plain)
        names = {tuple(word.text for word in words(name)) for name in called} - {()}
        return cls(value, texts, tuple(sorted(names)))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several; by label, alias, place or key."""

    options: tuple[Option, ...]
    read_back: bool = False
    others: bool = False
    """Whether other words are an answer too: `{"said": WORDS}`."""

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read the one choice an utterance means; two that it may mean are none."""
        if source == "keys":
            found = self._keyed(text)
        else:
            found = self._plainly(text) if self.others else self._meant(text, asked)
        if found is not None:
            return Answer(found.value)
        if self.others and source != "keys" and LEXICON.says_something(text):
            return Answer({"said": text.strip()})
        return UNCLEAR

    def _plainly(self, text: str) -> Option | None:
        """Read a choice that is said in few words, and no question."""
        heard = tuple(word.text for word in words(text))
        if len(heard) > _PLAIN or text.rstrip().endswith("?"):
            return None
        content = tuple(LEXICON.content(text))
        named = [o for o in self.options if heard in o.names or content in o.names]
        if named:
            return named[0] if len(named) == 1 else None
        polar = parse_yes_no(text)
        if isinstance(polar, Reading) and not content:
            name = ("yes",) if polar.value else ("no",)
            named = [option for option in self.options if name in option.names]
        return named[0] if len(named) == 1 else None

    def _numeric(self) -> bool:
        """Whether a choice is a number, so that a number is no place in the list."""
        return any(number_in(" ".join(name)) is not None for o in self.options for name in o.names)

    def _keyed(self, text: str) -> Option | None:
        if self._numeric():
            named = [o for o in self.options if (text,) in o.names]
            return named[0] if len(named) == 1 else None
        return self._at(int(text)) if text.isdecimal() and int(text) <= _KEYS else None

    def _at(self, place: int) -> Option | None:
        if place == -1:
            return self.options[-1]
        return self.options[place - 1] if 0 < place <= len(self.options) else None

    def _meant(self, text: str, asked: frozenset[str]) -> Option | None:
        heard = tuple(word.text for word in words(text))
        exact = [option for option in self.options if heard in option.names]
        if exact:
            return exact[0] if len(exact) == 1 else None
        number = number_in(text, asked) if self._numeric() else None
        if number is not None:
            same = [o for o in self.options if number in {number_in(" ".join(n)) for n in o.names}]
            return same[0] if len(same) == 1 else None
        polar = parse_yes_no(text)
        if isinstance(polar, Reading):
            name = ("yes",) if polar.value else ("no",)
            if named := [option for option in self.options if name in option.names]:
                return named[0] if len(named) == 1 else None
        if set(heard) & LEXICON.unsure or text.rstrip().endswith("?"):
            return None
        content = LEXICON.content(text)
        if not content:
            return self._by_place(heard, text)
        found = {id(o): o for o in self._mentioned(heard, content, asked)}
        placed = self._by_place(tuple(content), text)
        if placed is not None:
            found[id(placed)] = placed
        if not found:
            return self._misheard(" ".join(content))
        return next(iter(found.values())) if len(found) == 1 else None

    def _mentioned(
        self, heard: tuple[str, ...], content: list[str], asked: frozenset[str]
    ) -> list[Option]:
        """Choices that are named whole, else the one that has all the words said."""
        places = [
            (at, at + len(name), option)
            for option in self.options
            for name in option.names
            for at in range(len(heard) - len(name) + 1)
            if heard[at : at + len(name)] == name
        ]
        longest = [
            (first, last, option)
            for first, last, option in places
            if not any((a <= first and last <= b) and (b - a > last - first) for a, b, _ in places)
        ]
        if longest:
            covered = {at for first, last, _ in longest for at in range(first, last)}
            aside = [word for at, word in enumerate(heard) if at not in covered]
            said = [word for word in aside if word in content and word not in asked]
            return [option for _, _, option in longest] if len(said) <= _ASIDE else []
        return [
            option
            for option in self.options
            if set(content) <= {word for name in option.names for word in name}
        ]

    def _by_place(self, content: tuple[str, ...], text: str) -> Option | None:
        places = {LEXICON.ordinals[word] for word in content if word in LEXICON.ordinals}
        if len(places) == 1 and all(word in LEXICON.ordinals for word in content):
            return self._at(places.pop())
        number = None if places or self._numeric() else number_in(text)
        return (
            self._at(int(number)) if number is not None and number > 0 and not number % 1 else None
        )

    def _misheard(self, said: str) -> Option | None:
        scores = sorted(
            (
                (max(fuzz.ratio(said, " ".join(name)) for name in option.names), at)
                for at, option in enumerate(self.options)
                if option.names
            ),
            reverse=True,
        )
        if not scores or len(said) < 4 or scores[0][0] < _LIKE:
            return None
        behind = scores[1][0] if len(scores) > 1 else 0
        return self.options[scores[0][1]] if scores[0][0] - behind >= _APART else None

    def said(self, value: Any, language: str) -> str:
        """The label of the choice."""
        return next(spoken(o.label, language) for o in self.options if o.value == value)

    def labels(self, language: str) -> list[str]:
        """What the choices are called."""
        return [spoken(option.label, language) for option in self.options]

    def hint(self, language: str) -> str:
        """Name the choices, and their keys as far as there are keys."""
        labels = self.labels(language)
        if len(labels) > _KEYS or self._numeric():
            return sentence(language, "hint.choice", options=listed(language, labels[:MOST_LISTED]))
        keyed = [
            sentence(language, "hint.key", option=label, key=key)
            for key, label in enumerate(labels, 1)
        ]
        return sentence(language, "hint.choice_keys", options=listed(language, keyed))

    def expectation(self, language: str) -> Expectation:
        """The choices' labels."""
        return Expectation(
            kind="choice", keywords=self.labels(language), language=language_of(language)
        )
