"""What each call, message and question to a model adds a row to, and nobody needs after a while."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from store.call_results import CallResults
from store.callbacks import CallBacks
from store.claims import Claims
from store.permissions import PermissionRecords
from store.spending import Spending

LEAST: Final = timedelta(days=62)
"""So long is kept what something counts by, however short records are kept: caps on attempts look
back a week, budgets a month of the calendar, messages an hour."""


class Expiring:
    """The tables that would grow for ever.

    Consents, lists of numbers not to be called, and totals of money by day, week and month stay.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._results = CallResults(engine)
        self._call_backs = CallBacks(engine)
        self._claims = Claims(engine)
        self._permissions = PermissionRecords(engine)
        self._spending = Spending(engine)

    async def delete_before(self, moment: datetime, now: datetime) -> None:
        """Delete what is over since before a moment."""
        await self._results.delete_before(moment)
        await self._call_backs.delete_before(moment)
        counted = min(moment, now - LEAST)
        await self._claims.delete_before(counted)
        await self._permissions.delete_attempts_before(counted)
        await self._spending.delete_before(counted)
