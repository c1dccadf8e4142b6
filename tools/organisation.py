"""An organisation: a folder with `organisation.yaml` and `documents/`, of one's own or shipped."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

DEFAULT: Final = "lanternfield"
"""The fictional organisation that ships."""
WORKSPACE: Final = "workspace"
"""The organisation of whatever is made over the API: its documents, contacts, permissions."""
SHIPPED: Final = Path(__file__).parent.parent / "graphs" / "sdr" / "organisations"
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class OrganisationError(ValueError):
    """There is no such organisation, or its file cannot be used; says which and why."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(_Section):
    """The price of every unit from some number of units on."""

    units: int = Field(ge=1)
    price: Decimal = Field(ge=0)


class Item(_Section):
    """Something that has a price."""

    id: str
    name: str
    """As it is spoken."""
    price: Decimal = Field(ge=0)
    """Of one unit, in the currency of the prices."""
    unit: str
    period: Literal["month", "year"] | None = None
    """None when it is paid once."""
    addon: bool = False
    """Whether it is bought beside something else only."""
    least: int = Field(1, ge=1)
    """Fewest units that can be bought."""
    most: int | None = Field(None, ge=1)
    """Most units that can be bought; None for any number."""
    tiers: tuple[Tier, ...] = ()
    """Other prices of a unit for larger numbers; all units get the price of the tier reached."""

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        if [tier.units for tier in tiers] != sorted({tier.units for tier in tiers}):
            raise ValueError("expected tiers by ascending number of units, each number once.")
        return tiers


class Discount(_Section):
    """A reduction that anyone may promise, and only this one."""

    id: str
    name: str
    percent: Decimal = Field(gt=0, le=100)
    applies_to: tuple[str, ...]
    """Ids of items."""


class Prices(_Section):
    """The price list."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    tax: Literal["included", "excluded", "unstated"] = "unstated"
    """Whether the prices are with tax; unstated: nothing may be said about it."""
    tax_percent: Decimal | None = Field(None, ge=0, le=100)
    """Rate that is quoted; None where it depends on the buyer, and none is quoted."""
    tax_name: str = "tax"
    """As it is spoken: VAT, GST."""
    items: tuple[Item, ...] = ()
    discounts: tuple[Discount, ...] = ()


class CalendarRules(_Section):
    """What may be booked."""

    meeting: str = "meeting"
    """What a booking is called when it is spoken."""
    minutes: int = Field(30, ge=5, le=480)
    notice_hours: float = Field(2, ge=0)
    """Shortest time between now and a slot that is offered."""
    days_ahead: int = Field(14, ge=1, le=90)
    other_minutes: tuple[int, ...] = ()
    """Other lengths that may be asked for."""
    step_minutes: int = Field(30, ge=5, le=480)
    """From one slot that is offered to the next."""
    pause_minutes: int = Field(0, ge=0, le=240)
    """Kept free after each booking."""
    hours: dict[Day, tuple[tuple[time, time], ...]] | None = None
    """When bookings are possible, if that is not the opening hours: several spans a day."""
    closed: tuple[date, ...] = ()
    """Days on which nothing is possible."""
    backend: Literal["embedded", "calcom"] = "embedded"
    calcom_event_type: int | None = None
    """Cal.com's id of the event type that is booked."""

    @model_validator(mode="after")
    def _on_cells(self) -> Self:
        lengths = (self.minutes, *self.other_minutes, self.step_minutes, self.pause_minutes)
        if any(length % 5 for length in lengths):
            raise ValueError("expected lengths in whole five minutes.")
        if self.backend == "calcom" and self.calcom_event_type is None:
            raise ValueError("calcom_event_type is missing: the id of what is booked at Cal.com.")
        return self


class Organisation(_Section):
    """What `organisation.yaml` says."""

    name: str
    """As it is spoken; empty where nobody has named it: it is never said then."""
    summary: str = ""
    agent: dict[str, Any] = Field(default_factory=dict)
    """Its agent; fields of `graphs.sdr.agent.Agent`."""
    prices: Prices | None = None
    timezone: str = "UTC"
    """IANA name; of its opening hours."""
    opening_hours: dict[Day, tuple[time, time]] = Field(default_factory=dict)
    """From and until, by day; a day that is missing is closed."""
    calendar: CalendarRules = CalendarRules()
    country: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    """ISO 3166; of telephone numbers that are said without a country's code."""
    crm: Literal["embedded", "hubspot"] = "embedded"
    contact: dict[str, str] = Field(default_factory=dict)

    @property
    def bookable(self) -> bool:
        """Whether there are hours in which anything could be booked."""
        return self.calendar.backend != "embedded" or bool(
            self.opening_hours if self.calendar.hours is None else self.calendar.hours
        )

    @property
    def opens_at(self) -> time:
        """The earliest hour of a day at which people are there; nine without opening hours."""
        return min((span[0] for span in self.opening_hours.values()), default=time(9))

    def opens(self, at: datetime) -> datetime:
        """Return a time itself if people are there then, else when they come next.

        Without opening hours somebody is always there.
        """
        local = at.astimezone(ZoneInfo(self.timezone))
        for ahead in range(8 if self.opening_hours else 0):
            day = local.date() + timedelta(days=ahead)
            span = self.opening_hours.get(DAYS[day.weekday()])
            if span is None or not ahead and local.time() >= span[1]:
                continue
            first = datetime.combine(day, span[0], local.tzinfo)
            return at if first <= local else first
        return at

    @model_validator(mode="after")
    def _hours_make_sense(self) -> Self:
        spans = [*self.opening_hours.values()]
        spans += [span for day in (self.calendar.hours or {}).values() for span in day]
        for opens, closes in spans:
            if opens >= closes:
                raise ValueError(f"{opens:%H:%M} to {closes:%H:%M} is no span of a day.")
            if any(at.minute % 5 or at.second or at.microsecond for at in (opens, closes)):
                raise ValueError("expected opening hours in whole five minutes.")
        return self

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except Exception as error:
            raise ValueError(f"{name!r} is not an IANA time zone.") from error
        return name


def organisation_folder(name: str, data_dir: Path) -> Path | None:
    """Return the folder of an organisation, one's own before the one shipped; None without one.

    Raises:
        OrganisationError: the name could not be that of a folder.
    """
    if not _NAME.fullmatch(name):
        raise OrganisationError(f"{name!r} is no name of an organisation: letters, digits, - and _")
    for folder in (data_dir / "organisations" / name, SHIPPED / name):
        if folder.is_dir():
            return folder
    return None


def load_organisation(name: str, data_dir: Path) -> Organisation:
    """Read an organisation; one without a file, such as one made over the API, has no name.

    Blocks: it reads a file the first time, and whenever that has changed.

    Raises:
        OrganisationError: the file is not YAML, or says what it must not.
    """
    folder = organisation_folder(name, data_dir)
    file = folder and folder / "organisation.yaml"
    if file is None or not file.is_file():
        return Organisation(name="")
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _read(file: Path, _changed: int) -> Organisation:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OrganisationError(f"{file.parent.name}/{file.name} is not YAML: {error}") from error
    if not isinstance(document, Mapping):
        raise OrganisationError(
            f"{file.parent.name}/{file.name}: expected fields, got {document!r}"
        )
    try:
        return Organisation.model_validate(dict(document))
    except ValidationError as error:
        raise OrganisationError(f"{file.parent.name}/{file.name}: {error}") from error
