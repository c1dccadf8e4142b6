"""Analyses that were paid for, kept so that the same question is not paid for twice."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import JSON, select
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime


class Analysis(BaseModel):
    """An answer of an analyst, as it was given."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    key: str
    """Digest of model, prompt, data and schema: the same question has the same key."""
    analyst: str
    symbol: str
    run_id: str
    """Run in which it was made."""
    made_at: AwareDatetime
    """Time of the market, UTC: when it was asked."""
    answer: dict[str, Any]
    """`graphs.stocks.opinion.Answer` as JSON."""


class _Row(Table):
    __tablename__ = "analyses"

    key: Mapped[str] = mapped_column(primary_key=True)
    analyst: Mapped[str] = mapped_column(index=True)
    symbol: Mapped[str] = mapped_column(index=True)
    run_id: Mapped[str] = mapped_column(index=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)


class Analyses:
    """The newest answer to each question."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def get(self, key: str) -> Analysis | None:
        """Return the answer to exactly that question, or None."""
        async with self._session() as session:
            row = await session.get(_Row, key)
            return Analysis.model_validate(row) if row else None

    async def last(self, analyst: str, symbol: str, until: datetime) -> Analysis | None:
        """Return an analyst's newest answer on a symbol up to a time, to whatever question."""
        query = (
            select(_Row)
            .where(_Row.analyst == analyst, _Row.symbol == symbol, _Row.made_at <= until)
            .order_by(_Row.made_at.desc(), _Row.key)
            .limit(1)
        )
        async with self._session() as session:
            row = await session.scalar(query)
            return Analysis.model_validate(row) if row else None

    async def keep(
        self,
        key: str,
        analyst: str,
        symbol: str,
        run_id: str,
        made_at: datetime,
        answer: Mapping[str, Any],
    ) -> None:
        """Keep an answer in the place of an older one to the same question."""
        row = _Row(
            key=key,
            analyst=analyst,
            symbol=symbol,
            run_id=run_id,
            made_at=made_at,
            answer=dict(answer),
        )
        async with self._session.begin() as session:
            await session.merge(row)
