"""Sessions of the New York exchange, with its holidays and short days."""

import bisect
from datetime import UTC, date, datetime
from functools import lru_cache

import exchange_calendars

FIRST, LAST = date(1990, 1, 1), date(2030, 12, 31)
"""Days that are known."""


class Sessions:
    """When the exchange is open."""

    def __init__(self) -> None:
        calendar = exchange_calendars.get_calendar("XNYS", start=str(FIRST), end=str(LAST))
        frame = calendar.schedule[["open", "close"]]
        self._opens = [stamp.to_pydatetime().astimezone(UTC) for stamp in frame["open"]]
        self._closes = [stamp.to_pydatetime().astimezone(UTC) for stamp in frame["close"]]
        self._days: list[date] = [stamp.date() for stamp in frame.index]

    def days(self, start: date, end: date) -> list[date]:
        """Return the sessions from a day to a day, both included."""
        low, high = bisect.bisect_left(self._days, start), bisect.bisect_right(self._days, end)
        return self._days[low:high]

    def of(self, day: date) -> tuple[datetime, datetime]:
        """Return when a session opens and closes, UTC.

        Raises:
            LookupError: the exchange does not trade on that day.
        """
        i = bisect.bisect_left(self._days, day)
        if i == len(self._days) or self._days[i] != day:
            raise LookupError(f"The exchange does not trade on {day}.")
        return self._opens[i], self._closes[i]

    def last(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the session that is on, or the last one before."""
        i = bisect.bisect_right(self._opens, now) - 1
        if i < 0:
            raise LookupError(f"No session before {now:%Y-%m-%d} is known.")
        return self._opens[i], self._closes[i]

    def next(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the first session that opens after a moment."""
        i = bisect.bisect_right(self._opens, now)
        if i == len(self._opens):
            raise LookupError(f"No session after {now:%Y-%m-%d} is known.")
        return self._opens[i], self._closes[i]

    def is_open(self, now: datetime) -> bool:
        """Whether the exchange trades at a moment."""
        opens, closes = self.last(now)
        return opens <= now < closes

    def closes_after(self, now: datetime) -> datetime:
        """Return when the session that is on closes, or else the next one."""
        closes = self.last(now)[1]
        return closes if now < closes else self.next(now)[1]

    def ahead(self, day: date, sessions: int) -> date:
        """Return the session that is so many sessions after a day."""
        i = bisect.bisect_right(self._days, day) - 1 + sessions
        if not 0 <= i < len(self._days):
            raise LookupError(f"{sessions} sessions from {day} are not known.")
        return self._days[i]


@lru_cache(maxsize=1)
def new_york() -> Sessions:
    """Return the sessions; takes a second the first time, so call it off the event loop."""
    return Sessions()
