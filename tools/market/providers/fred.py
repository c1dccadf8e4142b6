"""FRED: what the economy was said to be, as it was said then (ALFRED vintages).

https://fred.stlouisfed.org/docs/api/fred/series_observations.html: 120 requests a minute a key.
A figure holds from its `realtime_start` on, a day in St. Louis, until it is revised; FRED clips
that day to the span that was asked for, so the span reaches back far enough that a figure at its
beginning is old. Only the day is told, so a figure is taken to be knowable when that day is over.
A missing figure is a point.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from settings import Settings
from tools.market.access import Access, Known, access, needed, together
from tools.market.evidence import Datum
from tools.market.failures import Unreadable
from tools.market.fetch import Fetcher
from tools.market.provider import Provider, provider
from tools.market.reading import day, end_of, number
from tools.outside import Outside

CENTRAL: Final = ZoneInfo("America/Chicago")
VINTAGES: Final = timedelta(days=60)
"""How far back the vintages are asked for."""
OBSERVED: Final = timedelta(days=400)
"""How far back what they are about."""
PAGE: Final = 1000
TOLD: Final = 2
"""Newest figures of a series that are told."""
SERIES: Final = {
    "DGS10": ("10-year Treasury yield", "%"),
    "DGS2": ("2-year Treasury yield", "%"),
    "DFF": ("federal funds rate", "%"),
    "UNRATE": ("unemployment rate", "%"),
    "CPIAUCSL": ("consumer price index, 1982-84 = 100", None),
    "VIXCLS": ("VIX, close", None),
}
"""Names and units of series; another one goes by its id, without a unit."""


@provider("fred")
def open_fred(settings: Settings, outside: Outside) -> Provider:
    """Make the provider.

    Raises:
        NotConfigured: there is no key.
    """
    key = needed(settings.fred_api_key, "FRED_API_KEY")
    series = [name.strip() for name in settings.fred_series.split(",") if name.strip()]
    where = access(settings, "fred", "https://api.stlouisfed.org/fred", "120/minute")
    return Fred(key, series, where)


class Fred:
    """Economic series of FRED.

    Args:
        key: of its API.
        series: ids.
        access: where and how often.
    """

    name = "fred"

    def __init__(self, key: str, series: Sequence[str], access: Access) -> None:
        self._key = key
        self._series = series
        self._access = access

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return the newest figures of each series as they were known; they concern all symbols.

        Raises:
            NoAnswer: one of its kinds.
        """
        known = Known(as_of, self._access.clock())
        secret = {"api_key": self._key}
        async with Fetcher(self.name, self._access.url, self._access.quota, secret=secret) as fetch:
            rows = await together(_vintages(fetch, series, as_of) for series in self._series)
        return [
            datum
            for series, some in zip(self._series, rows, strict=True)
            for datum in _newest(series, known.of(_data(series, some)))
        ]


async def _vintages(fetch: Fetcher, series: str, as_of: datetime) -> list[Mapping[str, Any]]:
    """Return all rows of the span, page by page."""
    today = as_of.astimezone(CENTRAL).date()
    params: dict[str, Any] = {
        "series_id": series,
        "file_type": "json",
        "realtime_start": (today - VINTAGES).isoformat(),
        "realtime_end": today.isoformat(),
        "observation_start": (today - OBSERVED).isoformat(),
        "limit": PAGE,
    }
    found: list[Mapping[str, Any]] = []
    while True:
        told = await fetch.get("series/observations", params | {"offset": len(found)})
        rows = told.get("observations") if isinstance(told, dict) else None
        if not isinstance(rows, list):
            raise Unreadable(f"There are no observations of {series} in its answer.")
        found += [row for row in rows if isinstance(row, dict)]
        count = number(told.get("count")) or 0
        if not rows or len(found) >= count:
            return found


def _data(series: str, rows: Sequence[Mapping[str, Any]]) -> list[Datum]:
    name, unit = SERIES.get(series, (series, None))
    found = []
    for row in rows:
        about, since, value = day(row.get("date")), day(row.get("realtime_start")), row.get("value")
        figure = number(value)
        if about is None or since is None or figure is None:
            continue
        found.append(
            Datum(
                kind="macro",
                name=f"{name} ({series})",
                value=figure,
                unit=unit,
                source="fred",
                as_of=end_of(about, CENTRAL),
                knowable_at=max(end_of(since, CENTRAL), end_of(about, CENTRAL)),
                url=f"https://fred.stlouisfed.org/series/{series}",
            )
        )
    return found


def _newest(series: str, data: Sequence[Datum]) -> list[Datum]:
    """Return the newest figures, of each day the one that was said last."""
    said: dict[date, Datum] = {}
    for datum in sorted(data, key=lambda one: (one.as_of, one.knowable_at)):
        said[datum.as_of.date()] = datum
    return [said[about] for about in sorted(said)][-TOLD:]
