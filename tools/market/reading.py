"""Reading what providers write: figures as text, text for figures, dates in several fashions."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

NEW_YORK: Final = ZoneInfo("America/New_York")
_NOTHING: Final = frozenset({"", "-", ".", "none", "null", "n/a", "na", "nan"})
"""What providers write where there is no figure."""


def number(value: Any) -> Decimal | None:
    """Return a figure, be it written as one or as text (`1,234.5`, `12 %`); None if it is none."""
    if value is None or isinstance(value, bool | list | dict):
        return None
    text = str(value).strip().removesuffix("%").strip().replace(",", "")
    if text.lower() in _NOTHING:
        return None
    try:
        figure = Decimal(text)
    except InvalidOperation:
        return None
    return figure if figure.is_finite() else None


def words(value: Any) -> str | None:
    """Return a text without the space around it; None if there is none."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text.lower() not in _NOTHING else None


def day(value: Any) -> date | None:
    """Return a date written `2026-11-21` or `20261121`; None if it is none."""
    text = words(value)
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None


def moment(value: Any) -> datetime | None:
    """Return a moment written in ISO 8601 with its zone, or in seconds since 1970; else None."""
    figure = number(value)
    try:
        if figure is not None:
            return datetime.fromtimestamp(float(figure), UTC) if figure > 0 else None
        found = datetime.fromisoformat(words(value) or "")
    except (ValueError, OverflowError, OSError):
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def end_of(when: date, zone: ZoneInfo = NEW_YORK) -> datetime:
    """Return when a day is over somewhere, UTC: all that a bare date allows to claim."""
    return at(when + timedelta(days=1), time(0), zone)


def at(when: date, clock: time, zone: ZoneInfo = NEW_YORK) -> datetime:
    """Return a moment of a day somewhere, UTC."""
    return datetime.combine(when, clock, zone).astimezone(UTC)


def announced(when: date, part: str | None) -> datetime:
    """Return from when results of a day were surely out, UTC.

    Args:
        when: day of the announcement, in New York.
        part: of the day: `bmo` or `pre-market`, `dmh`, `amc` or `post-market`; None if not told.
    """
    before = {"bmo": time(9, 30), "pre-market": time(9, 30), "dmh": time(16)}.get(part or "")
    return at(when, before) if before else end_of(when)
