"""Kinds of answers: what each hears in an utterance, says back and hints at. Right or silent."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol

from rapidfuzz import fuzz

from graphs.eligibility.amounts import parse_amount
from graphs.eligibility.readings import Reading
from graphs.eligibility.replies import Replies
from graphs.eligibility.utterance import words
from graphs.eligibility.yes_no import parse_yes_no
from graphs.questions.numbers import digits_in, number_in
from graphs.questions.phrases import LEXICON, language_of, listed, sentence
from graphs.threads import Expectation

Source = Literal["speech", "keys", "text"]
"""How an answer came: spoken, by the keypad (`#` and `*` taken out), or typed."""
Texts = Mapping[str, str]
"""A sentence by language; any language it lacks is served by the first."""

MOST_LISTED = 6
"""Choices that are read aloud with the question."""
_KEYS = 9
_LIKE, _APART = 83, 15
"""Least likeness, of 100, of a misheard label, and how far the next best must be behind."""
_ASIDE = 3
"""Words a choice may have beside it that say nothing of it."""
_TYPED_YES_NO = {"y": True, "true": True, "n": False, "false": False}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was understood, as the graph wants it."""

    value: Any


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Nothing was understood, or not enough to be sure: ask again."""

    reason: str
    """`unclear`, `silence`, `refused`, or what a value breaks, by its JSON schema keyword."""
    limit: Any = None
    """What would have been right, where a limit was broken."""


Heard = Answer | NotUnderstood
UNCLEAR = NotUnderstood("unclear")


def spoken(texts: Texts, language: str) -> str:
    """A sentence in a language, else in the first it is written in."""
    return texts.get(language_of(language)) or next(iter(texts.values()), "")


class Kind(Protocol):
    """One kind of answer."""

    @property
    def read_back(self) -> bool:
        """Whether a value of this kind is read back unless the graph says otherwise."""

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read an answer; `asked` are the words of the question."""

    def said(self, value: Any, language: str) -> str:
        """A value for the ear."""

    def hint(self, language: str) -> str:
        """How to answer, for a question that is asked again."""

    def expectation(self, language: str) -> Expectation:
        """What speech to text, keypad and turn taking should expect."""


@dataclass(frozen=True, slots=True)
class YesNo:
    """Yes or no; the values that they stand for."""

    answers: Mapping[bool, Any]
    """Value of a yes and of a no; one that is missing cannot be given."""
    read_back: bool = False

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read yes or no, "approve" and "reject" as well; keys 1 and 2."""
        said = {"1": True, "2": False}.get(text) if source == "keys" else self._said(text, asked)
        if said is None and source == "text":
            said = _TYPED_YES_NO.get(text.strip().lower())
        return UNCLEAR if said is None or said not in self.answers else Answer(self.answers[said])

    def _said(self, text: str, asked: frozenset[str]) -> bool | None:
        content = LEXICON.content(text)
        refused = set(content) & LEXICON.reject - asked
        reading = parse_yes_no(text)
        if isinstance(reading, Reading):
            return None if reading.value and refused else reading.value
        if (whole := " ".join(content)) in LEXICON.approve:
            return True
        return False if whole in LEXICON.reject and not asked & set(content) else None

    def said(self, value: Any, language: str) -> str:
        """Nothing: the question itself is asked again."""
        return ""

    def hint(self, language: str) -> str:
        """Say both, and their keys."""
        return sentence(language, "hint.yes_no")

    def expectation(self, language: str) -> Expectation:
        """Yes or no."""
        return Expectation(kind="yes_no", language=language_of(language))


@dataclass(frozen=True, slots=True)
class Digits:
    """A row of digits, such as a PIN: a string, for zeros in front of it count."""

    least: int
    most: int
    read_back: bool = True

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read digits said one by one, in pairs, doubled, or keyed in."""
        found = digits_in(text, self.least, self.most, asked=asked, heard=source == "speech")
        if found is not None:
            return Answer(found)
        given = digits_in(text, 1, 2 * self.most + 2, asked=asked, heard=False)
        if given is None or self.least <= len(given) <= self.most:
            return UNCLEAR
        if self.least == self.most:
            return NotUnderstood("digits", self.most)
        return NotUnderstood("digits_between", (self.least, self.most))

    def said(self, value: Any, language: str) -> str:
        """The digits one by one."""
        return " ".join(value)

    def hint(self, language: str) -> str:
        """Say them one by one, or key them in."""
        return sentence(language, "hint.digits")

    def expectation(self, language: str) -> Expectation:
        """Digits; the keypad ends them at the most there can be."""
        return Expectation(kind="digits", digits=self.most, language=language_of(language))


@dataclass(frozen=True, slots=True)
class Number:
    """One number; an int where it is whole, else a float."""

    read_back: bool = False

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read a number that is said with nothing beside it that could change it."""
        found = number_in(text, asked)
        return UNCLEAR if found is None else Answer(_json_number(found))

    def said(self, value: Any, language: str) -> str:
        """The number in figures."""
        return str(value)

    def hint(self, language: str) -> str:
        """Say one number."""
        return sentence(language, "hint.number")

    def expectation(self, language: str) -> Expectation:
        """As an amount: it takes as long to say, and `#` ends it."""
        return Expectation(kind="amount", language=language_of(language))


@dataclass(frozen=True, slots=True)
class Money:
    """One amount of money, exact and for no period; rupees unless the question names others."""

    read_back: bool = True

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read "dedh lakh", "forty thousand rupees", 40000; not "around" it, nor "a month"."""
        found = number_in(text, asked)
        if found is None:
            amount = parse_amount(text)
            if not isinstance(amount, Reading) or amount.value.approximate or amount.value.period:
                return UNCLEAR
            found = amount.value.rupees
        return Answer(_json_number(found)) if found >= 0 else UNCLEAR

    def said(self, value: Any, language: str) -> str:
        """The sum as India says it: 1 lakh 50,000 rupees."""
        whole = Decimal(str(value))
        if whole % 1:
            return f"{whole:,}"
        return Replies(language_of(language), {}, {}).rupees(whole)

    def hint(self, language: str) -> str:
        """Say one amount."""
        return sentence(language, "hint.amount")

    def expectation(self, language: str) -> Expectation:
        """An amount."""
        return Expectation(kind="amount", language=language_of(language))


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

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read the one choice an utterance means; two that it may mean are none."""
        found = self._keyed(text) if source == "keys" else self._meant(text, asked)
        return UNCLEAR if found is None else Answer(found.value)

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


@dataclass(frozen=True, slots=True)
class Text:
    """Free text, as it was said."""

    pattern: str | None = None
    """A form it must have; spelt out words are joined when that makes them fit."""
    inside: Mapping[str, Any] | None = None
    """An object that wants the text where it has None."""

    @property
    def read_back(self) -> bool:
        """A text of a given form matters to the letter."""
        return self.pattern is not None

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Take what was said; a key alone, or a mere "umm", is nothing."""
        said = text.strip()
        if source == "keys" or not LEXICON.says_something(said):
            return UNCLEAR
        if self.pattern is not None and source == "speech":
            joined = re.sub(r"[\W_]+", "", said)
            forms = (said, joined, joined.upper(), joined.lower())
            said = next((form for form in forms if re.search(self.pattern, form)), said)
        if self.inside is None:
            return Answer(said)
        return Answer({key: said if part is None else part for key, part in self.inside.items()})

    def said(self, value: Any, language: str) -> str:
        """The text itself."""
        return str(value)

    def hint(self, language: str) -> str:
        """Say it again."""
        return sentence(language, "hint.text")

    def expectation(self, language: str) -> Expectation:
        """Any words."""
        return Expectation(kind="text", language=language_of(language))


@dataclass(frozen=True, slots=True)
class Form:
    """An answer that no voice can give: a list, a nested object, an edit."""

    read_back: bool = False

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Nothing is an answer here; typed JSON is read by the question."""
        return UNCLEAR

    def said(self, value: Any, language: str) -> str:
        """Nothing."""
        return ""

    def hint(self, language: str) -> str:
        """Say where it can be answered."""
        return sentence(language, "form")

    def expectation(self, language: str) -> Expectation:
        """Nothing that a caller could say."""
        return Expectation(kind="text", language=language_of(language))


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)
