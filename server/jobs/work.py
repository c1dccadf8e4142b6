"""What a kind of job is: who does it, how long it may take, when it is tried again."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from store.jobs import Job


@dataclass(frozen=True, slots=True)
class Done:
    """It is done."""

    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """It goes on at a time; nothing failed, and no attempt is counted against it."""

    at: datetime
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; another is made, if there are any left."""

    error: str
    result: Mapping[str, Any] | None = None
    not_before: datetime | None = None
    """Asked for by who refused it."""
    final: bool = False
    """Whether another attempt cannot help."""


Outcome = Done | Later | Failed


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a failed job is tried again: exponential backoff with jitter.

    The waits double from `first` up to `longest`; each is drawn from the upper half of its length,
    so that what failed together does not come back together.
    """

    attempts: int = 20
    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=6)

    def wait(self, attempt: int, chance: float | None = None) -> timedelta | None:
        """Return how long to wait after the attempt of that number; None when it was the last.

        Args:
            attempt: 1 for the first.
            chance: 0 for the shortest wait, 1 for the longest; drawn when missing.
        """
        if attempt >= self.attempts:
            return None
        drawn = random.random() if chance is None else chance  # noqa: S311 - no secret
        whole = self.longest
        if attempt < 64 and self.first * 2 ** (attempt - 1) < self.longest:
            whole = self.first * 2 ** (attempt - 1)
        return whole * (0.5 + drawn / 2)


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of job."""

    do: Callable[[Job], Awaitable[Outcome]]
    retry: Retry = field(default_factory=Retry)
    deadline_secs: float = 60.0
    """Longest attempt."""
