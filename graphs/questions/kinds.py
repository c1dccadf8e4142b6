"""Kinds of answers: what each hears in an utterance, says back and hints at. Right or silent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol

from graphs.eligibility.amounts import parse_amount
from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.replies import Replies
from graphs.eligibility.yes_no import parse_yes_no
from graphs.events import Expectation
from graphs.questions.currencies import RUPEES, currencies_in, sum_in
from graphs.questions.numbers import digits_in, number_in
from graphs.questions.phrases import LEXICON, language_of, sentence

Source = Literal["speech", "keys", "text"]
"""How an answer came: spoken, by the keypad (`#` and `*` taken out), or typed."""
Texts = Mapping[str, str]
"""A sentence by language; any language it lacks is served by the first."""

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


_NOES = frozenset({"yes_no.no", "yes_no.nahi", "yes_no.order", "yes_no.not_interested"})
"""Rules that leave a refusal open, where all else that is unclear was no refusal."""


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
        if isinstance(reading, Unclear) and not _NOES.intersection(reading.rules):
            return None  # "yes, cancel"
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
    words: Kind | None = None
    """What words without a digit answer, where they may."""

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read digits said one by one, in pairs, doubled, or keyed in."""
        found = digits_in(text, self.least, self.most, asked=asked, heard=source == "speech")
        if found is not None:
            return Answer(found)
        given = digits_in(text, 1, 2 * self.most + 2, asked=asked, heard=False)
        if given is None and self.words is not None and source != "keys":
            return self.words.hear(text, source, asked)
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
    """One amount of money, exact and for no period."""

    read_back: bool = True
    currency: str = RUPEES

    def hear(self, text: str, source: Source, asked: frozenset[str]) -> Heard:
        """Read "dedh lakh", "forty thousand rupees", 40000; not "around" it, nor "a month"."""
        if currencies_in(text) - {self.currency}:
            return NotUnderstood(f"in_{self.currency}")
        if self.currency != RUPEES:
            found = sum_in(text, self.currency, asked)
            return UNCLEAR if found is None or found < 0 else Answer(_json_number(found))
        found = number_in(text, asked)
        if found is None:
            amount = parse_amount(text)
            if not isinstance(amount, Reading) or amount.value.approximate or amount.value.period:
                return UNCLEAR
            found = amount.value.rupees
        return Answer(_json_number(found)) if found >= 0 else UNCLEAR

    def said(self, value: Any, language: str) -> str:
        """The sum as it is said where it is paid: 1 lakh 50,000 rupees, 150,000 dollars."""
        whole = Decimal(str(value))
        if self.currency != RUPEES:
            places = ",.2f" if whole % 1 else ","
            name = sentence(language, f"money.{self.currency}") or self.currency
            return f"{whole:{places}} {name}"
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
