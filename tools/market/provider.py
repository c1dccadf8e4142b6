"""Where market data comes from: providers that are chosen by name, and what they could not tell.

A provider is a file in `tools/market/providers/` that registers what makes it; the file has the
provider's name. Those that the settings name are asked, no others: what one of them cannot tell is
a `SourceFailed` beside the data, never another provider's answer.

    @provider("example")
    def open_example(settings: Settings, outside: Outside) -> Provider: ...
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Final, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict

from faults import places
from settings import Settings
from tools.market.bars import Series
from tools.market.evidence import Datum
from tools.outside import Outside

log = logging.getLogger(__name__)

T = TypeVar("T")

WAIT_SECS: Final = 20.0
"""Longest wait for a provider, in seconds."""


class ProviderFailed(RuntimeError):
    """A provider did not tell; the message says why, without keys and without its whole answer."""

    data: Sequence[Datum] = ()
    """What it told before it failed."""


class SourceFailed(BaseModel):
    """A provider did not tell what it was asked."""

    model_config = ConfigDict(frozen=True)

    provider: str
    problem: str


@runtime_checkable
class Provider(Protocol):
    """Tells what is known of symbols."""

    @property
    def name(self) -> str:
        """The name by which the settings choose it; the `source` of its data begins with it."""

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return what is known of symbols at a time, each datum with when it was knowable.

        Raises:
            ProviderFailed: it did not tell.
        """


@runtime_checkable
class HasBars(Protocol):
    """A provider that also tells prices by the day."""

    async def bars(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Series]:
        """Return the sessions that were over at a time; symbols that it has not are missing.

        Raises:
            ProviderFailed: it did not tell.
        """

    async def benchmark(self, as_of: datetime) -> Series:
        """Return the sessions of what shares are measured against.

        Raises:
            ProviderFailed: it did not tell.
        """


@runtime_checkable
class HasEvents(Protocol):
    """A provider that also tells what happened: filings, approvals, results."""

    async def happened(
        self, symbols: Sequence[str] | None, since: datetime, as_of: datetime
    ) -> list[Datum]:
        """Return the events that became knowable in a span.

        Without symbols those of all companies; a provider that tells them by company only has
        none then.

        Raises:
            ProviderFailed: it did not tell.
        """


@dataclass(frozen=True, slots=True)
class Told:
    """What providers told, and which of them did not."""

    data: tuple[Datum, ...] = ()
    failures: tuple[SourceFailed, ...] = ()


Opener = Callable[[Settings, Outside], Provider]
_openers: dict[str, Opener] = {}


def provider(name: str) -> Callable[[Opener], Opener]:
    """Register what makes the provider of that name."""

    def register(opener: Opener) -> Opener:
        _openers[name] = opener
        return opener

    return register


class UnknownProvider(ValueError):
    """No file of that name is there."""


def open_provider(name: str, settings: Settings, outside: Outside) -> Provider:
    """Make the provider of that name.

    Raises:
        UnknownProvider: there is none.
        ProviderFailed: it is not configured.
    """
    if name not in _openers:
        known = provider_names()
        if name not in known:
            raise UnknownProvider(f"There is no market data {name!r}; known: {', '.join(known)}.")
        import_module(f"tools.market.providers.{name}")
    return _openers[name](settings, outside)


def provider_names() -> list[str]:
    """Return the names of all providers, configured or not."""
    from tools.market import providers

    return sorted(module.name for module in iter_modules(providers.__path__))


@dataclass(frozen=True, slots=True)
class Market:
    """The market data that the settings have chosen, in the order in which they name it."""

    providers: Sequence[Provider] = field(default_factory=tuple)

    async def data(self, symbols: Sequence[str], as_of: datetime) -> Told:
        """Ask all providers at once; who fails or is late is among the failures.

        A datum that was not knowable at the time is dropped, and its provider named.
        """
        asked = [(one.name, one.data(symbols, as_of)) for one in self.providers]
        return await _told(asked, as_of)

    async def happened(
        self, symbols: Sequence[str] | None, since: datetime, as_of: datetime
    ) -> Told:
        """Ask all providers that tell events, as `data` does; see `HasEvents`."""
        asked = [
            (one.name, one.happened(symbols, since, as_of))
            for one in self.providers
            if isinstance(one, HasEvents)
        ]
        return await _told(asked, as_of)

    @property
    def has_events(self) -> bool:
        """Whether any of the providers tells events."""
        return any(isinstance(one, HasEvents) for one in self.providers)

    async def bars(self, symbols: Sequence[str], as_of: datetime) -> Mapping[str, Series]:
        """Return the sessions that were over at a time, by the first provider that has prices.

        Raises:
            ProviderFailed: it did not tell, or none of them has prices.
        """
        return await _in_time(self._with_bars().bars(symbols, as_of))

    async def benchmark(self, as_of: datetime) -> Series:
        """Return the sessions of what shares are measured against.

        Raises:
            ProviderFailed: it was not told, or none of them has prices.
        """
        return await _in_time(self._with_bars().benchmark(as_of))

    def _with_bars(self) -> HasBars:
        for one in self.providers:
            if isinstance(one, HasBars):
                return one
        names = ", ".join(one.name for one in self.providers) or "none"
        raise ProviderFailed(f"Of the market data chosen ({names}) none has prices by the day.")


async def _told(asked: Iterable[tuple[str, Awaitable[list[Datum]]]], as_of: datetime) -> Told:
    answers = await asyncio.gather(*(_ask(name, question) for name, question in asked))
    data = [datum for told, _ in answers for datum in told]
    failures = [failed for _, failed in answers if failed]
    early = [datum for datum in data if datum.knowable_at > as_of]
    failures += [
        SourceFailed(provider=source, problem="It told what could not be known yet.")
        for source in dict.fromkeys(datum.source for datum in early)
    ]
    return Told(tuple(d for d in data if d.knowable_at <= as_of), tuple(failures))


async def _ask(
    name: str, question: Awaitable[list[Datum]]
) -> tuple[list[Datum], SourceFailed | None]:
    try:
        return await _in_time(question), None
    except ProviderFailed as error:
        return list(error.data), SourceFailed(provider=name, problem=str(error))
    except Exception as error:  # whatever a provider's client raises
        log.warning("The market data %s failed: %s", name, places(error))
        return [], SourceFailed(provider=name, problem=f"It failed ({type(error).__name__}).")


async def _in_time(answer: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(WAIT_SECS):
            return await answer
    except TimeoutError as error:
        raise ProviderFailed(f"It did not answer within {WAIT_SECS:g} seconds.") from error


def day_of(series: Series) -> date | None:
    """Return the last session of a series; None where it has none."""
    if not len(series):
        return None
    last: date = series.days[-1].astype(object)
    return last
