"""Money spent on models: reserved before a call, settled by what its provider charged.

A reservation counts as spent until it is settled, so a call of which nobody knows what it cost (a
crash, an answer without a price) costs what was reserved for it. What would go beyond a limit is
not reserved: the call is not made.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_UP, Decimal
from typing import Final
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import BigInteger, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

_MICRO: Final = Decimal(1_000_000)
"""Amounts are kept in millionths of a dollar, whole, rounded up."""


class Charge(BaseModel):
    """What a call costs, or may cost as long as `settled_at` is None."""

    model_config = ConfigDict(frozen=True)

    id: str
    run_id: str
    analyst: str
    model: str
    reserved_usd: Decimal
    spent_usd: Decimal
    """What was reserved, until it is settled."""
    at: AwareDatetime
    settled_at: AwareDatetime | None = None


class BudgetExceeded(RuntimeError):
    """The call could cost more than is left of a budget; says which, how much, and the limit."""


class _ChargeRow(Table):
    __tablename__ = "charges"

    id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(index=True)
    analyst: Mapped[str]
    model: Mapped[str]
    reserved: Mapped[int] = mapped_column(BigInteger)
    spent: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class _TotalRow(Table):
    __tablename__ = "charge_totals"

    scope: Mapped[str] = mapped_column(primary_key=True)
    """`run:...`, `day:2026-01-31`, `week:2026-W05` or `month:2026-01`."""
    spent: Mapped[int] = mapped_column(BigInteger)


class Spending:
    """What was spent, and what may still be."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def reserve(
        self,
        run_id: str,
        analyst: str,
        model: str,
        most_usd: Decimal,
        *,
        now: datetime,
        per_run: Decimal,
        per_day: Decimal,
        per_week: Decimal | None = None,
        per_month: Decimal | None = None,
    ) -> Charge:
        """Set aside what a call may cost at most; of several at once none goes beyond a limit.

        Args:
            run_id: the run it is for.
            analyst: who is asked.
            model: by which model.
            most_usd: the most it can cost, USD.
            now: real time, UTC: days of the budget are days of the calendar.
            per_run: limit of a run, USD.
            per_day: limit of a day, USD.
            per_week: limit of a week that begins on Monday, USD; None for none of its own.
            per_month: limit of a month of the calendar, USD; None for none of its own.

        Raises:
            BudgetExceeded: it would go beyond one of them; nothing is set aside.
        """
        amount, limits = _micro(most_usd), (per_run, per_day, per_week, per_month)
        scopes = dict(zip(_scopes(run_id, now.date()), limits, strict=True))
        columns = {
            "id": uuid4().hex,
            "run_id": run_id,
            "analyst": analyst,
            "model": model,
            "reserved": amount,
            "spent": amount,
            "at": now,
        }
        full = await self._set_aside(row := _ChargeRow(**columns), scopes)
        if full:  # or the first of a day or a run, whose totals are not there yet
            await self._begin(scopes)
            full = await self._set_aside(row := _ChargeRow(**columns), scopes)
        if full:
            raise BudgetExceeded(
                f"A call of up to {most_usd} USD would go beyond the budget of this "
                f"{full.partition(':')[0]}, {scopes[full]} USD."
            )
        return _charge(row)

    async def _set_aside(self, row: _ChargeRow, scopes: Mapping[str, Decimal | None]) -> str | None:
        """Add a charge to its totals; returns the one that has no room for it, or is not there."""
        async with self._session() as session:
            for scope, limit in scopes.items():
                query = update(_TotalRow).where(_TotalRow.scope == scope)
                if limit is not None:
                    query = query.where(_TotalRow.spent + row.reserved <= _micro(limit))
                query = query.values(spent=_TotalRow.spent + row.reserved)
                if not (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                    await session.rollback()
                    return scope
            session.add(row)
            await session.commit()
        return None

    async def settle(self, charge_id: str, usd: Decimal, *, now: datetime) -> Charge:
        """Note what a call has cost; a second time changes nothing.

        Raises:
            LookupError: nothing was reserved under that id.
        """
        amount = _micro(usd)
        async with self._session.begin() as session:
            row = await session.get(_ChargeRow, charge_id, with_for_update=True)
            if row is None:
                raise LookupError(f"Nothing was reserved under {charge_id}.")
            query = (
                update(_ChargeRow)
                .where(_ChargeRow.id == charge_id, _ChargeRow.settled_at.is_(None))
                .values(spent=amount, settled_at=now)
            )
            if (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                for scope in _scopes(row.run_id, row.at.date()):  # one by one, as they are reserved
                    await session.execute(
                        update(_TotalRow)
                        .where(_TotalRow.scope == scope)
                        .values(spent=_TotalRow.spent + amount - row.reserved)
                    )
            await session.refresh(row)
            return _charge(row)

    async def of_run(self, run_id: str) -> Decimal:
        """Return what a run has cost, USD, reservations included."""
        return await self._total(f"run:{run_id}")

    async def of_day(self, day: date) -> Decimal:
        """Return what a day has cost, USD, reservations included."""
        return await self._total(f"day:{day}")

    async def of_week(self, day: date) -> Decimal:
        """Return what the week of a day has cost, USD, reservations included."""
        return await self._total(_scopes("", day)[2])

    async def of_month(self, day: date) -> Decimal:
        """Return what the month of a day has cost, USD, reservations included."""
        return await self._total(_scopes("", day)[3])

    async def list(self, *, run_id: str | None = None, limit: int = 500) -> Sequence[Charge]:
        """Return the newest first."""
        query = select(_ChargeRow).order_by(_ChargeRow.at.desc(), _ChargeRow.id).limit(limit)
        if run_id:
            query = query.where(_ChargeRow.run_id == run_id)
        async with self._session() as session:
            return [_charge(row) for row in (await session.scalars(query)).all()]

    async def since(self, begun: datetime) -> Sequence[Charge]:
        """Return every charge from a time on, the oldest first."""
        query = select(_ChargeRow).where(_ChargeRow.at >= begun).order_by(_ChargeRow.at)
        async with self._session() as session:
            return [_charge(row) for row in (await session.scalars(query)).all()]

    async def delete_before(self, moment: datetime) -> None:
        """Forget the settled charges of before a moment, and the totals of runs that end with them.

        Totals of days, weeks and months stay; so does a run that has a charge left, and a charge of
        which nobody knows yet what it cost.
        """
        old = (_ChargeRow.at < moment, _ChargeRow.settled_at.is_not(None))
        async with self._session.begin() as session:
            gone = delete(_ChargeRow).where(*old).returning(_ChargeRow.run_id)
            for run_id in set((await session.scalars(gone)).all()):
                left = select(_ChargeRow.id).where(_ChargeRow.run_id == run_id).limit(1)
                if not await session.scalar(left):
                    total = _TotalRow.scope == _scopes(run_id, moment.date())[0]
                    await session.execute(delete(_TotalRow).where(total))

    async def _total(self, scope: str) -> Decimal:
        async with self._session() as session:
            row = await session.get(_TotalRow, scope)
            return Decimal(row.spent) / _MICRO if row else Decimal(0)

    async def _begin(self, scopes: Iterable[str]) -> None:
        """Begin the totals that are not there yet."""
        for scope in scopes:
            async with self._session() as session:
                if await session.get(_TotalRow, scope):
                    continue
            with contextlib.suppress(IntegrityError):  # somebody else was faster
                async with self._session.begin() as session:
                    session.add(_TotalRow(scope=scope, spent=0))


def _scopes(run_id: str, day: date) -> tuple[str, str, str, str]:
    """Return what a call counts in: its run, day, week (ISO 8601) and month.

    Whoever changes them does so in this order: of two that wait for each other one is killed.
    """
    year, week, _ = day.isocalendar()
    return f"run:{run_id}", f"day:{day}", f"week:{year}-W{week:02}", f"month:{day:%Y-%m}"


def _micro(usd: Decimal) -> int:
    return int((usd * _MICRO).to_integral_value(ROUND_UP))


def _charge(row: _ChargeRow) -> Charge:
    return Charge(
        id=row.id,
        run_id=row.run_id,
        analyst=row.analyst,
        model=row.model,
        reserved_usd=Decimal(row.reserved) / _MICRO,
        spent_usd=Decimal(row.spent) / _MICRO,
        at=row.at,
        settled_at=row.settled_at,
    )
