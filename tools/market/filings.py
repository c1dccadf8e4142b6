"""What the SEC's forms and items mean for a share, and since when a filing could be read.

EDGAR takes filings on weekdays from 6:00 to 22:00 in New York. What is accepted after 17:30 carries
the date of the next business day and, but for a few forms, is shown from 6:00 of that day.

`acceptanceDateTime` ends in `Z` and is not always UTC: for about a fifth of filers it is the clock
of New York (measured on 64,936 filings in github.com/theOGognf/finagg issue 64; a filer has nearly
always one of the two ways). `clock_of` tells them apart by the hours at which EDGAR is open; where
that does not decide, the later reading counts.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Final, Literal

from tools.market.reading import NEW_YORK, at

OPENS, CLOSES, SAME_DAY = time(6), time(22), time(17, 30)
"""When EDGAR takes filings, and until when they carry the date of the day, in New York."""

ITEMS: Final[Mapping[str, str]] = {
    "1.01": "entry into a material agreement",
    "1.02": "termination of a material agreement",
    "1.03": "bankruptcy or receivership",
    "1.05": "material cybersecurity incident",
    "2.01": "completion of an acquisition or disposal",
    "2.02": "results of operations",
    "2.03": "a direct financial obligation",
    "2.04": "an event that accelerates an obligation",
    "2.05": "costs of leaving a business",
    "2.06": "material impairment",
    "3.01": "notice of delisting",
    "3.02": "unregistered sale of shares",
    "3.03": "change of the rights of holders",
    "4.01": "change of accountant",
    "4.02": "earlier accounts can no longer be relied upon",
    "5.01": "change of control",
    "5.02": "departure or election of directors or officers",
    "5.03": "change of bylaws or fiscal year",
    "5.07": "votes of shareholders",
    "7.01": "disclosure under Regulation FD",
    "8.01": "other events",
    "9.01": "financial statements and exhibits",
}
"""Items of form 8-K."""

DEALS: Final[Mapping[str, str]] = {
    "SC 14D9": "the company answers a tender offer for itself",
    "SC TO-T": "a tender offer by somebody else, for it or by it",
    "SC 13E3": "the company goes private",
    "DEFM14A": "its shareholders vote on a merger",
    "PREM14A": "its shareholders will vote on a merger",
    "425": "communication about a merger, as either side of it",
}
"""Forms that name a company in a deal; only the first is always that of the target."""

Way = Literal["UTC", "New York"]


def clock_of(stamps: Iterable[str]) -> Way | None:
    """Return what clock a filer's acceptance times are of; None where they do not tell."""
    ways: set[Way] = set()
    for stamp in stamps:
        wall = _wall(stamp)
        if wall is None:
            continue
        as_utc = OPENS <= wall.replace(tzinfo=UTC).astimezone(NEW_YORK).time() <= CLOSES
        as_local = OPENS <= wall.time() <= CLOSES
        if as_utc != as_local:
            ways.add("UTC" if as_utc else "New York")
    return ways.pop() if len(ways) == 1 else None


def public_from(stamp: str | None, filed: date, way: Way | None) -> datetime:
    """Return from when a filing could be read, UTC.

    Args:
        stamp: `acceptanceDateTime`, as EDGAR has it.
        filed: `filingDate`.
        way: what `clock_of` says of the filer.
    """
    morning = at(filed, OPENS)
    wall = _wall(stamp or "")
    if wall is None:
        return at(filed, CLOSES)
    local = wall.replace(tzinfo=NEW_YORK).astimezone(UTC)
    accepted = wall.replace(tzinfo=UTC) if way == "UTC" else local
    return max(accepted, morning)


def _wall(stamp: str) -> datetime | None:
    """Return what a stamp shows, without a zone."""
    try:
        return datetime.fromisoformat(stamp).replace(tzinfo=None)
    except ValueError:
        return None
