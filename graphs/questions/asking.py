"""The dialogue about open questions: pure, an utterance in, the next state and one step out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from langgraph.types import Interrupt

from graphs.eligibility.readings import Reading
from graphs.eligibility.requests import parse_request
from graphs.eligibility.yes_no import parse_yes_no
from graphs.events import Expectation
from graphs.questions.choice import Choice
from graphs.questions.kinds import (
    UNCLEAR,
    Answer,
    Digits,
    Heard,
    NotUnderstood,
    Source,
    Text,
    YesNo,
)
from graphs.questions.phrases import LEXICON, language_of, sentence
from graphs.questions.question import Onward, Part, Question

MOST_REASKS = 3
"""Times a question is asked again before it is left open for another channel."""
_CONFIRMATION = YesNo({True: True, False: False})
_GIVES_UP = frozenset(
    ["person", "do_not_call", "wrong_number", "call_later", "not_interested", "goodbye"]
)
_SHORT = 5
"""Words of a request; a longer utterance to a question of free text is its answer."""


@dataclass(frozen=True, slots=True)
class Say:
    """Something to say or to show; then the person is listened to."""

    text: str
    expects: Expectation
    kept: bool = False
    """Nothing is asked any more: what is open waits for the chat, a person or a call back."""


@dataclass(frozen=True, slots=True)
class Resume:
    """An answer that counts: `Command(resume={interrupt_id: value})`."""

    interrupt_id: str
    value: Any


@dataclass(frozen=True, slots=True)
class Pending:
    """A value that was understood and waits for a yes."""

    value: Any


@dataclass(frozen=True, slots=True)
class Asking:
    """Questions that are open, the first of them asked; every step returns the next state.

    Nothing is lost with it: made anew from the thread's interrupts, it asks again.
    """

    questions: tuple[Question, ...]
    language: str = "en"
    reasks: int = 0
    pending: Pending | None = None
    kept: tuple[str, ...] = ()
    """Ids of the questions that are left to another channel."""
    last: Question | None = None
    """The one of them that was asked last: it is open still, and may be answered after all."""

    @classmethod
    def of(cls, interrupts: Sequence[Interrupt[Any]], language: str = "en") -> "Asking":
        """Begin to ask; `language` is a tag such as "en" or "hi-IN"."""
        return cls(tuple(map(Question.of, interrupts)), language_of(language))

    def now(self, interrupts: Sequence[Interrupt[Any]]) -> "Asking":
        """What is open after the graph was resumed; a question already begun goes on."""
        known = {question.interrupt_id: question for question in self.questions}
        questions = tuple(
            known.get(interrupt.id) or Question.of(interrupt)
            for interrupt in interrupts
            if interrupt.id not in self.kept
        )
        same = self.questions[:1] == questions[:1]
        return replace(
            self,
            questions=questions,
            reasks=self.reasks if same else 0,
            pending=self.pending if same else None,
        )

    @property
    def question(self) -> Question | None:
        """The question that is asked; None when none is left."""
        return self.questions[0] if self.questions else None

    def first(
        self, language: str | None = None, *, anew: bool = False
    ) -> tuple["Asking", Say | None]:
        """Ask what is open: at the start, after a `Resume`, on a call back.

        Args:
            language: what it is asked in from now on.
            anew: whether the person comes back to it, and has to be told what it is about.

        Returns:
            The state, and None when nothing is left to ask. A question that cannot be answered
            here, such as a list, is said and kept open, and the next one is asked.
        """
        asking = self if language is None else replace(self, language=language_of(language))
        if asking.pending is not None:
            return asking, asking._read_back()
        if asking.question is None:
            return asking, None
        if asking.question.is_form:
            return asking._keep(asking.question.text(asking.language), "form")
        asked = asking.question.anew(asking.language) if anew else asking._question()
        return asking, asking._say(asked)

    def hear(
        self, text: str, source: Source, *, unheard: bool = False
    ) -> tuple["Asking", Say | Resume]:
        """Take what was said ("" is silence) about the question asked.

        Args:
            text: words, or keys without `#`.
            source: "speech", "keys" or "text"; what is typed is not read back.
            unheard: whether the substance of the question, or of what was read back, was not heard;
                then a yes is none to it, and it is asked again.
        """
        question = self.question
        if question is None:
            reopened = self._reopened()
            if reopened is self or not text.strip():
                return self, self._say("", kept=True)
            return reopened.hear(text, source, unheard=unheard)
        if (asked := self._request(text, source)) is not None:
            return asked
        if unheard and self._affirmed(question, text, source):
            return self._again("")
        if self.pending is not None:
            return self._confirmed(question, text, source)
        if source == "text":
            typed = question.hear(text, source)
            if isinstance(typed, NotUnderstood):
                return self._again(self._why(typed))
            return self._taken(typed)
        heard = question.part.hear(text, source) if text.strip() else NotUnderstood("silence")
        if isinstance(heard, NotUnderstood):
            return self._request(text, source, any_=True) or self._again(self._why(heard))
        if _aside(question, heard) and (asked := self._request(text, source, any_=True)):
            return asked
        if question.part.reads_back(heard.value, source):
            asking = replace(self, pending=Pending(heard.value))
            return asking, asking._read_back()
        return self._taken(question.take(heard.value))

    def _reopened(self) -> "Asking":
        """Take the question that was left last for asked, once more."""
        if self.last is None:
            return self
        return replace(self, questions=(self.last,), last=None, reasks=MOST_REASKS)

    def _affirmed(self, question: Question, text: str, source: Source) -> bool:
        """Whether it is a yes, to the question or to what was read back."""
        if self.pending is not None and not isinstance(question.part.kind, YesNo):
            said, mended = self._corrected(question.part, text, source)
            return said is True and not isinstance(mended, Answer)
        heard = question.part.hear(text, source)
        return isinstance(heard, Answer) and question.part.is_yes(heard.value)

    def refused(self, reason: str | None = None) -> tuple["Asking", Say]:
        """Ask again, for the graph refused the value (`langgraph.errors.is_invalid_resume`).

        Call it on the state that heard the answer, not on the one that came with the `Resume`.

        Args:
            reason: a sentence that the graph's author wrote for the person, if there is one.
        """
        if self.question is None:
            reopened = self._reopened()
            return (
                (self, self._say("", kept=True)) if reopened is self else reopened.refused(reason)
            )
        fresh = replace(self.question, known=())
        asking = replace(self, questions=(fresh, *self.questions[1:]), pending=None)
        said = " ".join(filter(None, [sentence(self.language, "refused"), reason]))
        return asking._again(said)

    def _taken(self, heard: Answer | Onward | NotUnderstood) -> tuple["Asking", Say | Resume]:
        """Resume with a whole answer, or go on with the next part."""
        rest = self.questions[1:]
        if isinstance(heard, Answer):
            done = replace(self, questions=rest, reasks=0, pending=None)
            return done, Resume(self.questions[0].interrupt_id, heard.value)
        if isinstance(heard, Onward):
            asking = replace(self, questions=(heard.question, *rest), reasks=0, pending=None)
            return asking, asking._say(heard.question.text(self.language))
        fresh = replace(self.questions[0], known=())  # its parts do not go together
        return replace(self, questions=(fresh, *rest), pending=None)._again(self._why(heard))

    def _confirmed(
        self, question: Question, text: str, source: Source
    ) -> tuple["Asking", Say | Resume]:
        """Take a yes, a no, or a correction of what was read back."""
        assert self.pending is not None  # noqa: S101 - asked by `hear` alone
        part, value = question.part, self.pending.value
        if isinstance(part.kind, YesNo):
            again = part.hear(text, source)
            if not isinstance(again, Answer):
                return self._again(self._why(again))
            if again.value == value or again.value != part.kind.answers.get(True):
                return self._taken(question.take(again.value))
            return self._pend(again.value)
        said, mended = self._corrected(part, text, source)
        if isinstance(mended, Answer) and not (said is True and mended.value == value):
            return self._pend(mended.value)
        if said is True:
            return self._taken(question.take(value))
        if said is False:
            return replace(self, pending=None)._again("")
        return self._again(self._why(NotUnderstood("unclear" if text.strip() else "silence")))

    @staticmethod
    def _corrected(part: Part, text: str, source: Source) -> tuple[bool | None, Heard]:
        """Whether a value read back is right, and another one in "no, 4 5 6 7"."""
        if source == "keys":
            said = {"1": True, "2": False}.get(text)
            return said, part.hear(text, source) if said is None else UNCLEAR
        denied, rest = LEXICON.after_yes_or_no(text)
        polar = parse_yes_no(text)
        said = polar.value if isinstance(polar, Reading) else None
        if not LEXICON.content(rest):
            return said, UNCLEAR
        mended = part.hear(rest, source)
        if isinstance(part.kind, Text) and not denied:
            mended = UNCLEAR  # words beside a yes are no new text
        if isinstance(mended, Answer):
            return None if denied else True, mended
        more = parse_yes_no(rest)
        sure = said is False or (isinstance(more, Reading) and more.value is said)
        return said if sure else None, mended

    def _pend(self, value: Any) -> tuple["Asking", Say | Resume]:
        """Read another value back; one that is never settled is given up at last."""
        if self.reasks >= MOST_REASKS:
            return self._keep("", "kept")
        asking = replace(self, pending=Pending(value), reasks=self.reasks + 1)
        return asking, asking._read_back()

    def _request(
        self, text: str, source: Source, *, any_: bool = False
    ) -> tuple["Asking", Say] | None:
        """Serve "repeat please", "one moment", "a person please", if it is one."""
        question = self.question
        if source != "speech" or question is None:
            return None
        found = parse_request(text)
        if not isinstance(found, Reading):
            return None
        free = isinstance(question.part.kind, Text) and self.pending is None
        if free and len(text.split()) > _SHORT:
            return None
        if found.value == "repeat" and (any_ or free or self.pending is not None):
            return self, self._read_back() if self.pending else self._say(self._question())
        if found.value == "wait" and (any_ or free):
            return self, self._say(sentence(self.language, "wait"))
        if found.value in _GIVES_UP and any_:
            return self._keep("", "kept")
        return None

    def _again(self, why: str) -> tuple["Asking", Say]:
        if self.reasks >= MOST_REASKS:
            return self._keep("", "kept")
        asking = replace(self, reasks=self.reasks + 1)
        if self.pending is not None:
            return asking, asking._read_back(why)
        question = self.questions[0]
        hint = question.part.kind.hint(self.language)
        return asking, asking._say(
            " ".join(filter(None, [why, question.text(self.language), hint]))
        )

    def _keep(self, before: str, key: str) -> tuple["Asking", Say]:
        """Leave the question to another channel, and ask the next if there is one."""
        kept = (*self.kept, self.questions[0].interrupt_id)
        first, *others = self.questions
        last = replace(first, known=())
        rest = replace(self, questions=tuple(others), kept=kept, last=last, pending=None, reasks=0)
        said = " ".join(filter(None, [before, sentence(self.language, key)]))
        following, asked = rest.first()
        if asked is None:
            return rest, self._say(said, kept=True)
        return following, replace(asked, text=f"{said} {asked.text}")

    def _read_back(self, why: str = "") -> Say:
        assert self.pending is not None  # noqa: S101 - only read back when there is a value
        part = self.questions[0].part
        expects = _CONFIRMATION.expectation(self.language)
        if isinstance(part.kind, YesNo):
            said = sentence(self.language, "to_be_sure", question=part.text(self.language))
        else:
            value = part.kind.said(self.pending.value, self.language)
            said = sentence(self.language, "read_back_again" if why else "read_back", value=value)
        return Say(" ".join(filter(None, [why, said])), expects)

    def _question(self) -> str:
        return self.questions[0].text(self.language)

    def _say(self, text: str, *, kept: bool = False) -> Say:
        question = self.question
        expects = question.expectation(self.language) if question and not kept else Expectation()
        return Say(text, expects, kept)

    def _why(self, heard: NotUnderstood) -> str:
        """What was wrong, in words: the limit that was broken, or that nothing was understood."""
        return broken(heard, self.language) or sentence(self.language, "sorry")


def broken(heard: NotUnderstood, language: str) -> str:
    """Say what an answer breaks, "It has 4 digits."; "" where that is not known."""
    if heard.reason == "silence":
        return sentence(language, "silence")
    values = {"limit": heard.limit}
    if isinstance(heard.limit, tuple):
        values = {"least": heard.limit[0], "limit": heard.limit[1]}
    return sentence(language, f"problem.{heard.reason}", **values)


def _aside(question: Question, heard: Answer) -> bool:
    """Whether an answer is words that are none of the choices."""
    kind = question.part.kind
    if isinstance(kind, Digits):
        return kind.words is not None and isinstance(heard.value, dict)
    return (
        isinstance(kind, Choice)
        and kind.others
        and all(heard.value != option.value for option in kind.options)
    )
