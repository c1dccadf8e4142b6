"""What providers have in common: where they are, how often they may be asked, what time they see.

`Known` decides what of an answer may be told for a time: nothing that could be known later only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from settings import Settings
from tools.market.evidence import Datum
from tools.market.failures import NoAnswer, NotConfigured
from tools.market.quota import Quota, shared_quota

Clock = Callable[[], datetime]
T = TypeVar("T")

LIVE: Final = timedelta(minutes=2)
"""A question of so long ago at most is about now; its answers come a little after it was asked."""


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Access:
    """Where a provider is asked, and how often.

    Attributes:
        url: its address.
        quota: shared by all who ask it in this process.
        clock: tells the time, UTC.
    """

    url: str
    quota: Quota
    clock: Clock = utc_now


def access(settings: Settings, name: str, url: str, limits: str) -> Access:
    """Return a provider's address and quota, as the settings have them or else as given.

    Raises:
        NotConfigured: a quota of the settings cannot be read.
    """
    told = settings.market_quotas.get(name, limits)
    try:
        quota = shared_quota(name, told)
    except ValueError:
        raise NotConfigured(
            f"DIALGRAPH_MARKET_QUOTAS has {told!r} for {name}; "
            "it is written '60/minute; 30/second'."
        ) from None
    return Access(settings.market_urls.get(name, url), quota)


def needed(value: SecretStr | str | None, variable: str) -> str:
    """Return a setting that a provider cannot do without.

    Raises:
        NotConfigured: it is not set.
    """
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not text:
        raise NotConfigured(f"It is not configured: set {variable}.")
    return text


class Known:
    """Keeps what could be known at a time.

    A question about now is answered with what is there when the answer comes, seconds later, and
    that counts as known at the time of the question; a question about the past is answered with
    what was knowable then, so what a provider only shows as it is now is left out.

    Args:
        as_of: the time of the question.
        now: the time at which the provider was asked.
    """

    def __init__(self, as_of: datetime, now: datetime) -> None:
        self.as_of = as_of
        self.now = now
        self.live = abs(now - as_of) <= LIVE

    def of(self, data: Iterable[Datum]) -> list[Datum]:
        """Return the data that were knowable."""
        return [cut for datum in data if (cut := self._cut(datum)) is not None]

    def _cut(self, datum: Datum) -> Datum | None:
        if datum.knowable_at <= self.as_of:
            return datum
        if not self.live or datum.knowable_at > max(self.now, self.as_of) + LIVE:
            return None
        told = min(datum.as_of, self.as_of)
        return datum.model_copy(update={"as_of": told, "knowable_at": self.as_of})


async def together(questions: Iterable[Awaitable[T]]) -> list[T]:
    """Ask all at once and return the answers in order; the first failure ends all.

    Raises:
        NoAnswer: the first failure.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_run(one)) for one in questions]
    except* NoAnswer as failed:
        raise _first(failed) from None
    return [task.result() for task in tasks]


async def _run(question: Awaitable[T]) -> T:
    return await question


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
