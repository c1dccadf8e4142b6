"""What a step of the interview asks its shell to do, and the evidence it gives for it."""

from dataclasses import dataclass
from typing import Any, Literal

from graphs.eligibility.rules import Verdict
from graphs.eligibility.state import Outcome


@dataclass(frozen=True, slots=True)
class Understood:
    """Evidence: what was taken from the utterance, where it stands, by which rules."""

    what: str
    """`employment`, `salary`, `city`, `confirm` or `request`."""
    value: Any
    """As JSON."""
    span: tuple[int, int]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a sentence."""

    text: str
    replies: tuple[str, ...]
    """Ids of the replies it is made of."""


@dataclass(frozen=True, slots=True)
class Expect:
    """What the open question expects."""

    kind: Literal["yes_no", "employment", "amount", "city", "choice"]
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """The conversation is over."""

    outcome: Outcome


Action = Understood | Verdict | Say | Expect | Close
