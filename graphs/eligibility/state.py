"""What the interview knows and what can happen to it: plain values, safe to store."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal, NamedTuple, get_args

Question = Literal["employment", "salary", "city"]
Outcome = Literal["eligible", "not_eligible", "needs_human", "opted_out", "in_progress"]
Stage = Literal[
    "greeting",
    "employment",
    "salary",
    "city",
    "eligible",
    "not_eligible",
    "needs_human",
    "opted_out",
    "end",
]
"""Where the interview stands; `end` is a conversation closed before a decision."""
Language = Literal["en", "hi"]
Source = Literal["speech", "keys", "chat"]

QUESTIONS: tuple[Question, ...] = get_args(Question)
LANGUAGES: tuple[Language, ...] = get_args(Language)
FINAL: tuple[Outcome, ...] = ("eligible", "not_eligible", "needs_human", "opted_out")
"""Outcomes that nothing changes any more."""


PAISA = Decimal("0.01")


def _paise(rupees: Decimal) -> Decimal:
    exact = rupees.quantize(PAISA, ROUND_DOWN)
    whole = exact.to_integral_value()
    return whole if whole == exact else exact


@dataclass(frozen=True, slots=True)
class Salary:
    """A monthly salary in rupees: exact when both ends are equal, else somewhere between them."""

    low: Decimal | None
    high: Decimal | None

    @classmethod
    def exactly(cls, rupees: Decimal) -> "Salary":
        """One figure, rounded down to the paisa."""
        return cls.between(rupees, rupees)

    @classmethod
    def between(cls, low: Decimal, high: Decimal) -> "Salary":
        """Two ends, rounded down to the paisa; 0 and `Infinity` are open ends."""
        return cls(_paise(low) if low else None, _paise(high) if high.is_finite() else None)

    def to_json(self) -> list[str | None]:
        """Both ends as decimal strings."""
        return [None if end is None else str(end) for end in (self.low, self.high)]

    @classmethod
    def from_json(cls, value: list[str | None]) -> "Salary":
        """Read what `to_json` wrote."""
        low, high = (None if end is None else Decimal(end) for end in value)
        return cls(low, high)


@dataclass(frozen=True, slots=True)
class Confirm:
    """A yes or no that is asked inside the salary question."""

    reply: Literal["confirm.amount", "confirm.minimum"]
    yes: Salary
    """The salary that a yes stands for."""
    no: Salary | None = None
    """The salary that a no stands for; None when a no means asking again."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to the interview."""

    kind: Literal["opened", "said", "silence", "hangup"]
    at: datetime
    """When, aware UTC."""
    text: str = ""
    source: Source = "chat"
    languages: tuple[Language, ...] = LANGUAGES
    """Languages the channel can speak."""
    unheard: bool = False
    """Whether what was read back was not heard, so that a yes or no is none to it."""

    def to_json(self) -> dict[str, Any]:
        """The event without its time, as the certificate keeps it."""
        value: dict[str, Any] = {"kind": self.kind}
        if self.kind == "said":
            value |= {"text": self.text, "source": self.source}
        if self.languages != LANGUAGES:
            value["languages"] = list(self.languages)
        if self.unheard:
            value["unheard"] = True
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any], at: datetime) -> "Event":
        """Read what `to_json` wrote."""
        return cls(
            value["kind"],
            at,
            value.get("text", ""),
            value.get("source", "chat"),
            tuple(value.get("languages", LANGUAGES)),
            value.get("unheard", False),
        )


class Interview(NamedTuple):
    """Everything a decision depends on."""

    stage: Stage = "greeting"
    question: Question = "employment"
    """The question that is open, or was open when the interview ended."""
    language: Language = "en"
    language_asked: bool = False
    """The caller asked for this language, so it is no longer detected."""
    met: bool = False
    """The caller has said something; until then whoever comes in is greeted as new."""
    employment: str | None = None
    salary: Salary | None = None
    city: str | None = None
    confirm: Confirm | None = None
    reasks: int = 0
    """How often the open question was asked again because the answer was not understood."""
    silences: int = 0
    turns: int = 0
    outcome: Outcome = "in_progress"
    reasons: tuple[str, ...] = ()
    follow_up: tuple[Literal["person", "do_not_call"], ...] = ()
    """What the caller asked for after the outcome, which stands."""

    @property
    def final(self) -> bool:
        """Whether an outcome stands that nothing changes any more."""
        return self.outcome in FINAL

    @property
    def done(self) -> bool:
        """Whether the conversation is over."""
        return self.final or self.stage == "end"

    @property
    def facts(self) -> dict[str, Any]:
        """The three facts as JSON; None where unknown."""
        salary = self.salary.to_json() if self.salary else None
        return {"employment": self.employment, "salary": salary, "city": self.city}

    def to_json(self) -> dict[str, Any]:
        """The interview as plain values, as a checkpoint keeps it."""
        confirm = self.confirm and {
            "reply": self.confirm.reply,
            "yes": self.confirm.yes.to_json(),
            "no": self.confirm.no and self.confirm.no.to_json(),
        }
        return {
            "stage": self.stage,
            "question": self.question,
            "language": self.language,
            "language_asked": self.language_asked,
            "met": self.met,
            "facts": self.facts,
            "confirm": confirm,
            "reasks": self.reasks,
            "silences": self.silences,
            "turns": self.turns,
            "outcome": self.outcome,
            "reasons": list(self.reasons),
            "follow_up": list(self.follow_up),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Interview":
        """Read what `to_json` wrote; a thread without an interview yet begins one."""
        if "stage" not in value:
            return cls()
        facts, confirm = value["facts"], value["confirm"]
        return cls(
            stage=value["stage"],
            question=value["question"],
            language=value["language"],
            language_asked=value["language_asked"],
            met=value.get("met", True),
            employment=facts["employment"],
            salary=facts["salary"] and Salary.from_json(facts["salary"]),
            city=facts["city"],
            confirm=confirm
            and Confirm(
                confirm["reply"],
                Salary.from_json(confirm["yes"]),
                confirm["no"] and Salary.from_json(confirm["no"]),
            ),
            reasks=value["reasks"],
            silences=value["silences"],
            turns=value["turns"],
            outcome=value["outcome"],
            reasons=tuple(value["reasons"]),
            follow_up=tuple(value["follow_up"]),
        )
