"""The ledger of forecasts: what each analyst stated, and what came of it when it was due.

One forecast an analyst, symbol, session and horizon: the first one stands. It is graded once, when
its horizon has passed, and only then counts for anything.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

_AT_ONCE: Final = 500
"""Rows written by one statement."""


class Forecast(BaseModel):
    """One forecast: that a symbol beats the benchmark from the session after `day` on."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    analyst: str
    symbol: str
    run_id: str
    day: date
    """Session on whose close it was made."""
    due_on: date
    """Session on whose close it can be graded."""
    horizon_days: int = Field(ge=1)
    """Sessions, from the close after `day`."""
    stated: float
    """Probability that the analyst gave."""
    believed: float
    """Probability after its calibration of that day."""
    base: float
    """Share of forecasts that had come true by that day, of all analysts."""
    outcome: bool | None = None
    """Whether it came true; None until it is graded."""
    excess: float | None = None
    """Return over the benchmark's, as a fraction."""
    graded_at: AwareDatetime | None = None

    @property
    def id(self) -> str:
        """Names it: the same analyst, symbol, session and horizon are the same forecast."""
        said = f"{self.analyst}:{self.symbol}:{self.day}:{self.horizon_days}"
        return hashlib.sha256(said.encode()).hexdigest()[:32]


class GradedRow(NamedTuple):
    """A graded forecast, as `graphs.stocks.standing` counts it."""

    analyst: str
    symbol: str
    day: date
    stated: float
    believed: float
    base: float
    outcome: bool


class _Row(Table):
    __tablename__ = "forecasts"

    id: Mapped[str] = mapped_column(primary_key=True)
    analyst: Mapped[str] = mapped_column(index=True)
    symbol: Mapped[str] = mapped_column(index=True)
    run_id: Mapped[str] = mapped_column(index=True)
    day: Mapped[date]
    due_on: Mapped[date] = mapped_column(index=True)
    horizon_days: Mapped[int]
    stated: Mapped[float]
    believed: Mapped[float]
    base: Mapped[float]
    outcome: Mapped[bool | None]
    excess: Mapped[float | None]
    graded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Forecasts:
    """The ledger."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def add(self, forecasts: Sequence[Forecast]) -> int:
        """Write forecasts down, those that stand already left as they are; returns how many."""
        rows = {one.id: {"id": one.id, **one.model_dump()} for one in forecasts}
        fresh, ids = [], list(rows)
        async with self._session.begin() as session:
            for start in range(0, len(ids), _AT_ONCE):
                part = ids[start : start + _AT_ONCE]
                known = set(await session.scalars(select(_Row.id).where(_Row.id.in_(part))))
                fresh += [rows[id_] for id_ in part if id_ not in known]
            for start in range(0, len(fresh), _AT_ONCE):
                await session.execute(insert(_Row), fresh[start : start + _AT_ONCE])
        return len(fresh)

    async def due(self, day: date) -> Sequence[Forecast]:
        """Return those not graded yet whose horizon has passed with a session, the oldest first."""
        query = (
            select(_Row)
            .where(_Row.outcome.is_(None), _Row.due_on <= day)
            .order_by(_Row.day, _Row.id)
        )
        async with self._session() as session:
            return [Forecast.model_validate(row) for row in (await session.scalars(query)).all()]

    async def grade(self, id_: str, excess: float, at: datetime) -> None:
        """Note by how much the symbol beat the benchmark; a grade is never changed."""
        query = (
            update(_Row)
            .where(_Row.id == id_, _Row.outcome.is_(None))
            .values(outcome=excess > 0, excess=excess, graded_at=at)
        )
        async with self._session.begin() as session:
            await session.execute(query)

    async def graded(self, until: date, horizon_days: int) -> Sequence[GradedRow]:
        """Return what was due by a session and is graded, in the order of the forecasts' days."""
        query = (
            select(
                _Row.analyst,
                _Row.symbol,
                _Row.day,
                _Row.stated,
                _Row.believed,
                _Row.base,
                _Row.outcome,
            )
            .where(
                _Row.outcome.is_not(None), _Row.due_on <= until, _Row.horizon_days == horizon_days
            )
            .order_by(_Row.day, _Row.symbol, _Row.analyst)
        )
        async with self._session() as session:
            rows = (await session.execute(query)).all()
            return [GradedRow(*row[:6], bool(row[6])) for row in rows]

    async def count(self, *, graded: bool = False) -> int:
        """Return how many there are, or how many of them are graded."""
        query = select(func.count()).select_from(_Row)
        if graded:
            query = query.where(_Row.outcome.is_not(None))
        async with self._session() as session:
            return (await session.scalar(query)) or 0

    async def list(
        self, *, analyst: str | None = None, symbol: str | None = None, limit: int = 200
    ) -> Sequence[Forecast]:
        """Return the newest first."""
        query = select(_Row).order_by(_Row.day.desc(), _Row.id).limit(limit)
        if analyst:
            query = query.where(_Row.analyst == analyst)
        if symbol:
            query = query.where(_Row.symbol == symbol)
        async with self._session() as session:
            return [Forecast.model_validate(row) for row in (await session.scalars(query)).all()]
