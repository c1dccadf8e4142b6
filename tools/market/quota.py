"""How often a provider may be asked, and what came of asking: kept by each process for itself.

A place is taken without waiting for it, so callers queue in the order in which they came, whatever
thread or event loop they are in. Windows slide: a day is 24 hours, not the provider's calendar day,
which can only make us more patient than we need be.
"""

import bisect
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from limits import parse_many


class Exhausted(Exception):
    """There is no place within the time that the caller wants to wait; none was taken.

    Attributes:
        wait: seconds until there is one.
    """

    def __init__(self, wait: float) -> None:
        super().__init__(f"no place for another {wait:.0f} s")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests within any `secs` seconds."""

    count: int
    secs: int

    def __str__(self) -> str:
        """Write it as it is set: `60 per 1 minute` is `60/60s`."""
        return f"{self.count}/{self.secs}s"


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a quota is used.

    Attributes:
        limits: each with how many places of its window are taken.
        outcomes: requests by what came of them, `ok` or the kind of the failure.
        cost_usd: what the provider said that it charges.
    """

    limits: tuple[tuple[Limit, int], ...]
    outcomes: Mapping[str, int]
    cost_usd: Decimal


def limits_of(text: str) -> list[Limit]:
    """Read limits such as `60/minute; 30/second`.

    Raises:
        ValueError: it is not of that form.
    """
    return [Limit(item.amount, item.get_expiry()) for item in parse_many(text)]


class Quota:
    """Places to ask a provider.

    Args:
        limits: all of them hold.
        clock: seconds that only go on.
    """

    def __init__(
        self, limits: Sequence[Limit], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = tuple(limits)
        self._clock = clock
        self._taken: deque[float] = deque(maxlen=max((one.count for one in limits), default=1))
        self._held_until = float("-inf")
        self._outcomes: Counter[str] = Counter()
        self._cost = Decimal(0)
        self._lock = threading.Lock()

    def take(self, patience: float) -> float:
        """Take the next place and return how long to wait for it, in seconds.

        Args:
            patience: longest wait, in seconds.

        Raises:
            Exhausted: it would be longer; no place was taken.
        """
        with self._lock:
            now = self._clock()
            at = max(now, self._held_until, self._taken[-1] if self._taken else now)
            for limit in self.limits:
                if len(self._taken) >= limit.count:
                    at = max(at, self._taken[-limit.count] + limit.secs)
            if at - now > patience:
                raise Exhausted(at - now)
            self._taken.append(at)
            return at - now

    def hold(self, secs: float) -> None:
        """Give no place for so many seconds: the provider has said so."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + secs)

    def count(self, outcome: str) -> None:
        """Count a request with what came of it."""
        with self._lock:
            self._outcomes[outcome] += 1

    def spend(self, cost_usd: Decimal) -> None:
        """Count what a request cost."""
        with self._lock:
            self._cost += cost_usd

    def used(self) -> Used:
        """Return how much is used."""
        with self._lock:
            now, taken = self._clock(), list(self._taken)
            windows = tuple(
                (one, min(len(taken) - bisect.bisect_right(taken, now - one.secs), one.count))
                for one in self.limits
            )
            return Used(windows, dict(self._outcomes), self._cost)


_SHARED: dict[str, Quota] = {}


def shared_quota(provider: str, limits: str) -> Quota:
    """Return the process's quota of a provider: one for all who ask it, as its key is one.

    Raises:
        ValueError: the limits cannot be read.
    """
    wanted = limits_of(limits)
    known = _SHARED.get(provider)
    if known is None or known.limits != tuple(wanted):
        known = _SHARED[provider] = Quota(wanted)
    return known


def all_used() -> dict[str, Used]:
    """Return what is used of each provider that this process has asked, by name."""
    return {name: quota.used() for name, quota in sorted(_SHARED.items())}
