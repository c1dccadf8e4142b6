"""The memory of trading: theses, what became of them, and what was seen of each symbol.

Every row has the time of the market that it is of. Every reading is as of a time, which has to be
given, and returns nothing of later: a run of the past, a replay, remembers what it could.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import JSON, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime
from store.inserting import insert_new

Standing = Literal["stands", "weakened", "confirmed", "broken"]


class Thesis(BaseModel):
    """What was believed of a symbol, as conditions that can be tested later."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    run_id: str
    symbol: str
    text: str = Field(min_length=1)
    """In a sentence, for a person."""
    conditions: tuple[dict[str, Any], ...] = Field(min_length=1)
    """As `graphs.stocks.memory.conditions.Condition`."""
    opened_at: AwareDatetime
    """Time of the market at which it was believed."""
    day: date
    """Last session that was over then."""
    by: date
    """Session on whose close all of it can be told."""

    @property
    def id(self) -> str:
        """Names it: runs on the same close believe the same, and it counts once."""
        return _digest("thesis", self.symbol, self.day.isoformat(), self.by.isoformat())


class Review(BaseModel):
    """How a thesis stood on a close, and why."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    thesis_id: str
    day: date
    """The session."""
    as_of: AwareDatetime
    """Time of the market at which it was looked at."""
    standing: Standing
    reasons: tuple[str, ...] = Field(min_length=1)
    met: tuple[str, ...] = ()
    """Kinds of the conditions that are met."""
    failed: tuple[str, ...] = ()
    """Kinds of those that failed."""

    @property
    def id(self) -> str:
        """Names it: a thesis is looked at once a session."""
        return _digest("review", self.thesis_id, self.day.isoformat())


class Sighting(BaseModel):
    """What a run saw of a symbol."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    run_id: str
    symbol: str
    day: date
    """Last session that was over."""
    as_of: AwareDatetime
    probability: float | None = None
    """Of the consensus; None where nobody had an opinion."""
    low: float | None = None
    high: float | None = None
    close: Decimal | None = None
    """USD, as it traded."""
    picked: bool = False
    """Whether it was to be bought."""
    shares: Decimal | None = None
    """Held; None where the broker did not tell."""
    average_price: Decimal | None = None
    """Paid for a share of what is held, USD."""

    @property
    def id(self) -> str:
        """Names it: a run sees a symbol once."""
        return _digest("sighting", self.run_id, self.symbol)


class _Thesis(Table):
    __tablename__ = "theses"

    id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(index=True)
    symbol: Mapped[str] = mapped_column(index=True)
    text: Mapped[str]
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    day: Mapped[date]
    by: Mapped[date]


class _Review(Table):
    __tablename__ = "thesis_reviews"

    id: Mapped[str] = mapped_column(primary_key=True)
    thesis_id: Mapped[str] = mapped_column(index=True)
    day: Mapped[date]
    as_of: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    standing: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(JSON)
    met: Mapped[list[str]] = mapped_column(JSON)
    failed: Mapped[list[str]] = mapped_column(JSON)


class _Sighting(Table):
    __tablename__ = "sightings"

    id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(index=True)
    symbol: Mapped[str] = mapped_column(index=True)
    day: Mapped[date] = mapped_column(index=True)
    as_of: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    probability: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    close: Mapped[str | None]
    picked: Mapped[bool]
    shares: Mapped[str | None]
    average_price: Mapped[str | None]


class Theses:
    """What is remembered; rows are added, never changed."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def open(self, thesis: Thesis) -> bool:
        """Write a thesis down; False where it stands already, which is then left as it is."""
        return await self._add(_Thesis, thesis.id, thesis.model_dump(mode="json"), thesis)

    async def review(self, review: Review) -> bool:
        """Write down how a thesis stood; False where that of this session stands already."""
        return await self._add(_Review, review.id, review.model_dump(mode="json"), review)

    async def see(self, sighting: Sighting) -> bool:
        """Write down what was seen; False where that of this run stands already."""
        return await self._add(_Sighting, sighting.id, sighting.model_dump(mode="json"), sighting)

    async def theses(self, *, as_of: datetime, symbol: str | None = None) -> Sequence[Thesis]:
        """Return what was believed by a time, the newest first."""
        query = select(_Thesis).where(_Thesis.opened_at <= as_of)
        query = query.order_by(_Thesis.opened_at.desc(), _Thesis.symbol)
        rows = await self._rows(query if symbol is None else query.where(_Thesis.symbol == symbol))
        return [Thesis.model_validate(row) for row in rows]

    async def reviews(self, *, as_of: datetime, thesis_id: str | None = None) -> Sequence[Review]:
        """Return how theses stood by a time, the oldest first."""
        query = select(_Review).where(_Review.as_of <= as_of).order_by(_Review.as_of, _Review.id)
        if thesis_id is not None:
            query = query.where(_Review.thesis_id == thesis_id)
        return [Review.model_validate(row) for row in await self._rows(query)]

    async def sightings(
        self, *, as_of: datetime, since: date | None = None, symbol: str | None = None
    ) -> Sequence[Sighting]:
        """Return what was seen by a time, the oldest first.

        Args:
            as_of: nothing of later is read.
            since: only of sessions from this one on.
            symbol: only of this one.
        """
        query = select(_Sighting).where(_Sighting.as_of <= as_of)
        if since is not None:
            query = query.where(_Sighting.day >= since)
        if symbol is not None:
            query = query.where(_Sighting.symbol == symbol)
        rows = await self._rows(query.order_by(_Sighting.as_of, _Sighting.symbol))
        return [Sighting.model_validate(row) for row in rows]

    async def _add(
        self, table: type[Table], id_: str, plain: Mapping[str, Any], row: BaseModel
    ) -> bool:
        whole = {"id": id_, **plain}
        for name, value in row:
            if isinstance(value, date):  # a datetime is one too
                whole[name] = value
        async with self._session.begin() as session:
            return await insert_new(session, table, **whole)

    async def _rows(self, query: Select[Any]) -> Sequence[Any]:
        async with self._session() as session:
            return (await session.scalars(query)).all()


def _digest(*parts: str) -> str:
    return hashlib.sha256(":".join(parts).encode()).hexdigest()[:32]
