"""openFDA: drugs that were approved, first approvals told from supplements to older ones.

https://open.fda.gov/apis/drug/drugsfda/: 240 requests a minute; 1,000 a day without a key, 120,000
with one. Most approvals are supplements (`SUPPL`: a label, a plant); `ORIG` is the first approval
of an application, and of those NDA and BLA are new, ANDA are generics. A search matches whole
applications, so each submission is looked at again here.

The day of a submission's status is not the day on which it could be read here: letters are posted
days later and the data are `last_updated` days before today. An approval counts as knowable when
the data that hold it were published, and `POSTED` after its day at the latest. A company tells
sooner, in its own words: see filings and news. openFDA asks not to be used for alerts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from settings import Settings
from tools.data_files import read_data
from tools.market.access import Access, Known, access
from tools.market.evidence import Datum
from tools.market.failures import Absent, Unreadable
from tools.market.fetch import Fetcher
from tools.market.provider import Provider, provider
from tools.market.reading import NEW_YORK, day, end_of, words
from tools.outside import Outside

POSTED: Final = timedelta(days=14)
"""Within this time after its day an approval is taken to be among the data."""
APPROVALS_DAYS: Final = 90
PAGE: Final = 1000
MOST: Final = 26_000
"""openFDA skips 25,000 at most; a span with more is too long to be read."""
WASHINGTON: Final[ZoneInfo] = NEW_YORK


@provider("openfda")
def open_openfda(settings: Settings, outside: Outside) -> Provider:
    """Make the provider; a key is not needed, but raises the quota."""
    key = settings.openfda_api_key.get_secret_value() if settings.openfda_api_key else None
    limits = "240/minute; 120000/day" if key else "240/minute; 1000/day"
    return OpenFDA(key, access(settings, "openfda", "https://api.fda.gov", limits))


class OpenFDA:
    """Approvals of drugs.

    Args:
        key: of its API, if there is one.
        access: where and how often.
    """

    name = "openfda"

    def __init__(self, key: str | None, access: Access) -> None:
        self._auth = (key, "") if key else None
        self._access = access

    async def data(self, symbols: Sequence[str], as_of: datetime) -> list[Datum]:
        """Return the approvals of the last three months of companies that we know by symbol.

        Raises:
            NoAnswer: one of its kinds.
        """
        return await self.happened(symbols, as_of - timedelta(days=APPROVALS_DAYS), as_of)

    async def happened(
        self, symbols: Sequence[str] | None, since: datetime, as_of: datetime
    ) -> list[Datum]:
        """Return approvals that became knowable in a span; all sponsors without symbols.

        A sponsor that we know no symbol of has none; its name is in the words.

        Raises:
            NoAnswer: one of its kinds.
        """
        known = Known(as_of, self._access.clock())
        first, last = (since - POSTED).date(), as_of.date()
        span = f"[{first:%Y%m%d} TO {last:%Y%m%d}]"
        search = f"submissions.submission_status_date:{span} AND submissions.submission_status:AP"
        if symbols is not None:
            names = [
                f'sponsor_name:"{name}"'
                for symbol in symbols
                for name in sponsors().get(symbol, ())
            ]
            if not names:
                return []
            search += f" AND ({' OR '.join(names)})"
        data: list[Datum] = []
        async with Fetcher(
            self.name, self._access.url, self._access.quota, auth=self._auth
        ) as fetch:
            async for results, updated in _pages(fetch, search):
                data += _data(results, updated)
        return [
            datum
            for datum in known.of(data)
            if datum.knowable_at >= since and (symbols is None or datum.symbol in symbols)
        ]


async def _pages(fetch: Fetcher, search: str) -> Any:
    """Yield the applications of a search and when the data were published, page by page."""
    skip = 0
    while True:
        params = {"search": search, "limit": PAGE, "skip": skip}
        try:
            told = await fetch.get("drug/drugsfda.json", params)
        except Absent:  # this is how it says that nothing matches
            return
        meta = told.get("meta") if isinstance(told, dict) else None
        results = told.get("results") if isinstance(told, dict) else None
        if not isinstance(meta, dict) or not isinstance(results, list):
            raise Unreadable("There are no results in its answer.")
        updated = day(meta.get("last_updated"))
        if updated is None:
            raise Unreadable("It does not say of when its data are.")
        yield results, end_of(updated, WASHINGTON)
        total = int((meta.get("results") or {}).get("total") or 0)
        skip += len(results)
        if skip >= total or not results:
            return
        if skip >= MOST:
            raise Unreadable(f"{total} applications match, more than it gives out; ask for less.")


def _data(results: Iterable[Any], updated: datetime) -> list[Datum]:
    return [
        datum
        for application in results
        if isinstance(application, dict)
        for submission in application.get("submissions") or []
        if isinstance(submission, dict)
        if (datum := _approval(application, submission, updated)) is not None
    ]


def _approval(
    application: Mapping[str, Any], submission: Mapping[str, Any], updated: datetime
) -> Datum | None:
    number = words(application.get("application_number"))
    on, kind = day(submission.get("submission_status_date")), submission.get("submission_type")
    if number is None or on is None or submission.get("submission_status") != "AP":
        return None
    sponsor = words(application.get("sponsor_name")) or "sponsor not told"
    told = f"{_what(application)}, {number}, {sponsor}"
    if about := words(submission.get("submission_class_code_description")):
        told += f", {about}"
    approved = end_of(on, WASHINGTON)
    return Datum(
        symbol=symbol_of(sponsor),
        kind="approval",
        name=_kind(number, kind),
        value=told,
        source="openfda",
        as_of=approved,
        knowable_at=max(approved, min(updated, approved + POSTED)),
        url="https://www.accessdata.fda.gov/scripts/cder/daf/index.cfm?event=overview.process"
        f"&ApplNo={re.sub(r'^[A-Z]+', '', number)}",
    )


def _kind(number: str, submission_type: Any) -> str:
    if submission_type != "ORIG":
        return "FDA approval, supplement"
    return "FDA approval, generic" if number.startswith("ANDA") else "FDA approval, original"


def _what(application: Mapping[str, Any]) -> str:
    """Return the brand and its ingredients."""
    products = [one for one in application.get("products") or [] if isinstance(one, dict)]
    if not products:
        return "drug not named"
    brand = words(products[0].get("brand_name")) or "brand not told"
    ingredients = [
        name
        for one in products[0].get("active_ingredients") or []
        if isinstance(one, dict) and (name := words(one.get("name")))
    ]
    return f"{brand} ({', '.join(ingredients)})" if ingredients else brand


@lru_cache(maxsize=1)
def sponsors() -> Mapping[str, Sequence[str]]:
    """Return the beginnings of sponsors' names by symbol."""
    told: Mapping[str, Sequence[str]] = read_data(Path(__file__).parents[1] / "sponsors.yaml")
    return told


def symbol_of(sponsor: str) -> str | None:
    """Return the symbol of a sponsor; None where we know none."""
    plain = f"{re.sub(r'[^A-Z0-9 -]', ' ', sponsor.upper())} "
    for symbol, names in sponsors().items():
        if any(plain.startswith(f"{name} ") for name in names):
            return symbol
    return None
