"""A question that a graph asks with `interrupt()`: how it is put, and what an answer means."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from langgraph.types import Interrupt

from graphs.events import Expectation
from graphs.questions.choice import MOST_LISTED, Choice
from graphs.questions.kinds import (
    UNCLEAR,
    Answer,
    Digits,
    Form,
    Kind,
    NotUnderstood,
    Source,
    Texts,
    YesNo,
    spoken,
)
from graphs.questions.phrases import LEXICON, joined, listed, sentence, words_of
from graphs.questions.schema import Schema, Unsupported, problem

Confirm = bool | Literal["speech"] | None
"""Whether an answer is read back, only where it was spoken, or as its kind is (None)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is asked."""

    ask: Texts
    kind: Kind
    schema: Schema | None = None
    root: Schema | None = None
    """The document that the schema's references lead into."""
    confirm: Confirm = None
    """Whether it is read back, where the graph says so."""
    known_by: Literal["kind", "words", "schema"] = "schema"
    """Whether its kind was declared, guessed from its words, or follows from a schema."""

    def text(self, language: str) -> str:
        """The question, with its choices where there are few and it does not name them."""
        asked = spoken(self.ask, language)
        if not isinstance(self.kind, Choice) or len(self.kind.options) > MOST_LISTED:
            return asked
        labels = self.kind.labels(language)
        if all(label.lower() in asked.lower() for label in labels):
            return asked
        options = sentence(language, "options", options=listed(language, labels))
        return joined(asked, options)

    def hear(self, text: str, source: Source) -> Answer | NotUnderstood:
        """Read an answer to this part and check it against the schema."""
        asked = frozenset().union(*(words_of(ask) for ask in self.ask.values()))
        heard = self.kind.hear(text, source, asked)
        if isinstance(heard, NotUnderstood) or self.schema is None:
            return heard
        return _checked(heard.value, self.schema, self.root)

    def reads_back(self, value: Any, source: Source) -> bool:
        """Whether a value must be confirmed before it counts: a yes to money does."""
        if isinstance(self.kind, Digits) and not str(value).isdecimal():
            return False  # words, in the place of digits
        if self.confirm == "speech":
            return source == "speech"
        if self.confirm is not None:
            return self.confirm
        if isinstance(self.kind, YesNo):
            return self.is_yes(value) and any(map(LEXICON.speaks_of_money, self.ask.values()))
        return self.kind.read_back

    def is_yes(self, value: Any) -> bool:
        """Whether a value is the yes to a question of yes or no."""
        if isinstance(self.kind, YesNo):
            return True in self.kind.answers and self.kind.answers[True] == value
        if isinstance(self.kind, Choice):
            return any(o.value == value and ("yes",) in o.names for o in self.kind.options)
        return False


@dataclass(frozen=True, slots=True)
class Onward:
    """One part was answered, and another is open."""

    question: "Question"


@dataclass(frozen=True, slots=True)
class Question:
    """What one `interrupt()` asks, part by part; most have one part only."""

    interrupt_id: str
    parts: tuple[Part, ...]
    compose: Callable[[Sequence[Any]], Any]
    """Makes the value to resume with from the values of the parts."""
    opening: Texts | None = None
    """Said before the first of several parts."""
    schema: Schema | None = None
    known: tuple[Any, ...] = ()
    """Values of the parts answered so far."""
    before: Texts | None = None
    """What whoever comes back to the question is told first."""

    @classmethod
    def of(cls, interrupt: Interrupt[Any]) -> "Question":
        """Understand any value that a graph gives to `interrupt()`; see docs/questions.md."""
        from graphs.questions.shapes import question_of  # shapes build questions

        return question_of(interrupt)

    @property
    def part(self) -> Part:
        """The part that is open."""
        return self.parts[len(self.known)]

    @property
    def is_form(self) -> bool:
        """Whether only typed JSON can answer it."""
        return isinstance(self.part.kind, Form)

    def text(self, language: str = "en") -> str:
        """The sentence to say or to show; never raw data of the graph."""
        opening = spoken(self.opening, language) if self.opening and not self.known else ""
        return joined(opening, self.part.text(language))

    def anew(self, language: str = "en") -> str:
        """The sentence for who comes back to it, in another call or the next day."""
        return joined(spoken(self.before, language) if self.before else "", self.text(language))

    def expectation(self, language: str = "en") -> Expectation:
        """What speech to text, keypad and turn taking should expect now."""
        return self.part.kind.expectation(language)

    def hear(self, text: str, source: Source) -> Answer | Onward | NotUnderstood:
        """Read an answer; it satisfies the response schema, or it is none.

        Args:
            text: words, or the keys pressed.
            source: "speech", "keys" or "text". Typed JSON that satisfies the schema of an object,
                a list or a form is taken as it stands.

        Returns:
            `Answer` with the value for `Command(resume={interrupt_id: value})`; `Onward` with the
            question to ask next when another part is open; `NotUnderstood` when unsure.
        """
        if not text.strip():
            return NotUnderstood("silence")
        if source == "text" and (given := self._typed_json(text)) is not None:
            return given
        heard = self.part.hear(text, source)
        return heard if isinstance(heard, NotUnderstood) else self.take(heard.value)

    def take(self, value: Any) -> Answer | Onward | NotUnderstood:
        """Take a value for the open part."""
        known = (*self.known, value)
        if len(known) < len(self.parts):
            return Onward(replace(self, known=known))
        whole = self.compose(known)
        return Answer(whole) if self.schema is None else _checked(whole, self.schema)

    def _typed_json(self, text: str) -> Answer | NotUnderstood | None:
        if not (self.is_form or len(self.parts) > 1) or text.lstrip()[:1] not in "{[":
            return None
        try:
            value = json.loads(text)
        except ValueError:
            return UNCLEAR
        return Answer(value) if self.schema is None else _checked(value, self.schema)


def _checked(value: Any, schema: Schema, root: Schema | None = None) -> Answer | NotUnderstood:
    try:
        found = problem(value, schema, root)
    except Unsupported:
        return NotUnderstood("unsupported")
    if found is None:
        return Answer(value)
    integer = found.keyword == "type" and found.limit == "integer"
    return NotUnderstood("integer" if integer else found.keyword, found.limit)


def single(values: Sequence[Any]) -> Any:
    """The value of a question of one part."""
    return values[0]


def texts(given: Any) -> Texts | None:
    """A sentence that a graph wrote, by language; None where it is none."""
    if isinstance(given, str) and given.strip():
        return {"en": given.strip()}
    if isinstance(given, Mapping) and given and set(given) <= {"en", "hi"}:
        return {str(tag): str(text).strip() for tag, text in given.items()}
    return None
