"""Reconciliation: what is open is followed, and our books are compared with the broker's."""

from datetime import UTC, datetime, timedelta
from typing import Final

from server.jobs.work import Later, Outcome, Retry, Work
from store.jobs import Job
from tools.desk import Desk

RECONCILIATION: Final = "stock_reconciliation"
"""Kind and key of the job; there is one of it."""
EVERY: Final = timedelta(minutes=1)


class Reconciling:
    """Reconciles as long as somebody trades.

    Args:
        desk: what is traded with; the local exchange is not opened only to look at it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def work(self) -> Work:
        """The kind of job that it is."""
        return Work(self.run, Retry(1_000_000, timedelta(seconds=5), EVERY), 120.0)

    async def run(self, _job: Job) -> Outcome:
        """Reconcile once, and again after a while; its result is the last report."""
        later = datetime.now(UTC) + EVERY
        if not self._desk.trading.is_open and self._desk.settings.alpaca_key is None:
            return Later(datetime.now(UTC) + EVERY / 6, _job.result)
        report = await (await self._desk.trading()).broker.reconcile()
        return Later(
            later,
            {
                "at": report.at.isoformat(),
                "followed": report.followed,
                "mismatches": list(report.mismatches),
                "unsure": list(report.unsure),
            },
        )
