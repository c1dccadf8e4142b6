"""What a parser may say of an utterance: a reading, that it is unclear, or nothing at all."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """One thing understood, with its evidence."""

    value: T
    span: tuple[int, int]
    """Where it stands in the utterance, as characters from and up to."""
    rules: tuple[str, ...]
    """Ids of the rules that led to the value, in the order they applied."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Something was said on the subject, but it could mean more than one thing: ask again."""

    reason: str
    """Id of the reason, for example `amount.range` or `amount.bare`."""
    span: tuple[int, int]
    rules: tuple[str, ...] = ()
