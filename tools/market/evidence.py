"""Evidence: what is known, from where, of when, and since when it could be known."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

Kind = Literal[
    "price", "statistic", "fundamental", "filing", "earnings", "approval", "news", "macro"
]


_FIGURE: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


class Datum(BaseModel):
    """One thing that is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str | None = None
    """None for what concerns all, such as a rate of interest."""
    kind: Kind
    name: str = Field(min_length=1)
    """What it is, for a person: `close`, `return over 12 months`."""
    value: Decimal | str
    """A figure, or words."""
    unit: str | None = None
    """`USD`, `%`, `shares`; None for words and ratios."""
    source: str = Field(min_length=1)
    """Name of the provider, or of the code that has computed it."""
    as_of: AwareDatetime
    """What time it is about."""
    knowable_at: AwareDatetime
    """From when anybody could know it; not the time that it is about."""
    url: str | None = None

    @field_validator("value", mode="before")
    @classmethod
    def _figure(cls, value: object) -> object:
        """Take a figure for one also where JSON has made a text of it."""
        figure = isinstance(value, str) and _FIGURE.fullmatch(value)
        return Decimal(value) if figure else value  # type: ignore[arg-type]

    @property
    def id(self) -> str:
        """Digest of all of it: the same fact has the same id."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return f"d{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def line(self) -> str:
        """Write it as a line for a model or a page, its id first."""
        unit = f" {self.unit}" if self.unit else ""
        value = format(self.value, "f") if isinstance(self.value, Decimal) else self.value
        about = f"{self.symbol} " if self.symbol else ""
        return (
            f"[{self.id}] {about}{self.name}: {value}{unit} ({self.as_of:%Y-%m-%d}, {self.source})"
        )


class FromTheFuture(ValueError):
    """A datum could not be known yet at the time for which it was read."""


class Evidence:
    """The data of one run, by id; nothing that was not knowable at its time.

    Args:
        as_of: the time of the run.
        data: what is known.

    Raises:
        FromTheFuture: one of them was not knowable yet.
    """

    def __init__(self, as_of: datetime, data: Iterable[Datum] = ()) -> None:
        self.as_of = as_of
        self._data: dict[str, Datum] = {}
        for datum in data:
            self.add(datum)

    def add(self, datum: Datum) -> str:
        """Take a datum and return its id.

        Raises:
            FromTheFuture: it was not knowable yet.
        """
        if datum.knowable_at > self.as_of:
            raise FromTheFuture(
                f"{datum.name} of {datum.symbol or 'all'} was knowable from "
                f"{datum.knowable_at:%Y-%m-%d %H:%M} UTC only, after {self.as_of:%Y-%m-%d %H:%M}."
            )
        self._data[datum.id] = datum
        return datum.id

    def get(self, id_: str) -> Datum | None:
        """Return a datum, or None."""
        return self._data.get(id_)

    def of(self, symbol: str) -> list[Datum]:
        """Return what is known of a symbol, and what concerns all."""
        return [datum for datum in self if datum.symbol in (symbol, None)]

    def __iter__(self) -> Iterator[Datum]:
        return iter(self._data.values())

    def __len__(self) -> int:
        return len(self._data)

    def dump(self) -> list[Mapping[str, object]]:
        """Return it as JSON, for a checkpoint."""
        return [datum.model_dump(mode="json") for datum in self]
